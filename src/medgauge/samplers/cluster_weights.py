"""RE: weights of a batch's cases by how many of them share a cluster."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def cluster_weights(assignment: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Rows of a cluster with f of the n rows weigh n / f, divided by the smallest weight, so that the least is 1.

    A number of a cluster that no row has counts for nothing.

    - Shape: assignment (n,), whole numbers in any range -> (n,) float32.
    - Raises: ValueError if the assignment is no row of whole numbers.
    - Source: Li et al., MICCAI 2021 (arXiv 2103.04167), sample re-weighting (RE).

    >>> cluster_weights(torch.tensor([0, 0, 0, 1, 1, 2]))
    tensor([1.0000, 1.0000, 1.0000, 1.5000, 1.5000, 3.0000])
    """
    if assignment.ndim != 1 or assignment.is_floating_point() or assignment.dtype == torch.bool:
        raise ValueError(f"assignment must be whole numbers of shape (n,), got {assignment.dtype} {assignment.shape}")
    if not len(assignment):
        return torch.zeros(0, device=assignment.device)
    _, own, count = torch.unique(assignment, return_inverse=True, return_counts=True)
    weight: Tensor = (count.max() / count).float()[own]
    return weight
