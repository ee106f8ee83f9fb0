"""Label vectors from a file: CSV, Parquet, npz or safetensors, a row a label."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from medgauge.core.errors import InputError, check_path
from medgauge.core.words import shown
from medgauge.data.tables.columns import Wanted, column_names, read_columns
from medgauge.data.tables.missing import trim
from medgauge.data.tables.numbers import parse_numbers
from medgauge.semantics.vectors import LabelVectors

ENDINGS = ".csv, .tsv, .parquet, .npz or .safetensors"


def read_vectors(path: str | Path) -> LabelVectors:
    """The label vectors of a file.

    CSV and Parquet: a row a label, the first column its name, every other column a number. npz: ``names`` and
    ``vectors``, or one array a label, called as it is. safetensors: as ``medgauge prototypes`` writes it, or one tensor
    a label.

    - Raises: InputError if the file is missing, damaged or holds anything else.
    """
    check_path("a file of label vectors", path)
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InputError(f"{path} is no file of label vectors; save it as {ENDINGS}")
    if not file.is_file():
        raise InputError(f"there is no file of label vectors {path}; check its path")
    return reader(file)


def _read_table(file: Path) -> LabelVectors:
    header = column_names(file, [])
    if len(header) == 1:
        raise InputError(
            f"{file.name} has one column; it must have the labels' names in the first and their numbers in the others"
        )
    if len(header) > 1 and not parse_numbers(header[1:], decimal_comma=False).wrong and all(map(trim, header[1:])):
        _refuse_bare(header, file)
    columns = read_columns(file, [Wanted(name, "label vectors") for name in dict.fromkeys(header)])
    names = [trim(cell) for cell in columns.text[header[0]]]
    cells = [cell for row in zip(*(columns.text[name] for name in header[1:]), strict=True) for cell in row]
    read, width = parse_numbers(cells, decimal_comma=columns.decimal_comma), len(header) - 1
    wrong = [*read.wrong, *([read.unclear] if read.unclear else [])]
    if wrong:
        at, why = wrong[0]
        raise InputError(
            f"{file.name}, {columns.place} {columns.line[at // width]}, column {header[1 + at % width]}: the cell {why}"
        )
    vectors = torch.from_numpy(read.values.reshape(len(names), width)).float()
    return LabelVectors(tuple(_named(names, file)), vectors, {"kind": "table", "file": file.name}, tuple(columns.notes))


def _refuse_bare(header: list[str], file: Path) -> None:
    """Raise InputError where the first line is a label's row and no header; whole numbers 0, 1, 2 … are one."""
    if header[1:] not in ([str(place) for place in range(start, start + len(header) - 1)] for start in (0, 1)):
        raise InputError(f"the first line of {file.name} holds numbers ({shown(header[1])}); it must name the columns")


def _named(names: list[str], file: Path) -> list[str]:
    """The names, each once."""
    empty = [place for place, name in enumerate(names, start=1) if not name]
    if empty:
        raise InputError(f"row {empty[0]} of {file.name} has no name of a label in its first column")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{file.name} has {shown(twice[0])} more than once; leave one of them")
    return names


def _read_npz(file: Path) -> LabelVectors:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise InputError(
            f"{file.name} is damaged or holds objects in place of numbers; write it again with numpy.savez"
        ) from error
    if "names" in arrays and "vectors" in arrays:
        if arrays["names"].ndim != 1 or arrays["names"].dtype.kind != "U":
            raise InputError(
                f"names in {file.name} must be a list of texts, got {arrays['names'].dtype} {arrays['names'].shape}"
            )
        names = _named([str(name).strip() for name in arrays["names"]], file)
        return LabelVectors(
            tuple(names), _numbers(arrays["vectors"], "vectors", file), {"kind": "table", "file": file.name}
        )
    return _one_each({name: _numbers(array, name, file) for name, array in arrays.items()}, file)


def _numbers(array: np.ndarray[Any, np.dtype[Any]], name: str, file: Path) -> Tensor:
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name} in {file.name} must be numbers, got {array.dtype}")
    return torch.from_numpy(array.astype(np.float32))


def _one_each(tensors: Mapping[str, Tensor], file: Path) -> LabelVectors:
    """Vectors from one tensor a label."""
    if not tensors:
        raise InputError(f"{file.name} holds no vectors")
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    first, shape = next(iter(shapes.items()))
    unlike = [name for name, one in shapes.items() if one != shape or len(one) != 1]
    if unlike:
        raise InputError(
            f"{file.name} must hold names and vectors, or one vector of equal length a label; {unlike[0]} has the shape "
            f"{shapes[unlike[0]]}" + (f", {first} {shape}" if unlike[0] != first else "")
        )
    stacked = torch.stack([tensor.float() for tensor in tensors.values()])
    return LabelVectors(tuple(tensors), stacked, {"kind": "table", "file": file.name})


def _read_safetensors(file: Path) -> LabelVectors:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            told = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no mapping
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file.name} is damaged or no safetensors file; write it again") from error
    if "names" not in told:
        return _one_each(tensors, file)
    try:
        names, source = json.loads(told["names"]), json.loads(told.get("source", "{}"))
    except ValueError as error:
        raise InputError(
            f"{file.name} is damaged: its names are no JSON; write it again with medgauge prototypes"
        ) from error
    good = (
        isinstance(names, list) and all(isinstance(name, str) and name for name in names) and isinstance(source, dict)
    )
    if not good or "vectors" not in tensors:
        raise InputError(
            f"{file.name} is damaged: it must have names and vectors; write it again with medgauge prototypes"
        )
    vectors = tensors["vectors"]
    if not vectors.is_floating_point():
        raise InputError(f"vectors in {file.name} must be numbers with a point, got {vectors.dtype}")
    before = tensors.get("cosine_before")
    square = before is not None and before.shape == (len(names), len(names))
    return LabelVectors(
        tuple(_named(names, file)), vectors.float(), {**source, "file": file.name}, before=before if square else None
    )


_READERS: dict[str, Callable[[Path], LabelVectors]] = {
    **dict.fromkeys((".csv", ".tsv", ".parquet", ".pq"), _read_table),
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
