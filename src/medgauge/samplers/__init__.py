"""Ways to draw the cases of a step: one file a way."""

from medgauge.samplers.balanced_batches import BalancedBatchSampler
from medgauge.samplers.density_weights import density_weights, effective_size
from medgauge.samplers.random_batches import RandomBatchSampler

__all__ = ["BalancedBatchSampler", "RandomBatchSampler", "density_weights", "effective_size"]
