"""From names of labels to their vectors, by any of the sources."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError, check_counts, check_lists
from medgauge.core.words import counted, nearest
from medgauge.data.tables.columns import Wanted, column_names, find_columns, read_columns
from medgauge.data.tables.missing import trim
from medgauge.data.tables.numbers import parse_numbers
from medgauge.semantics.controls import one_hot, orthogonal, shuffled_order
from medgauge.semantics.cooccurrence import cooccurrence_vectors
from medgauge.semantics.descriptions import CHEST, describe_labels, plain_name, read_descriptions
from medgauge.semantics.names import check_labels, name_key
from medgauge.semantics.similarity import ADJUSTMENTS, Adjust
from medgauge.semantics.tables import ENDINGS, read_vectors
from medgauge.semantics.text_model import POOLINGS, Pooling, encode_texts, small_model, weights_digest
from medgauge.semantics.vectors import LabelVectors

SMALL = "minilm"
CONTROLS = ("orthogonal", "one_hot", "shuffled")
NAMED = (CHEST, SMALL, "cooccurrence", *CONTROLS)
DIMENSION = 384


def prototypes(
    labels: Sequence[str],
    source: str | Path = CHEST,
    *,
    out: str | Path | None = None,
    of: str | Path = CHEST,
    descriptions: str | Path | None = None,
    pooling: Pooling = "mean",
    adjust: Adjust | None = None,
    table: str | Path | None = None,
    split: str | None = None,
    missing: float | None = None,
    dimension: int = DIMENSION,
    seed: int = 0,
) -> LabelVectors:
    """Label vectors: what the names of labels mean, or controls that mean nothing.

    - Raises: InputError for labels or settings that are wrong, and whatever the source lacks.

    Args:
        labels: names, each once.
        source: ``chest14`` (the fourteen chest findings in words, by the small text model), ``minilm`` (the small text
            model), a folder with a text model of Hugging Face's form, a file of vectors, ``cooccurrence`` (in the
            training labels of ``table``), ``orthogonal``, ``one_hot``, or ``shuffled`` (each label has another's vector).
        out: safetensors file to write.
        of: with ``shuffled``, the source whose vectors are dealt out.
        descriptions: with a text model, ``chest14``, a YAML file, or ``names``; None: ``chest14`` where it has all
            labels, else the names.
        pooling: of a text model, ``mean`` over tokens or the ``class`` token.
        adjust: ``centred``, ``whitened`` or ``none``; None: centred for text models and files, none for the others.
        table: whose columns the labels are; ``cooccurrence`` needs it.
        split: with ``cooccurrence``, the column that says which rows are ``train``; None: all rows.
        missing: with ``cooccurrence``, a number that means a missing label.
        dimension: of orthogonal vectors.
        seed: of orthogonal and shuffled vectors.
    """
    check_lists(labels=labels)
    names = [str(name) for name in labels]
    check_labels(names)
    for setting, value, choices in (("pooling", pooling, POOLINGS), ("adjust", adjust or "none", ADJUSTMENTS)):
        if value not in choices:
            raise InputError(f"{setting} must be {', '.join(choices[:-1])} or {choices[-1]}, got {value}")
    check_counts(dimension=dimension)
    if out is not None and Path(out).suffix != ".safetensors":
        raise InputError(f"label vectors are written as .safetensors, got {out}")
    base = of if str(source) == "shuffled" else source
    if str(base) == "shuffled":
        raise InputError("shuffled vectors cannot be those of shuffled; give another source")
    _refuse_idle(source, base, of=of, descriptions=descriptions, pooling=pooling, split=split, missing=missing,
                 dimension=dimension, seed=seed)  # fmt: skip
    if table is not None:
        find_columns(column_names(table, names) or names, [Wanted(name, "label") for name in names], Path(table).name)
    made = _made(names, base, table, split, missing, descriptions, pooling, dimension, seed)
    usual: Adjust = "none" if str(base) in ("cooccurrence", *CONTROLS) or "adjusted" in made.source else "centred"
    made = made.adjusted(adjust or usual)
    if str(source) == "shuffled":
        made = _shuffled(made, seed)
    if out is not None:
        made.save(out)
    return made


def _refuse_idle(source: str | Path, base: str | Path, **given: object) -> None:
    """Raise InputError for a setting that does nothing with this source."""
    reads_text = str(base) in (CHEST, SMALL) or Path(base).is_dir()
    counts = str(base) == "cooccurrence"
    rules: dict[str, tuple[object, bool, str]] = {
        "of": (CHEST, str(source) == "shuffled", "shuffled"),
        "descriptions": (None, reads_text, "text models"),
        "pooling": ("mean", reads_text, "text models"),
        "split": (None, counts, "cooccurrence"),
        "missing": (None, counts, "cooccurrence"),
        "dimension": (DIMENSION, str(base) == "orthogonal", "orthogonal"),
        "seed": (0, str(source) == "shuffled" or str(base) == "orthogonal", "orthogonal and shuffled"),
    }
    for name, (usual, used, where) in rules.items():
        if given[name] != usual and not used:
            raise InputError(f"{name} is for {where} and does nothing with the source {source}; leave it out")


def _made(
    names: list[str],
    source: str | Path,
    table: str | Path | None,
    split: str | None,
    missing: float | None,
    descriptions: str | Path | None,
    pooling: Pooling,
    dimension: int,
    seed: int,
) -> LabelVectors:
    """The vectors as the source gives them."""
    text = str(source)
    if text == "cooccurrence":
        if table is None:
            raise InputError("co-occurrence is that of labels in a table; give it with --table")
        return label_vectors(*read_labels(table, names, split, missing), names, Path(table).name)
    if text == "one_hot":
        return LabelVectors(tuple(names), one_hot(len(names)), {"kind": text})
    if text == "orthogonal":
        size = max(dimension, len(names)) if dimension == DIMENSION else dimension
        return LabelVectors(tuple(names), orthogonal(len(names), size, seed), {"kind": text, "seed": seed})
    if text == CHEST:
        if descriptions is not None:
            raise InputError(f"{CHEST} has descriptions of its own; give {SMALL} or a folder with --descriptions")
        return _encoded(names, small_model(), CHEST, pooling, called=SMALL)
    if text == SMALL:
        return _encoded(names, small_model(), descriptions, pooling, called=SMALL)
    if Path(source).is_dir():
        return _encoded(names, Path(source), descriptions, pooling, called=Path(source).name)
    if not Path(source).suffix:
        near = nearest(text, NAMED)
        raise InputError(
            f"there is no source {text!r} of label vectors" + (f" (did you mean {near}?)" if near else "")
            + f"; give one of {', '.join(NAMED)}, a folder with a text model, or a file ({ENDINGS})"
        )  # fmt: skip
    return read_vectors(source).of(names)


def _encoded(
    names: list[str], folder: Path, descriptions: str | Path | None, pooling: Pooling, *, called: str
) -> LabelVectors:
    """Of each label the mean of the vectors of its descriptions."""
    notes: tuple[str, ...] = ()
    if descriptions is None:
        known = {name_key(name) for name in read_descriptions(CHEST)}
        descriptions = CHEST if {name_key(name) for name in names} <= known else "names"
        if descriptions == "names":
            notes = (
                f"the texts are the names themselves, since {CHEST} does not describe all of them; --descriptions takes a file",
            )
    if str(descriptions) == "names":
        texts = [[plain_name(name)] for name in names]
    else:
        texts, notes = describe_labels(names, descriptions)
    flat = encode_texts(folder, [text for one in texts for text in one], pooling)
    means = torch.stack([part.mean(dim=0) for part in torch.split(flat, [len(one) for one in texts])])
    source: dict[str, Any] = {
        "kind": "text", "model": called, "sha256": weights_digest(folder), "pooling": pooling,
        "descriptions": dict(zip(names, texts, strict=True)),
    }  # fmt: skip
    return LabelVectors(tuple(names), means, source, notes)


def label_vectors(label: Float[Tensor, "n t"], notes: Sequence[str], names: Sequence[str], called: str) -> LabelVectors:
    """The vectors of labels by how often they are present in the same cases."""
    vectors = cooccurrence_vectors(label, list(names))
    return LabelVectors(
        tuple(names), vectors, {"kind": "cooccurrence", "table": called, "cases": len(label)}, tuple(notes)
    )


def read_labels(
    table: str | Path, names: Sequence[str], split: str | None, missing: float | None
) -> tuple[Float[Tensor, "n t"], list[str]]:
    """Labels (n, t) of the training rows of a table, and notes.

    - Raises: InputError for a table without these columns, a cell that is no number, or no training row.
    """
    wanted = [*(Wanted(name, "label") for name in names), *([Wanted(split, "split")] if split else [])]
    columns = read_columns(table, wanted)
    values, notes = [], list(columns.notes)
    for name in names:
        read = parse_numbers(columns.text[name], decimal_comma=columns.decimal_comma)
        if read.wrong:
            at, why = read.wrong[0]
            raise InputError(f"{Path(table).name}, {columns.place} {columns.line[at]}, column {name}: the cell {why}")
        values.append(torch.from_numpy(read.values))
    label = torch.stack(values, dim=1)
    if missing is not None:
        label = label.masked_fill(label == missing, float("nan"))
    if split is None:
        notes.append(
            f"co-occurrence is counted in all {counted(len(label), 'row')} of the table; name the column of splits with --split"
        )
        return label, notes
    rows = torch.tensor([trim(cell).casefold() == "train" for cell in columns.text[split]])
    if not bool(rows.any()):
        raise InputError(
            f"no row of {Path(table).name} has train in the column {split}; co-occurrence is that of training labels"
        )
    return label[rows], notes


def _shuffled(made: LabelVectors, seed: int) -> LabelVectors:
    """Each label with another's vector."""
    order = torch.tensor(shuffled_order(len(made.names), seed))
    source = {"kind": "shuffled", "of": dict(made.source), "seed": seed, "has": [made.names[place] for place in order]}
    before = None if made.before is None else made.before[order][:, order]
    return LabelVectors(made.names, made.vectors[order], source, made.notes, before)
