"""Values as weighted sums of all training labels: ridge regression on the columns as they are."""

from jaxtyping import Float
from torch import Tensor

from medgauge.inference.kernel_ridge import KernelPredictor
from medgauge.inference.left_out_regression import in_their_span


class RidgePredictor(KernelPredictor):
    """Ridge regression with a free offset: :class:`KernelPredictor` on the kernel a . b / p alone, so that values are linear.

    Everything else is as there: standardised columns, the constant of the smallest error of leaving groups out, exact evidence
    in weights that are 1 in sum. It is exact for any number of cases, since columns are features of their kernel.

    - Shape: as :class:`KernelPredictor`.
    - Source: Hoerl and Kennard, Technometrics 1970; its weights on labels: the smoother matrix of linear regression.
    """

    def _place_landmarks(self) -> None:
        """The columns themselves, in the space that the training cases span."""
        self._landmarks = self._root = None
        self._features, self._basis = in_their_span(self._points)
        self._features = self._features / self._points.shape[1] ** 0.5

    def _mapped(self, points: Float[Tensor, "q p"]) -> Float[Tensor, "q k"]:
        found: Tensor = points @ self._basis / points.shape[1] ** 0.5
        return found
