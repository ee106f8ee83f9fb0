"""Chances of findings by logistic regression on the embedding."""

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.inference.logistic import LogisticPredictor

LEVELS = (0.0, 1.0)


class FindingLogistic(LogisticPredictor):
    """Logistic regression of each finding, with one penalty for all; the value is the chance itself.

    It has no chances beside it, as other predictors of findings have none, so that folds may differ in their predictor.

    - Shape: as ``core.task.Predictor``.

    Args:
        findings: how many.
        weighted: whether columns of the embedding are weighted against one another, which is kept.
    """

    def __init__(self, findings: int, *, weighted: bool = False) -> None:
        super().__init__([LEVELS] * findings, weighted=weighted)

    def read(self, cases: Cases) -> Reading:
        """The chance of each finding."""
        return super().read(cases)._replace(probability=None)
