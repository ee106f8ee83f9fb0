"""A figure on many draws at once beside one draw after the other; what is paired has a narrower difference."""

import numpy as np
import pytest
import torch

from medgauge.metrics import roc_auc
from medgauge.metrics.catalogue import AUC
from medgauge.metrics.comparison import ends
from medgauge.metrics.crossed import crossed_figures, crossed_macro
from medgauge.metrics.findings import drawn_roc_auc


def cases(groups: int = 60, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Two methods, three seeds each, that share most of what they see; three cases a group."""
    chance = torch.Generator().manual_seed(seed)
    count = groups * 3
    label = (torch.rand(count, generator=chance) < 0.3).double()
    shared = label + torch.randn(count, generator=chance, dtype=torch.float64)
    value = shared + 0.2 * torch.randn(2, 3, count, generator=chance, dtype=torch.float64)
    return value.sigmoid(), label, [f"p{row // 3}" for row in range(count)]


def test_many_draws_at_once_are_the_draws_one_after_the_other() -> None:
    value, label, group = cases()
    slow = crossed_figures(roc_auc, value, label, group, draws=60, seed=2)
    fast = crossed_figures(roc_auc, value, label, group, drawn=drawn_roc_auc, draws=60, seed=2)
    assert slow.shape == (60, 2)
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=0)
    partitions = torch.stack([value, value.roll(1, 0)], dim=1)
    slow = crossed_figures(roc_auc, partitions, label, group, draws=30, seed=2)
    torch.testing.assert_close(
        crossed_figures(roc_auc, partitions, label, group, drawn=drawn_roc_auc, draws=30, seed=2),
        slow,
        rtol=1e-12,
        atol=0,
    )


def test_a_draw_without_present_cases_has_no_figure_of_any_method() -> None:
    value, label, group = cases()
    label[:] = 0
    label[3] = 1
    drawn = crossed_figures(roc_auc, value, label, group, drawn=drawn_roc_auc, draws=200)
    none = drawn.isnan()
    assert 0.2 < float(none[:, 0].double().mean()) < 0.55  # e^-1 of the draws lack the group
    assert torch.equal(none[:, 0], none[:, 1])


def test_the_difference_of_methods_that_see_the_same_is_far_narrower_than_either() -> None:
    value, label, group = cases()
    drawn = crossed_figures(roc_auc, value, label, group, drawn=drawn_roc_auc, draws=500)
    width = np.diff(ends(torch.cat([drawn, drawn[:, :1] - drawn[:, 1:]], dim=1)).numpy()).ravel()
    assert width[2] < 0.6 * width[:2].min()


def test_a_macro_is_the_mean_of_the_columns_on_the_same_draws() -> None:
    value, label, group = cases()
    both, labels = torch.stack([value, value.flip(1)], dim=-1), torch.stack([label, label.roll(1)], dim=-1)
    drawn = crossed_macro(AUC, both, labels, group, draws=40, seed=2)
    each = [crossed_figures(roc_auc, both[..., at], labels[:, at], group, draws=40, seed=2) for at in (0, 1)]
    torch.testing.assert_close(drawn, (each[0] + each[1]) / 2, rtol=1e-12, atol=0)


def test_a_macro_leaves_missing_labels_and_columns_without_a_present_case_out() -> None:
    value, label, group = cases()
    both, labels = torch.stack([value, value], dim=-1), torch.stack([label, label], dim=-1)
    labels[::4, 0] = float("nan")
    labels[:, 1] = 0
    drawn = crossed_macro(AUC, both, labels, group, draws=40, seed=2)
    torch.testing.assert_close(
        drawn, crossed_figures(roc_auc, value, labels[:, 0], group, draws=40, seed=2), rtol=1e-12, atol=0
    )


@pytest.mark.slow
def test_the_interval_of_an_auc_covers_the_true_one() -> None:
    chance, held = torch.Generator().manual_seed(0), 0
    true = 0.5 * (1 + float(torch.erf(torch.tensor(0.5))))  # normals one deviation apart
    for study in range(200):
        label = (torch.rand(150, generator=chance) < 0.3).double()
        value = (label + torch.randn(150, generator=chance, dtype=torch.float64))[None, None]
        drawn = crossed_figures(
            roc_auc, value, label, [str(row) for row in range(150)], drawn=drawn_roc_auc, draws=400, seed=study
        )
        low, high = ends(drawn)[0].tolist()
        held += low <= true <= high
    assert 178 <= held <= 199
