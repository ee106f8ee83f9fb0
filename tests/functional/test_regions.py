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
