import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data import bundled
from medgauge.data.bundled import bundled_columns, bundled_licence, bundled_names, bundled_path
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.table import read_table


def test_hc18_is_a_table_like_any_other() -> None:
    table, problems = read_table(
        "bundled:hc18", image=None, label=["hc_mm"], group="patient_id", covariates=["pixel_size_mm"], split="split"
    )
    assert problems == missing_files(table) == []
    assert (len(table), len(set(table.group))) == (797, 644)
    assert table.split is not None
    assert (table.split.count("train"), table.split.count("val")) == (676, 121)
    with np.load(bundled_path("hc18")) as arrays:
        np.testing.assert_array_equal(table.label[:, 0].astype(np.float32), arrays["hc_mm"])
        np.testing.assert_array_equal(table.covariates[:, 0].astype(np.float32), arrays["pixel_size_mm"])
        assert arrays["images"].shape == (797, 64, 96)
    assert [source.index for source in table.image] == list(range(797))
    assert {(source.path, source.key) for source in table.image} == {(bundled_path("hc18"), "images")}
    assert table.label[0, 0] == 56.81  # as published, not as float32


def test_ids_say_nothing_of_a_patient() -> None:
    columns = bundled_columns("hc18")
    assert len(set(columns["id"])) == 797
    assert all(re.fullmatch(r"hc18-\d{4}", case) for case in columns["id"])
    assert columns["id"][0] == "hc18-0001"


def test_columns_may_be_named_and_array_and_index_do_too() -> None:
    usual, _ = read_table("bundled:hc18", image=None, label=["hc_mm"], group="patient_id")
    named, _ = read_table("bundled:hc18", image="image", id="id", label=["hc_mm"], group="patient_id")
    indexed, _ = read_table(
        "bundled:hc18", image=None, array="hc18_96x64.npz#images", index="index", label=["hc_mm"], group="patient_id"
    )
    assert usual.image == named.image == indexed.image
    assert usual.digest == named.digest == indexed.digest


def test_it_agrees_with_the_table_it_was_made_of(shared: Path) -> None:
    settings: dict[str, Any] = {"label": ["hc_mm"], "group": "patient_id", "split": "split"}
    original, _ = read_table(shared / "data/hc18/labels.csv", image="path", **settings)
    table, _ = read_table("bundled:hc18", image=None, **settings)
    np.testing.assert_array_equal(table.label, original.label)
    assert (table.group, table.split) == (original.group, original.split)
    folder = shared / "data/hc18"
    assert bundled_path("hc18").read_bytes() == (folder / "hc18_96x64.npz").read_bytes()


def test_the_licence_goes_with_every_bundled_file() -> None:
    assert bundled_names() == ["hc18"]
    for name in bundled_names():
        text = bundled_licence(name)
        for words in ("CC BY 4.0", "van den Heuvel", "https://doi.org/10.5281/zenodo.1327317", bundled_path(name).name):
            assert words in text
        assert zipfile.is_zipfile(bundled_path(name))


def test_unknown_names_and_a_broken_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="there is no bundled data named 'hc19'; there is hc18"):
        read_table("bundled:hc19", image=None, label=["hc_mm"], group=None)
    with pytest.raises(InputError, match="no bundled data"):
        bundled_licence("nothing")
    monkeypatch.setattr(bundled, "_FILES", {"hc18": "gone.npz"})
    with pytest.raises(InputError, match="is missing; install medgauge again"):
        bundled_path("hc18")
