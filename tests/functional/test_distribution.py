"""Labels as distributions over bins, against SciPy's normal."""

import numpy as np
import pytest
import torch
from scipy import stats

from medgauge.functional.distribution import bin_centres, bin_masses, check_bins, expected_value


def test_masses_are_scipys_renormalised() -> None:
    label = torch.tensor([[0.3], [-3.9], [2.0]], dtype=torch.float64)
    edges = np.linspace(-4, 4, 41)
    wanted = np.diff(stats.norm(label.numpy(), 0.15).cdf(edges[None]), axis=1)
    wanted /= wanted.sum(1, keepdims=True)
    np.testing.assert_allclose(bin_masses(label, -4, 4, 40, 0.15)[:, 0].numpy(), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("label", [-60.0, -4.0, 4.0, 1e4])
def test_a_label_beyond_the_bins_is_in_the_outermost(label: float) -> None:
    for dtype in (torch.float32, torch.float64):
        masses = bin_masses(torch.tensor([[label]], dtype=dtype), -4, 4, 40, 0.15)[0, 0]
        assert masses.sum().item() == pytest.approx(1, rel=1e-6)
        assert int(masses.argmax()) == (0 if label < 0 else 39)


def test_masses_mirror_and_missing_labels_stay_missing() -> None:
    label = torch.tensor([[0.7, float("nan")]], dtype=torch.float64)
    masses = bin_masses(label, -4, 4, 40, 0.15)
    torch.testing.assert_close(
        masses[:, :1].flip(-1), bin_masses(-label[:, :1], -4, 4, 40, 0.15), rtol=1e-9, atol=1e-14
    )
    assert masses[0, 1].isnan().all()


def test_the_expected_value_is_the_mean_of_the_centres() -> None:
    assert bin_centres(-1, 1, 4) == (-0.75, -0.25, 0.25, 0.75)
    logits = torch.log(torch.tensor([[[0.1, 0.2, 0.3, 0.4]]], dtype=torch.float64))
    assert expected_value(logits, -1, 1).item() == pytest.approx(-0.075 - 0.05 + 0.075 + 0.3)


def test_bins_must_rise() -> None:
    for ends in ((1.0, 1.0, 4), (0.0, float("inf"), 4), (0.0, 1.0, 1), (0.0, 1.0, 1001)):
        with pytest.raises(ValueError, match="must be"):
            check_bins(*ends)
