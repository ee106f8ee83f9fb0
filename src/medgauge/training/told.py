"""An objective that is told further figures of a step, which are logged and no part of the loss."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from medgauge.core.batch import Step
from medgauge.training.objective import Objective


class ToldObjective(Objective):
    """An objective whose values are followed by figures from elsewhere.

    - Shape: a step of n cases -> {term's name: (), ..., "total": (), figure's name: (), ...}.

    Args:
        terms: for each name, the term and its factor.
        told: asked after the terms, once a step.
    """

    def __init__(self, terms: Mapping[str, tuple[nn.Module, float]], told: Callable[[], Mapping[str, Tensor]]) -> None:
        super().__init__(terms)
        self.told = told

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Every term's value, the sum with factors, and the figures."""
        return {**super().forward(step), **self.told()}
