"""Findings of which the training cases of a fold, or the test cases, have one state alone: they stay beside others."""

from collections.abc import Sequence

import numpy as np

from medgauge.core.problem import Problem
from medgauge.data.tables.problems import lone_notes
from medgauge.data.tables.table import Table
from medgauge.recipes.entries import FINDING
from medgauge.recipes.schema import Recipe

MOST_TOLD = 8
"""Findings that are named in a note."""


def finding_columns(recipe: Recipe) -> list[int]:
    """Positions of the label columns that are findings."""
    return [at for at, name in enumerate(recipe.data.label) if recipe.data.kind.get(name) == FINDING]


def refused_states(problems: Sequence[Problem], recipe: Recipe) -> list[Problem]:
    """Those problems of states that no fold can be fitted with: of classes, and of findings where none is left to learn.

    Args:
        problems: of label columns whose training cases have one state alone.
        recipe: its settings say which columns are findings.
    """
    findings = {f"label {recipe.data.label[at]}" for at in finding_columns(recipe)}
    lone = findings & {problem.where for problem in problems}
    return [problem for problem in problems if problem.where not in lone or lone == findings]


def lone_finding_notes(table: Table, splits: Sequence[str], recipe: Recipe) -> list[str]:
    """Findings that are present, or absent, in one group alone, where there are folds, or in no test case."""
    columns = finding_columns(recipe)
    return (lone_notes(table, splits, columns) if recipe.data.folds else []) + _unjudged(table, splits, columns)


def _unjudged(table: Table, splits: Sequence[str], columns: Sequence[int]) -> list[str]:
    """Findings of which the test split has one state alone, or none, a line for each state."""
    label, found = table.label[np.asarray(splits) == "test"], []
    for state, word in ((1, "has"), (0, "is without")):
        names = [table.target[at] for at in columns if not (label[:, at] == state).any()]
        if len(label) and names:
            more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
            found.append(
                f"no test case {word} {', '.join(names[:MOST_TOLD])}{more}: how its cases are ordered is not judged there "
                "(no ROC-AUC), and means over findings leave it out"
            )
    return found
