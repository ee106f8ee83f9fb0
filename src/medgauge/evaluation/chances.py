"""Values that are chances of classes, where tables want one thing a case and target: the class that is read."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.cells import cell
from medgauge.core.task import Strata
from medgauge.functional.classes import likeliest


def are_chances(value: Tensor) -> bool:
    """Whether values are chances (n, t, k) and not numbers (n, t)."""
    return value.ndim == 3


def places(value: Float[Tensor, "n t *k"]) -> Float[Tensor, "n t"]:
    """The place of the class that is read off chances; numbers as they are."""
    return likeliest(value) if are_chances(value) else value.double()


def of_read(number: Float[Tensor, "n t k"], value: Float[Tensor, "n t k"]) -> Float[Tensor, "n t"]:
    """Of numbers for each class those of the class that is read off the chances ``value``."""
    return number.double().gather(-1, likeliest(value).nan_to_num(0.0).long()[..., None])[..., 0]


def named(value: Float[Tensor, "n t *k"], strata: Strata, *, of_chances: bool) -> list[list[object]]:
    """Cells for each case and target: numbers, or the names of classes, which their strata are called by.

    Args:
        value: values, or labels.
        strata: of the task.
        of_chances: whether the task's values are chances, so that its labels are places.
    """
    number = places(value)
    if not of_chances:
        return [[cell(one) for one in row] for row in number.tolist()]
    names, code = strata.names, strata.of(number).tolist()
    return [[names[place] if place >= 0 else "" for place in row] for row in code]


def raised(
    label: Float[Tensor, "n m t"], value: Float[Tensor, "n t *k"], supported: Float[Tensor, "n t *k"]
) -> tuple[Float[Tensor, "n m t"], Float[Tensor, "n t"]]:
    """Labels of m neighbours and what they make of them, both on one line: of chances those of the class that is read.

    A neighbour of that class is 1, another 0.
    """
    if not are_chances(value):
        return label, supported
    own = likeliest(value)[:, None]
    return (label == own).double().masked_fill(label.isnan(), torch.nan), of_read(supported, value)


def shares_words(chance: Float[Tensor, "n k"], strata: Strata, target: int, targets: int) -> str:
    """What a constant baseline of chances says of one target of several."""
    told = []
    for place, share in enumerate(chance.mean(0).tolist()):
        if share > 0:
            label = torch.full((1, targets), torch.nan)
            label[0, target] = place
            told.append(f"{strata.names[int(strata.of(label)[0, target])]}: {100 * share:.3g} %")
    return f"always saying the training shares ({', '.join(told)})"
