"""A small table with images, two of each patient, for runs that take about a second."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
from PIL import Image

COLUMNS: dict[str, Any] = {"image": "path", "label": "age", "group": "patient"}
SMALL: dict[str, Any] = {
    "training.steps": 6,
    "training.batch_size": 8,
    "training.evaluations": 1,
    "model.encoder.width": 0.25,
    "model.embedding": 4,
}


def make_table(folder: Path, groups: int = 36) -> Path:
    """Write images whose brightness tells the age, and cases.csv; patients of part ``test`` are a sixth."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    group = np.arange(groups).repeat(2)
    age = (random.uniform(20, 80, groups)[group] + random.uniform(0, 2, 2 * groups)).round(2)
    for row, value in enumerate(age):
        pixels = random.normal(value * 2, 20, (20, 24)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    frame = pandas.DataFrame(
        {
            "path": [f"{row}.png" for row in range(2 * groups)],
            "age": age,
            "patient": [f"p{name:02d}" for name in group],
            "sex": np.where(group % 5 == 0, "", np.where(group % 2 == 0, "F", "M")),
            "site": np.array(["A", "B", "<i>C</i>"])[group % 3],
            "part": np.where(group % 6 == 0, "test", "train"),
        }
    )
    frame.to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"
