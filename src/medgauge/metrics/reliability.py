"""How probabilities of findings agree with what is observed: calibration error and reliability curve."""

from statistics import NormalDist
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number
from medgauge.functional.ranks import midranks
from medgauge.metrics.findings import check_findings
from medgauge.metrics.masking import over_targets

BINS = 10


class Reliability(NamedTuple):
    """Bins of one column in rising order of probability: mean probability, share present with Wilson interval, cases."""

    predicted: Float[Tensor, " b"]
    observed: Float[Tensor, " b"]
    low: Float[Tensor, " b"]
    high: Float[Tensor, " b"]
    cases: Int[Tensor, " b"]


def calibration_error(
    prediction: Float[Tensor, "n t"], label: Float[Tensor, "n t"], *, bins: int = BINS
) -> Float[Tensor, " t"]:
    """Expected calibration error of each target: Σ share of bin · |mean probability − share present|; 0 is perfect.

    Cases are put into ``bins`` bins of equal size by the rank of their probability; cases of one probability have one rank
    (the mean of their places), and so stay together. Perfect probabilities have more than 0 by chance, the more the fewer
    cases there are.

    - Source: Naeini, Cooper, Hauskrecht, AAAI 2015, with equally large bins (Nguyen and O'Connor, EMNLP 2015).

    >>> calibration_error(torch.tensor([[0.2], [0.2], [0.7], [0.7]]), torch.tensor([[0.0], [0.0], [1.0], [0.0]]), bins=2)
    tensor([0.2000], dtype=torch.float64)
    """
    check_findings(label, "calibration_error")
    return over_targets(lambda guess, truth: _error(guess[:, 0], truth[:, 0], bins), prediction, label)


def drawn_calibration_error(
    prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], times: Float[Tensor, "n b"], *, bins: int = BINS
) -> Float[Tensor, " b"]:
    """``calibration_error`` of one target with each case counted as often as each draw says, in the bins of all cases."""
    place, times = _places(prediction, bins), times.double()
    gap = times.new_zeros(bins, times.shape[1]).index_add_(0, place, times * (prediction - label).double()[:, None])
    return gap.abs().sum(0) / times.sum(0)


def chance_error(prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], *, bins: int = BINS) -> Float[Tensor, ""]:
    """About the calibration error that the labelled cases would have on average if their probabilities were true.

    Σ over the bins of √(2 Σ p (1 - p) / π) / n: the mean size of a normal deviation. NaN without cases.
    """
    guess = prediction.detach().cpu().double()[~torch.isnan(label.cpu())]
    place = _places(guess, bins)
    variance = torch.bincount(place, weights=guess * (1 - guess), minlength=bins)
    return (2 * variance / torch.pi).sqrt().sum() / len(guess)


def reliability(
    prediction: Float[Tensor, " n"], label: Float[Tensor, " n"], *, bins: int = BINS, level: float = 0.95
) -> Reliability:
    """The reliability curve of one column's labelled cases, in the bins of ``calibration_error``; empty bins are left out.

    - Raises: ValueError unless both are (n,), labels 0, 1 or missing, and every labelled case has a probability.
    """
    if prediction.ndim != 1 or prediction.shape != label.shape:
        shapes = f"{tuple(prediction.shape)}, {tuple(label.shape)}"
        raise ValueError(f"prediction and label must be of one shape (n,), got {shapes}")
    check_findings(label, "reliability")
    known = ~torch.isnan(label)
    guess, truth = prediction.detach().cpu().double()[known], label.detach().cpu().double()[known]
    if torch.isnan(guess).any():
        raise ValueError("prediction must not be missing where the label is there")
    count, summed, present = _bins(guess, truth, bins)
    low, high = wilson(present, count, level=level)
    return Reliability(summed / count, present / count, low, high, count.long())


def wilson(
    found: Float[Tensor, " b"], count: Float[Tensor, " b"], *, level: float = 0.95
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Wilson's interval of a share, ``found`` of ``count`` independent cases each.

    - Source: Wilson, JASA 22, 1927.

    >>> [round(float(end), 4) for end in wilson(torch.tensor(0.0), torch.tensor(10.0))]
    [0.0, 0.2775]
    """
    check_number("level", level, above=0, below=1)
    found, count = found.double(), count.double()
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = found / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)).sqrt()
    low = (middle - half).clamp(min=0).masked_fill(found == 0, 0.0)
    return low, (middle + half).clamp(max=1).masked_fill(found == count, 1.0)


def _error(guess: Float[Tensor, " n"], truth: Float[Tensor, " n"], bins: int) -> Float[Tensor, ""]:
    count, summed, present = _bins(guess, truth, bins)
    return (summed - present).abs().sum() / count.sum()


def _bins(
    guess: Float[Tensor, " n"], truth: Float[Tensor, " n"], bins: int
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Cases, sum of probabilities and present cases of each bin that is not empty."""
    place = _places(guess, bins)
    count = torch.bincount(place, minlength=bins).double()
    summed, present = (torch.bincount(place, weights=one, minlength=bins) for one in (guess, truth))
    filled = count > 0
    return count[filled], summed[filled], present[filled]


def _places(guess: Float[Tensor, " n"], bins: int) -> Int[Tensor, " n"]:
    """The bin of each case by the rank of its probability."""
    check_number("bins", bins, least=1, whole=True)
    return ((midranks(guess[:, None])[:, 0] - 0.5) / max(len(guess), 1) * bins).floor().long()
