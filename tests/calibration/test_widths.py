"""Coverage and width of intervals, counted by hand."""

import math

import pytest
import scipy.stats
import torch

from medgauge.calibration.widths import interval_block
from medgauge.core.task import Observed

INF, NAN = float("inf"), float("nan")


class Halves:
    """Labels below 10 are many, the others few."""

    names = ("many", "few")

    def of(self, label: torch.Tensor) -> torch.Tensor:
        return (label >= 10).long().masked_fill(label.isnan(), -1)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


LABEL = column(1, 2, 3, 11, 12, NAN)
SAID = {
    "lower": column(0, 0, 4, 10, NAN, 0),
    "upper": column(2, 2, 6, 14, NAN, 9),
    "pieces": torch.tensor([1, 1, 2, 1, 0, 1])[:, None],
    "excess": column(0, 0, 0.5, 0, NAN, 0),
    "covered": torch.tensor([True, True, False, True, False, True])[:, None],
    "in_set": torch.tensor([True, False, False, True, False, True])[:, None],
}


def block(group: list[str], said: dict[str, torch.Tensor] = SAID) -> dict[str, object]:
    return interval_block(said, Observed(LABEL, LABEL, group), Halves(), 0, seed=0)


def test_figures_are_those_of_labelled_cases() -> None:
    found = block([str(row) for row in range(6)])
    assert found["n"] == 5
    assert found["coverage"] == pytest.approx(3 / 5)
    assert (found["drawn"], found["drawn_covered"]) == (5, 3)
    assert found["set_drawn_covered"] == round(5 * found["set_coverage"])
    ends = scipy.stats.binomtest(3, 5).proportion_ci(method="exact")
    assert found["coverage_ci95"] == pytest.approx([ends.low, ends.high])
    assert found["pieces"] == pytest.approx(5 / 5)
    assert found["share_empty"] == pytest.approx(1 / 5)
    assert found["share_infinite"] == 0
    assert found["set_coverage"] == pytest.approx(2 / 5)
    assert found["over_coverage"] == {"length": pytest.approx(0.5 / 4), "coverage": pytest.approx(1 / 5)}
    regions = found["by_region"]
    assert isinstance(regions, dict)
    assert [(name, part["n"], part["coverage"]) for name, part in regions.items()] == [
        ("many", 3, pytest.approx(2 / 3)),
        ("few", 2, pytest.approx(1 / 2)),
    ]
    assert regions["many"]["width"] == pytest.approx(2)


def test_of_each_group_one_case_counts() -> None:
    found = block(["a", "a", "b", "b", "c", "c"])
    assert found["drawn"] == 3
    assert isinstance(found["drawn_covered"], int)
    assert 1 <= found["drawn_covered"] <= 2  # a is covered, c is not, of b one of two is


def test_an_infinite_interval_is_counted() -> None:
    said = SAID | {"lower": SAID["lower"].clone().fill_(-INF), "upper": SAID["upper"].clone().fill_(INF)}
    found = block([str(row) for row in range(6)], said)
    assert found["share_infinite"] == 1
    assert found["width"] == math.inf
    assert found["coverage"] == 1
