"""Spread over several fits."""

from dataclasses import replace
from statistics import stdev

import pytest
import torch

from medgauge.core.evidence import Evidence
from medgauge.core.task import Observed
from medgauge.inference.readings import Readings
from medgauge.metrics.catalogue import AUC, BALANCED, MACRO_AUC, MAE

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


def test_a_figure_is_computed_from_the_values_of_record_or_from_chances() -> None:
    one = readings(None)
    assert torch.equal(one.of_figure(MAE, 0), one.value.double())
    assert torch.equal(one.of_figure(AUC, 0), one.observed.value.double())
    assert not torch.equal(one.of_figure(AUC, 0), one.value.double())
    missing = one.of_figure(MACRO_AUC, 0)
    assert missing.shape == (len(one), 1, 1)
    assert missing.isnan().all()
    chance = torch.rand(len(one), 1, 3, generator=torch.Generator().manual_seed(0))
    known = replace(one, stated={"value": chance})
    assert torch.equal(known.of_figure(MACRO_AUC, 0), chance.double())
    assert known.of_figure(BALANCED, 0).flatten().tolist() == [1.0, 2.0, 1.0]  # the likeliest class
