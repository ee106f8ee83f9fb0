"""Which split each case is in."""

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.study.folds import fold_of_cases, fold_study
from medgauge.study.splits import split_cases, used_rows
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
    with pytest.raises(InputError, match="fold 1 of 2: "):
        fold_study(study_of(table, splits, recipe), 0)
