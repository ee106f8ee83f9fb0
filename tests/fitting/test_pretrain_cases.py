"""Which cases a pretraining takes, with labels and without, and what is said of it."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.fitting import pretrain_cases
from medgauge.fitting.pretrain_cases import load_cases
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.schema import Recipe
from medgauge.study import load_study
from tests.cli.small import make_images
from tests.fitting.small_pretraining import SMALL, WHERE, make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("cases"))


def recipe(table: Path, name: str = "siamese_re", changes: dict[str, Any] | None = None, **columns: object) -> Recipe:
    given = {"table": table, "cache": str(table.parent / "cache"), **WHERE, **columns}
    small = SMALL if name != "siamese" else {}
    return make_recipe(name, given, {**small, **(changes or {})}, pretraining=True)


def test_with_labels_the_training_cases_are_those_of_a_fit(table: Path) -> None:
    columns = {"label": ["size"], "group": "patient"}
    cases = load_cases(recipe(table, **columns))
    given = {"table": table, "cache": str(table.parent / "cache"), **WHERE, **columns}
    fitted = load_study(make_recipe("l1", given))
    assert cases.rows == fitted.rows("train")
    assert not any("has no effect" in note for note in cases.notes)  # of what the pretraining decides itself
    assert cases.notes[-1] == f"inductive: the {len(cases.rows)} training cases of 24 were taken, without labels"


def test_a_split_column_is_enough(table: Path) -> None:
    assert load_cases(recipe(table, split="part")).rows == list(range(16))
    whole = load_cases(recipe(table, split="part", changes={"pretraining.scope": "transductive"}))
    assert whole.rows == list(range(24))
    assert whole.notes[-1].startswith("transductive: the images of all 24 cases were taken, test cases among them")


def test_a_table_without_labels_and_splits_is_taken_whole(table: Path) -> None:
    cases = load_cases(recipe(table))
    assert cases.rows == list(range(24))
    assert cases.notes[-1].startswith(
        "inductive: all 24 cases of the table are taken for training cases, as nothing says"
    )


def test_steps_and_warm_up_are_the_papers_where_nothing_is_said(table: Path) -> None:
    plain = load_cases(recipe(table, "siamese")).study.recipe
    assert (plain.training.batch_size, plain.training.steps, plain.pretraining.warmup) == (6, 200, 0)  # 50 passes of 24
    auto = {"training.steps": "auto", "training.batch_size": "auto", "pretraining.warmup": "auto"}
    selecting = load_cases(recipe(table, changes=auto)).study.recipe
    assert (selecting.training.batch_size, selecting.training.steps) == (24, 2000)
    assert selecting.pretraining.warmup == 6  # one pass, 4 a step


@pytest.mark.parametrize("columns", [{}, {"label": ["size"], "group": "patient", "split": "part"}])
def test_files_in_two_units_are_told(tmp_path: Path, columns: dict[str, Any]) -> None:
    draw, frame = np.random.default_rng(0), pandas.read_csv(make_table(tmp_path)).drop(columns="index")
    for row in range(len(frame)):
        steps = np.diag([0.001 if row == 3 else 1.0] * 3 + [1.0])
        nibabel.save(
            nibabel.Nifti1Image(draw.normal(size=(16, 16, 16)).astype(np.float32), steps), tmp_path / f"{row}.nii.gz"
        )
    frame["ct"] = [f"{row}.nii.gz" for row in range(len(frame))]
    frame.to_csv(tmp_path / "volumes.csv", index=False)
    given = {
        "table": tmp_path / "volumes.csv",
        "image": "ct",
        "id": "case",
        "cache": str(tmp_path / "cache"),
        **columns,
    }
    (said,) = [
        one for one in load_cases(make_recipe("siamese_re", given, SMALL, pretraining=True)).notes if "two units" in one
    ]
    assert "sizes of pixels that the files give, in mm, are 0.001 in 1 of" in said
    assert "c03" in said


@pytest.mark.parametrize("columns", [{}, {"label": ["size"], "group": "patient"}])
def test_parts_that_are_no_smaller_than_the_batch_that_was_decided_are_noted(
    table: Path, columns: dict[str, Any]
) -> None:
    auto = {"training.batch_size": "auto", "training.micro_batch": 24}
    cases = load_cases(recipe(table, "siamese", auto, **columns))
    batch = cases.study.recipe.training.batch_size
    assert [note for note in cases.notes if "micro_batch" in note] == [
        f"training.micro_batch 24 has no effect, as the training.batch_size that was decided, {batch}, is no larger; give a "
        "larger one, as 256"
    ]
    assert cases.study.recipe.model.encoder.norm == "batch"
    cases = load_cases(recipe(table, "siamese", auto | {"training.micro_batch": 5}, **columns))
    assert not any("micro_batch" in note for note in cases.notes)
    assert cases.study.recipe.model.encoder.norm == "group"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"training.batch_size": 30},
            "a step of 30 cases is more than the 24 cases to train on; set training.batch_size to 24 or less",
        ),
        (
            {"training.batch_size": 1},
            "a step of 1 case has no other case to differ from; give a training.batch_size of 2",
        ),
        ({"pretraining.clusters": 9}, "pretraining.clusters 9 is more than the 8 cases of a step"),
        ({"pretraining.warmup": 6}, "the warm-up takes 6 steps of 6, so nothing would be selected"),
        ({"data.folds": 3}, "an inductive pretraining is of the training cases of one fold; name it with data.fold"),
    ],
)
def test_what_cannot_be_is_refused(table: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        load_cases(recipe(table, changes=changes))


@pytest.mark.parametrize("changes", [{"pretraining.clusters": 9}, {"training.batch_size": 30}])
def test_it_is_refused_before_an_image_is_read(
    table: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(pretrain_cases, "prepare_images", pytest.fail)
    with pytest.raises(InputError, match="more than the"):
        load_cases(recipe(table, changes=changes))


def pictures(folder: Path) -> Path:
    """Twelve images in files, one of which is missing and one no image; the last three of the table are test cases."""
    make_images(folder, 12).assign(case=[f"c{row:02d}" for row in range(12)]).assign(
        part=["train"] * 9 + ["test"] * 3
    ).to_csv(folder / "cases.csv", index=False)
    (folder / "2.png").unlink()
    (folder / "10.png").write_text("no image")
    return folder / "cases.csv"


@pytest.mark.parametrize("split", [{}, {"split": "part"}])
def test_cases_that_cannot_be_read_are_left_out_where_that_is_asked(tmp_path: Path, split: dict[str, str]) -> None:
    given = {"table": pictures(tmp_path), "image": "path", "id": "case", "cache": str(tmp_path / "cache"), **split}
    with pytest.raises(InputError, match=r"case c02: its image .*2.png is missing"):
        load_cases(make_recipe("siamese_re", given, SMALL, pretraining=True))
    cases = load_cases(make_recipe("siamese_re", {**given, "skip_bad": True}, SMALL, pretraining=True))
    assert cases.study.table.id == [f"c{row:02d}" for row in range(12) if row not in (2, 10)]
    assert len(cases.study.images.array) == len(cases.study.table) == 10
    assert cases.rows == list(range(8 if split else 10))
    assert cases.notes[-2].startswith("2 cases are left out (data.skip_bad), the first: case c02: its image ")
    assert [part for _, part in cases.study.left_out] == ["train", "test" if split else "train"]


def test_none_that_is_left_to_train_on_is_told(tmp_path: Path) -> None:
    table = pictures(tmp_path)
    table.write_text(table.read_text().replace("train", "test").replace("c02,test", "c02,train"))
    given = {"table": table, "image": "path", "id": "case", "split": "part", "skip_bad": True}
    with pytest.raises(InputError, match="^cases.csv has no case to train on; 1 case is left out .*: case c02: its"):
        load_cases(make_recipe("siamese_re", given, SMALL, pretraining=True))


def test_a_table_without_training_cases_is_refused(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    table.write_text(table.read_text().replace("train", "test"))
    with pytest.raises(InputError, match="^cases.csv has no case whose split is train"):
        load_cases(recipe(table, split="part"))
