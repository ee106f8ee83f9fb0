"""An objective that is told further figures of a step, which are logged and no part of the loss."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from medgauge.core.batch import Step
from medgauge.training.objective import Objective
from medgauge.training.views import with_views


class Heads(NamedTuple):
    """What stands behind the features of two views, where a model leaves that to the objective.

    Args:
        project: features of view 1 and of view 2 (n, f) -> projection and twin, with gradient.
        learned: its parameters, which the model holds.
    """

    project: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    learned: Callable[[], list[nn.Parameter]]


class ToldObjective(Objective):
    """An objective whose values are followed by figures from elsewhere.

    With :attr:`heads` it makes projections and twins of a step's features first, so that these see a whole batch whose
    features were computed in parts.

    - Shape: a step of n cases -> {term's name: (), ..., "total": (), figure's name: (), ...}.

    Args:
        terms: for each name, the term and its factor.
        told: asked after the terms, once a step, of the whole batch.
    """

    def __init__(
        self, terms: Mapping[str, tuple[nn.Module, float]], told: Callable[[Step], Mapping[str, Tensor]]
    ) -> None:
        super().__init__(terms)
        self.told = told
        self.heads: Heads | None = None

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Every term's value, the sum with factors, and the figures."""
        if self.heads is not None and step.features is not None:
            step = with_views(step, *self.heads.project(*step.features.chunk(2, dim=1)))
        return {**super().forward(step), **self.told(step)}

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a step that the loss is computed from."""
        return self.needs if self.heads is None else frozenset({"features"})

    def learned(self) -> list[nn.Parameter]:
        """What has a gradient beside the outputs that are read."""
        behind = [] if self.heads is None else self.heads.learned()
        return [*super().learned(), *(one for one in behind if one.requires_grad)]
