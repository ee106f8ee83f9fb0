"""Which split each case is in."""

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.study.folds import fold_of_cases, fold_study
from medgauge.study.splits import calibration_notes, split_cases, split_notes, used_rows
from tests.study.small import recipe_of, study_of, table_of

GROUP = [f"g{row // 2:02d}" for row in range(120)]
LABEL = np.random.default_rng(0).normal(50, 10, 120).round(1).tolist()


def test_the_tables_split_is_kept_unless_it_is_drawn_anew() -> None:
    given = ["test" if row < 24 else "val" if row < 48 else "train" for row in range(120)]
    table = table_of(LABEL, GROUP, split=given)
    found, problems = split_cases(table, recipe_of(data={"split": "part"}))
    assert problems == []
    assert [name for name in found if name == "test"] == ["test"] * 24
    assert found[:24] == given[:24]
    drawn, _ = split_cases(table, recipe_of(data={"split": "part", "resplit": True}))
    assert drawn[:24] != given[:24]


@pytest.mark.parametrize(
    ("counts", "shares", "said"),
    [
        (
            {"train": 96, "val": 24},
            {},
            "the split column has train 96 and val 24: val is kept as the test split, val and calibration are cut from train; "
            "the run has train {train}, val {val}, calibration {calibration} and test 24; name it test in the column to say "
            "so, or give a test split of its own",
        ),
        (
            {"train": 96, "val": 24},
            {"train": 0.8, "val": 0.1, "test": 0.1},
            "the split column has train 96 and val 24: val is kept as the test split, val is cut from train; the run has train "
            "{train}, val {val} and test 24; name it test in the column to say so, or give a test split of its own",
        ),
        (
            {"train": 96, "test": 24},
            {},
            "the split column has train 96 and test 24: val and calibration are cut from train; the run has train {train}, val "
            "{val}, calibration {calibration} and test 24",
        ),
        (
            {"train": 72, "val": 24, "test": 24},
            {},
            "the split column has train 72, val 24 and test 24: calibration is cut from train; the run has train {train}, val "
            "24, calibration {calibration} and test 24",
        ),
        ({"train": 72, "val": 12, "calibration": 12, "test": 24}, {}, None),
        ({"train": 72, "val": 24, "test": 24}, {"train": 0.8, "val": 0.1, "test": 0.1}, None),
    ],
)
def test_what_is_made_of_a_column_that_does_not_say_all_splits(
    counts: dict[str, int], shares: dict[str, float], said: str | None
) -> None:
    given = [name for name, count in counts.items() for _ in range(count)]
    recipe = recipe_of(data={"split": "part", **({"shares": shares} if shares else {})})
    table = table_of(LABEL, GROUP, split=given)
    found, _ = split_cases(table, recipe)
    numbers = {name: found.count(name) for name in ("train", "val", "calibration")}
    assert split_notes(table, found, recipe) == ([] if said is None else [said.format(**numbers)])
    anew = recipe_of(data={"split": "part", "resplit": True})
    assert split_notes(table, split_cases(table, anew)[0], anew) == []


def test_val_that_becomes_test_is_told_of_folds_too() -> None:
    recipe = recipe_of(data={"split": "part", "folds": 3})
    table = table_of(LABEL, GROUP, split=["train"] * 96 + ["val"] * 24)
    assert split_notes(table, split_cases(table, recipe)[0], recipe) == [
        "the split column has train 96 and val 24: val is kept as the test split; name it test in the column to say so, or "
        "give a test split of its own"
    ]


def test_drawn_splits_hold_groups_together_and_have_their_shares() -> None:
    found, _ = split_cases(table_of(LABEL, GROUP), recipe_of())
    sides: dict[str, set[str]] = {}
    for name, split in zip(GROUP, found, strict=True):
        sides.setdefault(name, set()).add(split)
    assert {len(of) for of in sides.values()} == {1}
    assert set(found) == {"train", "val", "calibration", "test"}
    assert found == split_cases(table_of(LABEL, GROUP), recipe_of())[0]
    assert found != split_cases(table_of(LABEL, GROUP), recipe_of(seed=1))[0]
    fixed = [split_cases(table_of(LABEL, GROUP), recipe_of(seed=seed, data={"test_seed": 7}))[0] for seed in (0, 1)]
    tests = [{row for row, name in enumerate(of) if name == "test"} for of in fixed]
    assert tests[0] == tests[1] != {row for row, name in enumerate(found) if name == "test"}


def test_a_held_out_value_is_the_test_split() -> None:
    site = ["A" if row % 12 < 2 else "B" for row in range(120)]
    found, _ = split_cases(table_of(LABEL, GROUP, extra={"site": site}), recipe_of(data={"holdout": "site=A"}))
    assert [name == "test" for name in found] == [one == "A" for one in site]


def test_smaller_fractions_are_parts_of_larger_ones_and_leave_the_test_split_whole() -> None:
    table, splits = table_of(LABEL, GROUP), ["train"] * 60 + ["val"] * 40 + ["test"] * 20
    kept = {share: set(used_rows(table, splits, recipe_of(data={"fraction": share}))) for share in (1.0, 0.5, 0.2)}
    assert kept[1.0] == set(range(120))
    assert kept[0.2] < kept[0.5] < kept[1.0]
    for share in (0.5, 0.2):
        assert {len({GROUP[row] for row in kept[share] if splits[row] == split}) for split in ("train",)} == {
            30 * share
        }
        assert len({GROUP[row] for row in kept[share] if splits[row] == "val"}) == 20 * share
        assert {row for row in kept[share] if splits[row] == "test"} == set(range(100, 120))


def test_each_fold_is_the_test_split_of_its_own_fit() -> None:
    recipe = recipe_of(data={"folds": 3}, training={"batch_size": "auto"})
    table = table_of(LABEL, GROUP)
    splits, _ = split_cases(table, recipe)
    study = study_of(table, splits, recipe)
    folds = fold_of_cases(study)
    assert [name for name, _ in folds] == table.id
    assert {fold for _, fold in folds} == {"0", "1", "2"}
    for fold in range(3):
        own = fold_study(study, fold)
        assert own.recipe.data.fold == fold
        assert own.rows("test") == [row for row, (_, of) in enumerate(folds) if of == str(fold)]
        assert set(own.splits) == {"train", "val", "test"}
        assert {GROUP[row] for row in own.rows("train")}.isdisjoint(GROUP[row] for row in own.rows("val"))
        assert own.recipe.training.batch_size == max(2, min(32, len(own.rows("train")) // 4))


def test_a_fold_too_small_to_train_on_is_named() -> None:
    recipe = recipe_of(data={"folds": 2})
    table = table_of([1, 2, 3, 4], list("abcd"))
    splits, _ = split_cases(table, recipe)
    with pytest.raises(InputError, match=r"fold 1 of 2 \(fold-0\): "):
        fold_study(study_of(table, splits, recipe), 0)


def test_a_fold_without_a_case_of_a_finding_left_to_train_on_is_refused() -> None:
    table = table_of([1.0 if row < 2 else 0.0 for row in range(120)], GROUP)  # of one group
    recipe = recipe_of(data={"kind": {"age": "finding"}, "folds": 3})
    folds, _ = split_cases(table, recipe)
    fold = int(folds[0].removeprefix("fold-"))
    with pytest.raises(
        InputError, match=rf"fold {fold + 1} of 3 .*cases.csv: label age: is 0 in all \d+ labelled training cases"
    ):
        fold_study(study_of(table, folds, recipe), fold)
    assert fold_study(study_of(table, folds, recipe), (fold + 1) % 3).splits[0] == "train"


def test_a_finding_is_spread_over_splits_and_folds() -> None:
    label = [1.0 if row % 24 == 0 else 0.0 for row in range(120)]  # of five groups
    table = table_of(label, GROUP)
    recipe = recipe_of(data={"kind": {"age": "finding"}, "folds": 5})
    folds, _ = split_cases(table, recipe)
    assert len({folds[row] for row in range(0, 120, 24)}) == 5
    part = fold_study(study_of(table, folds, recipe), 0)
    assert {part.splits[row] for row in range(0, 120, 24)} >= {"train", "test"}
    given = ["test" if row < 24 else "train" for row in range(120)]
    for data in ({}, {"split": "part"}, {"holdout": "part=test"}):
        table = table_of(label, GROUP, split=given if "split" in data else None, extra={"part": given})
        split, _ = split_cases(
            table,
            recipe_of(data={"kind": {"age": "finding"}, "shares": {"train": 0.6, "val": 0.2, "test": 0.2}, **data}),
        )
        assert {"train", "val", "test"} == {split[row] for row in range(0, 120, 24)}


def test_findings_with_few_calibration_groups_are_told_before_the_fit() -> None:
    splits = ["calibration" if row < 60 else "test" if row < 90 else "train" for row in range(120)]
    present = [
        float(row in (0, 1, 2, 61, 62) or row >= 102) for row in range(120)
    ]  # of pairs: 2 to calibrate, 9 to train
    recipe = recipe_of(data={"label": ["age"], "kind": {"age": "finding"}})
    said = "fewer than 10 calibration groups are with the finding, or without it, of age (2): every case is given one probability of it"
    more = "; with --folds 5 all development cases calibrate"
    assert calibration_notes(table_of(present, GROUP), splits, recipe) == [said + more]
    present[102:] = [0.0] * 18
    assert calibration_notes(table_of(present, GROUP), splits, recipe) == [said]
    half = [float(row // 2 % 2) for row in range(120)]
    assert calibration_notes(table_of(half, GROUP), splits, recipe) == []
    assert calibration_notes(table_of(present, GROUP), ["fold_0"] * 120, recipe) == []
    assert calibration_notes(table_of(present, GROUP), splits, recipe_of(data={"label": ["age"]})) == []
