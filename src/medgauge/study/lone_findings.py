"""Findings of which the training cases of a fold have one state alone: they stay where another finding is learned."""

from collections.abc import Sequence

from medgauge.core.problem import Problem
from medgauge.data.tables.problems import lone_notes
from medgauge.data.tables.table import Table
from medgauge.recipes.entries import FINDING
from medgauge.recipes.schema import Recipe


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
    """Findings that are present, or absent, in one group alone, where there are folds."""
    return lone_notes(table, splits, finding_columns(recipe)) if recipe.data.folds else []
