"""The label line in pieces: equal to the density's own regions, at every training label and between them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.calibration import LabelPartition
from medgauge.functional.densities import gaussian_density
from medgauge.metrics import LabelRegions


def _drawn(kind: str) -> Tensor:
    chance = np.random.default_rng(0)
    labels = {
        "normal": chance.normal(size=400),
        "skewed": chance.gamma(2.0, 1.0, 400) * 30 + 20,
        "two heaps": np.concatenate([chance.normal(0, 1, 250), chance.normal(9, 2, 150)]),
        "whole numbers": chance.integers(0, 5, 300),
        "grades": np.repeat(np.arange(5), [180, 60, 30, 12, 4]),
        "even": np.arange(500) % 101,
        "offset": 1e9 + chance.normal(size=300),
        "outlier": np.append(chance.normal(size=300), 1e6),
        "two labels": np.array([1.0, 2.0]),
        "two values": np.repeat([1.0, 2.0], [3, 50]),
        "one label": np.ones(3),
    }
    return torch.tensor(labels[kind], dtype=torch.float64)


KINDS = (
    "normal", "skewed", "two heaps", "whole numbers", "grades", "even", "offset", "outlier", "two labels", "two values",
    "one label",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_label_has_the_region_that_its_density_gives(kind: str) -> None:
    label = _drawn(kind)
    regions = LabelRegions.fit(label)
    partition = LabelPartition.of_regions(regions)
    assert torch.equal(partition.of(label), regions.of(label))
    wide = float(label.max() - label.min()) + 1
    between = torch.linspace(float(label.min()) - 0.1 * wide, float(label.max()) + 0.1 * wide, 20_001).double()
    assert torch.equal(partition.of(between), regions.of(between))
    assert set(partition.codes) <= {0, 1, 2}
    assert all(one != other for one, other in zip(partition.codes, partition.codes[1:], strict=False))


@pytest.mark.parametrize("kind", ["skewed", "two heaps", "grades", "offset"])
def test_a_piece_starts_at_the_very_number_where_the_region_changes(kind: str) -> None:
    label = _drawn(kind)
    regions = LabelRegions.fit(label)
    partition = LabelPartition.of_regions(regions)
    starts = torch.tensor(partition.starts, dtype=torch.float64)
    before = torch.nextafter(starts, torch.tensor(-math.inf).double())
    assert partition.of(starts).tolist() == list(partition.codes[1:])
    assert partition.of(before).tolist() == list(partition.codes[:-1])
    width = 1e-6 * regions.bandwidth  # far enough for rounding not to make the density waver
    for place, codes in ((starts + width, partition.codes[1:]), (starts - width, partition.codes[:-1])):
        assert regions.of(place).tolist() == list(codes)


def test_a_narrow_piece_about_a_training_label_is_found() -> None:
    heaps = torch.tensor([0.0, 1.1, 2.0137, 3.07, 4.3], dtype=torch.float64)
    points = heaps.repeat_interleave(torch.tensor([9, 7, 5, 3, 2]))
    bandwidth = 0.125  # so narrow that the heap itself is the top of its hill
    threshold = float(gaussian_density(points, heaps[2:3], bandwidth)) * (1 - 1e-9)
    partition = LabelPartition.of_regions(LabelRegions(points, bandwidth, threshold, threshold / 3))
    assert partition.of(heaps).tolist() == [0, 0, 0, 1, 1]
    first, last = partition.bounds
    held = [high - low for low, high in zip(first.tolist(), last.tolist(), strict=True) if low <= 2.0137 <= high]
    assert 0 < held[0] < bandwidth / 1024  # narrower than the finest cell


def test_the_whole_line_is_covered_once() -> None:
    partition = LabelPartition.of_regions(LabelRegions.fit(_drawn("two heaps")))
    first, last = partition.bounds
    assert first[0] == -math.inf
    assert last[-1] == math.inf
    assert torch.equal(torch.nextafter(last[:-1], torch.tensor(math.inf).double()), first[1:])
    assert partition.codes[0] == partition.codes[-1] == 2
    assert partition.of(torch.tensor([math.nan, -math.inf, math.inf])).tolist() == [-1, 2, 2]


def test_pieces_that_make_no_sense_raise() -> None:
    with pytest.raises(ValueError, match="rising"):
        LabelPartition((1.0, 1.0), (0, 1, 0))
    with pytest.raises(ValueError, match="one code more"):
        LabelPartition((1.0,), (0,))
    with pytest.raises(ValueError, match=r"codes must be in 0\.\.2"):
        LabelPartition((1.0,), (0, 3))
