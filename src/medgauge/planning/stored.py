"""plan.json: whose folder it is, and what was decided before anything was trained."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from medgauge.core.errors import InputError
from medgauge.planning.candidates import Candidate
from medgauge.planning.plan import Plan
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import CANDIDATES, PLAN, chosen_name, is_of_plan, other_plan_words, plan_words, read_own
from medgauge.runfolder.claim import differences
from medgauge.runfolder.parts import is_part


def read_plan(folder: RunFolder, stamp: Mapping[str, Any]) -> Plan | None:
    """The plan that a folder was begun with; None where the folder is new.

    Raises:
        InputError: the folder holds a run, another plan or something else, or the plan is damaged.
    """
    if folder.has("recipe.yaml"):
        raise InputError(f"{folder.path} holds a run of one recipe; give another --out, or that recipe to go on")
    if not folder.has(PLAN) and folder.has(CANDIDATES):
        raise InputError(f"{PLAN} of {folder.path} is missing; {plan_words(folder)}")
    if not folder.has(PLAN):
        if folder.path.exists() and (
            not folder.path.is_dir() or any(not is_part(one) for one in folder.path.iterdir())
        ):
            raise InputError(f"{folder.path} exists and is no run folder of medgauge; give another --out")
        return None
    try:
        plan = Plan.from_dict(read_own(folder, PLAN))
    except ValueError as error:  # among them what cannot be read at all
        raise InputError(f"{folder / PLAN} is damaged; {plan_words(folder)}") from error
    found = differences(plan.made, stamp)
    if found and folder.has(CANDIDATES) and not is_of_plan(folder):
        raise InputError(f"{other_plan_words(folder)} ({'; '.join(found)}); {plan_words(folder)}")
    if found:
        raise InputError(
            f"{folder.path} holds another run ({'; '.join(found)}); give another --out, or the same settings to go on"
        )
    return plan


def kept_minutes(folder: RunFolder) -> dict[str, float]:
    """Minutes that each candidate took in earlier calls; nothing where that is not known, or told of another plan."""
    with suppress(InputError, TypeError, KeyError, AttributeError):
        kept = folder.read_json(CANDIDATES)["candidates"] if has_own_candidates(folder) else []
        return {str(one["name"]): float(one["minutes"]) for one in kept if one["minutes"] is not None}
    return {}


def kept_short(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """What short fits of candidates told in earlier calls; nothing where that is not known, or told of another plan."""
    with suppress(InputError, TypeError, KeyError, AttributeError):
        kept = read_own(folder, CANDIDATES)["candidates"] if has_own_candidates(folder) else []
        found = {str(one["name"]): one.get("short") for one in kept}
        keys = {"column", "steps", "left", "divided", "why"}
        return {name: dict(one) for name, one in found.items() if isinstance(one, Mapping) and keys <= one.keys()}
    return {}


def has_own_candidates(folder: RunFolder) -> bool:
    """Whether candidates.json is there, as it was written, and of the plan beside it."""
    with suppress(InputError):
        return folder.has(CANDIDATES) and is_of_plan(folder)
    return False


def is_finished(folder: RunFolder, names: Collection[str]) -> bool:
    """Whether all candidates of a folder's plan have come to their ends, and one of these names answers."""
    with suppress(InputError):
        found = read_own(folder, CANDIDATES) if has_own_candidates(folder) else {}
        return found.get("finished") is True and chosen_name(folder) in names
    return False


def as_tried(candidates: Sequence[Candidate], folder: RunFolder) -> list[Candidate]:
    """Candidates of a plan with the settings that they were tried with, by candidates.json.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        settings = {str(one["name"]): dict(one["settings"]) for one in read_own(folder, CANDIDATES)["candidates"]}
        return [replace(one, changes=settings[one.name]) for one in candidates]
    except (KeyError, TypeError, ValueError) as error:
        raise folder.broken(CANDIDATES, "it does not say how the candidates were tried") from error


def done_names(folder: RunFolder) -> list[str]:
    """The candidates that came to their end, by candidates.json.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        found = read_own(folder, CANDIDATES)["candidates"]
        return [str(one["name"]) for one in found if one["state"] == "done"]
    except (KeyError, TypeError) as error:
        raise folder.broken(CANDIDATES, "it does not say which candidates are done") from error
