"""Each file of a run folder: what was written is read, and what is damaged is said."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from safetensors.torch import load_file, save_file

from medgauge.core.errors import InputError
from medgauge.core.problem import Problem
from medgauge.runfolder import RunFolder
from medgauge.runs import files
from medgauge.runs.fitted import Fit, task_cases
from medgauge.runs.load import load_fit
from medgauge.runs.tables import write_problems
from medgauge.study import Study


def test_recipe_and_table_digest(fit: Fit, study: Study) -> None:
    assert files.read_recipe(fit.folder) == fit.recipe == study.recipe
    assert files.made_from(fit.folder) == study.table.digest
    assert len(study.table.digest) == 64


def test_a_model_says_the_same_again(fit: Fit, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    files.write_model(folder, fit.model, fit.tasks)
    folder.write_json("predictors.json", fit.folder.read_json("predictors.json"))
    model, tasks = files.read_model(folder, fit.recipe)
    assert not model.training
    size = [int(side) for side in fit.recipe.image.size]
    image, covariates = torch.rand(3, 1, *size), torch.rand(3, 1)
    with torch.no_grad():
        for one, other in zip(model(image, covariates)[:2], fit.model(image, covariates)[:2], strict=True):
            assert torch.equal(one, other)
    label, divisor = torch.tensor([[30.0, 1.0], [60.0, 2.0]]).double(), torch.tensor([1.0, 2.0]).double()
    assert torch.equal(tasks.coding.encode(label, divisor), fit.tasks.coding.encode(label, divisor))
    assert [task.to_dict() for task in tasks] == [task.to_dict() for task in fit.tasks]


def test_cases_come_back_in_the_order_of_their_rows(fit: Fit, study: Study, tmp_path: Path) -> None:
    folder, splits = RunFolder(tmp_path), ("train", "val", "calibration", "test")
    found = files.read_cases(fit.folder, study, splits)
    assert list(found) == list(splits)
    rows = files.labelled(study, study.rows("train"))
    files.write_cases(folder, study, dict(reversed(found.items())), rows)
    again = files.read_cases(folder, study, splits)
    for split in splits:
        for name in ("embedding", "prediction", "logits", "label", "divisor"):
            torch.testing.assert_close(
                getattr(again[split], name), getattr(found[split], name), rtol=0, atol=0, equal_nan=True
            )
        assert again[split].id == [study.table.id[row] for row in study.rows(split)]
    gallery, at = files.read_gallery(folder, 2)
    assert at == rows == fit.gallery_rows
    assert torch.equal(gallery.embedding, fit.gallery.embedding)
    assert list(gallery.id) == list(fit.gallery.id)


def test_splits_say_where_each_case_is(fit: Fit, study: Study, tmp_path: Path) -> None:
    folder, label = RunFolder(tmp_path), study.table.label
    files.write_splits(folder, study, fit.tasks, study.splits, ["7"] * len(study.splits))
    lines = folder.read_table("splits.csv")
    assert list(lines[0]) == ["id", "group", "split", "fold", "region_age", "region_stage", "picture"]
    assert [line["split"] for line in lines] == study.splits
    assert {line["fold"] for line in lines} == {"7"}
    assert [line["picture"] for line in lines] == list(study.images.digests)
    assert [line["region_stage"] == "" for line in lines] == np.isnan(label[:, 1]).tolist()
    train = [line["region_age"] for line in lines if line["split"] == "train"]
    assert train.count("many") == round(0.5 * len(train))


def test_readers_read_the_same_again(fit: Fit, study: Study, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    files.write_readers(folder, fit.readers, fit.train, fit.validation)
    cases = task_cases(fit.tasks, files.read_cases(fit.folder, study, ["val"])["val"])
    for one, other, own in zip(files.read_readers(folder, fit.tasks, fit.gallery), fit.readers, cases, strict=True):
        assert (one.record, dict(one.tuned.validation)) == (other.record, dict(other.tuned.validation))
        first, second = one.read([own]), other.read([own])
        assert list(first.stated) == list(second.stated)
        for name, said in first.stated.items():
            torch.testing.assert_close(said, second.stated[name], rtol=0, atol=0, equal_nan=True)
        assert torch.equal(first.far, second.far)
    train, validation = files.read_known(folder, fit.gallery, 1)
    torch.testing.assert_close(train.covariates, fit.train.covariates)
    torch.testing.assert_close(validation.label, fit.validation.label, equal_nan=True)


def test_known_labels_are_those_of_the_table(fit: Fit, study: Study, table: Path) -> None:
    frame = pandas.read_csv(table).set_index("path")
    rows = study.rows("val")
    known, ids = files.known_of(study, rows), [study.table.id[row] for row in rows]
    np.testing.assert_allclose(known.label[:, 0], frame["age"][ids])
    np.testing.assert_allclose(known.covariates[:, 0], frame["pixel_mm"][ids])


def test_predictions_are_those_of_the_readers(fit: Fit, study: Study) -> None:
    lines = [line for line in fit.folder.read_table("predictions.csv") if line["split"] == "val"]
    cases = task_cases(fit.tasks, files.read_cases(fit.folder, study, ["val"])["val"])
    for reader, own, target in zip(fit.readers, cases, ("age", "stage"), strict=True):
        found = reader.read([own]).value.flatten().tolist()
        assert [float(line[f"value_{target}"]) for line in lines] == pytest.approx(found, rel=1e-8)
    assert [int(line["row"]) for line in lines] == study.rows("val")


def test_a_left_out_case_is_written_down(study: Study, tmp_path: Path) -> None:
    write_problems(RunFolder(tmp_path), study)
    assert not (tmp_path / "problems.csv").exists()
    write_problems(
        RunFolder(tmp_path), replace(study, left_out=[(Problem("a.png", "its image is missing", "file", 3), "val")])
    )
    assert RunFolder(tmp_path).read_table("problems.csv") == [{"id": "a.png", "reason": "its image is missing"}]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        tensors = load_file(path)
        del tensors[name]
        save_file(tensors, path)

    return change


def lines(change: Callable[[list[list[str]]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        change(rows)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    return write


def values(*place: str, to: object = None) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        whole: Any = json.loads(path.read_text())
        inner = whole
        for name in place[:-1]:
            inner = inner[name]
        if to is None:
            del inner[place[-1]]
        else:
            inner[place[-1]] = to
        path.write_text(json.dumps(whole))

    return write


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("gallery.csv", cut),
        ("gallery.csv", lines(lambda rows: rows.pop())),
        ("gallery.csv", lines(lambda rows: rows[1].__setitem__(0, "one"))),
        ("gallery.safetensors", cut),
        ("gallery.safetensors", without("label")),
        ("model.safetensors", cut),
        ("model.safetensors", without("scaling._codings.1.levels")),
        ("model.json", cut),
        ("results.json", cut),
        ("predictors.json", cut),
        ("predictors.json", values("tasks")),
        ("predictors.json", values("tasks", "grade")),
        ("predictors.json", values("tasks", "number", "task")),
        ("predictors.json", values("tasks", "number", "task", "regions", to=3)),
        ("predictors.json", values("tasks", "grade", "task", "strata", "levels", to="many")),
        ("predictors.json", values("tasks", "number", "record")),
        ("predictors.json", values("tasks", "number", "record", to="nobody")),
        ("predictors.json", values("tasks", "number", "tuned", "neighbours", to={})),
        ("predictors.json", values("tasks", "grade", "far_distance", to="near")),
        ("predictors.json", values("tasks", "grade", "certainty")),
        ("predictors.json", values("tasks", "number", "certainty_by_group", to={"level": 0.9})),
        ("predictors.safetensors", cut),
        ("predictors.safetensors", without("val_label")),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence_with_its_name_and_the_remedy(
    copy: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(copy / name)
    with pytest.raises(InputError) as caught:
        load_fit(RunFolder(copy))
    said = str(caught.value)
    assert "\n" not in said
    assert str(copy) in said
    assert name.split(".")[0] in said
    assert "fit again" in said or "`medgauge fit` again" in said


@pytest.mark.parametrize("damage", [cut, without("row"), without("embedding")])
def test_damaged_embeddings_are_said_when_they_are_needed(
    copy: Path, study: Study, damage: Callable[[Path], None]
) -> None:
    damage(copy / "embeddings.safetensors")
    with pytest.raises(InputError, match=r"embeddings\.safetensors .*(fit again|`medgauge fit` again)"):
        files.read_cases(RunFolder(copy), study, ["val"])


def test_embeddings_of_fewer_cases_are_damaged(copy: Path, study: Study) -> None:
    path = copy / "embeddings.safetensors"
    save_file({name: tensor[:5].clone() for name, tensor in load_file(path).items()}, path)
    with pytest.raises(InputError, match="`medgauge fit` again"):
        files.read_cases(RunFolder(copy), study, ["train"])
