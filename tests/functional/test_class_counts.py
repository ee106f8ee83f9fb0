"""Counts of findings and weights by their effective number."""

import math

import pytest
import torch

from medgauge.functional.class_counts import effective_number_weights, label_counts


def test_counts_leave_missing_labels_out() -> None:
    label = torch.tensor([[1.0, math.nan, 0.0], [1.0, math.nan, 0.0], [0.0, math.nan, 1.0], [math.nan, math.nan, 0.0]])
    present, absent = label_counts(label)
    assert present.tolist() == [2.0, 0.0, 1.0]
    assert absent.tolist() == [1.0, 0.0, 3.0]


def test_weights_are_those_of_the_equation() -> None:
    counts = [1, 42, 2420, 0]
    raw = [(1 - 0.9999) / (1 - 0.9999**count) for count in counts[:3]]
    found = effective_number_weights(torch.tensor(counts, dtype=torch.float64))
    assert found.tolist() == pytest.approx([3 * one / sum(raw) for one in raw] + [0.0], rel=1e-12)


def test_no_counts_weigh_nothing() -> None:
    assert effective_number_weights(torch.zeros(2, dtype=torch.float64)).tolist() == [0.0, 0.0]


def test_equal_counts_weigh_one() -> None:
    assert effective_number_weights(torch.full((3,), 7.0, dtype=torch.float64)).tolist() == pytest.approx([1.0] * 3)
