"""Figures of decisions beside scikit-learn, with missing labels and columns of one value."""

import numpy as np
import pytest
import sklearn.metrics
import torch

from medgauge.metrics.decisions import decision_counts, f1, sensitivity, specificity

NAN = float("nan")


def cases() -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    label = (torch.rand(200, 3, generator=chance) < 0.3).double()
    return torch.rand(200, 3, generator=chance) < 0.2 + 0.4 * label, label.masked_fill(
        torch.rand(200, 3, generator=chance) < 0.2, NAN
    )


def test_equals_scikit_learn_on_labelled_cases() -> None:
    decision, label = cases()
    for column in range(3):
        seen = ~label[:, column].isnan()
        said, truth = decision[seen, column].numpy(), label[seen, column].numpy()
        ours = [figure(decision, label)[column].item() for figure in (f1, sensitivity, specificity)]
        outside = [
            sklearn.metrics.f1_score(truth, said),
            sklearn.metrics.recall_score(truth, said),
            sklearn.metrics.recall_score(1 - truth, ~said),
        ]
        np.testing.assert_allclose(ours, outside, rtol=1e-12)
        counts = sklearn.metrics.confusion_matrix(truth, said)
        found = [int(one[column]) for one in decision_counts(decision, label)]
        assert found == [counts[1, 1], counts[0, 1], counts[1, 0], counts[0, 0]]


def test_what_no_case_can_show_is_nan() -> None:
    decision = torch.tensor([[True, True], [False, False]])
    label = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(f1(decision, label), [NAN, 2 / 3])
    np.testing.assert_allclose(sensitivity(decision, label), [NAN, 0.5])
    np.testing.assert_allclose(specificity(decision, label), [0.5, NAN])


def test_what_does_not_fit_raises() -> None:
    decision, label = cases()
    with pytest.raises(ValueError, match="decision must be bool"):
        f1(decision.double(), label)
    with pytest.raises(ValueError, match="decision must be bool"):
        f1(decision[1:], label)
    with pytest.raises(ValueError, match="label must be 0, 1 or missing"):
        f1(decision, label + 1)
