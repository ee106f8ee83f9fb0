"""The features of a study, or of new cases, where they are columns of files and no images are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.core.words import counted
from medgauge.data.features.joining import (
    FeatureRows,
    content_digest,
    equal_rows,
    feature_rows,
    find_rows,
    finite_problems,
    refuse_labels,
    varying,
)
from medgauge.data.features.reading import FeatureBlock, read_features
from medgauge.data.tables.columns import Wanted, read_columns
from medgauge.data.tables.folds import parse_holdout
from medgauge.data.tables.missing import tidy, trim
from medgauge.data.tables.problems import raise_problems
from medgauge.data.tables.table import Table
from medgauge.recipes.schema import Recipe

ROLES = {"image": "the image", "id": "the id", "group": "the group", "split": "the split", "index": "the array index"}
"""Settings of data that name one column, which is no feature."""


@dataclass(frozen=True)
class JoinedFeatures:
    """Blocks of features of the n cases of a table; NaN where a case has none. ``problems`` are of single cases."""

    blocks: list[FeatureBlock]
    values: list[NDArray[np.float64]]
    problems: list[Problem]

    def digest(self, table: str) -> str:
        """SHA-256 of the table's own digest and the features of its cases."""
        return content_digest(table, [block.columns for block in self.blocks], np.concatenate(self.values, axis=1))


def join_features(
    recipe: Recipe,
    table: Table,
    *,
    sources: Sequence[str] | None = None,
    wanted: Sequence[Sequence[str]] | None = None,
) -> JoinedFeatures:
    """Read the features of a table's cases.

    Args:
        recipe: which says how cases are named, and which columns are no features.
        table: the cases.
        sources: files of features; None: those of the recipe.
        wanted: names of the features of each file; None: all of them.

    Raises:
        InputError: a file cannot be read, or is no table of features.
    """
    data, files = recipe.data, recipe.represent.sources if sources is None else list(sources)
    if wanted is not None and len(files) != len(wanted):
        raise InputError(
            f"the run reads {counted(len(wanted), 'file')} of features side by side, got {len(files)}; give as many, in its order"
        )
    joins = [name for name in (data.id, data.image) if name is not None]
    aside = {tidy(str(name)): role for key, role in ROLES.items() if (name := getattr(data, key)) is not None}
    aside |= {tidy(name): "a covariate" for name in [*data.covariates, *filter(None, [data.label_times])]}
    aside |= {tidy(name): "subgroups" for name in data.subgroups}
    aside |= {} if data.holdout is None else {tidy(parse_holdout(data.holdout)[0]): "what is held out"}
    aside |= {} if data.findings_from is None else {tidy(data.findings_from): "names of findings"}
    blocks, values, problems = list[FeatureBlock](), list[NDArray[np.float64]](), list[Problem]()
    for place, file in enumerate(files):
        block = read_features(
            file, joins, aside=aside, wanted=None if wanted is None else wanted[place], decimal=data.decimal
        )
        rows, absent = find_rows(block, _keys(table, block.by, recipe), table.id)
        own = np.where(rows[:, None] < 0, np.nan, block.values[rows])
        there = np.flatnonzero(rows >= 0)
        wrong = finite_problems(block, own[there], [table.id[row] for row in there.tolist()])
        problems += [*absent, *(one._replace(row=int(there[one.row])) for one in wrong if one.row is not None)]
        blocks.append(block)
        values.append(own)
    return JoinedFeatures(blocks, values, problems)


def study_features(joined: JoinedFeatures, table: Table, rows: Sequence[int]) -> FeatureRows:
    """Features of the cases of a study, without those that say nothing.

    Args:
        joined: of the cases of ``table``.
        table: with the labels.
        rows: the cases in use, in none of which a feature is missing.

    Raises:
        InputError: a feature is a label, or nothing varies.
    """
    found, columns, notes = list[NDArray[np.float64]](), list[list[str]](), list[str]()
    for block, whole in zip(joined.blocks, joined.values, strict=True):
        values = whole[list(rows)]
        refuse_labels(block, values, table.label[list(rows)], table.target)
        kept, said = varying(block, values)
        found.append(values[:, kept])
        columns.append([block.columns[place] for place in kept])
        notes += [*block.notes, *said]
    features = np.concatenate(found, axis=1)
    notes += equal_rows(features, [table.group[row] for row in rows], [table.id[row] for row in rows])
    return feature_rows(features, columns, notes)


def new_features(recipe: Recipe, table: Table, sources: Sequence[str], columns: Sequence[Sequence[str]]) -> FeatureRows:
    """Features of new cases, those that a run was made with, in its order.

    Raises:
        InputError: a case or a feature is not there, or is no finite number.
    """
    joined = join_features(recipe, table, sources=sources, wanted=columns)
    raise_problems(joined.problems, table.path)
    return feature_rows(np.concatenate(joined.values, axis=1), columns, [])


def _keys(table: Table, by: str, recipe: Recipe) -> list[str]:
    """What the cases are called in a column: their ids, or the paths of their images as the table has them."""
    data = recipe.data
    if by != data.image or data.id is None or by == data.id:
        return table.id
    read = read_columns(table.path, [Wanted(by, "image")])
    cells = dict(zip(read.line, map(trim, read.text[by]), strict=True))
    return [cells[line] for line in table.line]


def source_names(recipe: Recipe) -> str:
    """The files of features, in words."""
    return " and ".join(Path(source).name for source in recipe.represent.sources)
