"""What is shown of a target against its better baseline: by a loop over draws, and the reasons one by one."""

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from medgauge.core.task import Observed
from medgauge.evaluation.figures import Judged
from medgauge.evaluation.shown import shown_block, training_reasons, with_reasons
from medgauge.metrics.crossed import crossed_draws
from medgauge.tasks.findings import Findings
from medgauge.tasks.settings import HeadSettings
from tests.evaluation.small import judged, scored

NAN = float("nan")


def some(
    *, cases: int, noise: float, seed: int = 0, constant: float = 50.0, alone: float = 30.0, flat: bool = False
) -> dict[str, Any]:
    """Two cases a group; values and covariates are off by ``noise`` and ``alone`` standard deviations of one unit."""
    chance = np.random.default_rng(seed)
    label = 50 + 10 * chance.normal(size=cases)
    miss = constant - label if flat else noise * chance.normal(size=cases)
    beside = label + alone * chance.normal(size=cases)
    baselines = {
        "median": torch.full((cases, 1), constant, dtype=torch.float64),
        "covariates_only": torch.from_numpy(beside)[:, None],
    }
    group = [f"p{case // 2}" for case in range(cases)]
    return {"label": label.tolist(), "miss": miss.tolist(), "group": group, "baselines": baselines}


def shown(given: Mapping[str, Any]) -> dict[str, Any]:
    return shown_block(judged(scored(**given)), 0)


def test_skill_and_interval_are_those_of_a_loop_over_drawn_groups() -> None:
    given = some(cases=60, noise=6)
    given["label"][7] = NAN
    found = shown(given)
    known = [case for case in range(60) if case != 7]
    error = {case: abs(given["miss"][case]) for case in known}
    blind = {case: abs(50 - given["label"][case]) for case in known}
    names, skills = sorted(set(given["group"])), []
    for times in torch.cat([by_group for by_group, _ in crossed_draws(30, 1, draws=1000)]).int().tolist():
        often = dict(zip(names, times, strict=True))
        own = sum(often[given["group"][case]] * error[case] for case in known)
        other = sum(often[given["group"][case]] * blind[case] for case in known)
        skills.append(1 - own / other)
    assert found["baseline"] == "median"
    assert found["skill"] == pytest.approx(1 - sum(error.values()) / sum(blind.values()))
    assert found["ci95"] == pytest.approx(np.quantile(skills, [0.025, 0.975]).tolist())
    assert found["ci95"][0] > 0
    assert (found["verdict"], found["reason"]) == ("shown better than always saying 50", "")


def test_values_that_hardly_differ_are_told_where_the_constant_is_off() -> None:
    """All labels lie 20 above the training median, and the values, one constant, a little nearer than it."""
    label = 50 + np.random.default_rng(0).normal(size=60)
    baselines = {"median": torch.full((60, 1), 30.0, dtype=torch.float64)}
    group = [f"p{case}" for case in range(60)]
    given = {"label": label.tolist(), "miss": (35 - label).tolist(), "group": group, "baselines": baselines}
    found = shown(given)
    assert found["verdict"] == "shown better than always saying 30"
    spread = f"{label.std(ddof=1):.2g}"
    assert found["reason"] == (
        f"yet its values hardly differ: their standard deviation is 0, that of the labels {spread}, so that they tell hardly any "
        "case from another"
    )
    blocks = {"age": {"shown": dict(found)}}
    with_reasons(blocks, ["trained for too short a time"])
    assert blocks["age"]["shown"] == found


def test_the_better_baseline_is_the_one_to_beat() -> None:
    worse = shown(some(cases=60, noise=6, alone=3))
    assert worse["baseline"] == "covariates_only"
    assert worse["verdict"] == "not shown better than the covariates alone"
    assert worse["reason"].startswith("its error, ")
    assert worse["reason"].endswith("that of the covariates alone")
    assert shown(some(cases=60, noise=1, alone=5))["verdict"] == "shown better than the covariates alone"


def test_values_without_knowledge_are_not_shown_better() -> None:
    found = shown(some(cases=200, noise=12, seed=3))
    assert found["verdict"] == "not shown better than always saying 50"
    assert found["skill"] < 0
    assert found["reason"].count(";") == 0


def test_an_interval_around_nothing_says_how_many_groups_would_tell() -> None:
    given = some(cases=44, noise=9.0, seed=5)
    found = shown(given)
    low, _ = found["ci95"]
    assert low < 0 < found["skill"]
    needed = 22 * ((found["skill"] - low) / found["skill"]) ** 2
    assert found["reason"] == (
        f"few cases: to show a skill of {found['skill']:.2f}, about {math.ceil(needed)} groups are needed, and there are 22"
    )


def test_few_groups_have_no_interval_and_nothing_is_shown() -> None:
    found = shown(some(cases=38, noise=1))
    assert found["ci95"] == "too few groups"
    assert found["skill"] > 0.8
    assert found["verdict"].startswith("not shown")
    assert found["reason"] == "19 groups with labels are too few for an interval, which needs 20"
    assert shown(some(cases=40, noise=1))["verdict"].startswith("shown")


def test_values_that_hardly_differ_are_told() -> None:
    reason = shown(some(cases=60, noise=0, flat=True))["reason"]
    assert "its values hardly differ: their standard deviation is 0" in reason
    assert reason.startswith("its error, ")


def test_several_constants_and_degenerate_baselines() -> None:
    given = some(cases=60, noise=1)
    given["baselines"]["median"][30:] = 52
    assert shown(given)["verdict"] == "shown better than always saying the training median (50 to 52)"
    given["label"] = [50.0] * 60
    given["baselines"]["median"][:] = 50
    found = shown(given)
    assert math.isnan(found["skill"])
    assert found["reason"] == "always saying 50 makes no error on these cases"
    given["label"][0] = 60.0
    found = shown(given)
    assert all(map(math.isnan, found["ci95"]))
    assert found["reason"].endswith("too few groups have labels of which always saying 50 is wrong")


def test_no_labels_and_no_baselines() -> None:
    given = some(cases=60, noise=1)
    given["label"] = [NAN] * 60
    found = shown(given)
    assert (found["verdict"], found["reason"]) == ("not shown better than always saying 50", "no case has a label")
    given["baselines"] = {}
    assert shown(given) == {}


def test_blocks_have_it_for_cases_and_for_groups_and_whatever_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgauge.evaluation.figures.bootstrap_interval", lambda *_, **__: "left out")
    of = scored(**some(cases=60, noise=6))
    with_intervals = of.blocks(seed=4, by_group=True)[of.task.columns[0]]
    without = of.blocks(seed=None)[of.task.columns[0]]
    assert with_intervals["shown"] == without["shown"]
    groups = with_intervals["by_group_mean"]
    assert isinstance(groups, dict)
    assert groups["shown"]["verdict"] == "shown better than always saying 50"
    assert groups["shown"]["skill"] != without["shown"]["skill"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("trainings", "words"),
    [
        ([{"steps": 60, "best_step": 6}], ["validation did not improve after step 6 of 60"]),
        ([{"steps": 60, "best_step": 12}], []),
        ([{"steps": 60, "best_step": 60}], ["validation was best at the last step, so longer training may help"]),
        ([{"steps": 0, "best_step": 0}], []),
        ([], []),
        (
            [{"steps": 60, "best_step": 6}] * 3 + [{"steps": 60, "best_step": 30}],
            ["validation did not improve after the first tenth of the steps in 3 of 4 folds"],
        ),
        ([{"steps": 60, "best_step": 60}] * 2 + [{"steps": 60, "best_step": 30}] * 2, []),
    ],
)
def test_training_explains_where_it_ended_early_or_late(
    trainings: Sequence[Mapping[str, object]], words: list[str]
) -> None:
    assert training_reasons(trainings) == words


def test_reasons_are_added_to_what_is_not_shown_alone() -> None:
    blocks: dict[str, dict[str, Any]] = {
        "a": {
            "shown": {"verdict": "not shown", "reason": "few"},
            "by_group_mean": {"shown": {"verdict": "not shown", "reason": ""}},
        },
        "b": {"shown": {"verdict": "shown", "reason": ""}},
        "space": {},
    }
    with_reasons(blocks, ["late"])
    assert blocks["a"]["shown"]["reason"] == "few; late"
    assert blocks["a"]["by_group_mean"]["shown"]["reason"] == "late"
    assert blocks["b"]["shown"]["reason"] == ""


def findings(present: int, cases: int = 60, sure: float = 0.9) -> dict[str, Any]:
    """What is shown of a finding that ``present`` of the cases have, each read almost rightly."""
    label = torch.zeros(cases, 1, dtype=torch.float64)
    label[:present] = 1
    value = sure * label + (1 - sure) / 2
    task = Findings.make(["edema"], HeadSettings(), "none").fit(torch.tensor([[0.0], [1.0]] * 20).double(), None)
    names = [f"p{row:02d}" for row in range(cases)]
    observed = Observed(value, label, names)
    readings: Any = SimpleNamespace(value=value, observed=observed)
    nothing: Any = None
    blind = {"base_rate": torch.full((cases, 1), present / cases, dtype=torch.float64)}
    return shown_block(Judged(task, "logistic", readings, nothing, blind, {}), 0)


def test_a_finding_that_few_cases_have_shows_nothing() -> None:
    assert findings(10)["verdict"] == "shown better than always saying 0.1667"
    assert findings(10)["reason"] == ""
    few = findings(9)
    assert few["verdict"].startswith("not shown better")
    assert few["ci95"][0] > 0
    assert few["reason"] == "present in 9 of 60 cases, and fewer than 10 show nothing"
    assert findings(51)["reason"] == "absent in 9 of 60 cases, and fewer than 10 show nothing"


def test_chances_that_are_one_constant_are_told() -> None:
    """The constant of the values is nearer to these labels than that of the training cases."""
    label = torch.tensor([[1.0], [0.0]] * 30).double()
    task = Findings.make(["edema"], HeadSettings(), "none").fit(torch.tensor([[0.0], [1.0]] * 20).double(), None)
    readings: Any = SimpleNamespace(
        value=torch.full_like(label, 0.4), observed=Observed(label, label, [f"p{row:02d}" for row in range(60)])
    )
    nothing: Any = None
    found = shown_block(Judged(task, "logistic", readings, nothing, {"base_rate": torch.full_like(label, 0.1)}, {}), 0)
    assert found["verdict"].startswith("shown better")
    assert found["reason"].startswith("yet its values hardly differ")
    assert "hardly" not in str(findings(10, sure=0.1)["reason"])
