"""C-Mixup: each case of a batch mixed with another one whose label is near."""

from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.batch import Batch, LabelCoding
from medgauge.core.checks import observed_rows


def partners(label: Float[Tensor, "n t"], width: float, chance: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """For each row another one, drawn with a probability that is proportional to exp(-d^2 / (2 width^2)).

    d is the Euclidean distance of the labels. A row with a missing label, and one without any other, is its own.

    Args:
        label: in normalised label units.
        width: of the kernel, in the same unit, > 0.
        chance: in [0, 1), one draw a row.
    """
    known = observed_rows(label)
    filled = torch.where(known[:, None], label, 0.0).double()
    near = -torch.cdist(filled, filled, compute_mode="donot_use_mm_for_euclid_dist").square() / (2 * width**2)
    near = near.masked_fill(~known[None, :], -torch.inf).fill_diagonal_(-torch.inf)
    own = torch.arange(len(label), device=label.device)
    alone = ~known | ~near.isfinite().any(dim=1)
    rising = torch.softmax(near.masked_fill(alone[:, None], 0.0), dim=1).cumsum(dim=1)
    drawn = torch.searchsorted(rising, chance.double()[:, None] * rising[:, -1:], right=True)[:, 0]
    return torch.where(alone, own, drawn)


class Mixture(NamedTuple):
    """For each case of a batch its partner, and its own share s of the two: Beta(2, 2).

    - Source: Yao et al., C-Mixup, NeurIPS 2022 (arXiv 2210.05775).
    - Departs: partners are of the same batch, and no case is its own partner.
    """

    other: Int[Tensor, " n"]
    share: Float[Tensor, " n"]


def draw_mixture(label: Float[Tensor, "n t"], width: float, generator: torch.Generator) -> Mixture:
    """Partners and shares of the cases of a batch.

    Args:
        label: in normalised label units.
        width: of the kernel of :func:`partners`.
        generator: on the CPU, of this step.
    """
    draws = torch.rand(4, len(label), generator=generator, dtype=torch.float64).to(label.device)
    share = draws[1:].median(dim=0).values  # the middle one of three uniform numbers is Beta(2, 2)
    return Mixture(partners(label, width, draws[0]), share)


def mix_batch(batch: Batch, partner: Batch, share: Float[Tensor, " n"], coding: LabelCoding) -> Batch:
    """Images, covariates, labels and weights of each case times its share s, and of its partner times 1 - s.

    Labels are mixed in normalised units, and so are what they are divided by; a covariate of words (0 or 1) becomes a
    share. ``row`` and ``region`` stay those of the first case.

    Args:
        batch: with its other changes done.
        partner: the partners of its cases, row for row.
        share: s of each case.
        coding: label scaling.
    """

    def mixed(own: Tensor, other: Tensor) -> Tensor:
        part = share.to(own).reshape(-1, *[1] * (own.ndim - 1))
        return part * own + (1 - part) * other

    made = {
        name: mixed(getattr(batch, name), getattr(partner, name))
        for name in ("image", "covariates", "divisor", "weight", "view")
        if getattr(batch, name) is not None
    }
    label = mixed(coding.encode(batch.label, batch.divisor), coding.encode(partner.label, partner.divisor))
    return replace(batch, **made, label=coding.decode(label, made.get("divisor")))
