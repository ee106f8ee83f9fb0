"""What files of features say of themselves."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from medgauge.data.features.about import about_notes, read_about


@pytest.mark.parametrize(
    ("held", "about"),
    [
        (b'{"made_by": "lite0", "size": [20, 24]}', {"made_by": "lite0", "size": [20, 24]}),
        (b"[1]", {}),
        (b"no json", {}),
        (b'{"size": 3}', {}),
        (None, {}),
    ],
)  # fmt: skip
def test_metadata_is_read_as_data(tmp_path: Path, held: bytes | None, about: object) -> None:
    table = pyarrow.table({"case": ["a"]}).replace_schema_metadata(None if held is None else {b"medgauge": held})
    pyarrow.parquet.write_table(table, tmp_path / "f.parquet")
    assert read_about(tmp_path / "f.parquet") == about


def test_features_that_know_labels_are_told(tmp_path: Path) -> None:
    for count, wanted in ((0, 0), (3, 1), ("3", 0)):
        about = json.dumps({"made_by": "run", "trained_with": count}).encode()
        pyarrow.parquet.write_table(
            pyarrow.table({"case": ["a"]}).replace_schema_metadata({b"medgauge": about}), tmp_path / "f.parquet"
        )
        notes = about_notes(tmp_path / "f.parquet")
        assert len(notes) == wanted
    assert read_about(tmp_path / "f.csv") == {}
    (tmp_path / "g.parquet").write_bytes(b"none")
    assert read_about(tmp_path / "g.parquet") == {}


@pytest.mark.parametrize(
    ("scope", "took", "transductive"), [("inductive", 2, True), ("inductive", 1, False), ("transductive", 2, True)]
)
def test_a_pretraining_that_took_every_case_is_transductive(
    tmp_path: Path, scope: str, took: int, transductive: bool
) -> None:
    about = json.dumps({"made_by": "pretraining", "pretrained_with": took, "scope": scope}).encode()
    table = pyarrow.table({"case": ["a", "b"]}).replace_schema_metadata({b"medgauge": about})
    pyarrow.parquet.write_table(table, tmp_path / "f.parquet")
    (said,) = about_notes(tmp_path / "f.parquet")
    assert f"({scope}) that took the images of {took} of these cases, without labels" in said
    assert ("transductive" in said) == transductive
