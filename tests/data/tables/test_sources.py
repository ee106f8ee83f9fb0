"""Rows of an array file that a table names."""

from pathlib import Path

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource
from medgauge.data.images.readers import read_image
from medgauge.data.tables.sources import image_source, index_notes
from medgauge.data.tables.table import read_table


def noted(rows: list[int], keys: str = "a") -> list[str]:
    return index_notes([image_source(f"v.npz#{keys[row % len(keys)]}[{row}]", Path()) for row in rows])


@pytest.mark.parametrize("rows", [[1, 2, 3], [3, 1, 2, 2], [*range(1, 20), 21]])
def test_rows_that_seem_to_be_counted_from_1_are_told(rows: list[int]) -> None:
    (note,) = noted(rows)
    assert note == (
        f"no case has row 0 of v.npz, and cases have rows 1 to {max(rows)}: rows are counted from 0; if these are counted from 1, "
        "each case has the picture of the next one: subtract 1"
    )


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 3, 4], [1], [1, 5, 9], []])
def test_other_rows_have_no_note(rows: list[int]) -> None:
    assert noted(rows) == []


def test_rows_of_several_arrays_have_no_note() -> None:
    assert noted([1, 2, 3], "ab") == []
    assert index_notes([ImageSource(Path("a.png"))]) == []


def test_a_table_that_counts_from_1(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros((4, 8, 8), dtype=np.uint8))
    (tmp_path / "cases.csv").write_text("row,age\n" + "".join(f"{row},{20 + row}\n" for row in range(1, 5)))
    table, problems = read_table(
        tmp_path / "cases.csv", image=None, label=["age"], group=None, array="v.npy", index="row"
    )
    assert problems == []
    assert [note[:60] for note in table.notes] == ["no case has row 0 of v.npy, and cases have rows 1 to 4: rows"]
    with pytest.raises(InputError, match=r"row 4, but the array has rows 0 to 3; are they counted from 1\? Subtract 1"):
        read_image(table.image[3])
