"""The folder of a fit without a recipe: which of the runs in it answers."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from medgauge.core.errors import InputError
from medgauge.runfolder.folder import RunFolder, plain
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import LOADED, fit_digest, listed, text_digest
from medgauge.runfolder.whole import lost_words, refuse_damaged

CANDIDATES, PLAN = "candidates.json", "plan.json"
SEAL = "sha256"
NAME = re.compile(r"[a-z][a-z_]{0,40}(_[2-9])?")


def is_planned(folder: RunFolder) -> bool:
    """Whether it holds candidates, and no run of its own."""
    return not folder.has("recipe.yaml") and (folder.has(CANDIDATES) or folder.has(PLAN))


def answering(folder: RunFolder) -> RunFolder:
    """The run that answers for a folder: the chosen candidate inside it, or the run that it is itself.

    Raises:
        InputError: none of the candidates is finished, candidates.json is damaged, or it or the candidate is another run's.
    """
    if not is_planned(folder):
        return folder
    if not folder.has(CANDIDATES):
        if any(one.is_dir() and NAME.fullmatch(one.name) for one in folder.path.iterdir()):
            raise InputError(f"{folder / CANDIDATES} is not there, so that no candidate answers; {AGAIN}")
        raise InputError(
            f"none of the candidates of {folder.path} is finished; give the same `medgauge fit` command again"
        )
    inner = folder.inner(name := chosen_name(folder))
    told = told_fits(folder)
    own = name not in told or fit_digest(inner) == told[name]
    if not own and not is_of_plan(folder):
        raise InputError(f"{folder / CANDIDATES} is that of another run, and not of the {PLAN} beside it; {AGAIN}")
    if not inner.path.is_dir():
        raise InputError(f"{inner.path.name} of {folder.path}, which answers for it, is missing; {AGAIN}")
    if not own:
        refuse_damaged(inner, LOADED)
        refuse_other_runs(folder)
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


def told_fits(folder: RunFolder) -> dict[str, str]:
    """Of each candidate that was done a digest of its fit, by candidates.json; nothing where that does not tell.

    Raises:
        InputError: candidates.json is missing or damaged.
    """
    told = read_own(folder, CANDIDATES).get("candidates")
    entries = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    pairs = [(one.get("name"), one.get("fit")) for one in entries]
    return {
        name: digest
        for name, digest in pairs
        if isinstance(name, str) and NAME.fullmatch(name) and isinstance(digest, str)
    }


def other_runs(folder: RunFolder) -> list[str]:
    """Candidates that are there and not damaged, and whose fit is not the one that candidates.json tells of.

    Raises:
        InputError: candidates.json is missing or damaged.
    """
    there = [(folder.inner(name), digest) for name, digest in told_fits(folder).items() if (folder / name).is_dir()]
    others = [inner for inner, digest in there if fit_digest(inner) != digest and not lost_words(inner, LOADED)]
    return [inner.path.name for inner in others]


def refuse_other_runs(folder: RunFolder) -> None:
    """Raise where candidates are those of another run than candidates.json.

    Raises:
        InputError: with the candidates, and the way on.
    """
    names = other_runs(folder)
    if names:
        are, those, them = (
            ("is not the fit", "that", "it") if len(names) == 1 else ("are not the fits", "those", "them")
        )
        raise InputError(
            f"{listed(names)} of {folder.path} {are} that {CANDIDATES} was made of, but {those} of another run; remove {them}, then {AGAIN}"
        )


def plan_digest(folder: RunFolder) -> str | None:
    """Digest of what plan.json holds; None where there is none.

    Raises:
        InputError: it is damaged.
    """
    return _digest(read_own(folder, PLAN)) if folder.has(PLAN) else None


def is_of_plan(folder: RunFolder) -> bool:
    """Whether candidates.json was made by the plan beside it, as far as the two tell.

    Raises:
        InputError: candidates.json is missing or damaged.
    """
    told, found = read_own(folder, CANDIDATES).get("plan"), None
    with suppress(InputError):  # a damaged plan is told where it is read
        found = plan_digest(folder)
    return told is None or found is None or told == found


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


def other_plan_words(folder: RunFolder) -> str:
    """What is wrong with a plan.json that candidates.json was not made by."""
    return f"{folder / PLAN} is that of another run, and not the plan that {CANDIDATES} was made by"


def _digest(values: Mapping[str, Any]) -> str:
    return text_digest(json.dumps(plain(values), sort_keys=True))


def answer_note(folder: RunFolder) -> list[str]:
    """Which candidate of a folder answers, in words, and whether its plan is another run's."""
    inner = answering(folder)
    if inner is folder:
        return []
    said = f"{inner.path.name} answers for {folder.path} (see {folder / CANDIDATES})"
    return [said] if is_of_plan(folder) else [said, f"{other_plan_words(folder)}; {plan_words(folder)}"]
