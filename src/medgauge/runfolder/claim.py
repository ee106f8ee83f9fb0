"""Whose a folder is: this run's, another's, something else's."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import fold_name
from medgauge.runfolder.folder import RunFolder
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.parts import is_part, sweep_parts
from medgauge.runfolder.seal import NAME as SEAL
from medgauge.runfolder.seal import digests, file_digest, seal, text_digest

NAME = "recipe.yaml"


def claim_folder(folder: RunFolder, stamp: Mapping[str, Any]) -> list[str]:
    """Write recipe.yaml into a new folder and begin its seal, or compare it with the one there; what was mended, in words.

    Of two processes at once one writes it, and the other compares. A damaged or lost recipe.yaml is written anew if the
    seal says that it was this one.

    Raises:
        InputError: the folder holds another run (all differences are listed), or something else.
    """
    text = yaml.safe_dump(dict(stamp), sort_keys=False, allow_unicode=True)
    sealed, mended = digests(folder) or {}, list[str]()
    if sealed.get(NAME) == text_digest(text) != file_digest(folder, NAME):
        mended.append(f"{NAME} of {folder.path} is {'damaged' if folder.has(NAME) else 'missing'}; it is written anew")
        folder.write_text(NAME, text)
    if sealed.get(NAME, text_digest(text)) != text_digest(text) == file_digest(folder, NAME):
        raise InputError(
            f"{NAME} and {SEAL} of {folder.path} are not of one run; put back the one that was changed, or remove the folder "
            "and give the same `medgauge fit` again"
        )
    if not folder.has(NAME):
        _check_new(folder, stamp)
        sweep_parts(folder.path)
        with suppress(FileExistsError):
            folder.write_text(NAME, text, new=True)
    found = differences(_read(folder), stamp)
    if found:
        raise InputError(f"{folder.path} holds another run ({'; '.join(found)}); {_way_on(folder)}")
    sweep_parts(folder.path)
    if NAME not in sealed:
        seal(folder, [NAME])
    return mended


def _way_on(folder: RunFolder) -> str:
    """What to do where a folder holds another run: one inside a run may have been put there."""
    around = RunFolder(folder.path.resolve().parent)
    if around.has("plan.json") or around.has(NAME):
        return f"remove it if it is not of {folder.path.parent}, then {AGAIN}; for a run by itself give another --out"
    return "give another --out, or the same settings to go on"


def _check_new(folder: RunFolder, stamp: Mapping[str, Any]) -> None:
    if folder.path.exists() and (not folder.path.is_dir() or foreign_files(folder, stamp)):
        if folder.has("plan.json") or folder.has("candidates.json"):
            raise InputError(
                f"{folder.path} holds a fit of several candidates, without a recipe; give another --out, or leave the recipe and "
                "what says how to train out to go on"
            )
        raise InputError(f"{folder.path} exists and is no run folder of medgauge; give another --out")


def _read(folder: RunFolder) -> dict[str, Any]:
    """The settings there."""
    try:
        return folder.read_yaml(NAME)
    except InputError as error:
        raise InputError(f"{error}, or give another --out") from error


def foreign_files(folder: RunFolder, stamp: Mapping[str, Any]) -> bool:
    """Whether a folder holds anything that the run is not made of; single folds may have been fitted before the whole."""
    own = {fold_name(fold) for fold in range(stamp["data"]["folds"])} if stamp["data"]["fold"] is None else set()
    return any(path.name not in own and not is_part(path) for path in folder.path.iterdir())


CELLS = "cells of the table that are used differ"
LONGEST = 200
"""Characters of a value that is told."""


def differences(there: Any, here: Any, place: str = "") -> list[str]:
    """Settings in which two runs differ, in words; what a recipe claims only where nothing else differs, and not its texts.

    >>> differences({"seed": 1, "data": {"table": "a"}}, {"seed": 2, "data": {"table": "a"}})
    ['seed is 1 there and 2 here']
    >>> differences({"table_sha256": "a1"}, {"table_sha256": "b2"})
    ['cells of the table that are used differ']
    >>> differences({"claim": {"source": "a paper"}}, {"claim": {"source": "another"}})
    ['claim.source differs']
    """
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        keys = list(dict.fromkeys([*there, *here]))
        found = [
            line
            for key in keys
            for line in differences(there.get(key), here.get(key), f"{place}.{key}" if place else str(key))
        ]
        others = any(re.match(r"(settings\.)?data\.", line) for line in found)  # then other cells are used
        found = [line for line in found if not (others and line == CELLS)]
        return [line for line in found if not line.startswith("claim.")] or found
    plain = [list(value) if isinstance(value, tuple) else value for value in (there, here)]
    same = plain[0] == plain[1] or (place.endswith("data.table") and _one_file(there, here))
    if not same and place.rpartition(".")[2] == "table_sha256":
        return [CELLS]
    given = ["not given" if value is None and place.startswith("settings.") else value for value in (there, here)]
    plainly = place.startswith("claim.") or max(len(str(value)) for value in given) > LONGEST
    return [] if same else [f"{place} differs" if plainly else f"{place} is {given[0]} there and {given[1]} here"]


def _one_file(there: Any, here: Any) -> bool:
    """Whether two texts are paths of one file."""
    return isinstance(there, str) and isinstance(here, str) and Path(there).resolve() == Path(here).resolve()
