"""Cases from outside the run."""

import re
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
import pandas
import pytest
import torch
from PIL import Image

import medgauge
from medgauge.core.errors import InputError
from medgauge.data.tables.names import in_words
from medgauge.runs import files
from medgauge.runs.fitted import Fit
from medgauge.runs.new_cases import embed_table, image_table, read_table_of, without_groups
from medgauge.study import Study
from tests.inference.small import drawn


def test_the_runs_own_table_is_embedded_as_it_was(fit: Fit, study: Study, table: Path) -> None:
    there, known = read_table_of(fit, table, need_label=True)
    assert known
    (found,), digests, _ = embed_table(fit, there)
    assert digests == list(study.images.digests)
    for split, own in files.read_cases(fit.folder, study, ["val", "test"]).items():
        rows = study.rows(split)
        torch.testing.assert_close(found.embedding[rows], own.embedding, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.label[rows], own.label, equal_nan=True)
        assert found.divisor is not None
        assert own.divisor is not None
        assert torch.equal(found.divisor[rows], own.divisor)


def test_a_table_without_groups_can_be_read_but_not_scored(fit: Fit, table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table).drop(columns=["patient", "age", "stage"])
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame.to_csv(tmp_path / "new.csv", index=False)
    there, known = read_table_of(fit, tmp_path / "new.csv", need_label=False)
    assert not known
    assert there.label.shape == (72, 2)
    assert np.isnan(there.label).all()
    with pytest.raises(InputError, match="has no group column 'patient'"):
        read_table_of(fit, tmp_path / "new.csv", need_label=True)


@pytest.mark.parametrize(("decimal", "age"), [("point", 1448.0), ("comma", 1.448)])
def test_marks_of_decimals_that_no_cell_tells_are_asked_for(
    fit: Fit, table: Path, tmp_path: Path, decimal: Literal["point", "comma"], age: float
) -> None:
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame["age"] = "1,448"
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(
        InputError, match="could be 1448 or 1.448.* --decimal point or --decimal comma, or write no tho"
    ):
        read_table_of(fit, tmp_path / "new.csv", need_label=True)
    there, _ = read_table_of(fit, tmp_path / "new.csv", need_label=True, decimal=decimal)
    assert (there.label[:, there.target.index("age")] == age).all()


def test_a_label_that_is_no_grade_is_refused(fit: Fit, table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame["stage"] = 1.5
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(
        InputError, match="label stage is 1.5, and a grade is a whole number; correct it; so"
    ) as refused:
        read_table_of(fit, tmp_path / "new.csv", need_label=True)
    assert "--kind" not in str(refused.value)


def test_image_files_become_a_table(fit: Fit, table: Path) -> None:
    names = [str(table.parent / f"{row}.png") for row in (3, 1)]
    for given in (["pixel_mm=2.5"], {"pixel_mm": 2.5}):
        made = image_table(fit, names, given)
        assert made.id == made.group == names
        assert made.covariates.tolist() == [[2.5], [2.5]]
        assert made.label.shape == (2, 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "needs the covariate pixel_mm: give --covariate pixel_mm=VALUE"),
        (["pixel_mm=1", "sex=2"], "the run has no covariate sex; it has pixel_mm"),
        (["pixel_mm=wide"], "a covariate is not a number"),
        ({"pixel_mm": float("inf")}, "covariates must be finite numbers"),
    ],
)
def test_covariates_that_do_not_fit_are_refused(fit: Fit, table: Path, given: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        image_table(fit, [table.parent / "0.png"], given)


def test_files_that_are_none_or_the_same_or_missing_are_refused(fit: Fit, table: Path) -> None:
    one = table.parent / "0.png"
    for names, words in (
        ([], "give image files"), ([one, one], "given more than once"), (["none.png"], "none.png")
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            image_table(fit, names, ["pixel_mm=1"])


def test_images_of_another_number_of_dimensions_are_refused(fit: Fit, tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((20, 24), shade, dtype=np.uint8)) for shade in (10, 50, 90)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError):
        embed_table(fit, image_table(fit, [tmp_path / "stack.tif"], ["pixel_mm=1"]))


def test_groups_made_unlike_the_gallerys_differ_from_case_to_case() -> None:
    (found,) = without_groups([drawn(6, 0)])
    assert len(set(found.group)) == 6
    assert not set(found.group) & set(drawn(6, 0).group)
    assert list(found.id) == list(drawn(6, 0).id)


def spelled_otherwise(table: Path, folder: Path, spelled: str = "P7") -> Path:
    """The run's table with patient p07 spelled otherwise, and blanks behind the others."""
    frame = pandas.read_csv(table)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame["patient"] = [spelled if name == "p07" else f"{name} " for name in frame["patient"]]
    frame.to_csv(folder / "new.csv", index=False)
    return folder / "new.csv"


@pytest.mark.parametrize("spelled", ["P7", "p-07", "P_7", "p^07", "\uff5007"])
def test_groups_have_the_names_of_the_run(fit: Fit, table: Path, tmp_path: Path, spelled: str) -> None:
    own, _ = read_table_of(fit, table, need_label=True)
    new = spelled_otherwise(table, tmp_path, spelled)
    with pytest.raises(
        InputError, match=f"1 group of new.csv is spelled otherwise than the run's: '{re.escape(spelled)}'"
    ):
        read_table_of(fit, new, need_label=False)
    merged, _ = read_table_of(fit, new, need_label=False, spelling="merge")
    assert merged.group == own.group
    assert (
        merged.notes[-1]
        == "groups that differ from the run's in spelling alone are these (1: " + in_words([[spelled, "p07"]]) + ")"
    )
    for settings in ({"spelling": "exact"}, {"local": True}):
        there, _ = read_table_of(fit, new, need_label=False, **settings)  # type: ignore[arg-type]
        assert set(there.group) == {*own.group, spelled} - {"p07"}


def test_a_known_patient_is_found_whatever_the_spelling(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    new = spelled_otherwise(table, tmp_path)
    with pytest.raises(InputError, match="are groups of the run's own cases"):
        run.evaluate(new, spelling="merge")
    with pytest.raises(InputError, match="1 group of new.csv is spelled otherwise than the run's"):
        run.evaluate(new)
    one, other = run.predict(table), run.predict(new, spelling="merge")
    assert other["age"].tolist() == one["age"].tolist()  # training cases of the same patient are no neighbours


def test_what_is_changed_in_new_images_is_told(
    fit: Fit, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(table.parent / "0.png") as picture:
        grey = np.asarray(picture.convert("L"))
    Image.fromarray(np.stack([grey, grey], axis=2)).save(tmp_path / "seen.png")
    Image.fromarray(np.full_like(grey, 7)).save(tmp_path / "blank.png")
    np.save(tmp_path / "deep.npy", grey.astype(np.uint16) * 16)  # 12 bits, where a file of 16 may have 65535
    names = [tmp_path / name for name in ("seen.png", "blank.png", "deep.npy")]
    new = image_table(fit, names, ["pixel_mm=1"])
    embed_table(fit, new)
    assert capsys.readouterr().err == ""
    embed_table(fit, new, terminal=True)
    assert capsys.readouterr().err.splitlines() == [
        "alpha channel dropped in 1 image",
        f"1 image is of one single value (case {names[1]}), with nothing to see; look at the files, and leave such cases out",
        f"1 image uses less than a tenth of the run's window (case {names[2]}): if their intensities are of another scale than "
        "the training images', save them with that one",
    ]


def test_a_pixel_size_that_contradicts_the_file_is_told(
    fit: Fit, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(table.parent / "0.png") as picture:
        grey = np.asarray(picture.convert("L"))
    image = nibabel.Nifti1Image(grey.T, np.diag([0.5, 0.5, 1, 1]))
    nibabel.save(image, tmp_path / "a.nii")
    embed_table(fit, image_table(fit, [tmp_path / "a.nii"], ["pixel_mm=1"]), terminal=True)
    told = [line for line in capsys.readouterr().err.splitlines() if "pixel_mm" in line]
    assert told == [
        f"pixel_mm is not the size of a pixel in 1 of 1 file that gives one (case {tmp_path / 'a.nii'}): the files say 0.5 mm, the "
        "covariate 1 mm; correct the covariate, or the files"
    ]
