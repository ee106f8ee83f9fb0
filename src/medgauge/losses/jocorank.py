"""JoCoRank: errors of cases, of the whole batch and of pairs, beside rank similarity; weighted by label density."""

from typing import ClassVar, Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss, softplus

from medgauge.core.checks import check_choice, check_number, check_rows, check_same_shape, check_weight
from medgauge.losses.rank_similarity import RankSimilarityLoss, Ties
from medgauge.losses.robust_pearson import Distribution, OutlierRule, RobustPearsonLoss

Individual = Literal["smooth_l1", "l1", "mse"]
Peer = Literal["difference", "rank"]


class JoCoRankLoss(nn.Module):
    """Sum of four levels, each times its factor; a factor of 0 switches a level off.

    With e = prediction - label, w the weight of a case and h smooth L1:

    - individual: sum w l(e) / sum w over the labels that are there, l as ``individual`` says;
    - global: :class:`~medgauge.losses.RobustPearsonLoss` with the weights w: 1 - r, mean and spread of the inliers, and h
      of the outliers;
    - peer: sum u_ij h(e_i - e_j) / sum u_ij over the pairs i < j of inliers with u_ij = sqrt(w_i w_j); with ``rank``,
      softplus(-sign(y_i - y_j) (p_i - p_j) / temperature) over those of different labels takes the place of h;
    - ranking: :class:`~medgauge.losses.RankSimilarityLoss` of the embedding, mean over anchors, unweighted.

    Over all pairs and with a square for h, the peer level would be no more than twice the variance of e: what it adds
    comes from h and from the weights.

    - Shape: prediction and label (n, t), embedding (n, d), weight (n,) >= 0, region (n,) integers, for the log -> (), in
      normalised label units. Missing labels are left out, in the ranking whole rows. None there: 0, with a gradient.
    - Raises: ValueError for settings out of range, if the ranking is on and there is no embedding, for weights that are
      negative or all 0, and for any difference of shape.
    - Source: Comput. Biol. Med. 2024 (doi 10.1016/j.compbiomed.2024.108111). Attested, by the abstract only: individual,
      global and peer-level relations together, each robust against outliers and imbalance, and a regulariser that is
      RankSim's. Forms, weights, factors and the choice of outliers are a reconstruction.
    - Departs: no equation of the paper is known. Factors are ours, set once by the length of each level's gradient at the
      encoder over that of a mean absolute error (HC18, benchmarks/gradient_shares.py): individual 1.0, global 0.8, peer 1.3
      and ranking 0.2 in the middle of 300 steps, with the ranking's factor of 10; near the end 0.65, 0.5, 0.8 and 0.1. The first
      is below 1 since smooth L1 pulls less at small errors, the last fades as the order comes right.

    Args:
        individual_weight: factor of the individual level, >= 0, as for the following.
        global_weight: factor of the global level.
        peer_weight: factor of the peer level.
        ranking_weight: factor of the ranking, for normalised labels and a mean over anchors.
        individual: ``smooth_l1``, ``l1`` or ``mse``.
        peer: ``difference`` or ``rank``.
        outlier_rule: which cases are outliers in the global and the peer level, as in RobustPearsonLoss.
        outlier_fraction: share of outliers.
        beta: error up to which smooth L1 is squared, > 0, in normalised label units; 0.4 is about a week of fetal age.
        temperature: gap of predictions at which a pair counts as in order, > 0, in normalised label units.
        interpolation: of RankSimilarityLoss.
        ties: of RankSimilarityLoss.
        distribution: of RobustPearsonLoss.
    """

    ACTS_BESIDE: ClassVar = {
        "individual": ({"individual_weight": None},),
        "peer": ({"peer_weight": None},),
        "outlier_rule": ({"global_weight": None, "peer_weight": None},),
        "outlier_fraction": ({"outlier_rule": ("region", "quantile")}, {"global_weight": None, "peer_weight": None}),
        "temperature": ({"peer_weight": None}, {"peer": ("rank",)}),
        "interpolation": ({"ranking_weight": None},),
        "ties": ({"ranking_weight": None},),
        "distribution": ({"global_weight": None},),
    }

    def __init__(
        self,
        *,
        individual_weight: float = 1.0,
        global_weight: float = 1.0,
        peer_weight: float = 1.0,
        ranking_weight: float = 10.0,
        individual: Individual = "smooth_l1",
        peer: Peer = "difference",
        outlier_rule: OutlierRule = "region",
        outlier_fraction: float = 0.1,
        beta: float = 0.4,
        temperature: float = 0.4,
        interpolation: float = 2.0,
        ties: Ties = "midrank",
        distribution: Distribution = "smooth_l1",
    ) -> None:
        super().__init__()
        factors = {
            "individual": individual_weight,
            "global": global_weight,
            "peer": peer_weight,
            "ranking": ranking_weight,
        }
        for level, factor in factors.items():
            check_number(f"{level}_weight", factor, least=0)
        if not any(factors.values()):
            raise ValueError("one of individual_weight, global_weight, peer_weight, ranking_weight must be > 0, got 0")
        for name, value, kinds in (("individual", individual, Individual), ("peer", peer, Peer)):
            check_choice(name, value, get_args(kinds))
        check_number("temperature", temperature, above=0)
        self.factors = factors
        self.individual = individual
        self.peer = peer
        self.beta = beta
        self.temperature = temperature
        self.correlation = RobustPearsonLoss(
            outlier_rule, outlier_fraction=outlier_fraction, beta=beta, distribution=distribution
        )
        self.ranking = RankSimilarityLoss(interpolation, ties, "mean")
        self._last: dict[str, Tensor] = {}

    def forward(
        self,
        prediction: Float[Tensor, "n t"],
        label: Float[Tensor, "n t"],
        embedding: Float[Tensor, "n d"] | None = None,
        weight: Float[Tensor, " n"] | None = None,
        region: Int[Tensor, " n"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch, and keep its levels for :meth:`log`."""
        check_same_shape(prediction=prediction, label=label)
        check_rows(prediction=prediction, embedding=embedding, weight=weight)
        check_weight(weight)
        if embedding is None and self.factors["ranking"]:
            raise ValueError("embedding must be given where ranking_weight is not 0, got None")
        kind = torch.promote_types(prediction.dtype, torch.float32)
        levels: dict[str, Tensor] = {}
        with torch.autocast(label.device.type, enabled=False):
            cases = _Cases(prediction, label, weight, torch.promote_types(kind, label.dtype))
            if self.factors["individual"]:
                levels["individual"] = _mean(self._penalty(cases.error), cases.share)
            if self.factors["global"]:
                levels["global"] = self.correlation(prediction, label, weight, region)
            if self.factors["peer"]:
                levels["peer"] = self._peers(cases)
            if self.factors["ranking"]:
                levels["ranking"] = self.ranking(embedding, label)
        self._last = {level: value.detach().to(kind) for level, value in levels.items()}
        total = torch.stack([self.factors[level] * value.to(kind) for level, value in levels.items()]).sum()
        return total if embedding is None else total + embedding[:0].sum().to(kind)  # off: a gradient of 0

    def log(self) -> dict[str, Tensor]:
        """The levels of the last batch, without their factors, and the global level's outlier rates."""
        return {**self._last, **(self.correlation.log() if self.factors["global"] else {})}

    def _penalty(self, error: Float[Tensor, "n t"]) -> Float[Tensor, "n t"]:
        if self.individual == "l1":
            return error.abs()
        return error.square() if self.individual == "mse" else self._smooth(error)

    def _smooth(self, error: Tensor) -> Tensor:
        return smooth_l1_loss(error, torch.zeros_like(error), beta=self.beta, reduction="none")

    def _peers(self, cases: "_Cases") -> Float[Tensor, ""]:
        """The peer level, from squares of pairs (t, n, n) of which the part above the diagonal counts."""
        outlier = self.correlation.outliers(cases.error.detach().abs(), cases.label, cases.share > 0)
        root = torch.where(outlier, 0.0, cases.share).sqrt().T
        share = (root[:, :, None] * root[:, None, :]).triu(1)
        if self.peer == "difference":
            return _mean(self._smooth(_gaps(cases.error)), share)
        order = _gaps(cases.label).sign()
        return _mean(softplus(-order * _gaps(cases.prediction) / self.temperature), share * order.abs())


class _Cases:
    """Entries (n, t) in one dtype, with their weights; all 0 where the label is missing."""

    def __init__(self, prediction: Tensor, label: Tensor, weight: Tensor | None, kind: torch.dtype) -> None:
        missing = label.isnan()
        share = torch.ones_like(label, dtype=kind) if weight is None else weight.to(kind)[:, None]
        self.share = torch.where(missing, 0.0, share)
        self.prediction = torch.where(missing, 0.0, prediction.to(kind))
        self.label = torch.where(missing, 0.0, label.detach().to(kind))
        self.error = self.prediction - self.label


def _gaps(values: Float[Tensor, "n t"]) -> Float[Tensor, "t n n"]:
    """Differences v_i - v_j of each column."""
    return values.T[:, :, None] - values.T[:, None, :]


def _mean(values: Tensor, share: Tensor) -> Float[Tensor, ""]:
    """Weighted mean; 0 where all weights are."""
    total = share.sum()
    return (share * values).sum() / torch.where(total > 0, total, 1.0)
