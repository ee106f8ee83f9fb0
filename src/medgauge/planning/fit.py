"""Fit: of a recipe, or without one of all that the budget allows; the best of them answers."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_switches
from medgauge.data.tables.folds import fold_name
from medgauge.fitting.blending import Unblended
from medgauge.fitting.fit import fit as fit_recipe
from medgauge.fitting.fit import fit_cases, fit_study
from medgauge.fitting.stamp import given_settings
from medgauge.fitting.train import first_process
from medgauge.planning.answers import made_whole
from medgauge.planning.blend import make_blend
from medgauge.planning.budget import Budget, read_budget
from medgauge.planning.candidates import Candidate, says_how, seeds_of, what_it_is
from medgauge.planning.given import refuse_table, refuse_training
from medgauge.planning.judge import Judge
from medgauge.planning.outcomes import Outcome, done, promising, write_candidates
from medgauge.planning.plan import Plan, make_plan, partition, plan_stamp
from medgauge.planning.short_fits import by_short_fits
from medgauge.planning.stored import has_own_candidates, is_finished, kept_minutes, kept_short, read_plan
from medgauge.planning.times import settled
from medgauge.planning.words import choice_line, outcome_lines, plan_lines
from medgauge.recipes.doors import door
from medgauge.report.candidates import write_candidates_page
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import PLAN, answer_note, other_runs, refuse_other_runs, write_own
from medgauge.runfolder.lock import held
from medgauge.runfolder.whole import is_whole
from medgauge.runs.outputs import Outputs
from medgauge.runs.run import Run
from medgauge.study import Study, load_study
from medgauge.study.folds import fold_study
from medgauge.training.divergence import Diverged


@door
def fit(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *,
    out: str | Path,
    budget: str | float | None = None,
    table: str | Path | None = None,
    image: str | None = None,
    label: str | Sequence[str] | None = None,
    group: str | None = None,
    covariates: str | Sequence[str] | None = None,
    kind: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
    test: bool = False,
    images: bool = True,
    terminal: bool = False,
    report: bool = True,
    **columns: object,
) -> Run:
    """Train a model and write its run folder; a run that was stopped goes on, a finished one is loaded.

    Without a recipe, and without a setting that says how to train, several candidates are tried within the budget, each in
    a run folder inside ``out``, and the best of them answers (plan.json, candidates.json).

    >>> run = medgauge.fit(table="cases.csv", image="path", label="age", group="patient_id", out="runs/age")  # doctest: +SKIP

    Args:
        recipe: file, name of a recipe of medgauge's, mapping, or None for what suits the data.
        out: the run folder.
        budget: without a recipe: quick, standard (30 minutes), best (four hours), or a number of minutes.
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files.
        label: label column or columns.
        group: column of what may not be on both sides of a split (patient, examination).
        covariates: number column or columns given to the model beside the image.
        kind: of label columns that are no numbers: {"dr_grade": "grade"}.
        changes: settings by dotted place ("training.steps": 500), over the recipe.
        test: read the test split at the end, and count that look.
        images: keep thumbnails for the report.
        terminal: show progress.
        report: write the page and what only it needs: thumbnails, and intervals of the figures in results.json.
        columns: further settings of the recipe's data section, by name (split, folds, no_groups, ...).

    Raises:
        InputError: for anything wrong in recipe, table, files or settings, before training.
    """
    check_switches(terminal=terminal)
    given = given_settings(
        columns, changes, table=table, image=image, label=label, group=group, covariates=covariates, kind=kind
    )
    outputs = Outputs(test, images, report)
    wanted = chosen_budget(recipe, budget, given)
    if wanted is not None:
        with torch.random.fork_rng(devices=[]), Display(terminal and first_process()) as display:
            return fit_planned(given, wanted, RunFolder(out), outputs, display)
    return fit_recipe(recipe, out=out, changes=given, test=test, images=images, terminal=terminal, report=report)


def chosen_budget(recipe: object, budget: str | float | None, given: Mapping[str, Any]) -> Budget | None:
    """The budget of a fit without a recipe; None where one recipe is fitted.

    Raises:
        InputError: a budget beside a recipe, or none that there is.
    """
    if recipe is not None:
        if budget is not None:
            raise InputError("a budget is for a fit without a recipe, which tries several; leave out one of the two")
        return None
    if budget is not None:
        refuse_table(given)
        found = read_budget(budget)
        if not found.trains:
            refuse_training(found.name, given)
        return found
    single = [*says_how(given), *(["data.folds"] if given.get("data.folds") == 0 else [])]
    return None if single else read_budget("standard")


def fit_planned(given: Mapping[str, Any], budget: Budget, folder: RunFolder, outputs: Outputs, display: Display) -> Run:
    """Try what the budget allows, the cheapest first; after each the best so far answers.

    Raises:
        InputError: something is wrong with table, images or settings, or the folder is another run's.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("several processes train one recipe; give one (medgauge list recipes)")
    with held(folder.path, say=display.say):
        found = _planned(folder, given, budget, display)
        for line in plan_lines(found):
            display.say(line)
        if has_own_candidates(folder):
            refuse_other_runs(folder)
        run, attempt = None, _Attempt(found, given, folder, replace(outputs, test=False), display)
        if not is_finished(folder, [one.name for one in found.candidates if one.tried]):
            attempt.run()
            run = attempt.answers
        if run is None or outputs.test:  # finished: what it lacks of the outputs is added
            run = made_whole(found, given, folder, outputs, display)
            if other_runs(folder):  # what was lost was made anew with other numbers (another machine): chosen again
                attempt.run()
                run = made_whole(found, given, folder, outputs, display)
        run.chosen = answer_note(folder)
        return run


@door
def plan(
    *,
    out: str | Path | None = None,
    budget: str | float = "standard",
    table: str | Path | None = None,
    image: str | None = None,
    label: str | Sequence[str] | None = None,
    group: str | None = None,
    covariates: str | Sequence[str] | None = None,
    kind: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
    terminal: bool = False,
    **columns: object,
) -> list[str]:
    """What a fit without a recipe would try, in lines.

    Args:
        out: folder that plan.json is written into, by which a fit with the same ``out`` goes; None: nothing is written.
        budget: quick, standard, best, or a number of minutes.
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files.
        label: label column or columns.
        group: column of what may not be on both sides of a split (patient, examination).
        covariates: number column or columns given to the model beside the image.
        kind: of label columns that are no numbers: {"dr_grade": "grade"}.
        changes: settings by dotted place.
        terminal: show progress.
        columns: further settings of the recipe's data section, by name (split, folds, no_groups, ...).

    Raises:
        InputError: something is wrong with table, images or settings, or the folder is another run's.
    """
    check_switches(terminal=terminal)
    given = given_settings(
        columns, changes, table=table, image=image, label=label, group=group, covariates=covariates, kind=kind
    )
    wanted = read_budget(budget)
    refuse_table(given)
    with torch.random.fork_rng(devices=[]), Display(terminal) as display:
        if out is None:
            folds, digest = partition(given)
            return plan_lines(make_plan(given, wanted, folds, plan_stamp(given, wanted, digest), display))
        folder = RunFolder(out)
        with held(folder.path, say=display.say):
            return plan_lines(_planned(folder, given, wanted, display))


def _planned(folder: RunFolder, given: Mapping[str, Any], budget: Budget, display: Display) -> Plan:
    """The plan of a folder: the one there, or a new one."""
    folds, digest = partition(given)
    stamp = plan_stamp(given, budget, digest)
    found = read_plan(folder, stamp)
    if found is None:
        found = make_plan(given, budget, folds, stamp, display)
        write_own(folder, PLAN, found.to_dict())
    return found


@dataclass
class _Attempt:
    """One call that tries the candidates of a plan."""

    plan: Plan
    given: Mapping[str, Any]
    folder: RunFolder
    outputs: Outputs
    display: Display
    answers: Run | None = None
    """The run that answers, once it was fitted here."""

    def run(self) -> None:
        """Try each, and write after each which of them answers."""
        kept = kept_short(self.folder)
        candidates = [replace(one, short=kept.get(one.name, one.short)) for one in self.plan.candidates]
        outcomes = [Outcome(one, "waiting" if one.tried else "left out", one.why) for one in candidates]
        minutes, judge, found = kept_minutes(self.folder), None, dict[str, Any]()
        for place, planned in enumerate(candidates):
            if not planned.tried:
                continue
            begun, candidate = time.monotonic(), planned
            if planned.trains:
                judge = judge or Judge.of(load_study(planned.recipe(self.given), progress=self.display.images))
                short = partial(by_short_fits, given=self.given, judge=judge, display=self.display)
                candidate = settled(planned, outcomes, judge, short)
                if candidate.short is not planned.short and any(one.error is not None for one in outcomes):
                    outcomes[place] = Outcome(candidate, "waiting", candidate.why)
                    write_candidates(
                        self.folder, outcomes, judge, seed=candidate.recipe(self.given).seed, minutes=minutes
                    )
            recipe = candidate.recipe(self.given)
            self.display.say(f"{candidate.name}: {what_it_is(candidate.name)}")
            if candidate.blends and judge is not None:
                outcomes[place], fitted = self.blended(candidate, judge, outcomes)
            else:
                study = load_study(recipe, progress=self.display.images)
                judge = judge or Judge.of(study)
                outcomes[place], fitted = self.tried(candidate, study, judge, outcomes)
            if outcomes[place].state != "done" or candidate.name not in minutes:
                taken = (time.monotonic() - begun) / 60
                minutes[candidate.name] = minutes.get(candidate.name, 0.0) + taken
            found = write_candidates(self.folder, outcomes, judge, seed=recipe.seed, minutes=minutes)
            if fitted is not None and found["chosen"] == candidate.name:
                self.answers = fitted
            elif self.answers is not None and self.answers.folder.path.name != found["chosen"]:
                self.answers = None
            if self.outputs.report:
                write_candidates_page(self.folder.path)
            for line in outcome_lines(found, candidate.name, self.folder.path):
                self.display.say(line)
        self.display.note(choice_line(found))
        if len((found.get("choice") or {}).get("among", [])) != 1:  # of one candidate its run says the same
            self.display.note(found.get("sentence", ""))
        if all(one.error is None for one in outcomes):
            said = "; ".join(f"{one.candidate.name}: {one.why}" for one in outcomes)
            raise InputError(f"no candidate came to its end: {said}")

    def tried(
        self, candidate: Candidate, study: Study, judge: Judge, before: Sequence[Outcome]
    ) -> tuple[Outcome, Run | None]:
        """Fit one candidate; one that is trained in folds is given up after the first where that promises nothing."""
        inner, first = RunFolder(self.folder / candidate.name), seeds_of(candidate.name)[0]
        if any(one.candidate.name == first != candidate.name and one.state != "done" for one in before):
            return Outcome(candidate, "left out", f"{first} did not come to its end"), None
        finished = [one.error for one in before if one.error is not None]
        try:
            if candidate.trains and study.recipe.data.folds and finished and not is_whole(inner):
                own = inner.inner(fold_name(0))
                fit_study(
                    fold_study(study, 0), own, Outputs(test=True, images=False, report=False), self.display, notes=False
                )
                error, best = judge.errors(own, fold=0), min(finished, key=lambda one: float(one.nanmean()))
                hope, said = promising(error, best, judge.group)
                if not hope:
                    return Outcome(candidate, "given up", said), None
            run = fit_cases(study, inner, self.outputs, self.display)
        except Diverged as error:
            return Outcome(candidate, "diverged", str(error)), None
        return done(candidate, inner, judge), run

    def blended(self, candidate: Candidate, judge: Judge, before: Sequence[Outcome]) -> tuple[Outcome, Run | None]:
        """Blend the candidates that are done."""
        members = [one.candidate for one in before if one.state == "done"]
        try:
            run = make_blend(self.folder, members, self.given, self.outputs, self.display)
        except Unblended as error:
            return Outcome(candidate, "left out", str(error)), None
        return done(candidate, RunFolder(self.folder / candidate.name), judge), run
