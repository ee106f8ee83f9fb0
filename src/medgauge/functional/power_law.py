"""Power laws of errors that fall with the number of labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

EXPONENTS = (0.05, 2.0)
_STEPS = (40, 21, 21, 21)  # of each round of the search; the last one's places are 3e-5 apart


@dataclass(frozen=True)
class PowerLaw:
    """The error a + b n^-c of each of k curves; a, b >= 0.

    - Shape: floor a, rise b and exponent c, (k,) each.
    """

    floor: Float64[np.ndarray, " k"]
    rise: Float64[np.ndarray, " k"]
    exponent: Float64[np.ndarray, " k"]

    def at(self, size: float) -> Float64[np.ndarray, " k"]:
        """The error at n = ``size``."""
        found: np.ndarray = self.floor + self.rise * size**-self.exponent
        return found


def fit_power_law(size: Float64[np.ndarray, " s"], error: Float64[np.ndarray, "k s"]) -> PowerLaw:
    """The power law of least squares for each curve, a >= 0, b >= 0, c from 0.05 to 2.

    For each c, a and b are those of least squares in closed form (of non-negative ones, where one would be negative); c is
    searched on a grid that is refined three times about its best place. A curve that does not fall has b = 0, and c then
    says nothing.

    - Shape: size (s,), s >= 3, rising and > 0; error (k, s), finite.
    - Raises: ValueError for another shape, or sizes that do not rise or are not above 0.
    """
    if size.ndim != 1 or len(size) < 3 or bool((np.diff(size) <= 0).any()) or size[0] <= 0:
        raise ValueError(f"size must be three or more rising numbers above 0, got {size.tolist()}")
    if error.ndim != 2 or error.shape[1] != len(size) or not np.isfinite(error).all():
        raise ValueError(f"error must be finite, k x {len(size)}, got shape {error.shape}")
    scale = size / size[0]
    low, high = (np.full(len(error), end) for end in EXPONENTS)
    for steps in _STEPS:
        grid = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, steps)
        floor, rise, loss = _least_squares(scale[None, None] ** -grid[:, :, None], error)
        best, rows = loss.argmin(1), np.arange(len(error))
        low, high = grid[rows, np.maximum(best - 1, 0)], grid[rows, np.minimum(best + 1, steps - 1)]
    exponent = grid[rows, best]
    return PowerLaw(floor[rows, best], rise[rows, best] * size[0] ** exponent, exponent)


def _least_squares(
    base: Float64[np.ndarray, "k c s"], error: Float64[np.ndarray, "k s"]
) -> tuple[Float64[np.ndarray, "k c"], Float64[np.ndarray, "k c"], Float64[np.ndarray, "k c"]]:
    """a, b >= 0 of error = a + b base, and the sum of squares that is left."""
    mean, centred = base.mean(2), error - error.mean(1, keepdims=True)
    apart = base - mean[:, :, None]
    rise = np.maximum((apart * centred[:, None]).sum(2) / np.square(apart).sum(2), 0.0)
    floor = error.mean(1)[:, None] - rise * mean
    below = floor < 0
    rise = np.where(below, (base * error[:, None]).sum(2) / np.square(base).sum(2), rise)
    floor = np.where(below, 0.0, floor)
    left = error[:, None] - floor[:, :, None] - rise[:, :, None] * base
    return floor, rise, np.square(left).sum(2)
