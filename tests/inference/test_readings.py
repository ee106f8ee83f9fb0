"""Spread over several fits."""

from statistics import stdev

import pytest
import torch

from medgauge.core.evidence import Evidence
from medgauge.core.task import Observed
from medgauge.inference.readings import Readings

NAN = float("nan")


def readings(fits: torch.Tensor | None) -> Readings:
    none, empty = torch.zeros(3, 1), torch.zeros(0)
    return Readings(
        Observed(none, none, ["a", "b", "c"]), {"value": none + 2}, {"head": none}, torch.ones(3), torch.zeros(3).bool(),
        Evidence(torch.zeros(4).long(), empty.long(), empty, empty[:, None]), none, fits,
    )  # fmt: skip


def test_the_value_is_what_is_stated_not_what_was_observed() -> None:
    assert readings(None).value.flatten().tolist() == [2.0, 2.0, 2.0]
    assert len(readings(None)) == 3


def test_spread_is_the_deviation_of_the_fits_values() -> None:
    assert readings(None).spread is None
    spread = readings(torch.tensor([[[1.0], [4.0], [NAN]], [[2.0], [NAN], [NAN]], [[6.0], [7.0], [3.0]]])).spread
    assert spread is not None
    assert spread.flatten().tolist()[:2] == pytest.approx([stdev([1, 2, 6]), stdev([4, 7])])
    assert bool(spread[2].isnan())
