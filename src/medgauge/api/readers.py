"""Reads values off collected cases: every predictor, the interval, the region and the evidence; saved in the run folder."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.core.batch import Gallery, LabelCoding
from medgauge.inference import (
    Evidence,
    HeadPredictor,
    NeighbourPredictor,
    Predictor,
    SplitConformal,
    far_threshold,
    is_far,
)
from medgauge.metrics import LabelRegions
from medgauge.runfolder import RunFolder


@dataclass(frozen=True)
class Readings:
    """What was read off n cases, all in original label units.

    - Shape: value, lower, upper (n, t) of the predictor of record; by_predictor: (n, t) each; nearest (n,): distance to the
      nearest training case; far (n,): farther than 99 % of validation cases; evidence: the neighbours' rows and weights.
    """

    value: Float[Tensor, "n t"]
    lower: Float[Tensor, "n t"]
    upper: Float[Tensor, "n t"]
    by_predictor: dict[str, Float[Tensor, "n t"]]
    nearest: Float[Tensor, " n"]
    far: Bool[Tensor, " n"]
    evidence: Evidence


class Reader:
    """The predictors of a run, fitted on its gallery, tuned on val, with intervals from calibration."""

    def __init__(self, gallery: Gallery, coding: LabelCoding, targets: list[str]) -> None:
        self.gallery, self.coding, self.targets = gallery, coding, targets
        self.neighbours = NeighbourPredictor(coding)
        self.head = HeadPredictor(coding) if gallery.prediction is not None else None
        self.record = "neighbours"
        self.validation_mae: dict[str, float] = {}
        self.validation_score = float("nan")
        self.conformal: SplitConformal | None = None
        self.far_distance = float("inf")
        self.regions = [LabelRegions.fit(gallery.label[:, target]) for target in range(len(targets))]

    def tune(
        self, validation: Gallery, *, record: str, level: float, seed: int, calibration: Gallery | None
    ) -> "Reader":
        """Tune radius and flag on val, choose the predictor of record, and fit the intervals on calibration."""
        fitted: dict[str, Predictor] = {"neighbours": self.neighbours.fit(self.gallery, validation)}
        if self.head is not None:
            fitted["head"] = self.head.fit(self.gallery, validation)
        self.validation_mae = {name: predictor.validation_mae for name, predictor in fitted.items()}
        best = min(fitted, key=lambda name: fitted[name].validation_score)
        self.record = best if record == "auto" else record
        self.validation_score = fitted[self.record].validation_score
        self.far_distance = far_threshold(
            self.neighbours.nearest_distance(validation.embedding, group=validation.group)
        )
        nothing = torch.empty(0, len(self.targets), dtype=torch.float64)
        value, label, group = nothing, nothing, []
        if calibration is not None and len(calibration):
            value, label, group = (
                self._values(calibration)[self.record],
                calibration.label.double(),
                list(calibration.group),
            )
        self.conformal = SplitConformal.fit(value, label, group, level=level, seed=seed)
        return self

    def read(self, cases: Gallery) -> Readings:
        """Read off the cases; neighbours never come from a case's own group."""
        reading = self.neighbours.predict(cases.embedding, times=cases.times, group=cases.group)
        values = {"neighbours": reading.value}
        if self.head is not None:
            values = {"head": self.head.predict(cases.embedding, cases.prediction, times=cases.times).value, **values}
        value = values[self.record]
        if self.conformal is None or reading.evidence is None:
            raise ValueError("tune the reader first")
        lower, upper = self.conformal.interval(value)
        nearest = self.neighbours.nearest_distance(cases.embedding, group=cases.group)
        return Readings(value, lower, upper, values, nearest, is_far(nearest, self.far_distance), reading.evidence)

    def rescaled(self, rows: Int[Tensor, " k"], times: Float[Tensor, ""]) -> Float[Tensor, "k t"]:
        """Labels of gallery cases at the scale of a case whose ``times`` is given: what its value is a mean of."""
        own = None if self.gallery.times is None else self.gallery.times[rows]
        return self.coding.decode(self.coding.encode(self.gallery.label[rows], own), times.expand(len(rows)))

    def region(self, label: Float[Tensor, "n t"]) -> Int[Tensor, "n t"]:
        """Region codes of labels."""
        return torch.stack([region.of(label[:, target]) for target, region in enumerate(self.regions)], dim=1)

    def _values(self, cases: Gallery) -> dict[str, Tensor]:
        values = {"neighbours": self.neighbours.predict(cases.embedding, times=cases.times, group=cases.group).value}
        if self.head is not None:
            values["head"] = self.head.predict(cases.embedding, cases.prediction, times=cases.times).value
        return values

    def save(self, folder: RunFolder, covariates: Tensor, val_covariates: Tensor, val_label: Tensor) -> None:
        """Write predictors.json and predictors.safetensors, with what the covariates-only baseline needs elsewhere."""
        regions = {
            name: {
                "many_threshold": region.many_threshold,
                "medium_threshold": region.medium_threshold,
                "bandwidth": region.bandwidth,
            }
            for name, region in zip(self.targets, self.regions, strict=True)
        }
        conformal = {} if self.conformal is None else self.conformal.to_dict()
        values = {
            "record": self.record,
            "radius": self.neighbours.radius,
            "far_distance": self.far_distance,
            "validation_mae": self.validation_mae,
            "regions": regions,
            "level": conformal.get("level"),
            "interval": conformal,
            "conformal": {
                name: {"quantile": quantile, "groups": groups}
                for name, quantile, groups in zip(
                    self.targets, conformal.get("quantile", []), conformal.get("groups", []), strict=False
                )
            },
        }
        tensors = {f"region_points_{place}": region.points for place, region in enumerate(self.regions)}
        tensors |= {"covariates": covariates, "val_covariates": val_covariates, "val_label": val_label}
        folder.write_tensors("predictors.safetensors", tensors)
        folder.write_json("predictors.json", values)

    @classmethod
    def load(cls, folder: RunFolder, gallery: Gallery, coding: LabelCoding, targets: list[str]) -> "Reader":
        """Rebuild from the run folder."""
        saved, tensors = folder.read_json("predictors.json"), folder.read_tensors("predictors.safetensors")
        reader = cls(gallery, coding, targets)
        reader.neighbours = NeighbourPredictor(coding, radius=saved["radius"]).fit(gallery)
        reader.record, reader.validation_mae = saved["record"], saved["validation_mae"]
        reader.far_distance = float("inf") if saved["far_distance"] is None else saved["far_distance"]
        reader.conformal = SplitConformal.from_dict(saved["interval"])
        reader.regions = [
            LabelRegions(points=tensors[f"region_points_{place}"], **saved["regions"][name])
            for place, name in enumerate(targets)
        ]
        return reader
