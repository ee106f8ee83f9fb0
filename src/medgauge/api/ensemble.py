"""The fits of all folds as one run: values are averaged, evidence is joined, intervals come from out-of-fold residuals."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from medgauge.api.intervals import Calibrated
from medgauge.api.merging import LeftOut, merge_readings
from medgauge.api.readers import Reader, Readings, load_regions
from medgauge.api.run import Run, made_from, read_recipe
from medgauge.api.study import Study, load_study
from medgauge.core.batch import Gallery
from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.data.folds import fold_name
from medgauge.metrics import LabelRegions
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder

BY_FOLD = "by fold"
"""Predictor of record where the folds' fits have chosen different ones."""
OUT_OF_FOLD = "out_of_fold"
"""Split of the cases that were each read by the fit that left them out."""


class PooledReader(Reader):
    """The readers of all folds as one: each reads off its own gallery, and their values are averaged.

    Embeddings of different fits are not comparable, so ``gallery`` has none: it only names the cases of all galleries,
    one after the other. ``left_out`` and ``others_by_group`` are there while out-of-fold cases are scored.

    Args:
        readers: one a fold.
        regions: of the labels of all development cases.
    """

    def __init__(self, readers: Sequence[Reader], regions: list[LabelRegions]) -> None:
        galleries = [reader.gallery for reader in readers]
        times = [gallery.times for gallery in galleries if gallery.times is not None]
        joined = Gallery(
            embedding=torch.empty(sum(map(len, galleries)), 0),
            label=torch.cat([gallery.label for gallery in galleries]),
            id=[name for gallery in galleries for name in gallery.id],
            group=[name for gallery in galleries for name in gallery.group],
            times=torch.cat(times) if times else None,
        )
        super().__init__(joined, readers[0].coding, readers[0].targets, regions)
        self.readers = list(readers)
        self.gallery_fold = [fold for fold, gallery in enumerate(galleries) for _ in range(len(gallery))]
        self.starts = [sum(map(len, galleries[:fold])) for fold in range(len(galleries))]
        self.head = readers[0].head
        records = {reader.record for reader in readers}
        self.record = records.pop() if len(records) == 1 else BY_FOLD
        self.left_out: LeftOut | None = None
        self.others_by_group: list[Calibrated] = []

    def read_all(self, cases: Sequence[Gallery]) -> Readings:
        """The mean of what each fold's fit reads off the cases, given as its model embeds them."""
        parts = [reader.read(own) for reader, own in zip(self.readers, cases, strict=True)]
        count = len(cases[0])
        everywhere = [torch.arange(count)] * len(parts)
        return merge_readings(parts, everywhere, count, self.fitted, starts=self.starts, several=True)

    def pool(self, parts: Sequence[Readings], places: Sequence[Int[Tensor, " n"]]) -> Readings:
        """Out-of-fold readings put into one order: each case is read by one fit."""
        return merge_readings(parts, places, sum(map(len, places)), self.fitted, starts=self.starts)

    def origins(self, count: int) -> list[list[Any]]:
        """The fold that an out-of-fold case is in and that fold's predictor of record; of averaged values no fold."""
        found: list[list[Any]] = [["", self.record] for _ in range(count)]
        for fold, places in enumerate([] if self.left_out is None else self.left_out.places):
            for place in places.tolist():
                found[place] = [fold, self.readers[fold].record]
        return found

    def own_intervals(self, readings: Readings) -> Readings:
        """Of out-of-fold cases: with intervals from the residuals of the other folds."""
        return readings if self.left_out is None else self.left_out.apply(readings)

    def in_sets(
        self, readings: Readings, label: Float[Tensor, "n t"]
    ) -> tuple[Bool[Tensor, "n t"], Bool[Tensor, "n t"]]:
        """As in a single reader, by the other folds' intervals where cases are out-of-fold cases."""
        return super().in_sets(readings, label) if self.left_out is None else self.left_out.in_sets(readings, label)

    def by_group(self, code: Int[Tensor, " n"]) -> Reader:
        """As in a single reader; a group is in one fold."""
        whole = super().by_group(code)
        if self.left_out is not None and isinstance(whole, PooledReader):
            whole.left_out = LeftOut(
                [torch.unique(code[place]) for place in self.left_out.places], self.others_by_group
            )
        return whole

    def keep(self, folder: RunFolder) -> None:
        """Write predictors.json and predictors.safetensors of the ensemble; the folds' predictors are in their folders."""
        values: dict[str, Any] = {"medgauge": __version__, "folds": len(self.readers), "record": self.record}
        self.write(folder, values | {"radius": None, "far_distance": None}, {})


class Ensemble(Run):
    """A finished run of several folds, used like any run.

    ``model`` and ``coding`` are those of the first fold; ``fits`` has the run of each.

    Args:
        folder: the folder of the whole, with a run folder a fold inside.
        recipe: the recipe as used, without what the folds do not share.
        folds: the run of each fold.
        reader: their readers as one.
        results: what results.json holds.
    """

    def __init__(
        self, folder: RunFolder, recipe: Recipe, folds: Sequence[Run], reader: PooledReader, results: dict[str, Any]
    ) -> None:
        first, rows = folds[0], [row for run in folds for row in run.gallery_rows]
        super().__init__(folder, recipe, first.model, first.coding, reader, results, rows)
        self.folds = list(folds)

    @classmethod
    def load_folds(cls, folder: RunFolder) -> "Ensemble":
        """Load the folder of the whole and the run folder of each fold.

        Raises:
            InputError: one of them is not whole, or of another version.
        """
        folder.check_complete()
        saved = folder.read_json("predictors.json")
        recipe = read_recipe(folder)
        if saved.get("folds") != recipe.data.folds:
            raise InputError(f"{folder / 'predictors.json'} and recipe.yaml name different numbers of folds; fit again")
        folds = [Run.load(folder / fold_name(fold)) for fold in range(recipe.data.folds)]
        reader = PooledReader([run.reader for run in folds], load_regions(folder, saved, folds[0].targets))
        reader.restore(folder, saved)
        return cls(folder, recipe, folds, reader, folder.read_json("results.json"))

    @property
    def fits(self) -> Sequence[Run]:
        """The run of each fold."""
        return self.folds

    def look(self, split: str = "test", *, images: bool = True) -> dict[str, Any]:
        """The out-of-fold figures, or the averaged values scored on the test cases that were kept out of all folds.

        Each look at the test cases is counted in results.json.
        """
        from medgauge.api.crossfit import look_at_test

        if split not in (OUT_OF_FOLD, "test"):
            raise InputError(f"--split must be {OUT_OF_FOLD} or test for a run of folds, got {split!r}")
        if split == "test":
            self.results = look_at_test(self, images=images)
        return dict(self.results[split])

    def study(self) -> Study:
        """The cases of all folds, read again.

        Raises:
            InputError: the table is not the one that the run was made from.
        """
        study = load_study(self.recipe)
        made = made_from(self.folder)
        there = [(row["id"], row["fold"]) for row in self.folder.read_table("splits.csv")]
        if study.table.digest != made or there != fold_of_cases(study):
            raise InputError(
                f"{self.recipe.data.table} has changed since {self.folder.path} was made from it; put it back or fit again"
            )
        return study


def fold_of_cases(study: Study) -> list[tuple[str, str]]:
    """Id and number of the fold of every case; no number for a test case, which is in none."""
    numbers = {fold_name(fold): str(fold) for fold in range(study.recipe.data.folds)}
    return [(name, numbers.get(split, "")) for name, split in zip(study.table.id, study.splits, strict=True)]
