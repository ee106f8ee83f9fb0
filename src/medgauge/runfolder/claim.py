"""Whose a folder is: this run's, another's, something else's."""

from collections.abc import Mapping
from typing import Any

import yaml

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import fold_name
from medgauge.runfolder.folder import RunFolder
from medgauge.runfolder.parts import is_part, sweep_parts


def claim_folder(folder: RunFolder, stamp: Mapping[str, Any]) -> bool:
    """Write recipe.yaml into a new folder, or compare it with the one there; True when that run is finished.

    Raises:
        InputError: the folder holds another run (all differences are listed), or something else.
    """
    if not folder.has("recipe.yaml"):
        if folder.path.exists() and (not folder.path.is_dir() or foreign_files(folder, stamp)):
            raise InputError(f"{folder.path} exists and is no run folder of medgauge; give another --out")
        sweep_parts(folder.path)
        folder.write_text("recipe.yaml", yaml.safe_dump(dict(stamp), sort_keys=False, allow_unicode=True))
        return False
    try:
        there = folder.read_yaml("recipe.yaml")
    except InputError as error:
        raise InputError(f"{error}, or give another --out") from error
    found = differences(there, stamp)
    if found:
        raise InputError(
            f"{folder.path} holds another run ({'; '.join(found)}); give another --out, or the same settings to go on"
        )
    sweep_parts(folder.path)
    return folder.has("results.json")


def foreign_files(folder: RunFolder, stamp: Mapping[str, Any]) -> bool:
    """Whether a folder holds anything that the run is not made of; single folds may have been fitted before the whole."""
    own = {fold_name(fold) for fold in range(stamp["data"]["folds"])} if stamp["data"]["fold"] is None else set()
    return any(path.name not in own and not is_part(path) for path in folder.path.iterdir())


def differences(there: Any, here: Any, place: str = "") -> list[str]:
    """Settings in which two runs differ, in words.

    >>> differences({"seed": 1, "data": {"table": "a"}}, {"seed": 2, "data": {"table": "a"}})
    ['seed is 1 there and 2 here']
    """
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        keys = list(dict.fromkeys([*there, *here]))
        return [
            line
            for key in keys
            for line in differences(there.get(key), here.get(key), f"{place}.{key}" if place else str(key))
        ]
    plain = [list(value) if isinstance(value, tuple) else value for value in (there, here)]
    return [] if plain[0] == plain[1] else [f"{place} is {there} there and {here} here"]
