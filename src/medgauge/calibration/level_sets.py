"""Conformal sets of levels, grades or classes, that hold within each true one."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.calibration.scores import check_level, groups_needed, one_a_group, ranked_score
from medgauge.calibration.set_figures import set_figures
from medgauge.core.forms import CHANCE, COUNT, FLAG, NUMBER, NUMBERS, TEXT, Form, Group, Listed, check_form
from medgauge.core.task import Observed, Stated, Strata
from medgauge.functional.grades import Levels, level_places, level_word
from medgauge.metrics import confusion

_PARTS: dict[str, Form] = {"levels": NUMBERS, "threshold": Listed(NUMBER), "groups": Listed(COUNT), "n_groups": COUNT}
SAVED = Group({"level": CHANCE, "cross": FLAG, "targets": Listed(Group(_PARTS)), "names?": Listed(Listed(TEXT))})
"""What ``to_dict`` gives."""
SEVERAL_FITS = " The chances come from several fits, so that the level is not guaranteed exactly."


class HasLevel(Protocol):
    """What is needed of the settings."""

    @property
    def level(self) -> float:
        """Chance of coverage, in (0, 1)."""


@dataclass(frozen=True)
class LevelSets(ABC):
    """Sets {y : 1 - p(y) <= threshold of y} of levels, grades or classes, with a threshold for each TRUE level.

    Calibration cases are sorted by their true level, and of each level one case a group is drawn: with g groups there, its
    threshold is the ceil((g + 1) level)-th smallest of g scores 1 - p(true level). A case of a new group is covered with
    at least the chance ``level`` whatever its true level, rare ones too, if among the cases of that level it is like the
    calibration cases. It does not hold for another site. Fit it on cases that selected nothing. A level with too few
    groups for the chance has an infinite threshold and is in every set. A set can be empty; it is where a chance is missing.

    - Source: label-conditional conformal prediction (Vovk, ACML 2012) with the scores of least ambiguous sets (Sadinle,
      Lei, Wasserman, JASA 114, 2019). Not taken: Romano, Sesia, Candes, NeurIPS 2020; Lu, Angelopoulos, Pomerantz,
      MICCAI 2022.
    - Departs: one case a group of each level, drawn by a hash of seed, target and group.

    Attributes:
        level: chance of coverage, in (0, 1).
        levels: for each target the levels of the labels, rising: grades, or places of classes.
        threshold: for each target and level; infinite where groups are too few for the chance.
        groups: for each target and level, the number of calibration groups with it.
        n_groups: for each target, the number of calibration groups with any of its levels.
        cross: the chances came from several fits, so that the level is not guaranteed exactly.
        names: for each target what its levels are called; empty: as the numbers that they are.
    """

    kind: ClassVar[str] = "label_conditional_set"
    key: ClassVar[str] = "set"
    extent: ClassVar[str] = "size"
    noun: ClassVar[str]
    several: ClassVar[str]
    between: ClassVar[str]
    level: float
    levels: tuple[tuple[float, ...], ...]
    threshold: tuple[tuple[float, ...], ...]
    groups: tuple[tuple[int, ...], ...]
    n_groups: tuple[int, ...]
    cross: bool = False
    names: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        check_level(self.level)
        sizes = [(len(of), len(of)) for of in self.levels]
        found = [(len(one), len(other)) for one, other in zip(self.threshold, self.groups, strict=False)]
        if found != sizes or len(self.n_groups) != len(sizes):
            raise ValueError("threshold and groups must have one entry for each target and level")
        if self.names and [len(of) for of in self.names] != [len(of) for of in self.levels]:
            raise ValueError("names must have one entry for each target and level")
        if not all(score >= 0 for of in self.threshold for score in of):
            raise ValueError(f"threshold must be >= 0, got {self.threshold}")

    @classmethod
    @abstractmethod
    def levels_of(cls, strata: Any) -> Levels:
        """The levels of each target, as the kind's strata tell them."""

    @classmethod
    def names_of(cls, strata: Any) -> tuple[tuple[str, ...], ...]:
        """What they are called; empty: as the numbers that they are."""
        return ()

    @classmethod
    def fit(cls, observed: Observed, strata: Any, settings: HasLevel, *, seed: int, cross: bool = False) -> Self:
        """Calibrate; cases without a label or a chance (NaN), or whose label is no training level, are left out first.

        - Raises: ValueError if shapes differ, there are no probabilities, or the level is not in (0, 1).

        Args:
            observed: calibration cases with the probability of each level.
            strata: the kind's own, which know the levels.
            settings: its ``level`` is asked for.
            seed: of the draw of one case a group.
            cross: the chances came from several fits.
        """
        level = settings.level
        check_level(level)
        levels = tuple(tuple(float(one) for one in of) for of in cls.levels_of(strata))
        place = level_places(observed.label.cpu(), levels)
        score = 1 - _probability(observed, levels).gather(2, place.clamp(min=0)[:, :, None])[:, :, 0]
        threshold, groups, n_groups = [], [], []
        for target, of in enumerate(levels):
            at, own = place[:, target], score[:, target]
            drawn = [
                one_a_group(own.masked_fill(at != one, math.nan), observed.group, seed, target)
                for one in range(len(of))
            ]
            threshold.append(tuple(ranked_score(scores, level) for scores in drawn))
            groups.append(tuple(len(scores) for scores in drawn))
            known = ((at >= 0) & ~own.isnan()).tolist()
            n_groups.append(len({str(name) for name, there in zip(observed.group, known, strict=True) if there}))
        return cls(level, levels, tuple(threshold), tuple(groups), tuple(n_groups), cross, cls.names_of(strata))

    def apply(self, observed: Observed) -> Stated:
        """Value as it came, chances (n, t, k), sets (n, t, k) and whether the label's level is in its set (n, t).

        k is the largest number of levels; a target with fewer has False and 0 in the places left over. A label that is
        missing or no training level is not covered.
        """
        probability = _probability(observed, self.levels)
        inside = torch.zeros(probability.shape, dtype=torch.bool)
        for target, threshold in enumerate(self.threshold):
            score = 1 - probability[:, target, : len(threshold)]
            inside[:, target, : len(threshold)] = score <= torch.tensor(threshold, dtype=torch.float64)
        place = level_places(observed.label.cpu(), self.levels)
        covered = inside.gather(2, place.clamp(min=0)[:, :, None])[:, :, 0] & (place >= 0)
        return {"value": observed.value, "set": inside, "probability": probability, "covered": covered}

    def called(self, target: int) -> list[str]:
        """What the levels of a target are called."""
        return list(self.names[target]) if self.names else [level_word(level) for level in self.levels[target]]

    def columns(self, name: str, target: int) -> list[str]:
        """The set, and the chance of each of the target's levels."""
        return [f"set_{name}", *(f"probability_{word}_{name}" for word in self.called(target))]

    def cells(self, stated: Stated, target: int) -> list[list[object]]:
        """The set with a separator between, then the chances; empty where missing."""
        own = self.called(target)
        rows: list[list[object]] = []
        for inside, chances in zip(
            stated["set"][:, target].tolist(), stated["probability"][:, target].tolist(), strict=True
        ):
            said = ["" if math.isnan(chance) else float(f"{chance:.6g}") for chance in chances[: len(own)]]
            members = self.between.join(word for word, there in zip(own, inside, strict=False) if there)
            rows.append([members, *said])
        return rows

    def figures(
        self, stated: Stated, observed: Observed, strata: Strata, target: int, *, seed: int
    ) -> dict[str, object]:
        """``set``: coverage and size, whole, by region and by true level; ``confusion``: levels and counts."""
        words, by = self.called(target), f"by_{self.noun}"
        found = set_figures(stated, observed, strata, self.levels[target], target, words=words, by=by, seed=seed)
        for word, count in zip(found[by], self.groups[target], strict=True):
            found[by][word]["calibration_groups"] = count
        if self.names:  # of several columns, the strata have the classes of all
            found["by_region"] = {name: part for name, part in found["by_region"].items() if name in words}
        said = {"kind": self.kind, "level": self.level, "note": self.note(target), "n_groups": self.n_groups[target]}
        counts = confusion(self.read(stated["value"])[:, target], observed.label[:, target], self.levels[target])
        known = list(self.names[target] if self.names else self.levels[target])
        return {"set": said | found, "confusion": {"levels": known, "counts": counts.tolist()}}

    def read(self, value: Tensor) -> Float[Tensor, "n t"]:
        """Values as levels, or between them."""
        return value

    @property
    def needed(self) -> int:
        """The number of groups from which on a level's threshold is finite."""
        return groups_needed(self.level)

    def note(self, target: int) -> str:
        """What must be said beside the sets of a target."""
        words, counts, noun = self.called(target), self.groups[target], self.noun
        level = f"{100 * self.level:g} %"
        short = [f"{noun} {word} has {count}" for word, count in zip(words, counts, strict=True) if count < self.needed]
        if short:
            text = (
                f"A {level} set needs {self.needed} calibration groups of each {noun}, and {', '.join(short)}: "
                f"{'it is' if len(short) == 1 else 'they are'} in every set."
            )
        else:
            found = ", ".join(f"{count} of {noun} {word}" for word, count in zip(words, counts, strict=True))
            hold = "are meant to hold" if self.cross else "hold"
            text = (
                f"{level} sets from calibration groups by true {noun} ({found}), one case each: they {hold} whatever the "
                f"true {noun}, for cases like the calibration cases, not for another site."
            )
        if min(self.threshold[target]) >= 1:
            text += f" The chances tell the {self.several} apart too little: every set holds every {noun}."
        return text + (SEVERAL_FITS if self.cross else "")

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; an infinite threshold is None."""
        targets = [
            {
                "levels": list(levels),
                "threshold": [None if math.isinf(score) else score for score in threshold],
                "groups": list(groups),
                "n_groups": n_groups,
            }
            for levels, threshold, groups, n_groups in zip(
                self.levels, self.threshold, self.groups, self.n_groups, strict=True
            )
        ]
        said = {"kind": self.kind, "level": self.level, "cross": self.cross, "targets": targets}
        return said | ({"names": [list(of) for of in self.names]} if self.names else {})

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        check_form("", saved, SAVED)
        targets = saved["targets"]
        return cls(
            float(saved["level"]),
            tuple(tuple(float(level) for level in of["levels"]) for of in targets),
            tuple(tuple(math.inf if score is None else float(score) for score in of["threshold"]) for of in targets),
            tuple(tuple(int(count) for count in of["groups"]) for of in targets),
            tuple(int(of["n_groups"]) for of in targets),
            bool(saved["cross"]),
            tuple(tuple(of) for of in saved.get("names", ())),
        )


def _probability(observed: Observed, levels: Levels) -> Float[Tensor, "n t k"]:
    """The chances in float64 on the CPU, 0 in places that are no level; ValueError unless they fit."""
    if observed.value.shape[:2] != observed.label.shape or observed.label.ndim != 2:
        shapes = f"{tuple(observed.value.shape)} and {tuple(observed.label.shape)}"
        raise ValueError(f"value and label must be of the same cases and targets, got shapes {shapes}")
    expected = (len(observed.label), len(levels), max(map(len, levels)))
    if observed.probability is None or observed.probability.shape != expected:
        found = None if observed.probability is None else tuple(observed.probability.shape)
        raise ValueError(f"probability must be of shape {expected}, cases, targets and levels, got {found}")
    if len(observed.group) != expected[0]:
        raise ValueError(
            f"group must name the group of each of the {expected[0]} cases, got {len(observed.group)} names"
        )
    there = torch.tensor([[place < len(of) for place in range(expected[2])] for of in levels])
    return observed.probability.detach().cpu().double().masked_fill(~there, 0.0)
