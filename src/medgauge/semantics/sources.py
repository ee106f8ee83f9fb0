"""From names of labels to their vectors, by any of the sources."""

from collections.abc import Sequence
from dataclasses import replace
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
from medgauge.semantics.descriptions import CHEST, SHIPPED, plain_name, read_descriptions
from medgauge.semantics.names import check_labels, find_names, name_key
from medgauge.semantics.similarity import ADJUSTMENTS, Adjust, cosines
from medgauge.semantics.tables import ENDINGS, read_vectors
from medgauge.semantics.text_model import POOLINGS, Pooling, encode_texts, small_model, weights_digest
from medgauge.semantics.vectors import LabelVectors

SMALL, COOCCURRENCE, ORTHOGONAL, ONE_HOT, SHUFFLED = "minilm", "cooccurrence", "orthogonal", "one_hot", "shuffled"
UNADJUSTED = (COOCCURRENCE, ORTHOGONAL, ONE_HOT)
NAMED = (*SHIPPED, SMALL, COOCCURRENCE, ORTHOGONAL, ONE_HOT, SHUFFLED)
NAMES = "names"
DIMENSION = 384
LEAST_APART = 1e-6
"""What a cosine lies below 1 at the least where two vectors differ; float32 tells no less."""


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
    training: Float[Tensor, "n t"] | None = None,
    dimension: int = DIMENSION,
    seed: int = 0,
) -> LabelVectors:
    """Label vectors: what the names of labels mean, or controls that mean nothing.

    - Raises: InputError for labels or settings that are wrong, and whatever the source lacks.

    Args:
        labels: names, each once.
        source: ``chest14`` or ``retina45`` (the findings of ChestX-ray14 and of RFMiD in words, by the small text model),
            ``minilm`` (the small text
            model), a folder with a text model of Hugging Face's form, a file of vectors, ``cooccurrence`` (in the
            training labels of ``table``), ``orthogonal``, ``one_hot``, or ``shuffled`` (each label has another's vector).
        out: safetensors file to write.
        of: with ``shuffled``, the source whose vectors are dealt out.
        descriptions: with a text model, ``chest14``, ``retina45``, a YAML file, or ``names``; None: the first of these that
            describes all labels.
        pooling: of a text model, ``mean`` over tokens or the ``class`` token.
        adjust: ``centred``, ``whitened`` or ``none``; None: centred for text models and files of two labels or more, none
            for the others.
        table: whose columns the labels are; ``cooccurrence`` needs it.
        split: with ``cooccurrence``, the column that says which rows are ``train``; None: all rows.
        missing: with ``cooccurrence``, a number that means a missing label.
        training: with ``cooccurrence``, the training labels (n, t) in place of a table.
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
    base = of if str(source) == SHUFFLED else source
    if str(base) == SHUFFLED:
        raise InputError("shuffled vectors cannot be those of shuffled; give another source")
    _refuse_idle(source, base, of=of, descriptions=descriptions, pooling=pooling, split=split, missing=missing,
                 dimension=dimension, seed=seed)  # fmt: skip
    if table is not None:
        find_columns(column_names(table, names) or names, [Wanted(name, "label") for name in names], Path(table).name)
    if str(base) == COOCCURRENCE:
        made = _cooccurrent(names, table, split, missing, training)
    elif str(base) in UNADJUSTED:
        made = _control(names, str(base), dimension, seed)
    else:
        made = _meant(names, base, descriptions, pooling)
    alone = len(made.names) == 1  # nothing is left of it about itself
    usual: Adjust = "none" if str(base) in UNADJUSTED or "adjusted" in made.source or alone else "centred"
    made = made.adjusted(adjust or usual).of(names)  # the centre is that of all labels that the source knows
    made = replace(made, notes=(*made.notes, *_equal_notes(made)))
    if str(source) == SHUFFLED:
        made = _shuffled(made, seed)
    if out is not None:
        made.save(out)
    return made


def _refuse_idle(source: str | Path, base: str | Path, **given: object) -> None:
    """Raise InputError for a setting that does nothing with this source."""
    reads_text = str(base) in (*SHIPPED, SMALL) or Path(base).is_dir()
    counts = str(base) == COOCCURRENCE
    rules: dict[str, tuple[object, bool, str]] = {
        "of": (CHEST, str(source) == SHUFFLED, "shuffled"),
        "descriptions": (None, reads_text, "text models"),
        "pooling": ("mean", reads_text, "text models"),
        "split": (None, counts, "cooccurrence"),
        "missing": (None, counts, "cooccurrence"),
        "dimension": (DIMENSION, str(base) == ORTHOGONAL, "orthogonal"),
        "seed": (0, str(source) == SHUFFLED or str(base) == ORTHOGONAL, "orthogonal and shuffled"),
    }
    for name, (usual, used, where) in rules.items():
        if given[name] != usual and not used:
            raise InputError(f"{name} is for {where} and does nothing with the source {source}; leave it out")


def _cooccurrent(
    names: list[str], table: str | Path | None, split: str | None, missing: float | None, training: Tensor | None
) -> LabelVectors:
    """The vectors of labels by how often they are present in the same training cases."""
    if table is None and training is None:
        raise InputError("co-occurrence is that of labels in a table; give it with --table")
    notes: list[str] = []
    if training is None and table is not None:
        training, notes = read_labels(table, names, split, missing)
    label = torch.as_tensor(training)
    source = {"kind": COOCCURRENCE, "cases": len(label)}
    return LabelVectors(tuple(names), cooccurrence_vectors(label, names), source, tuple(notes))


def _control(names: list[str], kind: str, dimension: int, seed: int) -> LabelVectors:
    """Vectors that mean nothing."""
    if kind == ONE_HOT:
        return LabelVectors(tuple(names), one_hot(len(names)), {"kind": kind})
    size = max(dimension, len(names)) if dimension == DIMENSION else dimension
    return LabelVectors(tuple(names), orthogonal(len(names), size, seed), {"kind": kind, "seed": seed})


def _meant(names: list[str], source: str | Path, descriptions: str | Path | None, pooling: Pooling) -> LabelVectors:
    """Vectors that a text model or a file gives, also of labels that nobody asked for."""
    text = str(source)
    if text in SHIPPED:
        if descriptions is not None:
            raise InputError(f"{text} has descriptions of its own; give {SMALL} or a folder with --descriptions")
        return _encoded(names, small_model(), text, pooling, called=SMALL)
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
    return read_vectors(source)


def _encoded(
    names: list[str], folder: Path, descriptions: str | Path | None, pooling: Pooling, *, called: str
) -> LabelVectors:
    """Of each described label the mean of the vectors of its descriptions."""
    notes: tuple[str, ...] = ()
    if descriptions is None:
        keys = {name_key(name) for name in names}
        known = {shipped: {name_key(name) for name in read_descriptions(shipped)} for shipped in SHIPPED}
        descriptions = next((shipped for shipped, its in known.items() if keys <= its), NAMES)
        if descriptions == NAMES:
            ours = ", ".join(SHIPPED)
            notes = (
                f"texts are the names themselves, since none of ours ({ours}) describe all; descriptions takes a file",
            )
    texts = {name: [plain_name(name)] for name in names}
    if str(descriptions) != NAMES:
        texts = read_descriptions(descriptions)
        find_names(names, list(texts), str(descriptions))  # before anything is read by the model
    flat = encode_texts(folder, [text for one in texts.values() for text in one], pooling)
    means = torch.stack([part.mean(dim=0) for part in torch.split(flat, [len(one) for one in texts.values()])])
    source: dict[str, Any] = {
        "kind": "text", "model": called, "sha256": weights_digest(folder), "pooling": pooling,
        "from": str(descriptions), "descriptions": texts,
    }  # fmt: skip
    return LabelVectors(tuple(texts), means, source, notes)


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


def _equal_notes(made: LabelVectors) -> list[str]:
    """Labels with one vector, in a line."""
    same = cosines(made.vectors.double()) > 1 - LEAST_APART
    sets = {tuple(torch.nonzero(row).flatten().tolist()) for row in same if int(row.sum()) > 1}
    told = ", ".join(" and ".join(made.names[place] for place in one) for one in sorted(sets))
    return [f"{told} have the same vector, so that nothing in it tells them apart"] if sets else []


def _shuffled(made: LabelVectors, seed: int) -> LabelVectors:
    """Each label with another's vector."""
    order = torch.tensor(shuffled_order(len(made.names), seed))
    source = {"kind": SHUFFLED, "of": dict(made.source), "seed": seed, "has": [made.names[place] for place in order]}
    before = None if made.before is None else made.before[order][:, order]
    return LabelVectors(made.names, made.vectors[order], source, made.notes, before)
