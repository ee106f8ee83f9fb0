"""The output of an ordinal head as a predictor: the chance of each level, and the expected one."""

from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.functional.grades import Levels
from medgauge.functional.ordinal import Kind, level_probabilities
from medgauge.inference.predictor import validation_error


class LevelHead:
    """Chances of the levels from the logits of an ordinal head, and their mean as the value. Nothing is tuned.

    - Shape: as ``core.task.Predictor``; ``validation`` (t,) is the mean error on the validation cases, NaN without any.
    - Raises: ValueError if there are no logits.

    Args:
        levels: of each target, rising; one with fewer than the head has is given no chance beyond its own.
        kind: of the head, binary or corn.
    """

    def __init__(self, levels: Levels, kind: Kind) -> None:
        self.levels, self.kind = levels, kind
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)

    @property
    def tuned(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Take the mean error of ``validation``."""
        self.validation = validation_error(self.read, gallery.label.shape[1], validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """As fitted before: there is nothing to take up again."""
        return self

    def read(self, cases: Cases) -> Reading:
        """Expected level and the chance of each."""
        if cases.logits is None:
            raise ValueError("logits must be given: the model has no ordinal head, or its output was not passed on")
        chance = level_probabilities(cases.logits.detach().cpu().double(), self.kind)
        width = chance.shape[2]
        place = torch.tensor([[*map(float, of), *[0.0] * (width - len(of))] for of in self.levels], dtype=torch.float64)
        known = torch.tensor([[at < len(of) for at in range(width)] for of in self.levels])
        chance = chance * known
        chance = chance / chance.sum(-1, keepdim=True)
        return Reading((chance * place).sum(-1), None, chance)
