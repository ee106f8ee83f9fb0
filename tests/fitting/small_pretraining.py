"""A small table of images for pretrainings of about a second."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas

SMALL: dict[str, Any] = {
    "training.steps": 6,
    "training.batch_size": 8,
    "pretraining.warmup": 2,
    "pretraining.warmup_batch": 4,
    "model.encoder.width": 0.25,
    "model.encoder.settings": {"features": 8},
}
WHERE: dict[str, Any] = {"array": "images.npz#images", "index": "index", "id": "case"}


def make_table(folder: Path, count: int = 24, *, side: int = 32) -> Path:
    """Write images of three kinds of brightness, and cases.csv with a size, patients of two cases, and a split."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    kind = np.arange(count) % 3
    images = random.random((count, side, side)).astype(np.float32) * 0.3 + 0.3 * kind[:, None, None]
    np.savez(folder / "images.npz", images=images.astype(np.float32))
    frame = pandas.DataFrame(
        {
            "case": [f"c{row:02d}" for row in range(count)],
            "index": range(count),
            "patient": [f"p{row // 2:02d}" for row in range(count)],
            "size": (kind * 5 + random.random(count)).round(2),
            "part": ["train" if row < 2 * count // 3 else "test" for row in range(count)],
        }
    )
    frame.to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"


def make_masked_table(folder: Path, count: int = 24, *, side: int = 16) -> Path:
    """The same kinds of images as files, each with a mask of a square, and the cases.csv of :func:`make_table` of them."""
    table = make_table(folder, count, side=side)
    frame = pandas.read_csv(table).drop(columns="index")
    images = np.load(folder / "images.npz")["images"]
    mask = np.zeros((side, side), np.uint8)
    mask[4:10, 4:10] = 1
    for row, image in enumerate(images):
        np.save(folder / f"i{row}.npy", image)
        np.save(folder / f"m{row}.npy", mask)
    frame["image"] = [f"i{row}.npy" for row in range(count)]
    frame["mask"] = [f"m{row}.npy" for row in range(count)]
    frame.to_csv(table, index=False)
    return table
