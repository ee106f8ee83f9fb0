"""Ways to draw the cases of a step: one file a way."""

from medgauge.samplers.balanced_batches import BalancedBatchSampler
from medgauge.samplers.cluster_weights import cluster_weights
from medgauge.samplers.density_weights import density_weights, effective_size
from medgauge.samplers.farthest_pair_selection import farthest_pair_selection
from medgauge.samplers.random_batches import RandomBatchSampler
from medgauge.samplers.rarest_label import RarestLabelSampler

__all__ = [
    "BalancedBatchSampler",
    "RandomBatchSampler",
    "RarestLabelSampler",
    "cluster_weights",
    "density_weights",
    "effective_size",
    "farthest_pair_selection",
]
