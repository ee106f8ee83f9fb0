"""How large the error of a case is expected to be, learned from the training cases alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases, LabelCoding
from medgauge.inference.kernel_ridge import KernelPredictor

FLOOR = 0.1  # of the median residual: below it a residual says no more of how hard a case is


class KernelDifficulty:
    """s(case) = exp of a kernel regression of log |left-out residual| on the embedding.

    Kernel ridge regression on the training cases gives each of them a value without its own group; the logarithms of
    its absolute errors, in original units, are what a second one learns. What that says is kept within the range of its own
    left-out values, so that s is above 0 and finite wherever a case lies. Only training cases have a part in it:
    divided by s, residuals of other cases stay exchangeable, and a conformal interval keeps its promise whatever s is.

    - Source: locally weighted conformal inference (Lei et al., J Am Stat Assoc 113 (2018), section 5.2).
    - Departs: a regression of the logarithm, on left-out residuals; those below a tenth of their median count as that.

    Args:
        coding: between original and normalised label units; None if they are the same.
        weighted: as of :class:`medgauge.inference.KernelPredictor`.
    """

    def __init__(self, coding: LabelCoding | None = None, *, weighted: bool = False) -> None:
        self._value, self._error = KernelPredictor(coding, weighted=weighted), KernelPredictor(weighted=weighted)

    @property
    def tuned(self) -> dict[str, float]:
        """The constants of both regressions."""
        return {"value": self._value.tuned["constant"], "error": self._error.tuned["constant"]}

    def fit(self, gallery: Cases) -> Self:
        """Learn from the training cases.

        - Raises: InputError as :class:`medgauge.inference.KernelPredictor` does.
        """
        residual = (self._value.fit(gallery).leave_one_group_out - gallery.label.detach().cpu().double()).abs()
        return self._learn(gallery, residual)

    def restore(self, gallery: Cases, tuned: Mapping[str, float]) -> Self:
        """As fitted before on the same gallery, with the constants chosen then."""
        weighted = self._value.weighted
        self._value = KernelPredictor(self._value.coding, constant=tuned["value"], weighted=weighted)
        self._error = KernelPredictor(constant=tuned["error"], weighted=weighted)
        return self.fit(gallery)

    def read(self, cases: Cases) -> Float[Tensor, "n t"]:
        """s of each case and target, in original units; training cases of its group are left out."""
        return self._kept(self._error.predict(cases.embedding, group=cases.group).value).exp()

    def _learn(self, gallery: Cases, residual: Float[Tensor, "n t"]) -> Self:
        floor = FLOOR * residual.masked_fill(residual == 0, torch.nan).nanquantile(0.5, dim=0)
        told = residual.maximum(floor.nan_to_num(1.0)).log()  # of no residual above 0: all are alike
        self._error.fit(replace(gallery, label=told, divisor=None))
        return self

    def _kept(self, told: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        own = self._error.leave_one_group_out
        low, high = own.nan_to_num(torch.inf).amin(0), own.nan_to_num(-torch.inf).amax(0)
        return told.clamp(low, high)
