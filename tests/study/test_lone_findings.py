"""Findings of one group alone: which keep a run of folds from being fitted, and what is said of the others."""

import pytest

from medgauge.core.problem import Problem
from medgauge.study.lone_findings import finding_columns, lone_finding_notes, refused_states
from tests.study.small import recipe_of, table_of

NAN = float("nan")
GROUP = ["a", "a", "b", "c"]


def problem(name: str) -> Problem:
    return Problem(f"label {name}", "is 1 in cases of one group alone", "label")


def test_a_lone_finding_stays_beside_one_that_is_learned_and_a_class_does_not() -> None:
    kinds = {"hernia": "finding", "mass": "finding", "view": "class"}
    recipe = recipe_of(data={"label": ["age", "hernia", "mass", "view"], "kind": kinds, "folds": 3})
    assert finding_columns(recipe) == [1, 2]
    assert refused_states([problem("hernia")], recipe) == []
    assert refused_states([problem("hernia"), problem("view")], recipe) == [problem("view")]
    assert refused_states([problem("hernia"), problem("mass")], recipe) == [problem("hernia"), problem("mass")]


def test_what_is_said_names_the_group_and_without_folds_there_is_nothing_to_say() -> None:
    table = table_of([1.0, 1.0, 0.0, 0.0], GROUP)
    kind = {"kind": {"age": "finding"}}
    (note,) = lone_finding_notes(table, ["fold-0"] * 4, recipe_of(data={**kind, "folds": 3}))
    assert note.startswith(
        "label age is 1 in cases of one group alone (a): the fold that leaves it out learns nothing of it"
    )
    assert lone_finding_notes(table, ["train"] * 4, recipe_of(data=kind)) == []


@pytest.mark.parametrize(
    ("present", "said"),
    [
        ([1.0, 0, 0, NAN], ["has"]),
        ([0.0, 1, 1, 1], ["is without"]),
        ([1.0, 0, 1, 0], []),
        ([1.0, 0, NAN, NAN], ["has", "is without"]),
    ],
)
def test_a_finding_that_no_test_case_has_is_not_judged_there(present: list[float], said: list[str]) -> None:
    table, splits = table_of(present, GROUP), ["train", "train", "test", "test"]
    notes = lone_finding_notes(table, splits, recipe_of(data={"kind": {"age": "finding"}}))
    assert [note.partition(":")[0] for note in notes] == [f"no test case {word} age" for word in said]
    assert lone_finding_notes(table, splits, recipe_of(data={})) == []
