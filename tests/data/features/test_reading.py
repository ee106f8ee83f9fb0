"""Tables of features as other programs write them, and what is wrong with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.data.features.reading import FeatureBlock, read_features

WANTED = {"volume": [1.5, 2.0, -3.0], "count": [1.0, 2.0, 3.0]}


def frame() -> pandas.DataFrame:
    return pandas.DataFrame({"case": ["007", "b", "c"], **WANTED})


def write(folder: Path, name: str, table: pandas.DataFrame | None = None) -> Path:
    table, path = frame() if table is None else table, folder / name
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix == ".npz":
        np.savez(path, case=np.array(table["case"].tolist()), **{name: table[name].to_numpy() for name in WANTED})
    else:
        table.to_csv(
            path, index=False, sep=";" if "semicolon" in name else ",", decimal="," if "semicolon" in name else "."
        )
    return path


def read(path: Path, joins: tuple[str, ...] = ("case",), **more: Any) -> FeatureBlock:
    return read_features(path, joins, **{"aside": {}, **more})


@pytest.mark.parametrize("name", ["f.csv", "semicolon.csv", "f.parquet", "f.npz"])
def test_the_same_columns_are_read_of_every_kind_of_file(tmp_path: Path, name: str) -> None:
    block = read(write(tmp_path, name))
    assert (block.key, block.columns) == (["007", "b", "c"], ["volume", "count"])
    np.testing.assert_array_equal(block.values, np.array([WANTED["volume"], WANTED["count"]]).T)


def test_the_first_column_that_is_there_joins_and_other_columns_of_the_cases_are_left_out(tmp_path: Path) -> None:
    table = frame().assign(sex=["F", "M", "F"], **{"Unnamed: 0": [0, 1, 2]})
    block = read(write(tmp_path, "f.csv", table), ("id", "case"), aside={"sex": "a covariate"})
    assert (block.by, block.columns) == ("case", ["volume", "count"])
    assert block.notes == ["f.csv: sex (a covariate), Unnamed: 0 (numbers of rows) are no features and are left out"]


def test_wanted_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    table = frame()[["count", "case", "volume"]].assign(more=["x", "y", "z"])
    for name in ("f.csv", "f.parquet"):
        block = read(write(tmp_path, name, table), wanted=["volume", "count"])
        np.testing.assert_array_equal(block.values[:, 0], WANTED["volume"])
    with pytest.raises(
        InputError, match=r"f.csv lacks 1 column of the 2 features that the run was made with \('mesh'\)"
    ):
        read(tmp_path / "f.csv", wanted=["volume", "mesh"])


def test_an_array_of_features_is_as_many_columns(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(3, 2)
    np.savez(tmp_path / "f.npz", id=np.array(["a", "b", "c"]), deep=values)
    block = read(tmp_path / "f.npz", ("id",))
    assert block.columns == ["deep_0", "deep_1"]
    np.testing.assert_array_equal(block.values, values)


@pytest.mark.parametrize("kind", [bool, np.int16, np.float32])
def test_numbers_of_every_type_are_read_of_parquet(tmp_path: Path, kind: type) -> None:
    block = read(write(tmp_path, "f.parquet", frame().assign(count=np.array([0, 1, 1]).astype(kind))))
    np.testing.assert_array_equal(block.values[:, 1], [0.0, 1.0, 1.0])


def test_missing_and_infinite_numbers_are_kept_for_whoever_asks(tmp_path: Path) -> None:
    table = frame().assign(count=[np.nan, np.inf, 1.0])
    for name in ("f.csv", "f.parquet"):
        np.testing.assert_array_equal(read(write(tmp_path, name, table)).values[:, 1], [np.nan, np.inf, 1.0])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (frame().assign(sex=["F", "M", "F"]), r"1 column of f.csv holds something else than numbers: sex \('F' on line 2\); features are"),
        (frame().assign(case=["a", "b", "a"]), r"f.csv has more than one row of 1 case \(column case: a\); give one row a case"),
        (frame().assign(case=["a", None, "c"]), r"f.csv has a row without case \(row 2\); name its case"),
        (frame()[["case"]], "f.csv has no column of features beside case"),
        (frame().rename(columns={"case": "cases"}), "no column 'case', by which its rows are joined .*; did you mean cases"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_features_is_told_in_a_sentence(
    tmp_path: Path, table: pandas.DataFrame, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read(write(tmp_path, "f.csv", table))


def test_texts_in_parquet_are_told_with_their_type(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds something else than numbers: sex \((large_)?string\)"):
        read(write(tmp_path, "f.parquet", frame().assign(sex=["F", "M", "F"])))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "f.parquet")
    with pytest.raises(InputError, match="is to be an npz file with features, and is not there"):
        read(tmp_path / "f.npz")
    (tmp_path / "f.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="and cannot be read as one"):
        read(tmp_path / "f.npz")
    np.save(tmp_path / "f.npy", np.ones((3, 2)))
    with pytest.raises(InputError, match="f.npy is an array without ids; give an npz file"):
        read(tmp_path / "f.npy")
    np.savez(tmp_path / "g.npz", case=np.array(["a", "b"], dtype=object), deep=np.ones((2, 2)))
    with pytest.raises(InputError, match="the array case of g.npz cannot be read without running code"):
        read(tmp_path / "g.npz")
    np.savez(tmp_path / "h.npz", case=np.array(["a", "b"]), deep=np.ones((3, 2)))
    with pytest.raises(InputError, match="differ in length: case has 2 rows, deep_0 3"):
        read(tmp_path / "h.npz")
    np.savez(tmp_path / "i.npz", case=np.array(["a", "b"]), deep=np.ones((2, 2, 2)))
    with pytest.raises(InputError, match="the array deep of i.npz has 3 axes"):
        read(tmp_path / "i.npz")
