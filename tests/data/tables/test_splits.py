from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgauge.core.errors import InputError
from medgauge.data.tables.splits import SHARES, SPLITS, given_splits, group_problems, make_splits
from medgauge.data.tables.table import Table, read_table
from tests.data.tables.test_problems import make

SIZES = st.lists(st.integers(1, 9), min_size=4, max_size=60)


def skewed(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Groups of one to four cases with a long-tailed label, alike within a group."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(n), random.integers(1, 5, n))[:n]
    label = random.lognormal(3, 1, n)[group] * random.lognormal(0, 0.1, n)
    return [f"p{number}" for number in group], label[:, None]


def given_table(split: Sequence[str], group: Sequence[str] | None = None) -> Table:
    table = make(np.arange(float(len(split))), None if group is None else list(group))
    return Table(**{**table.__dict__, "split": list(split)})


# drawn splits


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, seed=st.integers(0, 2**31), targets=st.integers(1, 3), gaps=st.booleans())
def test_a_group_is_on_one_side_and_no_split_is_empty(sizes: list[int], seed: int, targets: int, gaps: bool) -> None:
    random = np.random.default_rng(seed)
    group = np.repeat([f"g{number}" for number in range(len(sizes))], sizes)
    label = random.normal(size=(len(group), targets))
    if gaps:
        label[random.random(label.shape) < 0.5] = np.nan
    split = np.array(make_splits(list(group), label, seed=seed))
    assert len(split) == len(group)
    assert set(split) == set(SPLITS)
    assert all(len(set(split[group == name])) == 1 for name in set(group))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), targets=st.integers(1, 3))
def test_order_of_the_cases_does_not_matter(seed: int, targets: int) -> None:
    random = np.random.default_rng(seed)
    group = random.integers(0, 40, 100).astype(str)
    label = random.integers(0, 4, (100, targets)) + 0.1  # many ties, and sums that depend on their order
    label[random.random(label.shape) < 0.2] = np.nan
    order = random.permutation(100)
    split = np.array(make_splits(list(group), label, seed=seed))
    other = np.array(make_splits(list(group[order]), label[order], seed=seed))
    np.testing.assert_array_equal(split[order], other)


def test_seed_decides() -> None:
    group, label = skewed(500)
    first = make_splits(group, label, seed=0)
    assert first == make_splits(group, label, seed=0)
    assert first != make_splits(group, label, seed=1)


@pytest.mark.parametrize("n", [40, 100, 1000])
def test_shares_are_near_what_was_asked(n: int) -> None:
    for seed in range(10):
        group, label = skewed(n, seed)
        count = Counter(make_splits(group, label, seed=seed))
        for name, share in SHARES.items():
            assert abs(count[name] - share * n) <= 5, (seed, count)


def test_one_huge_group_does_not_upset_the_shares() -> None:
    group = ["huge"] * 50 + [str(number) for number in range(50)]
    for seed in range(10):
        split = make_splits(group, np.arange(100.0)[:, None], seed=seed)
        assert split[0] == "train"


def test_each_group_has_the_chance_of_its_share() -> None:
    group = [str(number) for number in range(40)]
    label = np.arange(40.0)[:, None]
    draws = np.array([make_splits(group, label, seed=seed) for seed in range(400)])
    for name, share in SHARES.items():
        often = (draws == name).mean(axis=0)
        assert np.abs(often - share).max() < 4.5 * np.sqrt(share * (1 - share) / 400)


def test_splits_cover_a_skewed_label_alike() -> None:
    """The means of the splits lie closer together than those of splits drawn blindly."""
    blind: list[float] = []
    ours: list[float] = []
    for seed in range(20):
        group, label = skewed(600, seed)
        flat = np.zeros_like(label)
        for found, values in ((ours, label), (blind, flat)):
            split = np.array(make_splits(group, values, seed=seed))
            found.append(np.std([np.log(label[split == name, 0]).mean() for name in SPLITS]))
    assert np.mean(ours) < 0.3 * np.mean(blind)


def test_rare_grades_reach_every_split() -> None:
    label = np.repeat([0.0, 1, 2, 3, 4], [600, 200, 100, 60, 40])[:, None]
    split = np.array(make_splits([str(row) for row in range(1000)], label, seed=0))
    for grade, n in zip(range(5), (600, 200, 100, 60, 40), strict=True):
        for name, share in SHARES.items():
            assert abs(((label[:, 0] == grade) & (split == name)).sum() - share * n) <= 2


def test_unlabelled_groups_are_spread_too() -> None:
    label = np.where(np.arange(200) % 10, 5.0, np.nan)[:, None]
    for seed in range(5):
        split = np.array(make_splits([str(row) for row in range(200)], label, seed=seed))
        count = Counter(split[np.isnan(label[:, 0])])
        assert all(abs(count[name] - 20 * share) <= 1 for name, share in SHARES.items())


@pytest.mark.parametrize("label", [np.full((50, 1), np.nan), np.ones((50, 2)), np.full((50, 2), np.nan)])
def test_labels_that_say_nothing_still_split(label: np.ndarray) -> None:
    count = Counter(make_splits([str(row) for row in range(50)], label, seed=0))
    assert count == {"train": 30, "val": 5, "calibration": 5, "test": 10}


def test_shares_can_be_set_and_some_left_out() -> None:
    group, label = skewed(500)
    count = Counter(make_splits(group, label, shares={"val": 0.25, "train": 0.75}, seed=0))
    assert set(count) == {"train", "val"}
    assert abs(count["val"] - 125) <= 5
    shares = {"train": 0.8, "val": 0.1, "calibration": 0.0, "test": 0.1}
    assert set(make_splits(group, label, shares=shares, seed=0)) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("shares", "part"),
    [
        ({"train": 0.6, "val": 0.1}, r"must be 0 or more and sum to 1, got train 0.6, val 0.1 \(sum 0.7\)"),
        ({"train": 1.2, "val": 0.1, "test": -0.3}, "must be 0 or more"),
        ({"train": 0.9, "test": 0.1}, "the shares of train and val must be above 0"),
        ({"val": 0.9, "test": 0.1}, "the shares of train and val must be above 0"),
        ({"train": 0.9, "valid": 0.1}, r"there is no split 'valid' \(did you mean 'val'\?\)"),
        ({"train": float("nan"), "val": 0.1}, "must be 0 or more"),
    ],
)
def test_wrong_shares_are_refused(shares: dict[str, float], part: str) -> None:
    with pytest.raises(InputError, match=part):
        make_splits(["a", "b"], np.ones((2, 1)), shares=shares, seed=0)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        make_splits(["a"] * 9, np.arange(9.0)[:, None], seed=0)
    assert str(caught.value) == (
        "the table has 1 group, and splitting by group into train, val, calibration and test needs at least 4; "
        "give more groups, or fewer splits (a share of 0)."
    )
    with pytest.raises(InputError, match="has 3 groups"):
        make_splits(["a", "b", "c"], np.arange(3.0)[:, None], seed=0)


def test_a_test_seed_keeps_the_test_split_while_the_others_change() -> None:
    group, label = skewed(400)
    first, second = (np.array(make_splits(group, label, seed=seed, test_seed=7)) for seed in (0, 1))
    assert np.array_equal(first == "test", second == "test")
    for name in ("train", "val", "calibration"):
        assert not np.array_equal(first == name, second == name)
    other = np.array(make_splits(group, label, seed=0, test_seed=8))
    assert not np.array_equal(first == "test", other == "test")


@pytest.mark.parametrize("seed", range(5))
def test_a_test_seed_keeps_groups_whole_and_shares_near(seed: int) -> None:
    group, label = skewed(600, seed)
    split = np.array(make_splits(group, label, seed=seed, test_seed=0))
    for name in set(group):
        assert len(set(split[np.array(group) == name])) == 1
    for name, share in SHARES.items():
        assert abs((split == name).sum() - share * len(group)) <= 8
        assert abs(np.nanmedian(label[split == name]) - np.nanmedian(label)) < 0.35 * np.nanstd(label)


def test_without_a_test_share_the_test_seed_changes_nothing() -> None:
    group, label = skewed(100)
    shares = {"train": 0.8, "val": 0.2}
    assert make_splits(group, label, shares=shares, seed=3, test_seed=9) == make_splits(
        group, label, shares=shares, seed=3
    )


def test_splits_are_these() -> None:
    """Splits of earlier runs must not change unseen."""
    group = [str(row // 2) for row in range(40)]
    split = make_splits(group, (np.arange(40.0) % 7)[:, None], seed=0)
    assert "".join(str(SPLITS.index(name)) for name in split[::2]) == "01003210200000030303"


def test_hc18_by_examination() -> None:
    table, _ = read_table("bundled:hc18", image=None, label=["hc_mm"], group="patient_id")
    split = np.array(make_splits(table.group, table.label, seed=0))
    assert group_problems(table.group, list(split), table.id) == []
    for name, share in SHARES.items():
        rows = split == name
        assert abs(rows.mean() - share) < 0.01
        assert abs(table.label[rows].mean() - table.label.mean()) < 3  # mm; the spread is 65


# given splits


def test_without_a_column_or_resplit_the_splits_are_drawn() -> None:
    table = make(np.arange(50.0))
    drawn = make_splits(table.group, table.label, seed=3)
    assert given_splits(table, seed=3) == (drawn, [])
    odd = given_table(["whatever"] * 50)
    assert given_splits(odd, resplit=True, seed=3) == (drawn, [])


def test_val_becomes_test_and_val_and_calibration_are_cut_from_train() -> None:
    given = ["train"] * 80 + ["val"] * 20
    split, problems = given_splits(given_table(given), seed=0)
    assert problems == []
    assert split[80:] == ["test"] * 20
    assert Counter(split[:80]) == {"train": 60, "val": 10, "calibration": 10}


def test_cutting_keeps_groups_whole() -> None:
    group = [str(row // 4) for row in range(100)]
    split, problems = given_splits(given_table(["train"] * 80 + ["val"] * 20, group), seed=0)
    assert problems == []
    assert group_problems(group, split, group) == []
    assert set(split) == set(SPLITS)


def test_only_calibration_is_cut_when_val_and_test_are_given() -> None:
    given = ["train"] * 70 + ["val"] * 10 + ["test"] * 20
    split, _ = given_splits(given_table(given), seed=0)
    assert split[70:] == given[70:]
    assert Counter(split[:70]) == {"train": 60, "calibration": 10}
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    assert given_splits(given_table(given), shares=shares, seed=0)[0] == given


def test_val_is_cut_when_only_test_is_given() -> None:
    split, _ = given_splits(given_table(["train"] * 80 + ["test"] * 20), seed=0)
    assert Counter(split) == {"train": 60, "val": 10, "calibration": 10, "test": 20}


def test_what_is_given_in_full_is_used_as_it_is() -> None:
    given = ["test", "train", "val", "calibration"] * 5
    assert given_splits(given_table(given), seed=0) == (given, [])
    given = ["train", "val", "calibration"] * 5
    assert given_splits(given_table(given), seed=0) == (given, [])


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (["train", "Valid", "x"], r"holds 'Valid', 'x' \(first on line 3\); did you mean 'val'\?"),
        (["train", ""], r"holds '' \(first on line 3\); it may hold train, val, calibration and test"),
        (["train", "train"], "holds only train; it must hold train and val"),
        (["val", "test"], "holds only val and test; it must hold train"),
    ],
)
def test_columns_that_cannot_be_used(given: list[str], part: str) -> None:
    with pytest.raises(InputError, match=part):
        given_splits(given_table(given), seed=0)


def test_a_train_split_of_too_few_groups_cannot_be_cut() -> None:
    with pytest.raises(InputError, match="cutting val and calibration from the given train split: the table has 2 gr"):
        given_splits(given_table(["train", "train", "val", "val"]), seed=0)


def test_groups_on_two_sides_are_named_with_their_cases() -> None:
    given = ["train", "val", "train", "test", "train"] + ["train"] * 10
    group = ["p", "p", "q", "q", "q"] + [f"r{number}" for number in range(10)]
    _, problems = given_splits(given_table(given, group), seed=0)
    assert [str(problem) for problem in problems] == [
        "group p: is on both sides of a split: train (case c0) and val (case c1)",
        "group q: is on both sides of a split: train (cases c2, c4) and test (case c3)",
    ]
    assert {problem.kind for problem in problems} == {"group"}
