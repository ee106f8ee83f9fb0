"""Plans: folds by the table, sizes and steps by the time there is, and plan.json read back."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.planning import plan as planning
from medgauge.planning import trained
from medgauge.planning.budget import read_budget
from medgauge.planning.candidates import QUICK, SCRATCH, TIMES, TUNED
from medgauge.planning.cost import EACH, Cost
from medgauge.planning.plan import Decision, Plan, make_plan, partition, plan_stamp
from medgauge.recipes.schema import Recipe
from medgauge.runfolder.folder import plain
from medgauge.study import Study
from tests.fitting.small_study import make_table


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("plan")
    table = make_table(home / "data", groups=18)
    frame = pandas.read_csv(table)
    frame["mm_per_px"] = np.linspace(0.1, 0.3, len(frame)).round(4)
    frame["grade"] = (frame["age"] // 20).astype(int)
    frame.to_csv(table, index=False)
    return {
        "data.table": str(table), "data.image": "path", "data.label": ["age"], "data.group": "patient",
        "data.cache": str(home / "cache"),
    }  # fmt: skip


def made(given: dict[str, Any], budget: str | float, monkeypatch: pytest.MonkeyPatch, cost: Cost, usual: int) -> Plan:
    """A plan on a machine where training costs so much."""
    sizes: list[Any] = []

    def measured(recipe: Recipe, display: Display) -> tuple[int, Cost]:
        sizes.append(list(recipe.image.size))
        share = (max(recipe.image.size) / 24) ** 2 if recipe.image.size != "auto" else 1.0
        return usual, Cost(cost.step * share, cost.reading * share, cost.evaluations)

    monkeypatch.setattr(trained, "_measured", measured)
    monkeypatch.setattr(trained, "SMALLER", (12, 6))
    wanted = read_budget(budget)
    folds, digest = partition(given)
    return make_plan(given, wanted, folds, plan_stamp(given, wanted, digest), Display(False))


def of(plan: Plan, name: str) -> Any:
    return next(one for one in plan.candidates if one.name == name)


def decided(plan: Plan, what: str) -> Any:
    return next(one.value for one in plan.decisions if one.what == what)


def test_folds_follow_cases_and_groups(given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert partition(given)[0].value == 5
    assert partition({**given, "data.folds": 3})[0] == Decision("folds", 3, "as given")
    frame = pandas.read_csv(given["data.table"])
    frame["path"] = [str(Path(given["data.table"]).parent / one) for one in frame["path"]]
    frame["patient"] = np.arange(len(frame)) % 3
    frame.to_csv(tmp_path / "few.csv", index=False)
    assert partition({**given, "data.table": str(tmp_path / "few.csv")})[0].value == 3
    monkeypatch.setattr(planning, "LARGE", 35)
    assert partition(given)[0].value == 0
    assert partition({**given, "data.split": "part"})[0].value == 5  # 30 of 36 are not test


def test_the_digest_is_that_of_the_columns_in_use(given: dict[str, Any]) -> None:
    assert partition(given)[1] == partition({**given, "seed": 4})[1]
    assert partition(given)[1] != partition({**given, "data.label": ["grade"]})[1]


def test_a_budget_becomes_steps_by_the_measured_cost(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made(given, 20, monkeypatch, Cost(0.5, 1.0, 10), usual=800)
    quick, scratch = of(plan, QUICK), of(plan, SCRATCH)
    left = (20 - quick.minutes) * 60 / 5 - EACH  # of which the blend takes its part
    by_hand = int((left - EACH - 11 * 1.0) / 0.5)
    assert scratch.changes["training.steps"] == by_hand < 800
    assert scratch.minutes == pytest.approx(5 * (by_hand * 0.5 + 11 + EACH) / 60)
    assert plan.minutes <= 20
    assert not of(plan, TUNED).tried


def test_usual_steps_are_enough_where_there_is_time(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made(given, "best", monkeypatch, Cost(0.1, 0.5, 10), usual=600)
    assert [of(plan, name).changes["training.steps"] for name in (SCRATCH, TUNED)] == [600, 600]
    assert list(of(plan, SCRATCH).changes["image.size"]) == [20, 24]


@pytest.mark.parametrize(
    ("minutes", "again"),
    [(240, ["scratch_2", "tuned_2", "scratch_3", "tuned_3"]), (90, ["scratch_2"]), (60, [])],
    ids=["all", "one", "none"],
)
def test_what_is_left_of_an_hour_or_more_goes_to_further_seeds(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, minutes: float, again: list[str]
) -> None:
    plan = made(given, minutes, monkeypatch, Cost(0.35, 0.5, 10), usual=900)
    assert [one.name for one in plan.candidates if one.name[-1].isdigit()] == again
    assert decided(plan, "further seeds") == (", ".join(again) or "none")
    assert plan.minutes <= minutes
    assert plan.candidates[-1].blends
    for name in again:
        assert of(plan, name).changes == of(plan, name[:-2]).changes


def test_images_shrink_before_steps_become_few(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made(given, 11, monkeypatch, Cost(1.0, 1.0, 4), usual=800)
    assert of(plan, SCRATCH).changes["image.size"] == [10, 12]
    assert of(plan, SCRATCH).changes["training.steps"] >= 400
    assert decided(plan, "image size of scratch") == "10 x 12"
    kept = made({**given, "image.size": [20, 24]}, 10, monkeypatch, Cost(0.2, 1.0, 4), usual=800)
    assert kept.candidates[1].recipe({**given, "image.size": [20, 24]}).image.size == [20, 24]


def test_too_little_time_for_any_training_is_said(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made(given, 3, monkeypatch, Cost(60.0, 60.0, 10), usual=800)
    assert not of(plan, SCRATCH).tried
    assert "200 steps a fold take" in of(plan, SCRATCH).why
    assert of(plan, QUICK).tried


def test_a_budget_shorter_than_the_quick_run_is_refused(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        InputError, match=r"a budget of 0.2 minutes is shorter than the quick run, .* 0\.[67]\d?; give --budget quick"
    ):
        made(given, 0.2, monkeypatch, Cost(0.1, 0.1, 4), usual=10)  # five folds at 8 s, and 36 small images
    assert of(made(given, "quick", monkeypatch, Cost(0.1, 0.1, 4), usual=10), QUICK).tried


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("training.batch_size", 0, "training.batch_size must be"),
        ("optimiser.learning_rate", -1.0, "optimiser.learning_rate must be"),
        ("objective.error.term.class_path", "L1Los", "is not a loss"),
        ("model.encoder.name", "resnet1", "there is no encoder named resnet1; the nearest are monai/resnet1"),
        ("training.accelerator", "mps", "training.accelerator is mps, and this machine has"),
        ("training.devices", 9, "training.devices is 9, and"),
    ],
)
def test_a_setting_of_training_that_is_wrong_is_refused_and_leaves_no_candidate_out(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, place: str, value: object, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        made({**given, place: value}, 20, monkeypatch, Cost(0.1, 0.1, 4), usual=10)


def test_what_only_the_network_can_refuse_is_refused_too(given: dict[str, Any]) -> None:
    wrong, budget = {**given, "model.encoder.settings": {"blok": 2}}, read_budget(20)
    with pytest.raises(InputError, match="the encoder small has no setting blok; its settings are blocks"):
        make_plan(wrong, budget, partition(wrong)[0], plan_stamp(wrong, budget, ""), Display(False))


def test_steps_that_were_given_stay(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made({**given, "training.steps": 777}, 3, monkeypatch, Cost(60.0, 1.0, 10), usual=777)
    assert of(plan, SCRATCH).changes["training.steps"] == 777


def test_lengths_are_tried_in_pixels_where_a_covariate_is_their_size(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sized = {**given, "data.covariates": ["mm_per_px"]}
    plan = made(sized, "quick", monkeypatch, Cost(1.0, 1.0, 1), usual=1)
    assert of(plan, TIMES).changes["data.label_times"] == "mm_per_px"
    assert decided(made(given, "quick", monkeypatch, Cost(1.0, 1.0, 1), usual=1), "label_times") is None
    graded = {**sized, "data.label": ["grade"], "data.kind": {"grade": "grade"}}
    plan = made(graded, "quick", monkeypatch, Cost(1.0, 1.0, 1), usual=1)
    assert decided(plan, "label_times") is None
    assert of(plan, QUICK).tried  # of grades too
    told = {**sized, "data.label_times": "mm_per_px"}
    assert [one.name for one in made(told, "quick", monkeypatch, Cost(1.0, 1.0, 1), usual=1).candidates][1] == SCRATCH


def test_short_fits_are_counted_and_leave_the_candidate_the_rest(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sized, cost = {**given, "data.covariates": ["mm_per_px"]}, Cost(0.5, 1.0, 10)
    plan = made(sized, 24, monkeypatch, cost, usual=800)
    scratch = of(plan, SCRATCH)
    steps, short = scratch.changes["training.steps"], scratch.short
    assert (short["column"], short["steps"]) == ("mm_per_px", steps // 8)
    taken = 2 * (short["steps"] * 0.5 + 11 + EACH) + short["left"] * 0.5 + 11 + EACH
    assert steps * 0.5 + 11 + EACH - 0.5 < taken <= steps * 0.5 + 11 + EACH + 0.5
    assert plan.minutes <= 24
    assert decided(plan, "short fits") == "if needed"
    roomy = of(made(sized, "best", monkeypatch, Cost(0.01, 0.1, 4), usual=400), SCRATCH)
    assert (roomy.short["left"], roomy.changes["training.steps"]) == (400, 400)
    assert roomy.minutes == pytest.approx(5 * (2 * (50 * 0.01 + 0.5 + EACH) + 4 + 0.5 + EACH) / 60)
    given_steps = of(made({**sized, "training.steps": 777}, 3, monkeypatch, Cost(60.0, 1.0, 10), usual=777), SCRATCH)
    assert given_steps.short["left"] == 777
    tight = made(sized, 13, monkeypatch, Cost(0.5, 1.0, 10), usual=220)
    assert of(tight, SCRATCH).short is None
    assert decided(tight, "short fits") == "no"
    assert of(made(given, 20, monkeypatch, cost, usual=800), SCRATCH).short is None


def test_images_that_the_pretrained_network_cannot_read_leave_quick_out(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(study: Study) -> None:
        raise InputError(f"it takes 1 or 3 channels, and these {len(study.table)} images have 7")

    monkeypatch.setattr(planning, "build_parts", refuse)
    plan = made(given, 10, monkeypatch, Cost(0.1, 0.1, 4), usual=300)
    assert not of(plan, QUICK).tried
    assert "7" in of(plan, QUICK).why
    assert of(plan, SCRATCH).tried
    with pytest.raises(InputError, match="nothing can be tried: quick: it takes 1 or 3 channels"):
        made(given, "quick", monkeypatch, Cost(0.1, 0.1, 4), usual=300)


def test_plan_json_is_read_back_as_it_was(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made(given, 20, monkeypatch, Cost(0.5, 1.0, 10), usual=800)
    again = Plan.from_dict(plain(plan.to_dict()))
    assert again.candidates == plan.candidates
    assert (again.made, again.minutes) == (plan.made, plan.minutes)
    for broken in ({}, {"made": {}, "fingerprint": {}, "decisions": [], "candidates": [{"name": "quick"}]}):
        with pytest.raises(ValueError, match="no plan"):
            Plan.from_dict(broken)
    strange = plain(plan.to_dict())
    strange["candidates"][0]["name"] = "../other"
    with pytest.raises(ValueError, match="candidates that there are not"):
        Plan.from_dict(strange)


def test_reasons_why_nothing_can_be_tried_are_one_sentence(tmp_path: Path) -> None:
    frame = pandas.read_csv(make_table(tmp_path / "data")).iloc[[0, 2, 4, 6]]
    frame.to_csv(tmp_path / "data" / "four.csv", index=False)
    given = {"table": str(tmp_path / "data" / "four.csv"), "image": "path", "label": "age", "group": "patient"}
    with pytest.raises(InputError) as error:
        medgauge.plan(**given, budget="quick", changes={"data.cache": str(tmp_path / "cache")})
    few = "train: has 3 labelled cases of 3 groups, needs 8 cases of 2 groups at least; give it more cases; scratch: "
    assert few in str(error.value)
    assert ".;" not in str(error.value)
