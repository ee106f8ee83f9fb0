"""Findings: counts of the training labels, and how frequent each is."""

import math

import pytest
import torch

from medgauge.functional.findings import FindingStrata, check_findings, frequency_regions

NAN = math.nan
LABEL = torch.tensor([[0.0, 1.0], [1.0, NAN], [0.0, 1.0], [NAN, 0.0]])


def test_counts_rates_and_states() -> None:
    strata = FindingStrata.fit(LABEL)
    assert (strata.positives, strata.negatives) == ((1, 2), (2, 1))
    assert strata.rates.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert strata.of(LABEL).tolist() == [[0, 1], [1, -1], [0, 1], [-1, 0]]
    assert strata.regions == ["few", "few"]
    assert FindingStrata.from_dict(strata.to_dict()) == strata


def test_regions_at_their_ends() -> None:
    assert frequency_regions([500, 101, 100, 20, 19, 0]) == ["many", "many", "medium", "medium", "few", "few"]


def test_what_is_no_finding_is_refused() -> None:
    with pytest.raises(ValueError, match="label must be 0 or 1 for findings, got others"):
        FindingStrata.fit(torch.tensor([[0.5]]))
    with pytest.raises(ValueError, match="label must be 2-D"):
        FindingStrata.fit(torch.zeros(3))
    with pytest.raises(ValueError, match="one count for each finding"):
        FindingStrata.from_dict({"positives": [1], "negatives": []})
    check_findings(LABEL, "findings")
