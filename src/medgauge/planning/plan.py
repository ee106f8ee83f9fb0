"""The plan of a fit without a recipe: cases, decisions and candidates, with reasons and minutes, in plan.json."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np

from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.fitting.parts import build_parts
from medgauge.models import Encoder
from medgauge.planning.blend import blend_minutes, blending
from medgauge.planning.budget import Budget
from medgauge.planning.candidates import QUICK, SCRATCH, TIMES, TUNED, WORDS, Candidate, Decision, seeds_of
from medgauge.planning.cost import EACH
from medgauge.planning.fingerprint import developed, fingerprint
from medgauge.planning.given import check_machine, refuse_given
from medgauge.planning.seeds import AGAIN_WHY, further_seeds
from medgauge.planning.trained import trained
from medgauge.recipes.build import build_tasks
from medgauge.runfolder.folder import plain
from medgauge.study import Study, load_study
from medgauge.study.features import feature_seconds
from medgauge.study.folds import fold_study
from medgauge.study.loading import cache_folder
from medgauge.study.pixel_size import size_columns
from medgauge.study.splits import split_cases
from medgauge.study.table import check_columns, decide_kinds, open_table, with_bundled_columns
from medgauge.tasks import Tasks

FOLDS = 5
LARGE = 2000
"""Development cases above which one partition is enough."""


@dataclass(frozen=True)
class Plan:
    """What a fit without a recipe does.

    Args:
        made: what makes it the same plan: version, seed, table, budget and settings as given.
        fingerprint: what the cases are like.
        decisions: what was decided of them.
        candidates: what is tried, the cheapest first, and what is left out.
    """

    made: dict[str, Any]
    fingerprint: dict[str, Any]
    decisions: list[Decision]
    candidates: list[Candidate]

    @property
    def minutes(self) -> float:
        """That all candidates together are expected to take."""
        return sum(one.minutes for one in self.candidates if one.tried and one.minutes == one.minutes)

    def to_dict(self) -> dict[str, Any]:
        """As plan.json holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """From what ``to_dict`` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            candidates = [Candidate(**one) for one in values["candidates"]]
            decisions = [Decision(**one) for one in values["decisions"]]
            candidates = [_numbered(one) for one in candidates]
            plan = cls(dict(values["made"]), dict(values["fingerprint"]), decisions, candidates)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is no plan ({error})") from error
        if any(seeds_of(one.name)[0] not in WORDS or not isinstance(one.changes, Mapping) for one in candidates):
            raise ValueError("it names candidates that there are not")
        return plan


def _numbered(candidate: Candidate) -> Candidate:
    return replace(candidate, minutes=float("nan") if candidate.minutes is None else float(candidate.minutes))


def partition(given: Mapping[str, Any]) -> tuple[Decision, str]:
    """How many folds, and the digest of the table: five, as many as there are groups, or none of many cases.

    Args:
        given: settings by dotted place, as given; a number of folds there stays.

    Raises:
        InputError: the table cannot be read, or columns are not named.
    """
    recipe = Candidate(QUICK, {"data.folds": 2}, 0.0, "").recipe(given)  # so that a test split is only what is kept out
    check_columns(recipe)
    recipe = decide_kinds(with_bundled_columns(recipe))
    table, problems = open_table(recipe)
    usual = Decision("folds", FOLDS, "all cases are read by a fit that has not seen their group")
    if given.get("data.folds"):
        return Decision("folds", given["data.folds"], "as given"), table.digest
    if problems:  # all of them are told where the study is read
        return usual, table.digest
    try:
        splits, _ = split_cases(table, recipe)
    except InputError:
        return usual, table.digest
    rows = [row for row, split in enumerate(splits) if split != "test"]
    groups = len({table.group[row] for row in rows})
    if len(rows) > LARGE:
        return Decision("folds", 0, f"{len(rows)} cases are enough for one partition"), table.digest
    if groups < FOLDS:
        return Decision("folds", max(2, groups), f"there are {groups} groups"), table.digest
    return usual, table.digest


def make_plan(
    given: Mapping[str, Any], budget: Budget, folds: Decision, stamp: Mapping[str, Any], display: Display
) -> Plan:
    """Read the cases, measure what training takes, and decide.

    Args:
        given: settings by dotted place, as given.
        budget: minutes for all.
        folds: how many.
        stamp: what makes it the same plan; ``made`` of the plan.
        display: progress and lines.

    Raises:
        InputError: something is wrong with table, images or settings.
    """
    fixed = {"data.folds": folds.value}
    if budget.trains:
        refuse_given(Candidate(SCRATCH, {**fixed, "represent.name": SCRATCH}, 0.0, ""), given, check_machine)
    study = load_study(Candidate(QUICK, fixed, 0.0, "").recipe(given), progress=display.images)
    for note in study.notes:
        display.say(note)
    tasks = build_tasks(study.recipe)
    decisions, found = [folds, _kept(study), _size(study)], [_quick(study, fixed)]
    if found[0].tried and budget.trains and found[0].minutes > budget.minutes:
        raise InputError(
            f"a budget of {budget.minutes:g} minutes is shorter than the quick run, which is expected to take "
            f"{found[0].minutes:.2g}; give --budget quick, which takes what it takes, or more minutes"
        )
    column, why = _pixel_size(study, tasks, given)
    if found[0].tried:
        decisions.append(Decision("label_times", given.get("data.label_times", "tried" if column else None), why))
        found += [_times(study, fixed, column, why)] if column else []
    left = 60 * (budget.minutes - blend_minutes(fixed, budget) - sum(one.minutes for one in found if one.tried))
    for name in (SCRATCH, TUNED):
        if not budget.trains or (name == TUNED and not budget.tunes):
            why = (
                f"the budget {budget.name} trains nothing"
                if name == SCRATCH
                else "only a budget of an hour or more tunes"
            )
            found.append(Candidate(name, {}, 0.0, why, tried=False))
            continue
        share = left if name == TUNED or not budget.tunes else left / 2
        one, more = trained(name, study, fixed, given, share, display, column=column if name == SCRATCH else None)
        found.append(one)
        decisions += more
        left -= 60 * one.minutes if one.tried else 0.0
    if budget.tunes:
        again = further_seeds(found, left, folds.value)
        decisions += [Decision("further seeds", ", ".join(one.name for one in again) or "none", AGAIN_WHY)]
        found += again
    if not any(one.tried for one in found):
        whys = "; ".join(f"{one.name}: {one.why.rstrip('.')}" for one in found)
        raise InputError(f"nothing can be tried: {whys}")
    return Plan(dict(stamp), fingerprint(study), decisions, [*found, blending(found, fixed, budget)])


def _kept(study: Study) -> Decision:
    tests = study.splits.count("test")
    if tests:
        return Decision("test split", tests, "kept out; it is read when you ask for it (medgauge evaluate, or --test)")
    return Decision("test split", 0, "none is given, so all figures are out of fold")


def _size(study: Study) -> Decision:
    shape = " x ".join(map(str, study.images.array.shape[2:]))
    sizes = len({fact.shape for fact in study.images.facts if fact is not None})
    return Decision("image size", shape, f"{sizes} size{'s' * (sizes > 1)} in the files; image.size gives another")


def _quick(study: Study, fixed: Mapping[str, Any]) -> Candidate:
    """The pretrained network as it is, if it can read these images."""
    try:
        parts = build_parts(fold_study(study, 0) if study.recipe.data.folds else study)
    except InputError as error:
        return Candidate(QUICK, dict(fixed), 0.0, str(error), tried=False)
    encoder, data = cast(Encoder, parts.model.encoder), study.recipe.data
    minutes = (feature_seconds(encoder, parts.arrays, cache_folder(data.cache)) + EACH * max(1, data.folds)) / 60
    return Candidate(QUICK, dict(fixed), minutes, "the first answer")


def _pixel_size(study: Study, tasks: Tasks, given: Mapping[str, Any]) -> tuple[str | None, str]:
    """The column by which labels may be divided, so that a length is learned in pixels, and why it is tried or not."""
    if "data.label_times" in given:
        return None, "as given"
    columns = size_columns(study.table, study.images.array.ndim - 2)
    label = study.table.label[developed(study)]
    if not columns:
        return None, "no covariate is the size of a pixel"
    if not all(task.divides for task in tasks) or not bool((label[~np.isnan(label)] > 0).all()):
        return None, "labels are no lengths above 0"
    return columns[0], f"{columns[0]} is the size of a pixel; kept if more than one standard error better"


def _times(study: Study, fixed: Mapping[str, Any], column: str, why: str) -> Candidate:
    """The quick candidate on labels divided by the size of a pixel."""
    minutes = EACH * max(1, study.recipe.data.folds) / 60
    return Candidate(TIMES, {**fixed, "data.label_times": column}, minutes, why)


def plan_stamp(given: Mapping[str, Any], budget: Budget, digest: str) -> dict[str, Any]:
    """What makes it the same plan."""
    return {"medgauge": __version__, "table_sha256": digest, "budget": budget.name, "settings": plain(given)}
