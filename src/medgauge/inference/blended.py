"""The readers of several candidates as one: values are weighted, evidence is the mixture of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.task import Observed, Task
from medgauge.inference.joining import first_places, join_galleries
from medgauge.inference.mixture import mixture
from medgauge.inference.reader import Calibrated, Reader
from medgauge.inference.readings import Readings

BLEND = "blend"
"""Predictor of record of a blend."""


@dataclass(frozen=True)
class BlendedReader:
    """The fits of several candidates, of the same fold, as one.

    Args:
        names: of the c candidates.
        readers: one each.
        weights: of their values, (c, t), none negative, each column 1 in sum.
        task: with the strata and levels of all development cases.
    """

    names: Sequence[str]
    readers: Sequence[Reader]
    weights: Float[Tensor, "c t"]
    task: Task

    @property
    def record(self) -> str:
        """That it is a blend."""
        return BLEND

    @property
    def records(self) -> tuple[str, ...]:
        """The same of each column."""
        return (BLEND,) * len(self.task.columns)

    @property
    def mixed(self) -> bool:
        """Never: each candidate is one part of the blend."""
        return False

    @property
    def predictors(self) -> list[str]:
        """The candidates, whose values of record are kept beside."""
        return list(self.names)

    @property
    def calibrated(self) -> Calibrated:
        """That of the first candidate, of whose fit nothing was calibrated."""
        return self.readers[0].calibrated

    @property
    def gallery(self) -> Cases:
        """Names and labels of the cases of all galleries, one after the other."""
        return join_galleries([reader.gallery for reader in self.readers])

    @property
    def divides(self) -> bool:
        """Whether any candidate's labels are divided by a covariate."""
        return any(reader.divides for reader in self.readers)

    @property
    def divided(self) -> list[bool]:
        """Of each gallery case whether its label is divided."""
        return [flag for reader in self.readers for flag in reader.divided]

    @property
    def size(self) -> int:
        """How many cases that is."""
        return sum(reader.size for reader in self.readers)

    def read(self, cases: Sequence[Cases]) -> Readings:
        """What the candidates read off the cases, given as each embeds them, blended."""
        return self.blend([reader.read([own]) for reader, own in zip(self.readers, cases, strict=True)])

    def blend(self, parts: Sequence[Readings]) -> Readings:
        """The candidates' readings of the same cases as one."""
        moved = [
            replace(part, observed=replace(part.observed, probability=self.task.aligned(chance, reader.task)))
            for part, reader in zip(parts, self.readers, strict=True)
            for chance in [part.observed.probability]
        ]
        starts = [sum(reader.size for reader in self.readers[:place]) for place in range(len(self.readers))]
        same = first_places(self.gallery.id, self.divided)
        return blend_readings(moved, self.weights, self.names, starts, same)

    def rescaled(self, rows: Int[Tensor, " k"], divisor: Float[Tensor, " k"]) -> Float[Tensor, "k t"]:
        """Labels of gallery cases, each at the scale of the case of that ``divisor``, of candidates that divide by it."""
        return rescaled_of(self.readers, rows, divisor)


FoldReader = Reader | BlendedReader
"""Of one fold: of one fit, or of several candidates' as one."""


def rescaled_of(
    readers: Sequence[FoldReader], rows: Int[Tensor, " k"], divisor: Float[Tensor, " k"]
) -> Float[Tensor, "k t"]:
    """Labels of cases of joined galleries, each rescaled as its own fit says; labels that it does not divide stay."""
    found, start = torch.empty(len(rows), len(readers[0].task.columns), dtype=torch.float64), 0
    for reader in readers:
        mine = (rows >= start) & (rows < start + reader.size)
        own = rows[mine] - start
        if len(own):
            found[mine] = reader.rescaled(own, divisor[mine]).double()
        start += reader.size
    return found


def blend_readings(
    parts: Sequence[Readings],
    weights: Float[Tensor, "c t"],
    names: Sequence[str],
    starts: Sequence[int],
    same: Int[Tensor, " g"],
) -> Readings:
    """Readings of the same cases by c candidates as one: the weighted mean of what they say.

    Values, probabilities, expected errors and distances are weighted means; ``far`` is what more than half of the weight
    says; the evidence is the mixture, in which each candidate's training cases keep their share of its weight. A candidate
    that has no value of a case (or no evidence) is left out there, and the others have its weight in proportion.

    Args:
        parts: of each candidate, in original units, probabilities at the same places.
        weights: none negative, each column 1 in sum.
        names: of the candidates.
        starts: where the gallery of each begins in the joined one.
        same: for each place of the joined gallery the first one that is the same case, which is named once.
    """
    weights = weights.double()
    value = torch.stack([part.observed.value.double() for part in parts])
    share = _shares(weights, ~value.isnan().flatten(3).any(-1) if value.ndim > 3 else ~value.isnan())
    carried = torch.stack([part.evidence.sums_of_weights() > 0 for part in parts])
    own = _shares(weights, carried)
    supported = torch.stack([part.supported.double() for part in parts])
    chances = [part.observed.probability for part in parts]
    scales = [part.observed.scale for part in parts]
    observed = Observed(
        value=_mean(share, value),
        label=parts[0].observed.label,
        group=parts[0].observed.group,
        probability=_mean_of_known(share, chances),
        scale=_mean_of_known(share, scales),
    )
    each = weights.mean(1)
    used = [place for place in range(len(parts)) if each[place] > 0]
    return Readings(
        observed=observed,
        stated={"value": observed.value},
        by_predictor={name: part.observed.value for name, part in zip(names, parts, strict=True)},
        nearest=torch.stack([each[place] * parts[place].nearest.double() for place in used]).sum(0) / each.sum(),
        far=torch.stack([each[place] * parts[place].far.double() for place in used]).sum(0) / each.sum() > 0.5,
        evidence=mixture([(parts[place].evidence, starts[place], own[place]) for place in used], same),
        supported=_mean(own, supported),
    )


def _shares(weights: Float[Tensor, "c t"], known: Tensor) -> Float[Tensor, "c n t"]:
    """The weights of each case, 1 in sum over the candidates that are known; all 0 where those have no weight."""
    kept = weights[:, None] * known
    whole = kept.sum(0)
    return kept / whole.where(whole > 0, 1.0)


def _mean(share: Float[Tensor, "c n t"], value: Float[Tensor, "c n t *k"]) -> Float[Tensor, "n t *k"]:
    """NaN where no candidate has a share."""
    share = share.reshape(*share.shape, *[1] * (value.ndim - share.ndim))
    found = (share * value.where(share > 0, 0.0)).sum(0)
    return found.masked_fill(share.sum(0) == 0, torch.nan)


def _mean_of_known(share: Float[Tensor, "c n t"], found: Sequence[Tensor | None]) -> Tensor | None:
    """Over the candidates that say anything; None where none does."""
    there = [place for place, one in enumerate(found) if one is not None]
    if not there:
        return None
    own = share[there]
    whole = own.sum(0)
    own = own / whole.where(whole > 0, 1.0)
    said = torch.stack([one.double() for one in found if one is not None])
    own = own.reshape(*own.shape, *[1] * (said.ndim - own.ndim))
    none = (whole == 0).reshape(*whole.shape, *[1] * (said.ndim - 1 - whole.ndim))
    return (own * said.where(own > 0, 0.0)).sum(0).masked_fill(none, torch.nan)
