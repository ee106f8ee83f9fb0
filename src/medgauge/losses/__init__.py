"""Terms of the objective: one file a paper, each usable alone in any training loop."""

from medgauge.losses.adaptive_triplet import AdaptiveTripletLoss
from medgauge.losses.asymmetric import AsymmetricLoss
from medgauge.losses.balanced_mse import BalancedMSELoss
from medgauge.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from medgauge.losses.coarse_to_fine_spearman import CoarseToFineSpearmanEmbeddingLoss, CoarseToFineSpearmanLoss
from medgauge.losses.cross_entropy import CrossEntropyLoss
from medgauge.losses.distribution import DistributionLoss
from medgauge.losses.dual_weighted import DualWeightedMetricLoss
from medgauge.losses.focal import FocalLoss
from medgauge.losses.jocorank import JoCoRankLoss
from medgauge.losses.label_ranking import LabelRankingLoss
from medgauge.losses.ldam import LDAMLoss
from medgauge.losses.negative_cosine import NegativeCosineLoss
from medgauge.losses.ordinal_regression import OrdinalRegressionLoss
from medgauge.losses.pointwise import PointwiseLoss
from medgauge.losses.rank_n_contrast import RankNContrastLoss
from medgauge.losses.rank_similarity import RankSimilarityLoss
from medgauge.losses.rm_loss import RMLoss
from medgauge.losses.robust_pearson import RobustPearsonLoss
from medgauge.losses.vicreg import VICRegLoss

__all__ = [
    "AdaptiveTripletLoss",
    "AsymmetricLoss",
    "BalancedMSELoss",
    "BinaryCrossEntropyLoss",
    "CoarseToFineSpearmanEmbeddingLoss",
    "CoarseToFineSpearmanLoss",
    "CrossEntropyLoss",
    "DistributionLoss",
    "DualWeightedMetricLoss",
    "FocalLoss",
    "JoCoRankLoss",
    "LDAMLoss",
    "LabelRankingLoss",
    "NegativeCosineLoss",
    "OrdinalRegressionLoss",
    "PointwiseLoss",
    "RMLoss",
    "RankNContrastLoss",
    "RankSimilarityLoss",
    "RobustPearsonLoss",
    "VICRegLoss",
]
