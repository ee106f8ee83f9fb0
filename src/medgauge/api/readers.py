"""Reads values off collected cases: every predictor, the interval, the region and the evidence; saved in the run folder."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.api.intervals import Calibrated, Conformal
from medgauge.core.batch import Gallery, LabelCoding
from medgauge.core.errors import InputError
from medgauge.inference import (
    Evidence,
    HeadPredictor,
    Hull,
    NeighbourPredictor,
    Predictor,
    far_threshold,
    is_far,
)
from medgauge.metrics import LabelRegions
from medgauge.metrics.groups import group_means, grouping
from medgauge.recipes.schema import PredictionSettings
from medgauge.runfolder import RunFolder


@dataclass(frozen=True)
class Readings:
    """What was read off n cases, all in original label units.

    - Shape: value (n, t) of the predictor of record, corrected where the recipe asks; uncorrected (n, t), the same before;
      interval: of record, beside: the other kind, both (n, t) each; by_predictor: (n, t) each, never corrected; nearest
      (n,): distance to the nearest training case; far (n,): farther than 99 % of validation cases; evidence: the
      neighbours' rows and weights; fits (k, n, t): the uncorrected values of each of several fits, None of one.
    """

    value: Float[Tensor, "n t"]
    uncorrected: Float[Tensor, "n t"]
    interval: Hull
    beside: Hull
    by_predictor: dict[str, Float[Tensor, "n t"]]
    nearest: Float[Tensor, " n"]
    far: Bool[Tensor, " n"]
    evidence: Evidence
    fits: Float[Tensor, "k n t"] | None = None

    @property
    def spread(self) -> Float[Tensor, "n t"] | None:
        """Standard deviation (k - 1) of the values of several fits, NaN of fewer than two; None of one fit."""
        if self.fits is None:
            return None
        count = (~self.fits.isnan()).sum(0)
        square = (self.fits - self.fits.nanmean(0)).square().nansum(0) / (count - 1)
        return square.masked_fill(count < 2, torch.nan).sqrt()


class Reader:
    """The predictors of a run, fitted on its gallery, tuned on val, with intervals from calibration."""

    def __init__(
        self, gallery: Gallery, coding: LabelCoding, targets: list[str], regions: list[LabelRegions] | None = None
    ) -> None:
        self.gallery, self.coding, self.targets = gallery, coding, targets
        self.neighbours = NeighbourPredictor(coding)
        self.head = HeadPredictor(coding) if gallery.prediction is not None else None
        self.record = "neighbours"
        self.validation_mae: dict[str, float] = {}
        self.validation_score = float("nan")
        self.calibrated: Calibrated | None = None
        self.calibrated_by_group: Calibrated | None = None
        self.gallery_fold: list[int] | None = None  # of each gallery case, where the gallery is that of several fits
        self.far_distance = float("inf")
        self.regions = regions or [LabelRegions.fit(gallery.label[:, target]) for target in range(len(targets))]

    def tune(self, validation: Gallery, *, record: str) -> "Reader":
        """Tune radius and flag on val, and choose the predictor of record."""
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
        return self

    def calibrate(self, calibration: Gallery | None, settings: PredictionSettings, *, seed: int) -> "Reader":
        """Fit correction and intervals on cases that selected nothing; without any, intervals are infinite."""
        value = label = torch.empty(0, len(self.targets), dtype=torch.float64)
        group: list[str] = []
        if calibration is not None and len(calibration):
            value, label = self._values(calibration)[self.record].double(), calibration.label.double()
            group = list(calibration.group)
        self.calibrate_on(value, label, group, settings, seed=seed, cross=False)
        return self

    def calibrate_on(
        self,
        value: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        group: Sequence[str],
        settings: PredictionSettings,
        *,
        seed: int,
        cross: bool,
    ) -> None:
        """Fit correction and intervals for cases, and for groups whose cases are one value, on values of record."""
        self.calibrated = Calibrated.fit(value, label, group, self.regions, settings, seed=seed, cross=cross)
        names, code = grouping(group)
        value, label = (group_means(part, code, len(names)) for part in (value, label))
        self.calibrated_by_group = Calibrated.fit(value, label, names, self.regions, settings, seed=seed, cross=cross)

    @property
    def fitted(self) -> Calibrated:
        """What was fitted on calibration cases.

        Raises:
            ValueError: nothing was.
        """
        if self.calibrated is None:
            raise ValueError("calibrate the reader first")
        return self.calibrated

    @property
    def fitted_by_group(self) -> Calibrated:
        """What was fitted on calibration groups whose cases are one value.

        Raises:
            ValueError: nothing was.
        """
        if self.calibrated_by_group is None:
            raise ValueError("calibrate the reader first")
        return self.calibrated_by_group

    @property
    def conformal(self) -> Conformal:
        """The interval of record."""
        return self.fitted.record

    def read(self, cases: Gallery) -> Readings:
        """Read off the cases; neighbours never come from a case's own group."""
        reading = self.neighbours.predict(cases.embedding, times=cases.times, group=cases.group)
        values = {"neighbours": reading.value}
        if self.head is not None:
            values = {"head": self.head.predict(cases.embedding, cases.prediction, times=cases.times).value, **values}
        fitted = self.fitted
        if reading.evidence is None:
            raise ValueError("tune the reader first")
        raw = values[self.record].double()
        value = fitted.corrected(raw)
        nearest = self.neighbours.nearest_distance(cases.embedding, group=cases.group)
        return Readings(
            value=value,
            uncorrected=raw,
            interval=fitted.record.hull(value),
            beside=fitted.beside.hull(value),
            by_predictor=values,
            nearest=nearest,
            far=is_far(nearest, self.far_distance),
            evidence=reading.evidence,
        )

    def read_all(self, cases: Sequence[Gallery]) -> Readings:
        """Read off cases given as each fit's model embeds them; here there is one fit."""
        (own,) = cases
        return self.read(own)

    def in_sets(
        self, readings: Readings, label: Float[Tensor, "n t"]
    ) -> tuple[Bool[Tensor, "n t"], Bool[Tensor, "n t"]]:
        """Whether each label is in the conformal set of record, and in the one beside it."""
        fitted = self.fitted
        return fitted.record.contains(readings.value, label), fitted.beside.contains(readings.value, label)

    def origins(self, count: int) -> list[list[Any]]:
        """Fold and predictor of each of ``count`` cases that were read, where the reader is that of several fits."""
        return [[] for _ in range(count)]

    def own_intervals(self, readings: Readings) -> Readings:
        """The readings with intervals as this reader gives them to its own cases; here they are so already."""
        return readings

    def by_group(self, code: Int[Tensor, " n"]) -> "Reader":
        """This reader with the correction and the intervals of groups whose cases are one value; ``code``: each case's."""
        whole = copy.copy(self)
        whole.calibrated = self.fitted_by_group
        return whole

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
        values = {
            "record": self.record,
            "radius": self.neighbours.radius,
            "far_distance": self.far_distance,
            "validation_mae": self.validation_mae,
        }
        self.write(folder, values, {"covariates": covariates, "val_covariates": val_covariates, "val_label": val_label})

    def write(self, folder: RunFolder, values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write ``values`` and ``tensors``, and with them the regions and what calibration fitted."""
        regions = {
            name: {
                "many_threshold": region.many_threshold,
                "medium_threshold": region.medium_threshold,
                "bandwidth": region.bandwidth,
            }
            for name, region in zip(self.targets, self.regions, strict=True)
        }
        points = {f"region_points_{place}": region.points for place, region in enumerate(self.regions)}
        folder.write_tensors("predictors.safetensors", {**points, **tensors})
        calibrated = {**self.fitted.to_dict(), "by_group": self.fitted_by_group.to_dict()}
        folder.write_json(
            "predictors.json", {**values, "regions": regions, "level": self.fitted.record.level, **calibrated}
        )

    @classmethod
    def load(cls, folder: RunFolder, gallery: Gallery, coding: LabelCoding, targets: list[str]) -> "Reader":
        """Rebuild from the run folder."""
        saved = folder.read_json("predictors.json")
        reader = cls(gallery, coding, targets, load_regions(folder, saved, targets))
        reader.neighbours = NeighbourPredictor(coding, radius=saved["radius"]).fit(gallery)
        reader.validation_mae = saved["validation_mae"]
        reader.far_distance = float("inf") if saved["far_distance"] is None else saved["far_distance"]
        reader.restore(folder, saved)
        return reader

    def restore(self, folder: RunFolder, saved: Mapping[str, Any]) -> None:
        """Take the predictor of record and what calibration fitted from predictors.json."""
        self.record = saved["record"]
        try:
            self.calibrated = Calibrated.from_dict(saved)
            self.calibrated_by_group = Calibrated.from_dict(saved["by_group"])
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{folder / 'predictors.json'} has no intervals that this version of medgauge can read; fit again"
            ) from error


def load_regions(folder: RunFolder, saved: Mapping[str, Any], targets: list[str]) -> list[LabelRegions]:
    """The label regions as predictors.json and predictors.safetensors hold them."""
    tensors = folder.read_tensors("predictors.safetensors")
    return [
        LabelRegions(points=tensors[f"region_points_{place}"], **saved["regions"][name])
        for place, name in enumerate(targets)
    ]
