"""Chances from the decision values of a classifier that knows no chances: one slope for all classes and an offset of each."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

STEPS = 200


def scaled_margins(decision: Float[Tensor, "n k"], place: Int[Tensor, " n"]) -> tuple[float, Float[Tensor, " k"]]:
    """The slope a >= 0 and the offsets b (k,), 0 in sum, with which softmax(a d + b) is nearest to the classes in log loss.

    Each case of a class counts (n_k + 1) / (n_k + k) for it and 1 / (n_k + k) for each other one, so that classes that are told
    apart without an error have finite chances. A class without cases keeps the chance that this leaves to it.

    - Source: Platt, Advances in Large Margin Classifiers 1999, whose sigmoid this is for two classes with decision values 0
      and d; of several, the softmax with one slope.

    Args:
        decision: of each class, larger for the likelier one.
        place: of the class of each case.
    """
    from scipy.optimize import minimize  # a run that is read by others needs no optimiser

    n, k = decision.shape
    counts = torch.bincount(place, minlength=k).double()
    wanted = 1 / (counts + k)[place][:, None].repeat(1, k)
    wanted[torch.arange(n), place] = ((counts + 1) / (counts + k))[place]
    values, target = decision.double().numpy(), wanted.numpy()

    def loss(
        numbers: np.ndarray[tuple[int], np.dtype[np.float64]],
    ) -> tuple[float, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        logits = numbers[0] * values + numbers[1:]
        logits = logits - logits.max(1, keepdims=True)
        whole = np.log(np.exp(logits).sum(1, keepdims=True))
        gap = np.exp(logits - whole) - target  # targets are 1 in sum
        return float((whole - logits)[target > 0] @ target[target > 0]) / n, np.append(
            (gap * values).sum(), gap.sum(0)
        ) / n

    start = np.append(1.0, np.zeros(k))
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] + [(None, None)] * k, options={"maxiter": STEPS}
    )
    return float(found.x[0]), torch.from_numpy(found.x[1:] - found.x[1:].mean())
