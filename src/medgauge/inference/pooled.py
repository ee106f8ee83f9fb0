"""The readers of several fits as one: values are averaged, evidence is joined; cases that a fit left out are judged by it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.asked import Asked
from medgauge.core.batch import Cases
from medgauge.core.task import Observed, Saying, Stated, Strata, Task
from medgauge.inference.blended import FoldReader, rescaled_of
from medgauge.inference.joining import first_places, join_galleries, join_readings
from medgauge.inference.reader import Calibrated, Reader
from medgauge.inference.readings import Readings

BY_FOLD = "by fold"
"""Predictor of record where the folds' fits have chosen different ones."""


@dataclass(frozen=True)
class LeftOut:
    """What is said of each fold's cases, fitted on the cases of the other folds; of anything else what all folds say.

    So an out-of-fold case has an interval that its own residual had no part in, and its coverage can be judged.

    Args:
        places: for each fold the places of its cases.
        parts: for each fold what was fitted without it.
        whole: fitted on the cases of all folds.
    """

    places: Sequence[Int[Tensor, " n"]]
    parts: Sequence[Saying]
    whole: Saying

    def apply(self, observed: Observed) -> Stated:
        """What is said of the out-of-fold cases."""
        said: dict[str, Tensor] = {}
        for place, part in zip(self.places, self.parts, strict=True):
            for name, tensor in part.apply(_some(observed, place)).items():
                whole = said.setdefault(name, tensor.new_zeros(len(observed.value), *tensor.shape[1:]))
                whole[place] = tensor
        return said

    def columns(self, name: str, target: int) -> list[str]:
        """As of all folds."""
        return self.whole.columns(name, target)

    def cells(self, stated: Stated, target: int) -> list[list[object]]:
        """As of all folds."""
        return self.whole.cells(stated, target)

    def figures(
        self, stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int
    ) -> dict[str, object]:
        """As of all folds."""
        return self.whole.figures(stated, observed, strata, target, seed=seed)

    def note(self, target: int) -> str:
        """As of all folds."""
        return self.whole.note(target)


def _some(observed: Observed, place: Int[Tensor, " k"]) -> Observed:
    chance = observed.probability
    return Observed(
        observed.value[place],
        observed.label[place],
        [observed.group[row] for row in place.tolist()],
        None if chance is None else chance[place],
        None if observed.scale is None else observed.scale[place],
    )


@dataclass(frozen=True)
class PooledReader:
    """The readers of all folds as one: each reads off its own gallery, and their values are averaged.

    Embeddings of different fits are not comparable, so ``gallery`` has none: it only names the cases of all galleries,
    one after the other.

    Args:
        readers: one a fold.
        task: with the strata of all development cases.
        calibrated: on out-of-fold cases.
        left_out: there while out-of-fold cases are scored: for cases, and what it needs for groups.
    """

    readers: Sequence[FoldReader]
    task: Task
    calibrated: Calibrated
    left_out: LeftOut | None = None
    groups_left_out: Sequence[Saying] = ()

    @property
    def record(self) -> str:
        """The predictor of record, or that each fold has its own."""
        records = {reader.record for reader in self.readers}
        return records.pop() if len(records) == 1 else BY_FOLD

    @property
    def records(self) -> tuple[str, ...]:
        """That of each column."""
        found = [set(own) for own in zip(*(reader.records for reader in self.readers), strict=True)]
        return tuple(own.pop() if len(own) == 1 else BY_FOLD for own in found)

    @property
    def mixed(self) -> bool:
        """Whether columns of any fold have different ones."""
        return any(reader.mixed for reader in self.readers)

    @property
    def predictors(self) -> list[str]:
        """Names of the predictors."""
        return self.readers[0].predictors

    @property
    def gallery(self) -> Cases:
        """Names and labels of the cases of all galleries."""
        return join_galleries([reader.gallery for reader in self.readers])

    @property
    def gallery_fold(self) -> list[int]:
        """The fold of each case of the joined gallery."""
        return [fold for fold, reader in enumerate(self.readers) for _ in range(reader.size)]

    @property
    def starts(self) -> list[int]:
        """Where the gallery of each fold begins in the joined one."""
        sizes = [reader.size for reader in self.readers]
        return [sum(sizes[:fold]) for fold in range(len(sizes))]

    @property
    def first_places(self) -> Int[Tensor, " g"]:
        """For each place of the joined gallery the first one that is of the same case."""
        return first_places(self.gallery.id, [flag for reader in self.readers for flag in reader.divided])

    @property
    def certainty(self) -> Saying:
        """What is said of cases; of out-of-fold cases, by the other folds."""
        return self.calibrated.cases if self.left_out is None else self.left_out

    def grouped(self, code: Int[Tensor, " n"]) -> Saying:
        """What is said of groups whose cases are one value; a group is in one fold."""
        if self.left_out is None:
            return self.calibrated.groups
        places = [torch.unique(code[place]) for place in self.left_out.places]
        return LeftOut(places, self.groups_left_out, self.calibrated.groups)

    def read(self, cases: Sequence[Cases]) -> Readings:
        """The mean of what each fold's fit reads off the cases, given as its model embeds them.

        Of folds of several candidates as many cases each, one fold after the other.
        """
        each = len(cases) // len(self.readers)
        parts = self.aligned(
            [reader.read(cases[each * fold : each * (fold + 1)]) for fold, reader in enumerate(self.readers)]
        )
        everywhere = [torch.arange(len(cases[0]))] * len(parts)
        return join_readings(
            self.task,
            parts,
            everywhere,
            cases[0].group,
            self.calibrated.cases,
            starts=self.starts,
            same=self.first_places,
            several=True,
        )

    def aligned(self, parts: Sequence[Readings]) -> list[Readings]:
        """Readings of each fold, with probabilities at the places that the whole has for levels and classes."""
        found = []
        for part, reader in zip(parts, self.readers, strict=True):
            chance = self.task.aligned(part.observed.probability, reader.task)
            found.append(replace(part, observed=replace(part.observed, probability=chance)))
        return found

    def pool(self, parts: Sequence[Readings], places: Sequence[Int[Tensor, " n"]], group: Sequence[str]) -> Readings:
        """Out-of-fold readings put into one order: each case is read by one fit, and knows by which."""
        told = [
            replace(part, observed=replace(part.observed, fold=torch.full((len(part),), fold)))
            for fold, part in enumerate(parts)
        ]
        return join_readings(self.task, told, places, group, self.certainty, starts=self.starts)

    def leaving_out(
        self, observed: Observed, places: Sequence[Int[Tensor, " n"]], settings: Asked, *, seed: int
    ) -> "PooledReader":
        """With what is said of each fold's cases fitted on the other folds', from out-of-fold values of all of them."""
        fold = torch.zeros(len(observed.value), dtype=torch.int64)
        for number, own in enumerate(places):
            fold[own] = number
        whole, parts = Calibrated.fit(self.task, replace(observed, fold=fold), settings, seed=seed, cross=True), []
        for own in places:
            kept = torch.ones(len(observed.value), dtype=torch.bool).index_fill(0, own, value=False)
            others = _some(observed, torch.nonzero(kept).flatten())
            parts.append(Calibrated.fit(self.task, others, settings, seed=seed, cross=True))
        left_out = LeftOut(places, [part.cases for part in parts], whole.cases)
        return replace(self, calibrated=whole, left_out=left_out, groups_left_out=[part.groups for part in parts])

    def origins(self, count: int, code: Int[Tensor, " n"] | None = None) -> list[list[object]]:
        """The fold that an out-of-fold case is in and that fold's predictor of record; of averaged values no fold.

        ``code``: the group of each case, where ``count`` groups are asked for.
        """
        found: list[list[object]] = [["", self.record] for _ in range(count)]
        for fold, places in enumerate([] if self.left_out is None else self.left_out.places):
            for place in (places if code is None else torch.unique(code[places])).tolist():
                found[place] = [fold, self.readers[fold].record]
        return found

    def sources(self, count: int, code: Int[Tensor, " n"] | None = None) -> list[list[object]]:
        """For each case the predictor of record of each column, by its fold."""
        found: list[list[object]] = [list(self.records) for _ in range(count)]
        for fold, places in enumerate([] if self.left_out is None else self.left_out.places):
            for place in (places if code is None else torch.unique(code[places])).tolist():
                found[place] = list(self.readers[fold].records)
        return found

    def rescaled(self, rows: Int[Tensor, " k"], divisor: Float[Tensor, " k"]) -> Float[Tensor, "k t"]:
        """Labels of gallery cases, each at the scale of the case of that ``divisor``."""
        return rescaled_of(self.readers, rows, divisor)


AnyReader = Reader | PooledReader
"""Of one fit, or of several as one."""
