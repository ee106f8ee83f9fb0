"""The cases of a recipe, and how many there are."""

import numpy as np

from medgauge.core.problem import Problem
from medgauge.study.counts import case_counts
from medgauge.study.study import divisor_of
from tests.study.small import recipe_of, study_of, table_of

SPLITS = ["train", "val", "train", "test", "unused", "train", "kept_out"]


def test_rows_covariates_divisor_and_subgroups() -> None:
    recipe = recipe_of(data={"covariates": ["weight"], "label_times": "size", "subgroups": ["sex"]})
    numbers = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    table = table_of([1, 2, 3], covariates=numbers, covariate=["weight", "size"], extra={"sex": ["F", "", "M"]})
    study = study_of(table, ["train", "val", "train"], recipe)
    assert study.rows("train") == [0, 2]
    assert study.rows("test") == []
    assert study.covariates.tolist() == [[1.0], [2.0], [3.0]]
    assert study.divisor is not None
    assert study.divisor.tolist() == [10.0, 20.0, 30.0]
    assert study.subgroups == {"sex": ["F", "(missing)", "M"]}
    assert divisor_of(table, recipe_of()) is None


def test_cases_are_counted_by_split_and_reason() -> None:
    groups = ["a", "a", "a", "b", "c", "d", "e"]
    left_out = [
        (Problem("x", "its image is missing", "file", 7), "train"), (Problem("y", "its image is black", "file", 8), "train"),
        (Problem("y", "label age is infinite", "label", 8), "train"),
    ]  # fmt: skip
    table = table_of(range(7), groups)
    found = case_counts(study_of(table, SPLITS, recipe_of(), left_out=left_out, read=12), ("train", "test"))
    assert found["read"] == 12
    assert found["by_split"] == {"train": {"cases": 3, "groups": 2}, "test": {"cases": 1, "groups": 1}}
    assert found["left_out"] == [
        {"reason": "image cannot be read", "split": "train", "n": 2},
        {"reason": "label is wrong", "split": "train", "n": 1},
        {"reason": "test cases, kept out of all folds", "split": "test", "n": 1},
        {"reason": "not in data.fraction", "split": "train, val", "n": 12 - 7 - 2 + 1},
    ]
