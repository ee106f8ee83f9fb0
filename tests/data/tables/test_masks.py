"""Masks that a table names for several images: told where it may be a slip."""

from pathlib import Path

from medgauge.data.images.image import ImageSource
from medgauge.data.tables.masks import shared_mask_notes
from medgauge.data.tables.table import read_table

TABLE = """id,patient,ct,mask
1,a,a1.nii,a.nii
2,a,a2.nii,a.nii
3,b,b1.nii,b.nii
4,c,c1.nii,b.nii
5,d,d1.nii,
6,e,e1.nii,
"""


def notes(folder: Path, group: str | None) -> str:
    (folder / "t.csv").write_text(TABLE)
    asked = {"image": "ct", "mask": "mask", "id": "id", "group": group}
    return "\n".join(read_table(folder / "t.csv", label=[], need_label=False, **asked)[0].notes)


def test_a_mask_of_a_neighbour_is_told_and_one_of_two_sequences_is_not(tmp_path: Path) -> None:
    assert "1 mask is named for images of several groups (b.nii: cases 3, 4); if that is a slip" in notes(
        tmp_path, "patient"
    )
    assert "2 masks are named for images of several groups (the first, a.nii: cases 1, 2)" in notes(tmp_path, None)


def test_rows_of_one_array_file_are_masks_of_their_own() -> None:
    masks = [ImageSource(Path("masks.npz"), "masks", row) for row in (0, 1, 1)]
    images = [ImageSource(Path("volumes.npz"), "images", row) for row in (0, 1, 1)]
    assert (
        shared_mask_notes(masks, images, ["a", "b", "c"], ["1", "2", "3"]) == []
    )  # the same image twice is told elsewhere
    assert "(masks.npz#masks[1]: cases 2, 3)" in shared_mask_notes(masks, images[:2] + masks[:1], "abc", "123")[0]
