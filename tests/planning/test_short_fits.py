"""Short fits with labels as they are and divided: which cases judge, what is said, and the errors themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import medgauge
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.planning import short_fits
from medgauge.planning.candidates import SCRATCH, Candidate
from medgauge.planning.judge import Judge
from medgauge.planning.short_fits import by_short_fits, validation_errors
from medgauge.recipes.read import recipe_values
from medgauge.study import Study, load_study
from medgauge.training.loop import Stopped
from tests.fitting.small_study import SMALL, make_table

FIXED: dict[str, Any] = {**SMALL, "represent.name": "scratch", "training.steps": 30, "training.evaluations": 1}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("short")
    table = make_table(home / "data", groups=18)
    frame = pandas.read_csv(table)
    frame["mm_per_px"] = np.linspace(0.1, 0.3, len(frame)).round(4)
    frame.to_csv(table, index=False)
    return {
        "data.table": str(table), "data.image": "path", "data.label": ["age"], "data.group": "patient",
        "data.cache": str(home / "cache"),
    }  # fmt: skip


def candidate(folds: int) -> Candidate:
    short = {"column": "mm_per_px", "steps": 2, "left": 20}
    return Candidate(SCRATCH, {**FIXED, "data.folds": folds}, 1.0, "because", short=short)


def judge_of(given: dict[str, Any], folds: int) -> Judge:
    return Judge.of(load_study(candidate(folds).recipe(given)))


@pytest.mark.parametrize(("folds", "worse_in", "asked"), [(3, None, 3), (3, 1, 2), (0, None, 1), (0, 0, 1)])
def test_labels_are_divided_where_that_is_better_in_every_part_and_the_judged_cases_have_no_say(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, folds: int, worse_in: int | None, asked: int
) -> None:
    seen: list[Study] = []

    def errors(study: Study, steps: int, judge: Judge, display: Display) -> torch.Tensor:
        seen.append(study)
        assert steps == 2
        divided, part = study.recipe.data.label_times is not None, (len(seen) - 1) // 2
        rows = len(study.rows("val"))
        gain = torch.linspace(0.5, 1.5, rows).double() * (-1 if part == worse_in else 1)
        return torch.full((rows,), 5.0).double() - (gain if divided else 0.0)

    monkeypatch.setattr(short_fits, "validation_errors", errors)
    cases = judge_of(given, folds)
    found = by_short_fits(candidate(folds), given, cases, Display(False))
    assert found.short is not None
    assert found.short["divided"] is (worse_in is None)
    assert found.short["why"].endswith("(short fits of 2 steps, since the quick run tells nothing)")
    assert len(seen) == 2 * asked
    for plain, divided in zip(seen[::2], seen[1::2], strict=True):
        assert (plain.recipe.data.label_times, divided.recipe.data.label_times) == (None, "mm_per_px")
        assert plain.splits == divided.splits
        assert plain.recipe.seed == divided.recipe.seed
    for part, study in enumerate(seen[::2]):
        judged = {name for name, fold in zip(cases.group, cases.fold, strict=True) if fold == part or not folds}
        assert study.rows("train")
        assert study.rows("val")
        assert not judged & {study.table.group[row] for split in ("train", "val") for row in study.rows(split)}


def test_what_cannot_be_fitted_is_not_divided(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> torch.Tensor:
        raise InputError("the term needs whole labels")

    monkeypatch.setattr(short_fits, "validation_errors", fails)
    found = by_short_fits(candidate(3), given, judge_of(given, 3), Display(False))
    assert found.short is not None
    assert found.short["divided"] is False
    assert "the term needs whole labels" in found.short["why"]


def test_errors_are_those_of_a_fit_with_as_many_steps(given: dict[str, Any], tmp_path: Path) -> None:
    recipe = candidate(0).recipe({**given, "data.label_times": "mm_per_px"})
    study = load_study(recipe)
    with torch.random.fork_rng(devices=[]):
        found = validation_errors(study, 3, judge_of(given, 0), Display(False))
    settings = {**given, "data.label_times": "mm_per_px", "training.steps": 3}
    medgauge.fit(recipe_values(candidate(0).recipe(settings)), out=tmp_path / "run", images=False, report=False)
    frame = pandas.read_csv(tmp_path / "run" / "predictions.csv").query("split == 'val'")
    assert found.tolist() == pytest.approx((frame["value_age"] - frame["label_age"]).abs().tolist(), rel=1e-4)


def test_a_stop_in_a_short_fit_is_no_answer(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> torch.Tensor:
        raise Stopped("stopped at step 1 of 2; the same command goes on from there")

    monkeypatch.setattr(short_fits, "validation_errors", stopped)
    with pytest.raises(Stopped, match="^stopped in a short fit of scratch; the same command makes it again$"):
        by_short_fits(candidate(3), given, judge_of(given, 3), Display(False))
