"""Group names as numbers, and means within groups."""

import numpy as np
import torch

from medgauge.metrics.groups import group_codes, group_means, grouping

NAN = float("nan")


def test_the_same_name_has_the_same_code_in_every_list() -> None:
    first, second = group_codes(["10", "9", "10"], ["9", "a", "10"])
    assert first.tolist() == [0, 1, 0]
    assert second.tolist() == [1, 2, 0]


def test_groups_stand_in_the_order_in_which_they_come() -> None:
    names, place = grouping(["z", "a", "z", "b"])
    assert names == ["z", "a", "b"]
    assert place.tolist() == [0, 1, 0, 2]
    assert grouping([])[0] == []


def test_means_leave_missing_values_out() -> None:
    random = np.random.default_rng(0)
    value, code = random.normal(size=(40, 2)), random.integers(0, 5, 40)
    value[random.random((40, 2)) < 0.3] = NAN
    value[code == 3, 1] = NAN
    found = group_means(torch.tensor(value), torch.tensor(code), 6).numpy()
    for group in range(5):
        for target in range(2):
            own = [
                row[target] for row, of in zip(value, code, strict=True) if of == group and row[target] == row[target]
            ]
            np.testing.assert_allclose(found[group, target], sum(own) / len(own) if own else NAN)
    assert np.isnan(found[3, 1])
    assert np.isnan(found[5]).all()
