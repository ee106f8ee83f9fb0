"""Odd and wrong tables and images: what works, and what ends with one clear sentence and status 1."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from medgauge.cli.main import main
from tests.cli.small import COLUMNS, fit, refuse


def test_fit_from_a_table_alone(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(cases[0], tmp_path / "run", "--test") == 0
    out = capsys.readouterr().out
    assert "age: test split" in out
    assert "baseline: median" in out
    assert "report.html" in out
    assert "size:\n  - 20\n  - 24" in (tmp_path / "run" / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bom", lambda frame: "\ufeff" + frame.to_csv(index=False)),
        ("semicolons", lambda frame: frame.to_csv(index=False, sep=";")),
        ("windows", lambda frame: frame.to_csv(index=False).replace("\n", "\r\n")),
    ],
)
def test_odd_tables_work(
    cases: tuple[Path, pandas.DataFrame],
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: Callable[[pandas.DataFrame], str],
) -> None:
    table = cases[0].with_name(f"{name}.csv")
    table.write_text(text(cases[1]), encoding="utf-8", newline="")
    assert main(["check", "--table", str(table), *COLUMNS]) == 0
    assert "40 rows read" in capsys.readouterr().out


def test_odd_images_and_paths_work(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    folder = table.parent
    Image.fromarray(np.arange(480, dtype=np.uint16).reshape(20, 24) * 100).save(folder / "deep.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (20, 24, 4), dtype=np.uint8)).save(folder / "alpha.png")
    shutil.move(folder / "2.png", folder / "with space é.png")
    shutil.move(folder / "3.png", tmp_path / "up.png")
    Image.fromarray(np.full((31, 17), 90, dtype=np.uint8) + np.arange(17, dtype=np.uint8)).save(folder / "other.png")
    frame["path"] = [
        "deep.png",
        "alpha.png",
        "with space é.png",
        "../up.png",
        str(folder / "4.png"),
        "other.png",
        *frame["path"][6:],
    ]
    frame.to_csv(table, index=False)
    more = ["--image.window=[0, 255]", "--image.channels=1"]
    assert main(["check", "--table", str(table), *COLUMNS, *more]) == 0
    out = capsys.readouterr().out
    assert out.count("alpha") == 1, out


def test_markup_in_a_case_id_is_escaped_in_the_report(cases: tuple[Path, pandas.DataFrame], tmp_path: Path) -> None:
    table, frame = cases
    frame["name"] = [f"<script>alert({row})</script>" for row in range(len(frame))]
    frame.to_csv(table, index=False)
    assert fit(table, tmp_path / "run", "--id", "name", "--test") == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(" not in page
    assert "alert(" in page


def change(column: str, row: int, value: object) -> Callable[[Path, pandas.DataFrame], None]:
    def apply(table: Path, frame: pandas.DataFrame) -> None:
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        frame.to_csv(table, index=False)

    return apply


def write(text: str) -> Callable[[Path, pandas.DataFrame], None]:
    return lambda table, frame: table.write_text(text) and None  # type: ignore[func-returns-value]


def constant(table: Path, frame: pandas.DataFrame) -> None:
    frame.assign(age=5.0).to_csv(table, index=False)


def one_group(table: Path, frame: pandas.DataFrame) -> None:
    frame.assign(patient="p").to_csv(table, index=False)


def truncate(table: Path, frame: pandas.DataFrame) -> None:
    path = table.with_name("7.png")
    path.write_bytes(path.read_bytes()[:60])


def not_an_image(table: Path, frame: pandas.DataFrame) -> None:
    table.with_name("7.png").write_text("this is no image")


def dicom_without_pixels(table: Path, frame: pandas.DataFrame) -> None:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        ExplicitVRLittleEndian,
        generate_uid(),
        generate_uid(),
    )
    data = FileDataset(str(table.with_name("7.dcm")), {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName, data.SOPClassUID, data.SOPInstanceUID = (
        "Doe^Jane",
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    data.save_as(table.with_name("7.dcm"), enforce_file_format=True)
    change("path", 7, "7.dcm")(table, frame)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda table, frame: table.unlink(), ["cases.csv"]),
        (write(""), ["empty"]),
        (write("path,age,patient\n"), ["cases.csv"]),
        (write("path,age,age,patient\n0.png,1,1,a\n"), ["more than one column", "age"]),
        (write("path,ag,patient\n0.png,1,a\n"), ["no column 'age'", "did you mean 'ag'"]),
        (change("path", 7, "gone.png"), ["gone.png", "missing"]),
        (truncate, ["7.png"]),
        (not_an_image, ["7.png"]),
        (dicom_without_pixels, ["7.dcm"]),
        (change("age", 7, "old"), ["old", "line 9"]),
        (change("age", 7, "inf"), ["inf", "line 9"]),
        (constant, ["age", "is 5 in all 40"]),
        (one_group, ["1 group"]),
    ],
)  # fmt: skip
def test_wrong_input_ends_with_a_sentence_and_leaves_nothing(
    cases: tuple[Path, pandas.DataFrame],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path, pandas.DataFrame], None],
    words: list[str],
) -> None:
    table, frame = cases
    spoil(table, frame)
    before = {path.name: path.read_bytes() for path in table.parent.iterdir()}
    text = refuse(capsys, fit(table, tmp_path / "run"), *words)
    assert "Doe" not in text
    assert not (tmp_path / "run").exists()
    assert {path.name: path.read_bytes() for path in table.parent.iterdir()} == before


def test_check_lists_every_problem_at_once(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    change("path", 3, "gone.png")(table, frame)
    change("age", 5, "old")(table, frame)
    truncate(table, frame)
    refuse(capsys, main(["check", "--table", str(table), *COLUMNS]), "3 problems", "gone.png", "old", "7.png")


def test_skip_bad_leaves_out_and_lists(cases: tuple[Path, pandas.DataFrame], tmp_path: Path) -> None:
    table, frame = cases
    change("path", 3, "gone.png")(table, frame)
    truncate(table, frame)
    assert fit(table, tmp_path / "run", "--skip-bad") == 0
    listed = pandas.read_csv(tmp_path / "run" / "problems.csv")
    assert sorted(listed["id"]) == ["7.png", "gone.png"]
    assert len(pandas.read_csv(tmp_path / "run" / "splits.csv")) == 38


def test_the_same_picture_on_two_sides_is_refused(
    cases: tuple[Path, pandas.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    for row in range(1, 30):
        shutil.copy(table.with_name("0.png"), table.with_name(f"{row}.png"))
    refuse(capsys, fit(table, tmp_path / "run"), "0.png", "same picture")
