"""Images that a table names without the folders that they are in."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem


class Found(NamedTuple):
    """Paths relative to the table's folder, for the images that were found, and images that are in two folders."""

    pictures: list[str]
    problems: list[Problem]


def find_in_folders(pictures: Sequence[str], ids: Sequence[str], folder: Path, pattern: str) -> Found:
    """Where images are that a table names by their file alone; an image that is in none of the folders stays as it is.

    - Raises: InputError if the pattern is no relative one, or no folder is there and the first image is not beside the table.

    Args:
        pictures: names of image files; those with a folder stay as they are.
        ids: of the cases.
        folder: of the table.
        pattern: of the folders, relative to it (``images_*/images``).
    """
    if PurePath(pattern).is_absolute():
        raise InputError(f"data.image_folders must be relative to the table (images_*), got {pattern}.")
    inside = sorted(place for place in folder.glob(pattern) if place.is_dir())
    if not inside and not (folder / pictures[0]).exists():
        raise InputError(f"there is no folder {pattern} (data.image_folders) beside the table, in {folder}.")
    places: dict[str, list[str]] = {}
    for place in inside:
        relative = place.relative_to(folder).as_posix()
        for name in os.listdir(place):
            places.setdefault(name, []).append(f"{relative}/{name}")
    problems = [
        Problem(
            ids[row], f"its image is in two folders, {places[name][0]} and {places[name][1]}; remove one", "table", row
        )
        for row, name in enumerate(pictures)
        if len(places.get(name, ())) > 1
    ]
    return Found([places[name][0] if name in places else name for name in pictures], problems)
