"""The predictor of each finding, beside a plain loop."""

import math

import pytest
import torch

from medgauge.inference.records import kept_records, records_of_findings

NAN = float("nan")


def chosen_plainly(errors: dict[str, list[float]], label: list[float], group: list[str], default: str) -> str:
    rows = [row for row, one in enumerate(label) if not math.isnan(one)]
    if min(len({group[row] for row in rows if label[row] == state}) for state in (0, 1)) < 10:
        return default
    best = min(errors, key=lambda name: sum(errors[name][row] for row in rows))
    gaps = [errors[default][row] - errors[best][row] for row in rows]
    mean, sums = sum(gaps) / len(gaps), dict[str, float]()
    for row, gap in zip(rows, gaps, strict=True):
        sums[group[row]] = sums.get(group[row], 0.0) + gap - mean
    count = len(sums)
    spread = math.sqrt(sum(one * one for one in sums.values()) * count / (count - 1)) / len(gaps)
    return best if mean > spread else default


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_a_plain_loop_chooses(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    label = (torch.rand(90, 6, generator=draw) < torch.tensor([0.5, 0.4, 0.3, 0.2, 0.15, 0.05])).double()
    label[torch.rand(90, 6, generator=draw) < 0.1] = NAN
    group = [f"p{row // 2}" for row in range(90)]
    base = torch.rand(90, 6, generator=draw, dtype=torch.float64)
    errors = {name: (base + torch.rand(90, 6, generator=draw) - lower).abs() + label * 0 for name, lower in
              (("kernel", 0.0), ("neighbours", 0.02), ("logistic", 0.1))}  # fmt: skip
    found = records_of_findings(errors, label, group, "kernel")
    by_hand = tuple(
        chosen_plainly(
            {name: one[:, at].tolist() for name, one in errors.items()}, label[:, at].tolist(), group, "kernel"
        )
        for at in range(6)
    )
    assert found == by_hand
    assert len(set(found)) > 1
    assert found[5] == "kernel"


def test_a_difference_within_one_standard_error_keeps_the_default() -> None:
    label, group = torch.tensor([[0.0], [1.0]] * 20), [str(row) for row in range(40)]
    gap = torch.tensor([[1.0], [-1.0]] * 20, dtype=torch.float64)  # standard error 1 / sqrt(39) = 0.160
    for mean, best in ((0.159, "kernel"), (0.161, "head")):
        errors = {"kernel": 2 + gap + mean, "head": torch.full((40, 1), 2.0, dtype=torch.float64)}
        assert records_of_findings(errors, label, group, "kernel") == (best,)


def test_groups_are_what_is_independent() -> None:
    label = torch.tensor([[0.0], [1.0]] * 40)
    gap = (torch.tensor([[1.0], [-1.0]] * 10, dtype=torch.float64)[:, None] * torch.ones(20, 4, 1)).reshape(80, 1)
    errors = {"kernel": 2 + gap + 0.16, "head": torch.full((80, 1), 2.0, dtype=torch.float64)}
    apart, together = [str(row) for row in range(80)], [str(row // 4) for row in range(80)]
    assert records_of_findings(errors, label, apart, "kernel") == ("head",)  # standard error 0.113
    assert records_of_findings(errors, label, together, "kernel") == ("kernel",)  # of 20 groups 0.229


def test_of_fewer_than_ten_groups_with_the_finding_the_default_is_kept() -> None:
    label, group = (torch.arange(60) < 10).double()[:, None], [f"p{row}" for row in range(60)]
    errors = {"kernel": torch.full((60, 1), 2.0).double(), "head": torch.full((60, 1), 1.0).double()}
    assert records_of_findings(errors, label, group, "kernel") == ("head",)
    assert records_of_findings(errors, label, ["p1", *group[1:]], "kernel") == ("kernel",)


def test_only_columns_with_another_predictor_are_kept_by_name() -> None:
    assert kept_records("by fold", ["a", "b"], ["kernel", "by fold"]) == {
        "record": "by fold",
        "records": {"a": "kernel"},
    }
