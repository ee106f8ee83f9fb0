"""Label regions where samplers find them; what they hold is tested with the metrics."""

import pytest
import torch

from medgauge import metrics
from medgauge.functional import regions
from medgauge.functional.regions import MISSING, REGION_NAMES, LabelRegions, region_codes


def test_metrics_name_the_same_things() -> None:
    for name in ("LabelRegions", "region_codes", "REGION_NAMES"):
        assert getattr(metrics, name) is getattr(regions, name)


def test_codes_of_several_targets() -> None:
    first = torch.tensor([0.0] * 5 + [1.0, 2.0, 3.0, 9.0, 12.0])
    label = torch.stack([first, -first], dim=1)
    label[0, 1] = torch.nan
    fitted = [LabelRegions.fit(label[:, target]) for target in range(2)]
    code = region_codes(label, fitted)
    for target in range(2):
        assert torch.equal(code[:, target], fitted[target].of(label[:, target]))
    assert code[:, 0].tolist() == sorted(code[:, 0].tolist())  # the further from the heap, the rarer
    assert code[8:, 0].tolist() == [2, 2]
    assert code[0, 1] == MISSING
    assert {int(part) for part in code.unique()} - {MISSING} == set(range(len(REGION_NAMES)))
    with pytest.raises(ValueError, match="one a target, got 1"):
        region_codes(label, [LabelRegions.fit(first)])


@pytest.mark.parametrize(
    ("points", "bandwidth", "many", "medium", "said"),
    [
        ([1.0, 2.0], 1e300, 0.2, 0.1, "bandwidth must be 0 or from 1e-150 to 1e150, got 1e"),
        ([1.0, 2.0], 1e-200, 0.2, 0.1, "bandwidth must be"),
        ([1.0, 2.0], -1.0, 0.2, 0.1, "bandwidth must be"),
        ([1.0, 2.0], float("nan"), 0.2, 0.1, "bandwidth must be"),
        ([1.0, 2.0], 1.0, 0.1, 0.2, "many_threshold >= medium_threshold"),
        ([1.0, 2.0], 1.0, float("nan"), 0.1, "many_threshold >= medium_threshold"),
        ([2.0, 1.0], 1.0, 0.2, 0.1, "points must be one or more finite labels in rising order"),
        ([], 1.0, 0.2, 0.1, "points must be"),
        ([1.0, float("inf")], 1.0, 0.2, 0.1, "points must be"),
    ],
)
def test_regions_that_are_none_are_refused(
    points: list[float], bandwidth: float, many: float, medium: float, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        LabelRegions(torch.tensor(points, dtype=torch.float64), bandwidth, many, medium)
