"""Weights of candidates' values, none negative, 1 in sum, whose mean has the least error."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ROUNDS = 2000
"""Of the mixture at most."""
STILL = 1e-9
"""Changes of all weights below which a mixture is found."""


def least_absolute_weights(residual: Float[Tensor, "c n"]) -> Float[Tensor, " c"]:
    """Weights of the least sum of |weighted residual|.

    - Source: least absolute deviations as a linear program (Charnes, Cooper, Ferguson 1955), here its dual, which has c
      constraints: with R the residuals, the largest t with t <= (R s)_j for every candidate j and |s_i| <= 1 for every
      case i is the least error in sum, and the multipliers of the c constraints are the weights.

    >>> [round(one, 6) for one in least_absolute_weights(torch.tensor([[-1.0, -1.0], [3.0, 3.0]]).double()).tolist()]
    [0.75, 0.25]
    """
    from scipy.optimize import linprog

    scale = residual.abs().mean()
    rows = (residual / scale if scale > 0 else residual).numpy()
    count, cases = rows.shape
    ends = np.array([[-1.0, 1.0]] * cases + [[-np.inf, np.inf]])
    found = linprog(
        np.append(np.zeros(cases), -1.0),
        A_ub=np.hstack([-rows, np.ones((count, 1))]),
        b_ub=np.zeros(count),
        bounds=ends,
    )
    if not found.success:
        raise ValueError(f"no weights were found ({found.message})")
    weights = torch.as_tensor(-found.ineqlin.marginals, dtype=torch.float64).clamp(min=0)
    return weights / weights.sum()


def mixture_weights(chance: Float[Tensor, "c n"]) -> Float[Tensor, " c"]:
    """Weights of the largest sum of log(weighted chance): each candidate's chances of the true states, all above 0.

    - Source: the EM algorithm for the proportions of a mixture (Dempster, Laird, Rubin 1977).

    >>> weights = mixture_weights(torch.tensor([[0.75, 0.25], [0.25, 0.75]]).double())
    >>> [round(one, 6) for one in weights.tolist()]
    [0.5, 0.5]
    """
    weights = torch.full((len(chance),), 1 / len(chance), dtype=torch.float64)
    for _ in range(ROUNDS):
        share = weights[:, None] * chance
        found = (share / share.sum(0)).mean(1)
        still = bool((found - weights).abs().max() < STILL)
        weights = found
        if still:
            break
    return weights
