import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgauge.core.errors import InputError
from medgauge.data.tables.columns import Wanted, find_columns, read_columns


def test_names_are_found_without_blanks_at_their_ends() -> None:
    names = ["\ufeffpath", " mm ", "Gro\u0308ße", "HC, mm", ""]
    wanted = [Wanted(name, "label") for name in ("mm", "path", "Größe ", "HC, mm")]
    assert find_columns(names, wanted, "t.csv") == (
        {"mm": 1, "path": 0, "Größe ": 2, "HC, mm": 3},
        ["blanks at the ends of column names are left out: ' mm ', '\ufeffpath', 'Gro\u0308ße'"],
    )
    assert find_columns(["a", "b"], [Wanted("b", "label"), Wanted("c", "id", needed=False)], "t.csv") == ({"b": 1}, [])


def test_names_that_are_one_without_blanks_are_there_twice() -> None:
    with pytest.raises(InputError, match=r"t\.csv has more than one column 'mm'; rename or remove all but one\."):
        find_columns(["mm", "mm "], [Wanted("mm", "label")], "t.csv")


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([17.0, None, float("nan"), 0.5], pa.float64()), ["17", "", "nan", "0.5"]),
        (pa.array([1e16, 3.0], pa.float64()), ["1e+16", "3"]),
        (pa.array([12345678901234567], pa.int64()), ["12345678901234567"]),
        (pa.array([Decimal("17.00"), Decimal("1200"), Decimal("0.50"), None], pa.decimal128(8, 2)), ["17", "1200", "0.5", ""]),
        (pa.array([True, False, None]), ["1", "0", ""]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", "", "b"]),
        (pa.array([datetime.date(2020, 1, 2), None]), ["2020-01-02", ""]),
        (pa.array([datetime.datetime(2020, 1, 2), None], pa.timestamp("ns")), ["2020-01-02 00:00:00", ""]),
        (pa.array(["Å 1".encode(), None], pa.binary()), ["Å 1", ""]),
    ],
)  # fmt: skip
def test_every_kind_of_parquet_column_as_text(tmp_path: Path, column: pa.Array, texts: list[str]) -> None:
    pq.write_table(pa.table({" x ": column}), tmp_path / "t.parquet")
    assert read_columns(tmp_path / "t.parquet", [Wanted("x", "group")]).text == {"x": texts}


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([b"\xff1", b"\xfe1"])}), tmp_path / "t.parquet")  # two names, not one
    with pytest.raises(InputError, match=r"column 'x' of t\.parquet holds bytes that are no UTF-8 text"):
        read_columns(tmp_path / "t.parquet", [Wanted("x", "group")])
