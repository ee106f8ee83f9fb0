"""Ways to draw the cases of a step: one file a way."""

from medgauge.samplers.random_batches import RandomBatchSampler

__all__ = ["RandomBatchSampler"]
