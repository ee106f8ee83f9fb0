"""The real data that ship with the package, seen as tables (``bundled:hc18``)."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np

from medgauge.core.errors import InputError

PREFIX = "bundled:"
_FILES: Mapping[str, str] = {"hc18": "hc18_96x64.npz"}


def bundled_names() -> list[str]:
    """The names that may follow ``bundled:``."""
    return sorted(_FILES)


def is_bundled(path: str | Path) -> bool:
    """Whether a table's path names bundled data."""
    return str(path).startswith(PREFIX)


def bundled_path(name: str) -> Path:
    """The array file of bundled data; ``name`` with or without ``bundled:``.

    - Raises: InputError for an unknown name, or when the installation lacks the file.
    """
    short = name.removeprefix(PREFIX)
    if short not in _FILES:
        raise InputError(f"there is no bundled data named '{short}'; there is {', '.join(bundled_names())}.")
    path = Path(str(files(__package__) / _FILES[short]))
    if not path.is_file():
        raise InputError(f"the bundled data {path} is missing; install medgauge again.")
    return path


def bundled_licence(name: str) -> str:
    """Source, licence and attribution of bundled data, as Markdown."""
    bundled_path(name)
    return (files(__package__) / f"{name.removeprefix(PREFIX)}.LICENSE.md").read_text(encoding="utf-8")


def bundled_columns(name: str) -> dict[str, list[str]]:
    """The table of bundled data, every column as text, as a CSV file would give it.

    HC18: id (``hc18-0001`` on, of no meaning), image (a reference into the array file), index, patient_id (the number
    of the examination, three digits), split (train or val), hc_mm (head circumference, mm), pixel_size_mm (mm), and
    hc_px (head circumference, pixels).
    """
    path = bundled_path(name)
    short = name.removeprefix(PREFIX)
    with np.load(path) as arrays:
        numbers = {key: arrays[key] for key in ("hc_mm", "pixel_size_mm", "hc_px", "patient_id", "is_val")}
    rows = range(len(numbers["patient_id"]))
    return {
        "id": [f"{short}-{row + 1:04d}" for row in rows],
        "image": [f"{path.name}#images[{row}]" for row in rows],
        "index": [str(row) for row in rows],
        "patient_id": [f"{number:03d}" for number in numbers["patient_id"]],
        "split": ["val" if held_out else "train" for held_out in numbers["is_val"]],
        "hc_mm": [str(value) for value in numbers["hc_mm"]],
        "pixel_size_mm": [str(value) for value in numbers["pixel_size_mm"]],
        "hc_px": [str(value) for value in numbers["hc_px"]],
    }
