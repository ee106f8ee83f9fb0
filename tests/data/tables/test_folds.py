import re
from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource
from medgauge.data.tables.folds import KEPT_OUT, fold_name, fold_splits, holdout_splits, parse_holdout, part_by_folds
from medgauge.data.tables.splits import SHARES, make_folds
from medgauge.data.tables.subgroups import check_subgroup_names, subgroup_values
from medgauge.data.tables.table import Table

random = np.random.default_rng(0)
CODE = random.integers(0, 60, 200)
GROUP = [f"g{number:02d}" for number in CODE]
LABEL = (10 * random.normal(size=60))[CODE][:, None]


def make_table(site: list[str], group: list[str]) -> Table:
    n = len(site)
    ids = [str(row) for row in range(n)]
    label = np.arange(float(n))[:, None]
    images = [ImageSource(Path(), None, None)] * n
    return Table(
        id=ids, group=group, image=images, label=label, covariates=np.zeros((n, 0)), target=["age"], covariate=[], split=None,
        line=list(range(n)), path=Path("cases.csv"), digest="", extra={"site": site},
    )  # fmt: skip


@pytest.mark.parametrize("folds", [2, 3, 5, 60])
def test_folds_never_divide_a_group_and_none_is_empty(folds: int) -> None:
    parts = make_folds(GROUP, LABEL, folds=min(folds, len(set(GROUP))), seed=1)
    by_group = {name: {part for part, other in zip(parts, GROUP, strict=True) if other == name} for name in GROUP}
    assert all(len(of) == 1 for of in by_group.values())
    assert set(parts) == set(range(min(folds, len(set(GROUP)))))


def test_folds_have_like_sizes_and_labels() -> None:
    def spread(parts: np.ndarray) -> float:
        return float(np.ptp([LABEL[parts == fold].mean() for fold in range(3)]))

    made = [np.array(make_folds(GROUP, LABEL, folds=3, seed=seed)) for seed in range(20)]
    drawn = [random.permutation(np.arange(60) % 3)[CODE] for _ in range(20)]
    assert np.mean([spread(parts) for parts in made]) < 0.5 * np.mean([spread(parts) for parts in drawn])
    assert max(np.ptp(np.bincount(parts)) for parts in made) <= 8


def test_folds_depend_on_the_seed_and_not_on_the_order_of_the_cases() -> None:
    parts = make_folds(GROUP, LABEL, folds=4, seed=7)
    assert parts == make_folds(GROUP, LABEL, folds=4, seed=7)
    assert parts != make_folds(GROUP, LABEL, folds=4, seed=8)
    order = random.permutation(len(GROUP))
    turned = make_folds([GROUP[row] for row in order], LABEL[order], folds=4, seed=7)
    assert [parts[row] for row in order] == turned


@pytest.mark.parametrize(
    ("folds", "words"), [(1, "at least 2, got 1"), (9, "9 folds need at least 9 groups, and there are 3")]
)
def test_wrong_numbers_of_folds_are_one_sentence(folds: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_folds(["a", "b", "c", "c"], np.arange(4.0)[:, None], folds=folds, seed=0)


def test_the_fits_of_all_folds_share_one_partition() -> None:
    split = ["test" if name in {"g01", "g02"} else "train" for name in GROUP]
    parts = part_by_folds(split, GROUP, LABEL, folds=3, seed=0)
    assert [name == "test" for name in parts] == [name == "test" for name in split]
    left_out: list[int] = []
    for fold in range(3):
        found = fold_splits(parts, fold, GROUP, LABEL, shares=SHARES, seed=0)
        left_out += [row for row, name in enumerate(found) if name == "test"]
        assert all(parts[row] == fold_name(fold) for row, name in enumerate(found) if name == "test")
        assert [name == KEPT_OUT for name in found] == [name == "test" for name in split]
        sides = {name: {side for side, other in zip(found, GROUP, strict=True) if other == name} for name in GROUP}
        assert all(len(of) == 1 for of in sides.values())
        assert 0.05 < found.count("val") / (found.count("val") + found.count("train")) < 0.25
    assert sorted(left_out) == [row for row, name in enumerate(split) if name != "test"]


def test_a_fold_that_leaves_one_group_is_one_sentence() -> None:
    with pytest.raises(InputError, match="train and val need a group each, and without fold-0 there is 1"):
        fold_splits(["fold-0", "fold-1"], 0, ["a", "b"], np.arange(2.0)[:, None], shares=SHARES, seed=0)


def test_a_holdout_is_the_test_split_and_the_rest_is_cut() -> None:
    site = ["A", "B ", "C", "A"] * 25
    split, problems = holdout_splits(
        make_table(site, [str(row) for row in range(100)]), "site=B,C", shares=SHARES, seed=0
    )
    assert not problems
    assert [name == "test" for name in split] == [name.strip() in "BC" for name in site]
    assert split.count("train") > split.count("val") > 0
    assert split.count("calibration") > 0


def test_a_group_on_both_sides_of_a_holdout_is_a_problem() -> None:
    group = ["same", "same", *(str(row) for row in range(30))]
    _, problems = holdout_splits(make_table(["A", "B"] * 16, group), "site=B", shares=SHARES, seed=0)
    assert [problem.where for problem in problems] == ["group same"]


@pytest.mark.parametrize(
    ("holdout", "words"),
    [
        ("site", "must be column=value"),
        ("=B", "must be column=value"),
        ("site=", "must be column=value"),
        ("site=Berlim", "no case has site = Berlim; did you mean 'Berlin'?"),
        ("site=9", "no case has site = 9; it has 'Berlin', 'Kyiv'"),
        ("site=Berlin,Kyiv", "nothing is left to train on"),
    ],
)
def test_wrong_holdouts_are_one_sentence(holdout: str, words: str) -> None:
    table = make_table(["Berlin", "Kyiv"] * 20, [str(row) for row in range(40)])
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        holdout_splits(table, holdout, shares=SHARES, seed=0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("60", "no case has site = 60; it holds numbers from 9.5 to 76.06, and whole values are held out, no ranges"),
        ("76.060", "no case has site = 76.060; did you mean '76.06'?"),
        ("many", "no case has site = many; it has '61', '76.06', '9.5'"),
    ],
)
def test_a_number_that_is_not_there_is_near_no_other(value: str, words: str) -> None:
    table = make_table(["76.06", "61", "9.5", "61"] * 10, [str(row) for row in range(40)])
    with pytest.raises(InputError, match=re.escape(words)):
        holdout_splits(table, f"site={value}", shares=SHARES, seed=0)


def test_values_of_a_holdout_may_have_an_equals_sign_and_spaces() -> None:
    assert parse_holdout(" dose = a=1, b ") == ("dose", ["a=1", "b"])


def test_subgroups_are_texts_and_what_is_missing_is_one_of_them() -> None:
    found = subgroup_values({"sex": ["F", " f", "", "NA", "M "], "site": ["1", "1.0", "1", "1", "1"]})
    assert found == {"sex": ["F", "f", "(missing)", "(missing)", "M"], "site": ["1", "1.0", "1", "1", "1"]}


def test_columns_that_tell_who_is_who_are_no_subgroups() -> None:
    assert len(set(subgroup_values({"site": [str(row) for row in range(20)]})["site"])) == 20
    with pytest.raises(InputError, match="'name' has 21 different values"):
        subgroup_values({"name": [f"n{row}" for row in range(21)]})
    with pytest.raises(InputError, match="'age' holds 30 different numbers; put them into a few ranges"):
        subgroup_values({"age": [f"{row}.5" for row in range(30)]})


@pytest.mark.parametrize(
    ("names", "words"), [(["sex", "sex"], "given twice"), (["patient"], "is the group"), (["file"], "is the image")]
)
def test_wrong_names_of_subgroups_are_one_sentence(names: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_subgroup_names(names, group="patient", id=None, image="file")
