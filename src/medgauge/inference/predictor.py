"""What all predictors share: the coding that changes nothing, mean errors by target, plain numbers."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases, LabelCoding
from medgauge.core.evidence import Reading
from medgauge.core.task import Error, Predictor, Valued


class Identity:
    """The label coding that leaves labels as they are, but for the factor ``divisor``."""

    divides = True

    def encode(self, label: Tensor, divisor: Tensor | None = None) -> Tensor:
        """Label over ``divisor``."""
        return label if divisor is None else label / divisor[:, None]

    def decode(self, value: Tensor, divisor: Tensor | None = None) -> Tensor:
        """Value multiplied by ``divisor``."""
        return value if divisor is None else value * divisor[:, None]


def absolute_error(value: Float[Tensor, "*n t"], label: Float[Tensor, "*n t"]) -> Float[Tensor, "*n t"]:
    """|value - label|: the error of a number and of a grade."""
    return (value - label).abs()


def validation_error(
    read: Callable[[Cases], Reading], targets: int, validation: Cases | None, error: Error | None
) -> Float[Tensor, " t"]:
    """Mean error of what is read of the validation cases, each target; NaN without cases or an error."""
    if validation is None or error is None:
        return torch.full((targets,), torch.nan, dtype=torch.float64)
    gap = error(read(validation).value, validation.label.detach().cpu().double())
    return gap.nansum(0) / (~gap.isnan()).sum(0)


def values_of(predictor: Predictor, cases: Cases) -> Float[Tensor, "n t"]:
    """The values that a predictor reads, without what they rest on where it can leave that out."""
    return predictor.values(cases) if isinstance(predictor, Valued) else predictor.read(cases).value


def label_spread(label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """Standard deviation of each target's observed labels; 1 where they are all equal."""
    spread = (label - label.nanmean(0)).square().nanmean(0).sqrt()
    return torch.where(spread > 0, spread, torch.ones_like(spread))


def coding_or_identity(coding: LabelCoding | None) -> LabelCoding:
    """The coding given, or the one that changes nothing."""
    return Identity() if coding is None else coding


def on_cpu(numbers: Tensor | None) -> Tensor | None:
    """Numbers in float64 on the CPU; None stays None."""
    return None if numbers is None else numbers.detach().cpu().double()
