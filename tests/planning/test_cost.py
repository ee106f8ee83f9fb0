"""What training takes: the arithmetic of steps and seconds, and a measurement that leaves nothing behind."""

from pathlib import Path

import pytest
import torch

from medgauge.core.display import Display
from medgauge.fitting.parts import build_parts
from medgauge.fitting.stamp import make_recipe
from medgauge.planning.cost import EACH, Cost, measure
from medgauge.study import load_study
from tests.fitting.small_study import COLUMNS, SMALL, make_table


@pytest.mark.parametrize(("step", "reading", "evaluations"), [(0.1, 2.0, 10), (3.0, 0.5, 1), (0.007, 0.0, 4)])
def test_steps_are_the_most_that_fit_into_the_seconds(step: float, reading: float, evaluations: int) -> None:
    cost = Cost(step, reading, evaluations)
    for seconds in (50.0, 300.0, 1234.5):
        steps = cost.steps(seconds)
        by_hand = lambda n: n * step + reading * (evaluations + 1) + EACH  # noqa: E731
        assert by_hand(steps) <= seconds + 1e-6 < by_hand(steps + 1) + 2e-6
        assert cost.seconds(steps) == pytest.approx(by_hand(steps))


def test_no_time_is_no_steps() -> None:
    assert Cost(1.0, 5.0, 10).steps(60.0) == 0
    assert Cost(1.0, 5.0, 10).steps(-10.0) == 0


def test_a_measurement_is_above_zero_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(tmp_path / "data")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    named = {f"data.{name}": value if name != "label" else [value] for name, value in COLUMNS.items()}
    changes = {**SMALL, **named, "data.table": str(table), "data.cache": str(tmp_path / "cache")}
    study = load_study(make_recipe(None, changes=changes))
    before = {name: value.clone() for name, value in build_parts(study).model.state_dict().items()}
    cost = measure(study, Display(False))
    assert 0 < cost.step < 5
    assert cost.reading > 0
    assert cost.evaluations == 1
    after = build_parts(study).model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert list((tmp_path / "here").iterdir()) == []
