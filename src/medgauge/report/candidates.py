"""The page of a fit without a recipe: what was tried, which run answers, and what that choice is worth."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgauge.core.errors import InputError
from medgauge.report.page import render
from medgauge.report.words import counted, decimals_for, finite, names_of, number, percent, quantity, span, unit_of
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import CANDIDATES, PLAN, is_of_plan, other_plan_words, plan_words, read_own

PAGE = "report.html"
READ = {"out of fold": "out-of-fold ", "on validation cases": "validation "}
CONSTANT = {
    "median": "always saying the training median",
    "base_rate": "always saying the training rate",
    "shares": "always saying the training shares",
    "covariates_only": "the covariates alone",
}


def write_candidates_page(path: Path) -> Path:
    """Make report.html of a folder of candidates, from candidates.json and plan.json; no case and no image is in it.

    Raises:
        InputError: one of the two is missing or damaged, or the plan is another run's.
    """
    folder = RunFolder(path)
    tried, plan = read_own(folder, CANDIDATES), read_own(folder, PLAN)
    if not is_of_plan(folder):
        raise InputError(f"{other_plan_words(folder)}; {plan_words(folder)}")
    pages = {str(one.get("name")): folder.has(f"{one.get('name')}/{PAGE}") for one in _dicts(tried.get("candidates"))}
    try:
        page = describe_candidates(tried, plan, pages, folder.path.resolve().name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(
            f"{folder / CANDIDATES} or {PLAN} is not as it was written; give the same `medgauge fit` command again"
        ) from error
    folder.write_text(PAGE, render(page, "candidates.html.j2"))
    return folder / PAGE


def choice_sentence(tried: Mapping[str, Any]) -> str:
    """Whether the run that answers is shown better than the better baseline, by the skill corrected for the choosing.

    >>> choice = {"baselines": ["covariates_only"], "skill": 0.5, "skill_ci95": [0.4, 0.6], "among": ["quick"]}
    >>> choice_sentence({"chosen": "quick", "choice": choice, "targets": ["age"], "cases": 90, "groups": 40, "read": "out of fold"})
    'age is shown better than the covariates alone (skill 0.50, 95 % interval 0.40 to 0.60; 90 out-of-fold cases of 40 groups).'
    """
    choice, targets = tried.get("choice"), ", ".join(tried["targets"])
    which = targets if len(tried["targets"]) == 1 else f"The mean over {', '.join(names_of(tried['targets']))}"
    if choice is None:
        return f"{targets}: of one group nothing can be told."
    low, high = (finite(end) for end in choice["skill_ci95"])
    words = " and ".join(dict.fromkeys(CONSTANT.get(name, name) for name in choice["baselines"]))
    shown = low is not None and low > 0
    between = "no 95 % interval: too few groups" if low is None else f"95 % interval {span(low, high, 2, '')}"
    corrected = ", corrected for the choice among " + counted(len(choice["among"]), "candidate")
    return (
        f"{which} is {'' if shown else 'not '}shown better than {words} "
        f"(skill {number(finite(choice['skill']), 2)}{corrected if len(choice['among']) > 1 else ''}, {between}; "
        f"{counted(tried['cases'], READ.get(tried['read'], '') + 'case')} of {counted(tried['groups'], 'group')})."
    )


def describe_candidates(
    tried: Mapping[str, Any], plan: Mapping[str, Any], pages: Mapping[str, bool], name: str
) -> dict[str, Any]:
    """Everything that the template shows, as texts.

    Args:
        tried: what candidates.json holds.
        plan: what plan.json holds.
        pages: whether a candidate has a page of its own.
        name: of the folder.
    """
    choice, chosen = tried.get("choice"), tried["chosen"]
    unit = unit_of(tried["targets"][0]) if len(tried["targets"]) == 1 else ""
    of = next((finite(one["error"]) for one in tried["candidates"] if one["name"] == chosen), None)
    decimals = decimals_for(of) + 1
    shares = dict(zip(choice["among"], choice["share"], strict=True)) if choice else {}
    rows = [
        {
            "name": one["name"],
            "what": one["what"],
            "answers": one["name"] == chosen,
            "state": one["state"],
            "why": one["why"],
            "error": quantity(finite(one["error"]), decimals, unit),
            "share": percent(shares.get(one["name"])),
            "minutes": number(finite(one["minutes"]), 1),
            "expected": number(finite(one["expected_minutes"]), 1),
            "page": bool(pages.get(one["name"])),
        }
        for one in tried["candidates"]
    ]
    return {
        "name": name,
        "version": str(tried.get("medgauge", "")),
        "targets": ", ".join(names_of(tried["targets"])),
        "chosen": chosen,
        "finished": bool(tried["finished"]),
        "sentence": choice_sentence(tried),
        "corrected": quantity(finite(choice["corrected"]), decimals, unit) if choice else "–",
        "between": _between(choice, decimals, unit),
        "nested": quantity(finite(choice["nested"]), decimals, unit) if choice else "–",
        "baseline": quantity(finite(choice["baseline_error"]), decimals, unit) if choice else "–",
        "among": len(choice["among"]) if choice else 0,
        "unit": tried["unit"] if len(tried["targets"]) > 1 else "",
        "read": tried["read"],
        "rows": rows,
        "decisions": [
            {"what": one["what"], "value": "no" if one["value"] is None else str(one["value"]), "why": one["why"]}
            for one in plan["decisions"]
        ],
        "budget": str(plan["made"]["budget"]),
        "figures": {},
    }


def _between(choice: Mapping[str, Any] | None, decimals: int, unit: str) -> str:
    """The interval of the corrected error."""
    if choice is None:
        return "–"
    low, high = choice["ci95"]
    return span(finite(low), finite(high), decimals, unit)


def _dicts(values: object) -> list[Mapping[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
