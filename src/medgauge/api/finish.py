"""After training: collect all splits, tune the predictors, score, and write the rest of the run folder."""

import resource
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medgauge.api.readers import Reader
from medgauge.api.results import choose_graph, space_block
from medgauge.api.scoring import Scored, write_predictions
from medgauge.api.tables import cell
from medgauge.core.batch import Batch, Gallery
from medgauge.core.version import __version__
from medgauge.data.cases import CaseArrays
from medgauge.data.folds import KEPT_OUT, UNUSED
from medgauge.data.splits import SPLITS
from medgauge.metrics import REGION_NAMES, covariate_baseline, median_baseline
from medgauge.models import LabelScaling, Model
from medgauge.runfolder import RunFolder
from medgauge.training.collect import collect


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
    reader.tune(both["val"], record=prediction.predictor)
    single = len(study.table.target) == 1
    figures = {"val_mae": reader.validation_mae[reader.record] if single else reader.validation_score}
    figures |= {f"val_mae_{name}": value for name, value in reader.validation_mae.items()}
    return figures | {"val_radius": float(reader.neighbours.radius or 0.0)}


def finish_run(
    folder: RunFolder,
    study: Any,
    parts: Any,
    outcome: Any,
    *,
    test: bool,
    images: bool,
    display: Any,
    report: bool = True,
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
    reader.tune(collected["val"], record=recipe.prediction.predictor)
    reader.calibrate(collected.get("calibration"), recipe.prediction, seed=recipe.seed)
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
        ["train", "val", "calibration"] + ["test"] * test, results, images=images, report=report
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

    def write(
        self, splits: Sequence[str], results: dict[str, Any], *, images: bool, report: bool = True
    ) -> dict[str, Any]:
        """Score the splits and write all that depends on them; without ``report`` no page, thumbnails and intervals."""
        parts = []
        chosen = choose_graph(self.collected["val"], self.reader.coding)
        by_group = self.study.recipe.prediction.aggregate == "mean"
        for split in SPLITS:
            if split not in splits or split not in self.collected:
                continue
            scored, rows = self._scored(split), self.study.rows(split)
            parts.append((split, rows, scored))
            if split in ("val", "test"):
                block = scored.block(seed=self.study.recipe.seed if report else None, by_group=by_group)
                quality = space_block(scored.cases, self.reader.gallery, self.reader.coding, chosen)
                results[split] = block | {"space": quality}
        if "test" in splits:
            results["looks"]["test"] += 1
        write_predictions(self.folder, parts, self.gallery_rows, by_group=by_group)
        write_problems(self.folder, self.study)
        if images and report:
            write_thumbnails(self.folder, self.study)
        self.folder.write_json("results.json", results)
        if report:
            from medgauge.report import write_report

            write_report(self.folder.path, images=images)
        return results

    def _scored(self, split: str) -> Scored:
        """The cases of a split, read, with what their figures need."""
        cases, rows = self.collected[split], self.study.rows(split)
        baselines, kinds = self._baselines(rows) if split in ("val", "test") else ({}, [])
        subgroups = {name: [values[row] for row in rows] for name, values in self.study.subgroups.items()}
        return Scored(cases, self.reader.read(cases), self.reader, baselines, kinds, subgroups)

    def _baselines(self, rows: Sequence[int]) -> tuple[dict[str, Tensor], list[str]]:
        """Values of the baselines for the rows: training median, and covariates alone where there are any."""
        label, numbers = torch.from_numpy(self.study.table.label), torch.from_numpy(self.study.table.covariates)
        train, val = self.study.rows("train"), self.study.rows("val")
        found = {"median": median_baseline(label[train], len(rows))}
        if numbers.shape[1] == 0:
            return found, []
        read = covariate_baseline(numbers[train], label[train], numbers[val], label[val], numbers[list(rows)])
        return {**found, "covariates_only": read.value}, list(read.kind)


def write_problems(folder: RunFolder, study: Any) -> None:
    """Write problems.csv, if a case was left out."""
    if study.left_out:
        lines = [(problem.where, problem.what) for problem, _ in study.left_out]
        folder.write_table("problems.csv", ["id", "reason"], lines)


def write_thumbnails(folder: RunFolder, study: Any) -> None:
    """Write the thumbnails that the report shows."""
    import pandas

    from medgauge.report import thumbnails_needed

    frame = pandas.read_csv(folder / "predictions.csv", dtype={"id": str, "group": str})
    for row in sorted(thumbnails_needed(frame)):
        write_thumbnail(folder, row, study.images.array[row], study.images.scale)


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


def case_counts(study: Any, splits: Sequence[str] = SPLITS) -> dict[str, Any]:
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
        for split in splits
    }
    left_out = [{"reason": reason, "split": split, "n": n} for (reason, split), n in sorted(reasons.items())]
    unused = study.read - len(study.table) - len({problem.where for problem, _ in study.left_out})
    unused += len(study.rows(UNUSED))
    if study.rows(KEPT_OUT):
        left_out.append(
            {"reason": "test cases, kept out of all folds", "split": "test", "n": len(study.rows(KEPT_OUT))}
        )
    if unused:
        left_out.append({"reason": "not in data.fraction", "split": "train, val", "n": unused})
    return {"read": study.read, "left_out": left_out, "by_split": by_split}


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
        [row, gallery.id[place], gallery.group[place], *map(cell, gallery.label[place].tolist())]
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
