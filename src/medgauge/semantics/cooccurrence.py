"""Label vectors from the labels alone: which are present in the same cases."""

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError


def mutual_information(label: Float[Tensor, "n t"]) -> Float[Tensor, "t t"]:
    """Positive pointwise mutual information max(0, log(p(a,b) / (p(a) p(b)))) of the presence of every two labels.

    All three chances are taken over the cases in which both labels are known; on the diagonal p(a,a) = p(a), so
    -log p(a). Two labels that are never known, or never present, in the same case have 0.

    - Shape: label (n, t) of 0, 1 and NaN = missing -> (t, t), symmetric, float64.
    """
    known = (~label.isnan()).double()
    present = label.nan_to_num(0).double()
    both, cases = present.T @ present, known.T @ known
    mine = present.T @ known  # cases with a in which b is known
    ratio = both * cases / (mine * mine.T)
    return torch.where(both > 0, ratio.log(), 0.0).clamp(min=0)


def cooccurrence_vectors(label: Float[Tensor, "n t"], names: list[str]) -> Float[Tensor, "t t"]:
    """Rows U sqrt(S) of the singular value decomposition U S V' of the positive pointwise mutual information.

    - Source: Levy and Goldberg, NIPS 2014 (positive pointwise mutual information, symmetric decomposition).
    - Raises: InputError for a label that is never present, always present, or nothing but 0, 1 and missing.
    """
    for name, column in zip(names, label.T, strict=True):
        seen = column[~column.isnan()]
        if bool(((seen != 0) & (seen != 1)).any()):
            wrong = float(seen[(seen != 0) & (seen != 1)][0])
            raise InputError(f"co-occurrence needs labels of 0, 1 or nothing, and {name} holds {wrong:g}")
        if not len(seen) or bool((seen == seen[0]).all()):
            how = "known" if not len(seen) else "present" if seen[0] == 0 else "absent"
            raise InputError(
                f"co-occurrence says nothing of {name}: it is {how} in no case; leave it out, or use a text"
            )
    left, spread, _ = torch.linalg.svd(mutual_information(label))
    most = left.abs().argmax(dim=0)
    signs = left[most, torch.arange(len(names))].sign()  # so that the columns do not hang on the machine
    vectors: Tensor = left * signs * spread.sqrt()
    return vectors.float()
