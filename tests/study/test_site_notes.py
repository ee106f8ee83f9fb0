"""Subgroups whose images or labels are unlike."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from medgauge.cli.main import main
from medgauge.data.images.decode import PreparedImages
from medgauge.data.images.facts import ImageFact
from medgauge.study.site_notes import site_notes

DRAW = np.random.default_rng(0)
SITE = ["A", "B"] * 20
PLAIN = ImageFact((1, 8, 8), "uint8", 0.0, 200.0, False, (0.5, 0.5), False)


def told(
    facts: list[ImageFact | None] | None = None,
    bright: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None = None,
    label: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None = None,
    site: list[str] | None = None,
) -> list[str]:
    n = len(SITE)
    array = (
        np.full((n, 1, 8, 8), 100.0) if bright is None else np.broadcast_to(bright[:, None, None, None], (n, 1, 8, 8))
    )
    images = PreparedImages(array, np.ones(n), [""] * n, [], [], 255.0, facts or [PLAIN] * n)
    labels = DRAW.normal(50, 10, n) if label is None else label
    return site_notes({"site": site or SITE}, images, labels[:, None], ["mm"])


def test_nothing_is_told_of_subgroups_that_are_alike() -> None:
    assert told() == []
    assert told(site=[str(row) for row in range(40)]) == []  # as many subgroups as cases
    mixed = [PLAIN._replace(dtype="uint16") if row % 3 else PLAIN for row in range(40)]
    assert told(mixed) == []  # both depths in both sites


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": "uint16"}, "depth 8-bit in A, 16-bit in B"),
        ({"shape": (1, 9, 8)}, "shape 8 x 8 in A, 9 x 8 in B"),
        ({"spacing": (0.7, 0.7)}, "spacing 0.5 x 0.5 mm in A, 0.7 x 0.7 mm in B"),
    ],
)
def test_what_files_of_sites_are_is_told(change: dict[str, object], words: str) -> None:
    facts: list[ImageFact | None] = [PLAIN if site == "A" else PLAIN._replace(**change) for site in SITE]
    (note,) = told(facts)
    assert note.startswith(f"subgroups of site are unlike: {words}: a model may read site")
    assert note.endswith("(--holdout site=A)")


def test_numbers_that_do_not_overlap_are_told_with_their_percentiles() -> None:
    apart = np.where(np.array(SITE) == "A", 20.0, 60.0) + DRAW.uniform(0, 30, 40)
    ends = {site: np.percentile(apart[np.array(SITE) == site], (5, 95)) for site in "AB"}
    (note,) = told(label=apart)
    assert f"mm {ends['A'][0]:.3g} to {ends['A'][1]:.3g} in A and {ends['B'][0]:.3g} to {ends['B'][1]:.3g} in B" in note
    (note,) = told(bright=apart)
    assert f"brightness (of 1) {ends['A'][0] / 255:.3g} to " in note
    assert told(label=np.where(np.array(SITE) == "A", 20.0, 40.0) + DRAW.uniform(0, 40, 40)) == []


def test_check_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for row in range(40):
        site = "AB"[row // 20]
        side = 16 if site == "A" else 24
        Image.fromarray(DRAW.integers(0, 200, (side, side), dtype=np.uint8)).save(tmp_path / f"{row}.png")
        rows.append({"path": f"{row}.png", "patient": f"p{row}", "mm": 20 + row % 13, "site": site})
    pandas.DataFrame(rows).to_csv(tmp_path / "cases.csv", index=False)
    flags = ["--table", str(tmp_path / "cases.csv"), "--image", "path", "--label", "mm", "--group", "patient"]
    assert main(["check", *flags, "--subgroups", "site"]) == 0
    out = capsys.readouterr()
    assert "subgroups of site are unlike: shape 16 x 16 in A, 24 x 24 in B" in out.out + out.err
