"""After training: collect all splits, tune the predictors, score, and write the rest of the run folder."""

import json
import resource
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medgauge.api.readers import Reader, Readings
from medgauge.api.results import choose_graph, space_block, split_block
from medgauge.core.batch import Batch, Gallery
from medgauge.core.version import __version__
from medgauge.data.cases import CaseArrays
from medgauge.data.splits import SPLITS
from medgauge.metrics import REGION_NAMES, covariate_baseline, median_baseline
from medgauge.models import LabelScaling, Model
from medgauge.runfolder import RunFolder
from medgauge.training.collect import collect

LISTED = 10  # neighbours named in predictions.csv


def gather_cases(model: nn.Module, cases: CaseArrays, study: Any, rows: Sequence[int], fabric: Any = None) -> Gallery:
    """Embed the given rows and keep what predictors and metrics need of them."""
    device = next(model.parameters()).device

    def load(part: Sequence[int]) -> Batch:
        return cases.batch(list(part), device)

    embedding, prediction = collect(model, load, rows, fabric=fabric)
    table = study.table
    return Gallery(
        embedding=embedding,
        label=torch.from_numpy(table.label[list(rows)]),
        id=[table.id[row] for row in rows],
        group=[table.group[row] for row in rows],
        prediction=prediction,
        times=None if study.times is None else torch.from_numpy(study.times[list(rows)]),
    )


def validation_figures(
    model: nn.Module, study: Any, cases: CaseArrays, coding: LabelScaling, fabric: Any
) -> dict[str, float]:
    """What selects the checkpoint: the validation MAE of the predictor of record, and of each."""
    prediction = study.recipe.prediction
    both = {split: gather_cases(model, cases, study, study.rows(split), fabric) for split in ("train", "val")}
    on_cpu = LabelScaling(coding.kind).to("cpu")
    on_cpu.load_state_dict({name: tensor.cpu() for name, tensor in coding.state_dict().items()})
    reader = Reader(both["train"].observed(), on_cpu, study.table.target)
    reader.tune(
        both["val"], record=prediction.predictor, level=prediction.level, seed=study.recipe.seed, calibration=None
    )
    single = len(study.table.target) == 1
    figures = {"val_mae": reader.validation_mae[reader.record] if single else reader.validation_score}
    figures |= {f"val_mae_{name}": value for name, value in reader.validation_mae.items()}
    return figures | {"val_radius": float(reader.neighbours.radius or 0.0)}


def finish_run(
    folder: RunFolder, study: Any, parts: Any, outcome: Any, *, test: bool, images: bool, display: Any
) -> None:
    """Write everything that comes after training; results.json comes last and makes the run whole."""
    recipe, model, coding, cases = study.recipe, parts.model, parts.coding, parts.cases
    best = folder.load_checkpoint("best.ckpt")
    if best is not None:
        model.load_state_dict(best["model"])
    display.say("reading all splits")
    collected = {split: gather_cases(model, cases, study, study.rows(split)) for split in SPLITS if study.rows(split)}
    gallery_rows = [row for row in study.rows("train") if not np.isnan(study.table.label[row]).all()]
    gallery = collected["train"].observed()
    reader = Reader(gallery, coding, study.table.target)
    reader.tune(
        collected["val"],
        record=recipe.prediction.predictor,
        level=recipe.prediction.level,
        seed=recipe.seed,
        calibration=collected.get("calibration"),
    )
    _write_model(folder, model, coding, study)
    _write_splits(folder, study, reader)
    _write_gallery(folder, study, gallery, gallery_rows, collected)
    covariates = torch.from_numpy(study.table.covariates)
    reader.save(folder, covariates[gallery_rows], covariates[study.rows("val")], collected["val"].label)
    results: dict[str, Any] = {"cases": case_counts(study), "looks": {"test": 0}}
    results["training"] = {
        "steps": outcome.step,
        "best_step": outcome.best_step,
        "stopped_because": outcome.stopped_because,
    }
    results["seconds"] = outcome.elapsed
    results["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 1024
    )
    Scorer(folder, study, reader, collected, gallery_rows).write(
        ["train", "val", "calibration"] + ["test"] * test, results, images=images
    )


class Scorer:
    """Scores splits and writes predictions.csv, results.json, thumbnails and the report."""

    def __init__(
        self,
        folder: RunFolder,
        study: Any,
        reader: Reader,
        collected: Mapping[str, Gallery],
        gallery_rows: Sequence[int],
    ) -> None:
        self.folder, self.study, self.reader, self.collected, self.gallery_rows = (
            folder,
            study,
            reader,
            collected,
            list(gallery_rows),
        )

    def write(self, splits: Sequence[str], results: dict[str, Any], *, images: bool) -> dict[str, Any]:
        """Score the splits and write all that depends on them."""
        table: list[list[Any]] = []
        columns = prediction_columns(self.reader)
        chosen = choose_graph(self.collected["val"], self.reader.coding)
        for split in SPLITS:
            if split not in splits or split not in self.collected:
                continue
            cases, rows = self.collected[split], self.study.rows(split)
            readings = self.reader.read(cases)
            table += prediction_rows(rows, split, cases, readings, self.reader, self.gallery_rows)
            if split in ("val", "test"):
                baselines, kind = self._baselines(rows)
                block = split_block(cases, readings, self.reader, baselines, kind, seed=self.study.recipe.seed)
                results[split] = block | {"space": space_block(cases, self.reader.gallery, self.reader.coding, chosen)}
        if "test" in splits:
            results["looks"]["test"] += 1
        self.folder.write_table("predictions.csv", columns, table)
        if self.study.left_out:
            self.folder.write_table(
                "problems.csv", ["id", "reason"], [(problem.where, problem.what) for problem, _ in self.study.left_out]
            )
        if images:
            self._thumbnails()
        self.folder.write_json("results.json", results)
        from medgauge.report import write_report

        write_report(self.folder.path, images=images)
        return results

    def _baselines(self, rows: Sequence[int]) -> tuple[dict[str, Tensor], list[str]]:
        """Values of the baselines for the rows: training median, and covariates alone where there are any."""
        label, numbers = torch.from_numpy(self.study.table.label), torch.from_numpy(self.study.table.covariates)
        train, val = self.study.rows("train"), self.study.rows("val")
        found = {"median": median_baseline(label[train], len(rows))}
        if numbers.shape[1] == 0:
            return found, []
        read = covariate_baseline(numbers[train], label[train], numbers[val], label[val], numbers[list(rows)])
        return {**found, "covariates_only": read.value}, list(read.kind)

    def _thumbnails(self) -> None:
        import pandas

        from medgauge.report import thumbnails_needed

        frame = pandas.read_csv(self.folder / "predictions.csv", dtype={"id": str, "group": str})
        for row in sorted(thumbnails_needed(frame)):
            write_thumbnail(self.folder, row, self.study.images.array[row], self.study.images.scale)


def write_thumbnail(folder: RunFolder, row: int, array: np.ndarray[Any, Any], scale: float) -> None:
    """A PNG of at most 128 pixels; of a volume its middle slice."""
    from PIL import Image

    from medgauge.runfolder import write_whole

    if array.ndim == 4:
        array = array[:, array.shape[1] // 2]
    eight = (np.asarray(array, dtype=np.float64) / scale * 255).round().clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(eight[0] if eight.shape[0] == 1 else np.moveaxis(eight[:3], 0, -1))
    picture.thumbnail((128, 128))
    write_whole(folder / f"thumbnails/{row}.png", lambda part: picture.save(part, format="PNG"))


def case_counts(study: Any) -> dict[str, Any]:
    """How many cases were read, left out and why, and are in each split."""
    words = {
        "file": "image cannot be read",
        "label": "label is wrong",
        "group": "group is on two sides",
        "table": "id or covariate is wrong",
    }
    reasons = Counter((words[problem.kind], split) for problem, split in study.left_out)
    by_split = {
        split: {"cases": len(study.rows(split)), "groups": len({study.table.group[row] for row in study.rows(split)})}
        for split in SPLITS
    }
    left_out = [{"reason": reason, "split": split, "n": n} for (reason, split), n in sorted(reasons.items())]
    unused = study.read - len(study.table) - len({problem.where for problem, _ in study.left_out})
    if unused:
        left_out.append({"reason": "not in data.fraction", "split": "train, val", "n": unused})
    return {"read": study.read, "left_out": left_out, "by_split": by_split}


def prediction_columns(reader: Reader) -> list[str]:
    """Columns of predictions.csv."""
    columns = ["row", "id", "split", "group"]
    for target in reader.targets:
        columns += [f"label_{target}", f"value_{target}", f"neighbours_{target}"] + [f"head_{target}"] * (
            reader.head is not None
        )
        columns += [f"lower_{target}", f"upper_{target}", f"region_{target}"]
    columns += ["neighbours", "neighbour_ids", "distances"]
    for target in reader.targets:
        columns += [f"weights_{target}", f"shown_share_{target}"]
        columns += [f"neighbour_values_{target}"] * (reader.gallery.times is not None)
    return [*columns, "nearest_distance", "far"]


def prediction_rows(
    rows: Sequence[int], split: str, cases: Gallery, readings: Readings, reader: Reader, gallery_rows: Sequence[int]
) -> list[list[Any]]:
    """One row a case, in the order of ``prediction_columns``."""
    region = reader.region(cases.label).tolist()
    label, value, lower, upper = (
        tensor.double().tolist() for tensor in (cases.label, readings.value, readings.lower, readings.upper)
    )
    by_predictor = {name: tensor.double().tolist() for name, tensor in readings.by_predictor.items()}
    nearest, far = readings.nearest.tolist(), readings.far.tolist()
    table = []
    for place, row in enumerate(rows):
        line: list[Any] = [row, cases.id[place], split, cases.group[place]]
        for t in range(len(reader.targets)):
            line += [_cell(label[place][t]), _cell(value[place][t]), _cell(by_predictor["neighbours"][place][t])]
            line += [_cell(by_predictor["head"][place][t])] if "head" in by_predictor else []
            code = region[place][t]
            line += [_cell(lower[place][t]), _cell(upper[place][t]), REGION_NAMES[code] if code >= 0 else ""]
        top = readings.evidence.top(place, LISTED)
        line += [json.dumps([gallery_rows[found] for found in top.rows.tolist()])]
        line += [
            json.dumps([reader.gallery.id[found] for found in top.rows.tolist()], ensure_ascii=False),
            _numbers(top.distances),
        ]
        for t in range(len(reader.targets)):
            line += [_numbers(top.weights[:, t]), _cell(float(top.share[t]))]
            if cases.times is not None:
                line += [_numbers(reader.rescaled(top.rows, cases.times[place])[:, t])]
        table.append([*line, _cell(nearest[place]), int(far[place])])
    return table


def _cell(value: float) -> float | str:
    return "" if value != value else float(f"{value:.10g}")


def _numbers(values: Tensor) -> str:
    return json.dumps([float(f"{value:.6g}") for value in values.tolist()])


def _write_model(folder: RunFolder, model: Model, coding: LabelScaling, study: Any) -> None:
    recipe = study.recipe
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    weights |= {f"scaling.{name}": tensor for name, tensor in coding.state_dict().items()}
    folder.write_tensors("model.safetensors", weights)
    description = model.describe() | {"targets": len(study.table.target)}
    folder.write_json(
        "model.json",
        {
            "medgauge": __version__,
            "model": description,
            "label_scaling": recipe.data.label_scaling,
            "targets": study.table.target,
        },
    )


def _write_splits(folder: RunFolder, study: Any, reader: Reader) -> None:
    table = study.table
    region = reader.region(torch.from_numpy(table.label)).tolist()
    columns = ["id", "group", "split", *(f"region_{name}" for name in table.target), "picture"]
    rows = [
        [
            table.id[row],
            table.group[row],
            study.splits[row],
            *(REGION_NAMES[code] if code >= 0 else "" for code in region[row]),
            study.images.digests[row],
        ]
        for row in range(len(table))
    ]
    folder.write_table("splits.csv", columns, rows)


def _write_gallery(
    folder: RunFolder, study: Any, gallery: Gallery, gallery_rows: Sequence[int], collected: Mapping[str, Gallery]
) -> None:
    tensors = {
        "embedding": gallery.embedding,
        "label": gallery.label,
        "prediction": gallery.prediction,
        "times": gallery.times,
    }
    folder.write_tensors(
        "gallery.safetensors", {name: tensor for name, tensor in tensors.items() if tensor is not None}
    )
    columns = ["row", "id", "group", *(f"label_{name}" for name in study.table.target)]
    rows = [
        [row, gallery.id[place], gallery.group[place], *map(_cell, gallery.label[place].tolist())]
        for place, row in enumerate(gallery_rows)
    ]
    folder.write_table("gallery.csv", columns, rows)
    row = torch.tensor([row for split in collected for row in study.rows(split)])
    embedding = torch.cat([cases.embedding for cases in collected.values()])
    order = row.argsort()
    whole = {"embedding": embedding[order], "row": row[order]}
    predictions = [cases.prediction for cases in collected.values()]
    if all(part is not None for part in predictions):
        whole["prediction"] = torch.cat(predictions)[order]  # type: ignore[arg-type]  # none is None
    folder.write_tensors("embeddings.safetensors", whole)
