"""Means over findings and label ranking, beside scikit-learn and a slow loop."""

import numpy as np
import pytest
import sklearn.metrics
import torch

from medgauge.metrics import macro
from medgauge.metrics.macro import enough_positives, macro_by_region, macro_mean, ranking_precision

NAN = float("nan")
FIGURE = {"effusion": 0.8, "mass": 0.6, "hernia": 0.9, "edema": NAN}


def test_a_macro_names_its_columns_and_those_left_out() -> None:
    found = macro_mean(FIGURE, ["effusion", "mass", "edema"])
    assert found.value == pytest.approx(0.7)
    assert found.to_dict() == {
        "value": found.value,
        "columns": ["effusion", "mass"],
        "left_out": ["hernia", "edema"],
    }
    assert np.isnan(macro_mean(FIGURE, []).value)


def test_regions_have_their_own_columns() -> None:
    region = {"effusion": "many", "mass": "many", "hernia": "few", "edema": "few"}
    found = macro_by_region(FIGURE, region, list(FIGURE), ["many", "medium", "few"])
    assert [found[name].columns for name in found] == [("effusion", "mass"), (), ("hernia",)]
    assert found["few"].left_out == ("edema",)


def test_columns_with_enough_present_cases() -> None:
    label = torch.zeros(30, 3)
    label[:10, 0], label[:9, 1], label[:9, 2] = 1, 1, 1
    label[20:, 2] = NAN
    assert enough_positives(label, ["a", "b", "c"]) == ("a",)


def ranked(rows: int = 100, columns: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    label = (torch.rand(rows, columns, generator=chance) < 0.3).double()
    label[0], label[1] = 0, 1
    return torch.rand(rows, columns, generator=chance, dtype=torch.float64).mul(6).round(), label


def test_label_ranking_equals_scikit_learn_with_ties_over_cases_of_both_states(monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, label = ranked()
    both = ((label == 1).any(1) & (label == 0).any(1)).numpy()
    assert 80 < both.sum() < 99
    outside = sklearn.metrics.label_ranking_average_precision_score(label.numpy()[both], prediction.numpy()[both])
    assert ranking_precision(prediction, label) == pytest.approx(outside, rel=1e-12)
    monkeypatch.setattr(macro, "BLOCK", 7 * 36)
    assert ranking_precision(prediction, label) == pytest.approx(outside, rel=1e-12)


def test_label_ranking_leaves_missing_labels_out_of_their_case() -> None:
    prediction, label = ranked()
    holes = torch.rand(label.shape, generator=torch.Generator().manual_seed(2)) < 0.3
    holes[5] = True
    label = label.masked_fill(holes, NAN)
    each = [
        sklearn.metrics.label_ranking_average_precision_score(y[None, ~np.isnan(y)], p[None, ~np.isnan(y)])
        for p, y in zip(prediction.numpy(), label.numpy(), strict=True)
        if (y == 1).any() and (y == 0).any()
    ]
    assert 60 < len(each) < 99
    prediction[5] = NAN  # where no label is
    assert ranking_precision(prediction, label) == pytest.approx(np.mean(each), rel=1e-12)
    assert np.isnan(ranking_precision(prediction * NAN, label))
    assert np.isnan(ranking_precision(prediction, label * NAN))
    assert np.isnan(ranking_precision(prediction, torch.zeros_like(label)))
    with pytest.raises(ValueError, match="one shape"):
        ranking_precision(prediction, label[1:])
