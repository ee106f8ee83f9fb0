"""A collection as NIH gives it: names without folders, lists of splits, joined findings."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import medgauge
from medgauge.core.errors import InputError
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.findings import Joined
from medgauge.data.tables.folders import find_in_folders
from medgauge.data.tables.lists import listed_splits
from medgauge.data.tables.table import read_table
from medgauge.fitting.parts import build_parts
from medgauge.study import load_study

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],"
    "OriginalImagePixelSpacing[x,y],"
)  # as in Data_Entry_2017.csv: commas within names
NIH: dict[str, Any] = {"image": "Image Index", "group": "Patient ID", "findings_from": "Finding Labels"}
LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}


@pytest.fixture
def collection(shared: Path, tmp_path: Path) -> Path:
    """200 images of nih_cxr1000 in three folders, every fourth patient in the list of test."""
    source = shared / "data/nih_cxr1000"
    return write_collection(source, read_rows(source)[:200], tmp_path)


def read_rows(source: Path) -> list[dict[str, str]]:
    with open(source / "labels.csv", newline="") as file:
        return list(csv.DictReader(file))


def write_collection(source: Path, rows: Sequence[Mapping[str, str]], out: Path) -> Path:
    lines, lists = [HEADER], {"train": [], "test": []}
    for row in rows:
        name, patient = Path(row["path"]).name, int(row["patient_id"])
        folder = out / f"images_00{patient % 3 + 1}/images"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / row["path"], folder / name)
        fields = [
            name,
            row["finding_labels"],
            row["follow_up"],
            patient,
            f"{int(row['age_years']):03}Y",
            row["sex"],
            row["view"],
        ]
        lines.append(",".join(map(str, [*fields, 2682, 2749, 0.143, 0.143, ""])))
        lists["test" if patient % 4 == 0 else "train"].append(name)
    (out / "Data_Entry_2017.csv").write_text("\n".join(lines) + "\n")
    for split, file in LISTS.items():
        (out / file).write_text("\n".join(lists[split]) + "\n")
    return out


def test_the_collection_is_read_as_it_is(collection: Path) -> None:
    table, problems = read_table(
        collection / "Data_Entry_2017.csv", image="Image Index", label=["Effusion", "Mass"], group="Patient ID",
        joined=Joined("Finding Labels", "|", ["Effusion", "Mass"]), image_folders="images_*/images", split_lists=LISTS,
    )  # fmt: skip
    assert (problems, missing_files(table), len(table)) == ([], [], 200)
    assert table.id[0] == "00000001_000.png"
    assert table.image[0].path == collection / "images_002/images/00000001_000.png"
    assert table.split is not None
    assert {split for split, group in zip(table.split, table.group, strict=True) if int(group) % 4 == 0} == {"test"}
    assert {split for split, group in zip(table.split, table.group, strict=True) if int(group) % 4} == {"train"}
    assert 0 < np.nansum(table.label) < 200


def test_the_collection_is_checked_in_one_call(collection: Path) -> None:
    told = medgauge.check(
        table=collection / "Data_Entry_2017.csv", image_folders="images_*/images", split_lists=LISTS, **NIH,
        changes={"data.findings": ["Effusion", "Infiltration"], "image.size": [32, 32], "data.cache": str(collection / "cache")},
    )  # fmt: skip
    assert told[-1].startswith("nothing is wrong")
    assert any(line.startswith("the split lists have train 1") and "cut from train" in line for line in told)


@pytest.mark.parametrize("given", [{}, {"data.resplit": True}], ids=["official lists", "by patient"])
def test_the_recipe_of_the_collection_needs_the_table_alone(collection: Path, given: dict[str, Any]) -> None:
    small = {
        "image.size": [32, 32],
        "model.encoder.name": "lite0",
        "model.encoder.pretrained": "none",
        "data.cache": str(collection),
    }
    told = medgauge.check(
        "nih_dwml", table=collection / "Data_Entry_2017.csv", findings=["Effusion", "Infiltration"],
        changes={**small, "model.semantics.source": "one_hot", **given},
    )  # fmt: skip
    assert told[-1].startswith("nothing is wrong")
    assert any(line.startswith("the split lists have") for line in told) == (not given)


@pytest.mark.slow
@pytest.mark.usefixtures("timm_ready")
def test_the_recipe_trains_its_own_network(shared: Path, tmp_path: Path) -> None:
    """ConvNeXt-T without pretrained weights, on smaller images: two steps move every layer of it."""
    source = shared / "data/nih_cxr1000"
    first = {(row["patient_id"], row["Effusion"]): row for row in reversed(read_rows(source))}  # one image a patient
    rows = [row for state in "01" for row in [one for (_, found), one in first.items() if found == state][-10:]]
    collection = write_collection(source, rows, tmp_path)
    changes = {
        "model.encoder.pretrained": "none", "model.semantics.source": "orthogonal", "data.cache": str(tmp_path / "cache"),
        "training.steps": 2, "training.evaluations": 1, "training.batch_size": 4, "image.size": [64, 64],
    }  # fmt: skip
    run = medgauge.fit(
        "nih_dwml", table=collection / "Data_Entry_2017.csv", findings="Effusion", out=tmp_path / "run", report=False,
        changes=changes,
    )  # fmt: skip
    (fit,) = run.finished.fits
    encoder, begun = fit.model.encoder, build_parts(load_study(run.recipe)).model.encoder
    assert (fit.recipe.model.encoder.name, encoder.features) == ("timm/convnext_tiny", 768)
    pairs = zip(encoder.parameters(), begun.parameters(), strict=True)
    assert not any(torch.equal(after, before) for after, before in pairs)


def test_images_in_no_folder_stay_and_in_two_are_a_problem(tmp_path: Path) -> None:
    for place in ("one/a.png", "one/b.png", "two/b.png"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).touch()
    found = find_in_folders(["a.png", "b.png", "c.png", "one/b.png"], list("abcd"), tmp_path, "*")
    assert found.pictures == ["one/a.png", "one/b.png", "c.png", "one/b.png"]
    assert list(map(str, found.problems)) == [
        "case b: its image is in two folders, one/b.png and two/b.png; remove one"
    ]
    with pytest.raises(InputError, match=r"there is no folder images_\* \(data.image_folders\) beside the table, in"):
        find_in_folders(["a.png"], ["a"], tmp_path, "images_*")
    with pytest.raises(InputError, match="must be relative to the table"):
        find_in_folders(["a.png"], ["a"], tmp_path, f"{tmp_path}/one")


def test_lists_name_images_by_path_or_name_or_id(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\ufeffa.png\n i2 \r\nx/c.png\nz.png\n")
    found = listed_splits(
        {"test": "t.txt"}, ["x/a.png", "b.png", "x/c.png", "d.png"], ["i1", "i2", "i3", "i4"], tmp_path
    )
    assert found.split == ["test", "test", "test", "train"]
    assert (found.problems, found.notes) == ([], ["1 line of t.txt (z.png, …) name no case of the table"])


def test_cases_in_two_lists_or_in_none_are_problems(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1\n2\n")
    (tmp_path / "b.txt").write_text("2\n3\n")
    found = listed_splits({"train": "a.txt", "test": "b.txt"}, list("1234"), list("1234"), tmp_path)
    assert list(map(str, found.problems)) == [
        "case 2: is in the lists of train and of test; take it out of all but one",
        "the split lists: 1 case is in no list (case 4); without a list of train all others are",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x.png\n", "b.txt, the list of test, names no case of the table: its first line is 'x.png', and the table's first image 'a.png'"),
        ("", "b.txt, the list of test, names no case of the table: it is empty"),
        (None, "cannot be read: it is not there"),
    ],
)  # fmt: skip
def test_lists_that_say_nothing_are_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "b.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        listed_splits({"test": "b.txt"}, ["a.png"], ["a"], tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"split_lists": {"tests": "t.txt"}}, r"data.split_lists names 'tests', which is no split \(did you mean test\?\)"),
        ({"split_lists": LISTS, "split": "part"}, "data.split and data.split_lists both say which cases are test"),
        ({"split_lists": LISTS, "holdout": "site=B"}, "data.holdout and data.split_lists both say which cases are test"),
    ],
)  # fmt: skip
def test_lists_beside_other_splits_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        medgauge.check(table="t.csv", image="path", label="age", group="patient", **given)
