"""The page of a pretraining: its first sentence, the warning of a collapse, and its figures from the log."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from medgauge.core.errors import InputError
from medgauge.report.pretraining import describe_pretraining, trained_sentence, write_pretraining_page
from medgauge.runfolder import RunFolder

TOLD: dict[str, Any] = {
    "medgauge": "1", "method": "siamese", "selection": "reweight", "scope": "inductive", "cases": 16, "of": 24, "steps": 6,
    "stopped_because": "steps", "seconds": 90.0, "spread": {"spread": 0.9, "spread_predicted": 0.05},
    "notes": ["inductive: the 16", "the outputs <b>collapsed</b>"],
    "correlations": {"features": 5, "constant": 1, "mean": 0.25},
}  # fmt: skip
LOG: list[dict[str, float]] = [
    {"step": 2, "total": -0.1, "spread": 0.8, "spread_predicted": 0.5},
    {"step": 4, "total": -0.5, "spread": 0.85, "spread_predicted": 0.2, "cluster_1": 5.5, "cluster_2": 2.5},
    {"step": 6, "total": -0.9, "spread": 0.9, "spread_predicted": 0.05, "cluster_1": 4.0, "cluster_2": 4.0},
]
MATRIX = np.array([[1.0, 0.5], [0.5, 1.0]])


def test_the_first_sentence_says_which_cases_and_that_no_label_was_read() -> None:
    said = "Trained on {}, without labels, in 6 steps ({})."
    assert trained_sentence(TOLD) == said.format("16 of 24 cases", "inductive: training cases alone")
    whole = TOLD | {"scope": "transductive", "cases": 24}
    assert trained_sentence(whole) == said.format(
        "24 cases", "transductive: the images of all cases, test cases among them"
    )
    every = "inductive: all cases are taken for training cases"
    assert trained_sentence(whole | {"scope": "inductive"}) == said.format("24 cases", every)


def test_figures_have_the_rows_that_know_them() -> None:
    page = describe_pretraining(TOLD, LOG, MATRIX, "ssl")
    sizes = page["figures"]["sizes-plot"]["data"]
    assert [(trace["name"], trace["x"], trace["y"]) for trace in sizes] == [
        ("cluster 1", [4, 6], [5.5, 4.0]), ("cluster 2", [4, 6], [2.5, 4.0]),
    ]  # fmt: skip
    assert page["clusters"] == [
        {"name": "1", "first": "5.5", "last": "4.0"}, {"name": "2", "first": "2.5", "last": "4.0"},
    ]  # fmt: skip
    assert page["figures"]["loss-plot"]["data"][0]["y"] == [-0.1, -0.5, -0.9]
    assert page["figures"]["alike-plot"]["data"][0]["z"] == [[100, 50], [50, 100]]
    assert [row["low"] for row in page["spreads"]] == [False, True]


def test_features_that_do_not_vary_and_those_that_are_not_shown_are_said() -> None:
    said = describe_pretraining(TOLD, LOG, MATRIX, "ssl")["correlations"]
    assert said == (
        "The mean of |r| over all pairs of 4 features is 0.25. 1 feature of 5 did not vary. 2 of them are shown."
    )
    still = TOLD | {"correlations": {"features": 5, "constant": 5, "mean": None}}
    page = describe_pretraining(still, LOG, np.zeros((0, 0)), "ssl")
    assert page["correlations"].startswith("No two features vary")
    assert "alike-plot" not in page["figures"]


def written(path: Path, told: object = TOLD) -> Path:
    folder = RunFolder(path)
    (path / "pretraining.json").write_text(json.dumps(told))
    (path / "model.json").write_text(json.dumps({"model": {"encoder": {"name": "bottleneck"}}}))
    columns = list(LOG[1])
    folder.write_table("log.csv", columns, [[row.get(name) for name in columns] for row in LOG])
    folder.write_tensors("correlations.safetensors", {"matrix": torch.from_numpy(MATRIX)})
    return path


def test_the_page_escapes_what_it_is_told_and_warns_of_a_collapse(tmp_path: Path) -> None:
    text = write_pretraining_page(written(tmp_path)).read_text(encoding="utf-8")
    assert "the outputs &lt;b&gt;collapsed&lt;/b&gt;" in text
    assert "collapsed: one direction for nearly all images" in text
    assert "contains no patients’ images" in text


def test_pictures_of_two_views_are_on_the_page_without_what_tells_whose_they_are(tmp_path: Path) -> None:
    path = written(tmp_path)
    (path / "thumbnails").mkdir()
    about = PngInfo()
    about.add_text("patient", "Jane Roe")
    for place in range(5):  # the second view of the third is missing
        Image.new("L", (96, 30), 50 * place).save(path / "thumbnails" / f"{place}.png", pnginfo=about)
    assert b"Jane Roe" in (path / "thumbnails" / "0.png").read_bytes()
    text = write_pretraining_page(path).read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)" alt="([^"]+)"', text)
    assert [said for _, said in pictures] == [
        f"image {one}, {view} view" for one in (1, 2) for view in ("first", "second")
    ]
    for place, (content, _) in enumerate(pictures):
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            assert (picture.info, picture.size, picture.getpixel((3, 3))) == ({}, (96, 30), 50 * place)
    assert "contains patients’ images</strong> (2, each changed twice at random)" in " ".join(text.split())
    plain = write_pretraining_page(path, images=False).read_text(encoding="utf-8")
    assert "<img src=" not in plain
    assert "contains no patients’ images" in plain


def test_a_folder_without_correlations_or_clusters_has_a_page(tmp_path: Path) -> None:
    plain = {name: value for name, value in TOLD.items() if name != "correlations"} | {"selection": "none"}
    path = written(tmp_path, plain)
    (path / "correlations.safetensors").unlink()
    RunFolder(path).write_table("log.csv", ["step", "total"], [[2, 0.5]])
    text = write_pretraining_page(path).read_text(encoding="utf-8")
    assert "None are known" in text
    assert "Sizes of the clusters" not in text


def test_what_is_not_as_it_was_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not as it was written; give the same `medgauge pretrain` command again"):
        write_pretraining_page(written(tmp_path, {"notes": []}))
