"""Each file of a run folder: its writer beside its reader."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from medgauge.core.batch import Cases
from medgauge.core.cells import csv_text
from medgauge.core.errors import InputError
from medgauge.core.task import Known
from medgauge.core.version import __version__
from medgauge.data.tables.table import Table
from medgauge.inference.reader import Calibrated, Reader
from medgauge.inference.records import kept_records
from medgauge.inference.tuned import Tuned
from medgauge.models import Model
from medgauge.models.coding import Coding
from medgauge.models.stored import build_stored
from medgauge.recipes.build import build_tasks
from medgauge.recipes.schema import Recipe
from medgauge.recipes.stored import stored_recipe
from medgauge.runfolder import RunFolder
from medgauge.runfolder.contents import read_predictors
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.tables import need_columns, read_wholes
from medgauge.runfolder.tensors import EMBEDDINGS, GALLERY, KNOWN, not_finite, read_checked
from medgauge.runfolder.whole import edited_note
from medgauge.runs.reading import check_reader, reading
from medgauge.study import Study
from medgauge.tasks import Tasks
from medgauge.tasks.tasks import Kind

Named = TypeVar("Named")


def read_recipe(folder: RunFolder) -> Recipe:
    """The recipe of a run folder; nothing that it names is imported.

    Raises:
        InputError: it is missing, damaged, or no recipe.
    """
    values = folder.read_yaml("recipe.yaml")
    try:
        return stored_recipe(values)
    except InputError as error:
        edited = "damaged or edited (digests.json), and no recipe any more"
        words = edited if edited_note(folder) else "no recipe of a run"
        raise InputError(f"{folder / 'recipe.yaml'} is {words} ({error}); {AGAIN}") from error


def made_from(folder: RunFolder) -> str:
    """Digest of the table that the run was made from; empty where recipe.yaml does not say."""
    made = folder.read_yaml("recipe.yaml").get("made")
    return str(made.get("table_sha256", "")) if isinstance(made, Mapping) else ""


def write_model(folder: RunFolder, model: Model, tasks: Tasks) -> None:
    """Write model.safetensors, weights and label coding, and model.json, what builds them again."""
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    weights |= {f"scaling.{name}": tensor for name, tensor in tasks.coding.state_dict().items()}
    folder.write_tensors("model.safetensors", weights)
    description = model.describe() | {"targets": len(tasks.targets)}
    folder.write_json("model.json", {"medgauge": __version__, "model": description, "targets": tasks.targets})


def read_model(folder: RunFolder, recipe: Recipe) -> tuple[Model, Tasks]:
    """The model in evaluation mode, and the tasks with their codings; readers' files have the rest of them.

    Raises:
        InputError: model.json describes something else, or what the weights are not of.
    """
    saved, shapes = folder.read_json("model.json"), folder.read_shapes("model.safetensors")
    targets, description = saved.get("targets"), saved.get("model")
    try:
        if not isinstance(targets, list) or targets != recipe.data.label:
            raise InputError("targets must be the label columns of recipe.yaml")
        if not isinstance(description, dict) or description.get("targets") != len(targets):
            raise InputError(f"{len(targets)} targets are named, and the model has another number")
        model = build_stored(description, _part(shapes, "model."))
    except ValueError as error:
        raise InputError(f"{folder / 'model.json'} is no model of this version of medgauge: {error}") from error
    weights, tasks = folder.read_tensors("model.safetensors"), build_tasks(recipe)
    coding = tasks.new_coding()
    for name, tensor in _part(weights, "model.").items():
        wrong = not_finite(tensor)
        if wrong:
            raise folder.broken("model.safetensors", f"{name} {wrong}")
    with reading(folder / "model.safetensors", folder / "model.json"):
        model.load_state_dict(_part(weights, "model."))
        coding.load_state_dict(_part(weights, "scaling."))
    return model.eval(), read_tasks(folder, tasks, coding)


def read_tasks(folder: RunFolder, tasks: Tasks, coding: Coding) -> Tasks:
    """The tasks with what predictors.json has of them, and their coding."""
    saved = saved_values(folder)
    with reading(folder / "predictors.json"):
        return tasks.restored({name: own["task"] for name, own in saved.items()}, coding)


def _part(values: Mapping[str, Named], prefix: str) -> dict[str, Named]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def write_splits(
    folder: RunFolder, study: Study, tasks: Tasks, splits: Sequence[str], folds: Sequence[str] | None = None
) -> None:
    """Write splits.csv: id, group, split (and fold), regions and the picture's digest of every case."""
    folder.write_text("splits.csv", splits_text(study, tasks, splits, folds))


def splits_text(study: Study, tasks: Tasks, splits: Sequence[str], folds: Sequence[str] | None = None) -> str:
    """What splits.csv holds."""
    table, label = study.table, torch.from_numpy(study.table.label)
    regions = [
        [task.strata.names[code] if code >= 0 else "" for code in column]
        for task in tasks
        for column in task.strata.of(label[:, tasks.places[task.name].columns]).T.tolist()
    ]
    columns = [table.id, table.group, splits, *([] if folds is None else [folds]), *regions, study.images.digests]
    names = ["id", "group", "split", *([] if folds is None else ["fold"])]
    names += [*(f"region_{name}" for name in tasks.targets), "picture"]
    return csv_text(names, zip(*columns, strict=True))


def write_gallery_table(folder: RunFolder, table: Table, rows: Sequence[int]) -> None:
    """Write gallery.csv: the cases that values rest on."""
    lines = [[row, table.id[row], table.group[row], *table.label_cells([row])[0]] for row in rows]
    folder.write_table("gallery.csv", ["row", "id", "group", *(f"label_{name}" for name in table.target)], lines)


def write_cases(folder: RunFolder, study: Study, collected: Mapping[str, Cases], gallery_rows: Sequence[int]) -> None:
    """Write gallery.csv, gallery.safetensors (the training cases with a label) and embeddings.safetensors (all splits)."""
    gallery = collected["train"].observed()
    names = ("embedding", "label", "prediction", "divisor", "logits")
    known = {name: one for name in names if (one := getattr(gallery, name)) is not None}
    folder.write_tensors("gallery.safetensors", known)
    write_gallery_table(folder, study.table, gallery_rows)
    row = torch.tensor([row for split in collected for row in study.rows(split)])
    order = row.argsort()
    whole = {"row": row[order]}
    for name in ("embedding", "prediction", "logits"):
        parts = [getattr(cases, name) for cases in collected.values()]
        if all(part is not None for part in parts):
            whole[name] = torch.cat(parts)[order]
    folder.write_tensors("embeddings.safetensors", whole)


def read_gallery(folder: RunFolder, targets: int) -> tuple[Cases, list[int]]:
    """The gallery, with labels of so many targets, and the row of each of its cases in splits.csv."""
    columns, tensors = folder.read_columns("gallery.csv"), read_checked(folder, "gallery.safetensors", GALLERY)
    need_columns(folder, "gallery.csv", columns, ["id", "group"])
    rows = read_wholes(folder, "gallery.csv", columns, "row")
    with reading(folder / "gallery.safetensors", folder / "gallery.csv"):
        gallery = Cases(
            embedding=tensors["embedding"],
            label=tensors["label"],
            id=columns["id"],
            group=columns["group"],
            prediction=tensors.get("prediction"),
            divisor=tensors.get("divisor"),
            logits=tensors.get("logits"),
        )
        if len(rows) != len(gallery) or not rows:
            raise ValueError(f"rows must be {len(gallery)}, one or more, got {len(rows)}")
        if gallery.label.shape[1] != targets:
            raise ValueError(f"labels must be of {targets} targets, got {gallery.label.shape[1]}")
        return gallery, rows


def read_cases(folder: RunFolder, study: Study, splits: Sequence[str]) -> dict[str, Cases]:
    """The cases of some splits, as embeddings.safetensors has them."""
    tensors = read_checked(folder, "embeddings.safetensors", EMBEDDINGS)
    found, table = {}, study.table
    with reading(folder / "embeddings.safetensors"):
        place = {int(row): at for at, row in enumerate(tensors["row"].tolist())}
        for split in (name for name in splits if study.rows(name)):
            rows = study.rows(split)
            at = torch.tensor([place[row] for row in rows])
            found[split] = Cases(
                embedding=tensors["embedding"][at],
                label=torch.from_numpy(table.label[rows]),
                id=[table.id[row] for row in rows],
                group=[table.group[row] for row in rows],
                prediction=tensors["prediction"][at] if "prediction" in tensors else None,
                divisor=None if study.divisor is None else torch.from_numpy(study.divisor[rows]),
                logits=tensors["logits"][at] if "logits" in tensors else None,
            )
    return found


def write_readers(folder: RunFolder, readers: Sequence[Reader], train: Known, validation: Known) -> None:
    """Write predictors.json and predictors.safetensors, with what baselines of covariates need elsewhere."""
    values = {
        reader.task.name: {
            **kept_records(reader.record, reader.task.columns, reader.records),
            "tuned": {name: dict(one.tuned) for name, one in reader.tuned.predictors.items()},
            "validation": dict(reader.tuned.validation),
            "far_distance": reader.tuned.far_distance,
            "difficulty": {} if reader.difficulty is None else reader.difficulty.tuned,
            **calibrated_values(reader.task, reader.calibrated),
        }
        for reader in readers
    }
    folder.write_json("predictors.json", {"medgauge": __version__, "tasks": values})
    tensors = {
        "covariates": train.covariates,
        "val_covariates": validation.covariates,
        "val_label": validation.label,
    }
    for reader in readers:
        for predictor, numbers in reader.tuned.learned().items():
            tensors |= {f"{reader.task.name}.{predictor}.{name}": one for name, one in numbers.items()}
    folder.write_tensors("predictors.safetensors", tensors)


def calibrated_values(task: Kind | Any, calibrated: Calibrated) -> dict[str, object]:
    """What was fitted of a task and on calibration cases, as predictors.json holds it."""
    said = calibrated.cases.to_dict()
    return {
        "level": said["level"],
        "task": task.to_dict(),
        "certainty": said,
        "certainty_by_group": calibrated.groups.to_dict(),
    }


def read_calibrated(folder: RunFolder, task: Kind, saved: Mapping[str, Any]) -> Calibrated:
    """The inverse of :func:`calibrated_values`, for the certainty."""
    with reading(folder / "predictors.json"):
        return Calibrated(*(task.certainty.from_dict(saved[name]) for name in ("certainty", "certainty_by_group")))


def read_readers(folder: RunFolder, tasks: Tasks, gallery: Cases) -> list[Reader]:
    """One reader a task."""
    saved, learned, readers = saved_values(folder), read_learned(folder), []
    for task in tasks:
        with reading(folder / "predictors.json", folder / "predictors.safetensors"):
            own = saved[task.name]
            tuned = Tuned.restore(
                task,
                gallery.of(tasks.places[task.name], divides=task.coding.divides),
                record=own["record"],
                records=own.get("records", {}),
                tuned=own["tuned"],
                learned=learned.get(task.name, {}),
                validation=own["validation"],
                far_distance=math.inf if own["far_distance"] is None else float(own["far_distance"]),
            )
            if (difficulty := task.difficulty() if own["difficulty"] else None) is not None:
                difficulty.restore(tuned.gallery, own["difficulty"])
        readers.append(Reader(tuned, read_calibrated(folder, task, own), difficulty))
        parts = ("predictors.json", "gallery.safetensors", "model.safetensors")
        check_reader(readers[-1], [tuned.gallery], *(folder / name for name in parts))
    return readers


def read_learned(folder: RunFolder) -> dict[str, dict[str, dict[str, torch.Tensor]]]:
    """What predictors have learned, by kind of label, predictor and name."""
    found: dict[str, dict[str, dict[str, torch.Tensor]]] = {}
    for key, tensor in folder.read_tensors("predictors.safetensors").items():
        task, _, rest = key.partition(".")
        predictor, _, name = rest.partition(".")
        if name:
            wrong = not_finite(tensor) if tensor.is_floating_point() else ""
            if wrong:
                raise folder.broken("predictors.safetensors", f"{key} {wrong}")
            found.setdefault(task, {}).setdefault(predictor, {})[name] = tensor
    return found


def saved_values(folder: RunFolder) -> dict[str, Any]:
    """What predictors.json holds of each task."""
    found: dict[str, Any] = read_predictors(folder)["tasks"]
    return found


def read_known(folder: RunFolder, gallery: Cases, covariates: int) -> tuple[Known, Known]:
    """Labels and covariates, so many, of training and validation cases."""
    kept = read_checked(folder, "predictors.safetensors", KNOWN, same_rows=False)
    found = Known(gallery.label, kept["covariates"]), Known(kept["val_label"], kept["val_covariates"])
    for one in found:
        sizes = (len(one.label), gallery.label.shape[1], covariates)
        there = (len(one.covariates), one.label.shape[1], one.covariates.shape[1])
        if sizes != there:
            raise folder.broken("predictors.safetensors", f"cases, labels and covariates must be {sizes}, got {there}")
    return found


def labelled(study: Study, rows: Sequence[int]) -> list[int]:
    """Those of some rows that have a label."""
    return [row for row in rows if not np.isnan(study.table.label[row]).all()]


def known_of(study: Study, rows: Sequence[int]) -> Known:
    """Labels and all number columns of some rows."""
    return Known(torch.from_numpy(study.table.label)[list(rows)], torch.from_numpy(study.table.covariates)[list(rows)])
