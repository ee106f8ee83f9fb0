"""Small images with a table, and short ways to run and to refuse a command."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from medgauge.cli.main import main

SETTINGS = [
    "--training.steps=4", "--training.batch_size=8", "--training.evaluations=1", "--model.encoder.width=0.25",
    "--model.embedding=4",
]  # fmt: skip
COLUMNS = ["--image", "path", "--label", "age", "--group", "patient"]

TYPED = re.compile(r"Traceback|\b\w*(Error|Exception|Warning): |Errno")
"""What no message for a user holds."""


def make_images(folder: Path, count: int = 40, size: tuple[int, int] = (20, 24)) -> pandas.DataFrame:
    """Small images whose brightness tells the label."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    age = random.uniform(20, 80, count).round(3)
    for row in range(count):
        pixels = random.normal(age[row] * 2, 20, size).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    return pandas.DataFrame(
        {"path": [f"{row}.png" for row in range(count)], "age": age, "patient": [f"p{row:02d}" for row in range(count)]}
    )


def in_place(words: Sequence[str], more: Sequence[str]) -> list[str]:
    """A command with more flags, in the place of those of the same names."""
    names = {word.partition("=")[0] for word in more if word.startswith("--")}
    kept, rest = list[str](), list(words)
    while rest:
        word = rest.pop(0)
        if word.partition("=")[0] not in names:
            kept.append(word)
        elif "=" not in word and rest and not rest[0].startswith("--"):
            rest.pop(0)
    return [*kept, *more]


def fit(table: Path, out: Path, *more: str) -> int:
    return main(in_place(["fit", "--table", str(table), *COLUMNS, "--out", str(out), *SETTINGS], more))


def refuse(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> str:
    """Assert status 1 and one message, no traceback and no error's type, with all the words; return it."""
    said = capsys.readouterr().err.strip().splitlines()
    text = "\n".join(said)
    assert status == 1, text
    assert not TYPED.search(text), text
    for word in words:
        assert word in text, text
    return text
