"""The user's table of cases: which image, which labels, which group."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from medgauge.core.beside import BESIDE
from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.data.bundled import is_bundled
from medgauge.data.images.image import ImageSource
from medgauge.data.tables.cells import (
    in_one_sentence,
    index_problems,
    mask_problems,
    name_problems,
    without_name,
)
from medgauge.data.tables.classes import label_cells, label_columns
from medgauge.data.tables.columns import Wanted, read_columns
from medgauge.data.tables.findings import Joined, split_findings
from medgauge.data.tables.folders import Found, find_in_folders
from medgauge.data.tables.lists import Listed, listed_splits
from medgauge.data.tables.masks import shared_mask_notes
from medgauge.data.tables.missing import is_no_name, tidy, trim
from medgauge.data.tables.names import (
    Groups,
    Spelling,
    alike_ids,
    alike_words,
    nobody_notes,
    rounded_notes,
    settle_groups,
    trimmed,
)
from medgauge.data.tables.numbers import Mark
from medgauge.data.tables.sources import NPZ, image_source, index_notes, picture_cell
from medgauge.data.tables.subgroups import missing_notes
from medgauge.data.tables.words import covariate_columns

RESERVED_TARGETS = frozenset({*BESIDE, "n", "seconds"})
"""Names of other things in ``results.json``, so no target may be called so."""


@dataclass(frozen=True, eq=False)
class Table:
    """The cases of a table, one a row, in the order of the file.

    - Shape: n texts each for id, group and split (None without a split column); n image sources; label (n, t) and
      covariates (n, q) float64 in original units, words coded, NaN = missing; target: t names; covariate: q names; line:
      where each case stands in the file (header = line 1; in Parquet the row, from 1); extra: further columns as text;
      words: those of each covariate of words, as coded (:mod:`medgauge.data.tables.words`); classes: of each label that is a
      class its names, whose places are the labels.
    - ``notes``: what was read otherwise than it stands in the file.
    - ``digest``: SHA-256 of the columns in use as they were read (of the whole table also after :meth:`take`),
      independent of the file's place, kind and other columns.
    """

    id: list[str]
    group: list[str]
    image: list[ImageSource]
    label: Float64[np.ndarray, "n t"]
    covariates: Float64[np.ndarray, "n q"]
    target: list[str]
    covariate: list[str]
    split: list[str] | None
    line: list[int]
    path: Path
    digest: str
    extra: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Table":
        """The cases at the given positions, in that order."""
        places = [int(row) for row in rows]

        def pick(values: list[str]) -> list[str]:
            return [values[place] for place in places]

        return replace(
            self,
            id=pick(self.id),
            group=pick(self.group),
            image=[self.image[place] for place in places],
            label=self.label[places],
            covariates=self.covariates[places],
            split=None if self.split is None else pick(self.split),
            line=[self.line[place] for place in places],
            extra={name: pick(values) for name, values in self.extra.items()},
        )

    def label_cells(self, rows: Sequence[int]) -> list[list[object]]:
        """The labels of some cases as cells of a CSV file: numbers, and names of classes."""
        return label_cells(self.label[list(rows)], self.target, self.classes)


def read_table(
    path: str | Path,
    *,
    image: str | None,
    label: Sequence[str],
    group: str | None,
    covariates: Sequence[str] = (),
    id: str | None = None,
    split: str | None = None,
    array: str | None = None,
    index: str | None = None,
    mask: str | None = None,
    missing: float | None = None,
    decimal: Mark = "auto",
    spelling: Spelling = "alike",
    need_label: bool = True,
    need_image: bool = True,
    extra: Sequence[str] | Mapping[str, str] = (),
    words: Mapping[str, Sequence[str]] | None = None,
    numbers: Sequence[str] = (),
    divisor: str | None = None,
    joined: Joined | None = None,
    image_folders: str | None = None,
    split_lists: Mapping[str, str] | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Table, list[Problem]]:
    """Read a table of cases from CSV, Parquet or bundled data, and say all that is wrong with its cells.

    CSV has comma, semicolon, tab or |, and a line ``sep=;`` may stand above the header. Ids, groups, paths and splits
    are kept as text as written, without blanks at their ends; of paths only where no file has such a name. Covariates
    of words are coded. Nothing, NaN, NA, null, - and the like mean missing; a cell that is no finite number is a problem
    and missing. Rows with nothing in any cell are no cases. Other files are not looked at (:mod:`medgauge.data.tables.files` does).

    - Raises: InputError if the table cannot be read, lacks a column, or the columns asked for contradict one another.

    Args:
        path: the table, or ``bundled:hc18`` (whose columns ``id`` and ``image`` are taken when none are named).
        image: column with the image's path, relative to the table's folder, or a place in an array file
            (``volumes.npz#images[12]``, ``volumes.npy[12]``). None with ``array``, and of cases without images.
        label: label columns, one a target.
        group: column of what may not be on both sides of a split; None: each case is its own group.
        covariates: columns of numbers or of words given beside the image; a missing one is a problem.
        id: column with the case's id; None: the image's path as text is the id. Ids must differ.
        split: column with a given split.
        array: one array file for all cases, ``volumes.npz#images`` or ``volumes.npy``, relative to the table's folder.
        index: column with the row in ``array``, from 0.
        mask: column with the mask of each image, a path as those of images are.
        missing: a number that means a missing label (not a missing covariate).
        decimal: the mark of decimals, for columns that do not tell it.
        spelling: what is done with groups that differ in spelling alone (:func:`~medgauge.data.tables.names.spelling_key`).
        need_label: False: a label column may be absent, its labels are then all missing.
        need_image: False: cases with ids may have no images.
        extra: further columns to keep as text; as a mapping, with what each is asked for (``subgroups``).
        words: those of covariates whose coding is known; any other word in them is a problem.
        numbers: covariates that may hold no words.
        divisor: the covariate that labels are divided by (``--label-times``), which must be above 0 in every case.
        joined: a column that the labels of its ``names`` are read from; None: each label has a column of its own.
        image_folders: pattern of folders, relative to the table's, in which images are that are named by their file alone.
        split_lists: in place of ``split``, a text file a split that names its images, relative to the table's folder.
        classes: of each label that is a class its names, in order of their places; none: those that are found.
    """
    if is_bundled(path):
        image = image if image or array else "image"
        id = id or "id"
    if need_image or image or array or index or not id:
        _check_images(image, array, index)
    _check_settings(label, covariates, need_label, divisor)
    roles = extra if isinstance(extra, Mapping) else dict.fromkeys(extra, "extra column")
    one = {"image": image, "group": group, "case id": id, "split": split, "array index": index, "mask": mask}
    split_up = [] if joined is None else joined.names
    wanted = [Wanted(name, "label", need_label) for name in label if name not in split_up]
    wanted += [] if joined is None else [Wanted(joined.column, "names of findings", need_label)]
    wanted += [Wanted(name, "label", False) for name in split_up]  # columns beside the joined one
    wanted += [Wanted(name, role) for role, name in one.items() if name is not None]
    wanted += [
        Wanted(name, role) for name, role in [*((name, _role(name, divisor)) for name in covariates), *roles.items()]
    ]
    columns = read_columns(path, wanted)
    text, n = columns.text, len(columns.line)
    notes = list(columns.notes)

    def trim_column(name: str, what: str) -> list[str]:
        names, said = trimmed(text[name], what, columns.place, columns.line)
        notes.extend(said)
        return names

    folder = columns.path.parent
    if image:
        pictures = [picture_cell(cell, folder) for cell in text[image]]
        notes += trimmed(text[image], "image paths", columns.place, columns.line)[1] if pictures != text[image] else []
    elif array:
        pictures = [f"{array}[{trim(row)}]" for row in text[str(index)]]
    else:
        pictures = ["no image"] * n
    ids = trim_column(id, "ids") if id else pictures
    unplaced = index_problems(str(index), text[str(index)], ids, columns) if array else []
    nowhere = {problem.row for problem in unplaced}
    groups = Groups(list(ids), [], [])
    if group:
        groups = settle_groups(trim_column(group, "groups"), spelling, columns.line, columns.place)
        notes += [*nobody_notes(groups.names, group), *rounded_notes(groups.names, group)]
    found = find_in_folders(pictures, ids, folder, image_folders) if image_folders and image else Found(pictures, [])
    without = not image and not array
    sources = [image_source("" if without or row in nowhere else one, folder) for row, one in enumerate(found.pictures)]
    notes += index_notes(sources)
    masks = [picture_cell(cell, folder) for cell in text[mask]] if mask else []
    if masks:
        lying = [None if is_no_name(cell) else image_source(cell, folder) for cell in masks]
        notes += shared_mask_notes(lying, sources, groups.names, ids)
        sources = [one._replace(mask=image_source(cell, folder)) for one, cell in zip(sources, masks, strict=True)]
    exact = spelling == "exact"
    if id and not exact:
        notes += alike_ids(ids, groups.names, id, group)
    for name in (name for name, role in roles.items() if role == "subgroups"):
        notes += [*alike_words(map(trim, text[name]), name), *missing_notes(name, text[name])]
    problems = [*unplaced, *name_problems(pictures, ids, groups.names if group else None, columns, exact=exact)]
    problems += [*found.problems, *mask_problems(masks, ids, columns)]
    listed = listed_splits(split_lists, pictures, ids, folder) if split_lists else Listed([], [], [])
    problems += listed.problems
    notes += listed.notes
    if joined is not None:
        named = split_findings(columns, joined, ids)
        text |= named.text
        problems += named.problems
        notes += named.notes
    labels = label_columns(columns, label, ids, classes=classes or {}, missing=missing, mark=decimal)
    beside = covariate_columns(
        columns, covariates, ids, words=words or {}, numbers=numbers, mark=decimal, divisor=divisor
    )
    table = Table(
        id=[name or f"without id ({columns.place} {line})" for name, line in zip(ids, columns.line, strict=True)],
        group=groups.names,
        image=sources,
        label=labels.values,
        covariates=beside.values,
        target=list(label),
        covariate=beside.names,
        split=trim_column(split, "split words") if split else listed.split or None,
        line=columns.line,
        path=columns.path,
        digest="",
        extra={name: text[name] for name in extra},
        words=beside.words,
        classes=labels.classes,
        notes=(*notes, *groups.notes, *labels.notes, *beside.notes),
    )
    wrong = in_one_sentence([*problems, *groups.problems, *labels.problems, *beside.problems])
    return replace(table, digest=_digest(table, pictures, masks)), without_name(wrong, pictures, columns)


def _role(name: str, divisor: str | None) -> str:
    return "covariate of --label-times" if name == divisor else "covariate"


def _check_images(image: str | None, array: str | None, index: str | None) -> None:
    """Raise an InputError unless it is said in one way where the images are."""
    if (image is None) == (array is None):
        raise InputError("give either an image column or an array file with an index column, not both and not neither.")
    if (array is None) != (index is None):
        raise InputError("an array file and the column of rows in it (index) go together; give both or neither.")
    if array is not None and not NPZ.fullmatch(array) and not array.lower().endswith(".npy"):
        raise InputError(f"the array '{array}' must be volumes.npz#name (the array's name in the file) or volumes.npy.")


def _check_settings(label: Sequence[str], covariates: Sequence[str], need_label: bool, divisor: str | None) -> None:
    """Raise an InputError if the columns asked for contradict one another."""
    if need_label and not label:
        raise InputError("no label column is given; name at least one.")
    for role, names in (("label", label), ("covariate", covariates)):
        twice = [name for name in names if list(map(tidy, names)).count(tidy(name)) > 1]
        if twice:
            raise InputError(f"the {role} column '{twice[0]}' is given twice; name it once.")
    both = [name for name in label if tidy(name) in map(tidy, covariates)]
    if both:
        role = _role(both[0], divisor)
        raise InputError(f"column '{both[0]}' is given as label and as {role}, which gives the answer away; drop one.")
    if reserved := [name for name in label if name in RESERVED_TARGETS]:
        raise InputError(f"a label may not be called '{reserved[0]}', a word used in the results; rename the column.")


def _digest(table: Table, pictures: list[str], masks: list[str]) -> str:
    texts = [table.target, table.covariate, table.id, table.group, pictures, table.split, table.extra]
    texts += [masks] if masks else []
    digest = hashlib.sha256(json.dumps(texts).encode())
    for numbers in (table.label, table.covariates):
        digest.update(np.ascontiguousarray(numbers, dtype="<f8").tobytes())
    return digest.hexdigest()
