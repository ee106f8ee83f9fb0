"""The folder of a fit without a recipe: which of the runs in it answers."""

import json
import re
from collections.abc import Mapping
from typing import Any

from medgauge.core.errors import InputError
from medgauge.runfolder.folder import RunFolder, plain
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import text_digest

CANDIDATES, PLAN = "candidates.json", "plan.json"
SEAL = "sha256"
NAME = re.compile(r"[a-z][a-z_]{0,40}(_[2-9])?")


def is_planned(folder: RunFolder) -> bool:
    """Whether it holds candidates, and no run of its own."""
    return not folder.has("recipe.yaml") and (folder.has(CANDIDATES) or folder.has(PLAN))


def answering(folder: RunFolder) -> RunFolder:
    """The run that answers for a folder: the chosen candidate inside it, or the run that it is itself.

    Raises:
        InputError: none of the candidates is finished, or candidates.json is damaged.
    """
    if not is_planned(folder):
        return folder
    if not folder.has(CANDIDATES):
        if any(one.is_dir() and NAME.fullmatch(one.name) for one in folder.path.iterdir()):
            raise InputError(f"{folder / CANDIDATES} is not there, so that no candidate answers; {AGAIN}")
        raise InputError(
            f"none of the candidates of {folder.path} is finished; give the same `medgauge fit` command again"
        )
    inner = folder.inner(chosen_name(folder))
    if not inner.path.is_dir():
        raise InputError(f"{inner.path.name} of {folder.path}, which answers for it, is missing; {AGAIN}")
    return inner


def chosen_name(folder: RunFolder) -> str:
    """The name of the candidate that answers.

    Raises:
        InputError: candidates.json is missing or damaged.
    """
    chosen = read_own(folder, CANDIDATES).get("chosen")
    if not isinstance(chosen, str) or NAME.fullmatch(chosen) is None:
        raise folder.broken(CANDIDATES, "it does not say which candidate answers")
    return chosen


def write_own(folder: RunFolder, name: str, values: Mapping[str, Any]) -> None:
    """Write a JSON file with the digest of what is in it."""
    folder.write_json(name, {**values, SEAL: _digest(values)})


def read_own(folder: RunFolder, name: str) -> dict[str, Any]:
    """What a JSON file holds that :func:`write_own` wrote; one without a digest is taken as it is.

    Raises:
        InputError: it is missing or damaged, or does not fit its digest.
    """
    try:
        values = folder.read_json(name)
        told = values.pop(SEAL, None)
        if told is not None and told != _digest(values):
            raise folder.broken(name, "it does not fit its digest")
    except InputError as error:
        if name == PLAN and folder.has(name):
            raise InputError(f"{folder / PLAN} is damaged; {plan_words(folder)}") from error
        raise
    return values


def plan_words(folder: RunFolder) -> str:
    """What to do where plan.json is lost or damaged."""
    return (
        f"what its candidates are is in it alone: put it back as it was, or remove the folder {folder.path} and give the "
        "same `medgauge fit` again"
    )


def _digest(values: Mapping[str, Any]) -> str:
    return text_digest(json.dumps(plain(values), sort_keys=True))


def answer_note(folder: RunFolder) -> list[str]:
    """Which candidate of a folder answers, in words."""
    inner = answering(folder)
    return [] if inner is folder else [f"{inner.path.name} answers for {folder.path} (see {folder / CANDIDATES})"]
