"""How often a value means the right grade. Labels are whole numbers; missing ones (NaN) are left out of each target."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.functional.grades import check_grades, level_places, nearest_grade
from medgauge.metrics.masking import over_targets


def accuracy(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Share of the cases of each target whose value, rounded to the nearest grade, is the label; 1 is perfect.

    A half is rounded up.

    - Raises: ValueError if a label is not a whole number.

    >>> accuracy(torch.tensor([[0.4], [0.5], [3.6]]), torch.tensor([[0.0], [0.0], [4.0]]))
    tensor([0.6667], dtype=torch.float64)
    """
    return _share_within(0, prediction, label, "accuracy")


def within_one(prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Share of the cases of each target whose value, rounded to the nearest grade, is at most one away; 1 is perfect.

    A half is rounded up. Grades are counted as numbers: with levels 0, 1 and 3, 3 is two away from 1.

    - Raises: ValueError if a label is not a whole number.

    >>> within_one(torch.tensor([[0.4], [1.4], [1.5]]), torch.tensor([[0.0], [0.0], [0.0]]))
    tensor([0.6667], dtype=torch.float64)
    """
    return _share_within(1, prediction, label, "within_one")


def is_grade(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """1 for each case whose rounded value is the label, else 0; NaN where the label is missing. ``accuracy`` is its mean."""
    return _within(0, prediction, label)


def is_within_one(prediction: Float[Tensor, "*m n"], label: Float[Tensor, " n"]) -> Float[Tensor, "*m n"]:
    """1 for each case whose rounded value is at most one grade away, else 0; NaN where the label is missing.

    ``within_one`` is its mean.
    """
    return _within(1, prediction, label)


def confusion(value: Float[Tensor, " n"], label: Float[Tensor, " n"], levels: Sequence[float]) -> Int[Tensor, "k k"]:
    """Number of cases of one target by true level (row) and by the level nearest to the value (column), int64.

    A value midway between two levels is taken for the upper one. Cases take no part whose label is missing or is no
    level, or whose value is missing.

    - Raises: ValueError unless value and label are of one shape (n,) and the levels rise, at least one.

    >>> confusion(torch.tensor([0.4, 0.5, 2.9]), torch.tensor([0.0, 0.0, 1.0]), [0.0, 1.0, 3.0]).tolist()
    [[1, 1, 0], [0, 0, 1], [0, 0, 0]]
    """
    if value.ndim != 1 or value.shape != label.shape:
        raise ValueError(f"value and label must be of one shape (n,), got {tuple(value.shape)}, {tuple(label.shape)}")
    places = torch.tensor(list(levels), dtype=torch.float64)
    if not len(places) or not bool((places.diff() > 0).all()):
        raise ValueError(f"levels must rise and be at least one, got {list(levels)}")
    value, label = value.detach().cpu().double(), label.detach().cpu()
    true = level_places(label[:, None], [list(levels)])[:, 0]
    said = torch.searchsorted(places[:-1] + places.diff() / 2, value.contiguous(), right=True)
    known = (true >= 0) & ~value.isnan()
    size = len(places)
    return torch.bincount(true[known] * size + said[known], minlength=size**2).view(size, size)


def _share_within(
    steps: int, prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], name: str
) -> Float[Tensor, " t"]:
    check_grades(label, name)
    return over_targets(lambda guess, truth: _within(steps, guess, truth).mean(), prediction, label)


def _within(steps: int, prediction: Tensor, label: Tensor) -> Tensor:
    """1 where a rounded value is at most so many grades away, 0 where it is not; NaN where the label is missing."""
    apart = (nearest_grade(prediction) - label.double()).abs()
    return (apart <= steps).double().masked_fill(apart.isnan(), torch.nan)
