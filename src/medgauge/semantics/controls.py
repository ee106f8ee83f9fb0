"""Label vectors that mean nothing, to be compared with those that should: orthogonal, one-hot, of other labels."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.core.seeding import generator


def one_hot(labels: int) -> Float[Tensor, "t t"]:
    """A unit vector of its own for each label."""
    return torch.eye(labels)


def orthogonal(labels: int, dimension: int, seed: int) -> Float[Tensor, "t s"]:
    """Random vectors of length 1, each at right angles to all others.

    - Raises: InputError where there are more labels than dimensions.
    """
    if dimension < labels:
        raise InputError(f"{labels} vectors at right angles need a dimension of at least {labels}, got {dimension}")
    drawn = torch.randn(dimension, labels, generator=generator(seed, "orthogonal"), dtype=torch.float64)
    columns: Tensor = torch.linalg.qr(drawn).Q
    return columns.T.contiguous().float()


def shuffled_order(labels: int, seed: int) -> list[int]:
    """For each label another whose vector it gets; none keeps its own.

    - Raises: InputError for a single label.

    >>> sorted(shuffled_order(5, 0)), any(at == place for place, at in enumerate(shuffled_order(5, 0)))
    ([0, 1, 2, 3, 4], False)
    """
    if labels < 2:
        raise InputError("names of one label cannot be shuffled; give two labels or more")
    order, draw = list(range(labels)), generator(seed, "shuffled")
    for last in range(labels - 1, 0, -1):  # Sattolo's: one circle through all
        other = int(torch.randint(last, (), generator=draw))
        order[last], order[other] = order[other], order[last]
    return order
