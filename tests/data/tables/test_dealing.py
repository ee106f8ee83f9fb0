import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from medgauge.data.tables.dealing import deal_states, group_states
from medgauge.data.tables.folds import fold_splits, part_by_folds
from medgauge.data.tables.splits import SHARES, make_folds, make_splits

STATES = range(12)


def rare(seed: int, patients: int = 300) -> tuple[list[str], np.ndarray]:
    """Patients with one to six images and twelve findings, of one patient in two to one in two hundred."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(patients), random.integers(1, 7, patients))
    often = random.random((patients, 12)) < np.geomspace(0.005, 0.5, 12)
    label = (often[group] & (random.random((len(group), 12)) < 0.7)).astype(float)
    return [f"p{number}" for number in group], label


def positive_groups(group: list[str], label: np.ndarray, part: list[str] | list[int], name: str | int) -> np.ndarray:
    """Groups of a part with each finding, counted one by one."""
    rows = [row for row, of in enumerate(part) if of == name]
    return np.array([len({group[row] for row in rows if label[row, column] == 1}) for column in range(label.shape[1])])


def farthest(group: list[str], label: np.ndarray, part: list[str], shares: dict[str, float]) -> np.ndarray:
    """How far each finding's positive groups are from their share, in the part where they are farthest."""
    whole = positive_groups(group, label, ["all"] * len(group), "all")
    return np.stack(
        [np.abs(positive_groups(group, label, part, name) - share * whole) for name, share in shares.items()]
    ).max(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_each_split_has_its_share_of_the_positive_groups_of_each_finding(seed: int) -> None:
    group, label = rare(seed)
    split = make_splits(group, label, seed=seed, states=STATES)
    assert len({(of, name) for of, name in zip(group, split, strict=True)}) == len(set(group))
    assert (farthest(group, label, split, dict(SHARES)) <= 1).mean() > 0.9
    assert farthest(group, label, split, dict(SHARES)).max() < 2
    random = np.random.default_rng(seed)
    drawn = {name: str(random.choice(list(SHARES), p=list(SHARES.values()))) for name in sorted(set(group))}
    assert farthest(group, label, [drawn[name] for name in group], dict(SHARES)).max() > 4


def test_folds_of_chest_x_rays_have_their_share_of_every_finding(shared: Path) -> None:
    with open(shared / "data/nih_cxr1000/labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    findings = list(rows[0])[9:]
    assert len(findings) == 14
    group, label = (
        [row["patient_id"] for row in rows],
        np.array([[float(row[name]) for name in findings] for row in rows]),
    )
    equal = dict.fromkeys(map(str, range(5)), 0.2)
    for seed in range(4):
        folds = [str(fold) for fold in make_folds(group, label, folds=5, seed=seed, states=range(14))]
        assert farthest(group, label, folds, equal).max() <= 1
        split = make_splits(group, label, seed=seed, states=range(14))
        assert (farthest(group, label, split, dict(SHARES)) <= 1).mean() > 0.9
        assert farthest(group, label, split, dict(SHARES)).max() < 1.5
        as_amounts = make_splits(group, label, seed=seed)
        assert farthest(group, label, as_amounts, dict(SHARES)).max() > 2


def test_the_one_group_with_a_finding_is_trained_on_and_two_are_apart() -> None:
    group = [str(number) for number in range(40)]
    label = np.zeros((40, 2))
    label[7, 0] = label[[3, 30], 1] = 1
    for seed in range(10):
        split = make_splits(group, label, seed=seed, states=(0, 1))
        assert split[7] == "train"
        assert split[3] != split[30] or {split[3], split[30]} == {"train"}
        folds = make_folds(group, label, folds=2, seed=seed, states=(0, 1))
        assert folds[3] != folds[30]


def test_rare_negatives_are_spread_too() -> None:
    label = np.ones((100, 1))
    label[::10] = 0
    folds = np.array(make_folds(list(map(str, range(100))), label, folds=5, seed=0, states=(0,)))
    assert all(np.sum(folds[::10] == fold) == 2 for fold in range(5))


def test_classes_are_states_and_numbers_beside_them_are_spread_too() -> None:
    random = np.random.default_rng(0)
    group = list(map(str, range(400)))
    label = np.stack(
        [random.choice([0.0, 1.0, 2.0, 3.0], 400, p=[0.7, 0.2, 0.07, 0.03]), random.lognormal(3, 1, 400)], axis=1
    )
    folds = np.array(make_folds(group, label, folds=4, seed=1, states=(0,)))
    for value in np.unique(label[:, 0]):
        counts = [np.sum(label[folds == fold, 0] == value) for fold in range(4)]
        assert max(counts) - min(counts) <= 2
    quarters = np.argsort(np.argsort(label[:, 1])) // 100
    counts = np.array([[np.sum(quarters[folds == fold] == quarter) for quarter in range(4)] for fold in range(4)])
    assert abs(counts - 25).max() <= 4


def test_missing_labels_are_no_state() -> None:
    codes, label = np.array([0, 0, 1, 2]), np.array([[np.nan], [1.0], [0.0], [np.nan]])
    has = group_states(codes, label, np.full(3, np.nan), 2)
    np.testing.assert_array_equal(has, [[False, True], [True, False], [False, False]])


def test_scores_are_cut_into_strata_of_at_least_so_many_groups() -> None:
    score = np.array([3.0, 1.0, np.nan, 2.0, 0.0])
    has = group_states(np.arange(5), np.zeros((5, 0)), score, 2)
    np.testing.assert_array_equal(has, [[False, True], [True, False], [False, True], [True, False], [True, False]])


def test_the_order_of_the_cases_does_not_matter_and_the_seed_decides() -> None:
    group, label = rare(3, 80)
    label[np.random.default_rng(0).random(label.shape) < 0.3] = np.nan
    order = np.random.default_rng(1).permutation(len(group))
    split = np.array(make_splits(group, label, seed=1, states=STATES))
    turned = make_splits([group[row] for row in order], label[order], seed=1, states=STATES)
    np.testing.assert_array_equal(split[order], turned)
    assert list(split) != make_splits(group, label, seed=2, states=STATES)


def test_every_group_has_its_chance_of_every_part() -> None:
    group, label = [str(number) for number in range(30)], np.zeros((30, 1))
    label[:9] = 1
    drawn = np.array([make_folds(group, label, folds=3, seed=seed, states=(0,)) for seed in range(300)])
    share = np.stack([(drawn == fold).mean(axis=0) for fold in range(3)])
    assert abs(share - 1 / 3).max() < 0.13  # four and a half standard errors


def test_no_side_stays_empty() -> None:
    side = deal_states(np.ones((4, 1), dtype=bool), np.array([100, 1, 1, 1]), np.array([0.7, 0.1, 0.1, 0.1]))
    assert set(side.tolist()) == {0, 1, 2, 3}


def test_folds_and_their_train_and_val_share_out_states_alike() -> None:
    group, label = rare(0)
    parts = part_by_folds(["train"] * len(group), group, label, folds=3, seed=0, states=STATES)
    split = fold_splits(parts, 0, group, label, shares=SHARES, seed=0, states=STATES)
    rest = [row for row, name in enumerate(split) if name != "test"]
    cut = [split[row] for row in rest]
    far = farthest([group[row] for row in rest], label[rest], cut, {"train": 6 / 7, "val": 1 / 7})
    assert far.max() <= 1.5
    assert (far <= 1).mean() > 0.9


def test_a_test_split_of_its_own_seed_stays() -> None:
    group, label = rare(1, 60)
    one, other = (
        [name == "test" for name in make_splits(group, label, seed=seed, test_seed=5, states=STATES)] for seed in (0, 1)
    )
    assert one == other


def test_splits_without_states_are_the_bytes_that_they_were() -> None:
    random = np.random.default_rng(5)
    group = [f"p{number}" for number in random.integers(0, 60, 200)]
    label = random.normal(size=(200, 2)).round(2)
    label[random.random(label.shape) < 0.2] = np.nan
    found = [*make_splits(group, label, seed=3), *make_splits(group, label[:, :1], seed=3, test_seed=4)]
    found += [str(fold) for fold in make_folds(group, label, folds=3, seed=2)]
    digest = "def9b7169d7b8a08cbd90a1884f2eb7c39200aaf9847dbd27b7ee192181da0c8"  # of the code before there were states
    assert hashlib.sha256(" ".join(found).encode()).hexdigest() == digest
