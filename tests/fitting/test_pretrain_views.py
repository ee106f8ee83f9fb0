"""The pictures of two views that a pretraining's page shows: those of the first step, and nothing that tells whose they are."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medgauge.data.cases import make_cases
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.pretrain_parts import build_parts
from medgauge.fitting.pretrain_views import SHOWN, write_views
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.read import load_values
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import seal
from tests.fitting.small_pretraining import SMALL, WHERE, make_table


def test_pictures_are_both_views_of_the_first_cases_of_a_step(tmp_path: Path) -> None:
    table = make_table(tmp_path / "data")
    given = {"table": table, "cache": str(tmp_path / "cache"), **WHERE, "split": "part"}
    values = load_values("siamese_re") | {
        "augmentation": {"flip": ["columns"]}
    }  # a view is the image or its mirror image
    cases = load_cases(make_recipe(values, given, SMALL, pretraining=True))
    parts = build_parts(cases, make_cases(cases.study.images, cases.study.table.label, None, None))
    folder = RunFolder(tmp_path / "ssl")
    folder.write_text("splits.csv", "id\n")
    seal(folder, ["splits.csv"])
    write_views(folder, cases, parts)

    files = sorted((tmp_path / "ssl" / "thumbnails").iterdir())
    assert [file.name for file in files] == [f"{place}.png" for place in range(2 * SHOWN)]
    with np.load(tmp_path / "data" / "images.npz") as stored:
        images = stored["images"]
    shown = list[np.ndarray[Any, Any]]()
    for file in files:
        with Image.open(file) as picture:
            assert picture.info == {}
            shown.append(np.asarray(picture, dtype=float))
    alike = [[max(likeness(one, image), likeness(one, image[:, ::-1])) for image in images] for one in shown]
    found = [int(np.argmax(one)) for one in alike]
    assert min(max(one) for one in alike) > 0.9
    assert found[::2] == found[1::2]  # two of each case
    assert len(set(found)) == SHOWN
    assert max(found) < 16  # training cases
    assert any((shown[at] != shown[at + 1]).any() for at in range(0, 2 * SHOWN, 2))


def likeness(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
