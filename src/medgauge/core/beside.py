"""Keys of results.json."""

BESIDE = ("space", "findings")
"""Keys of a split's block that are no target's: no label column may have such a name."""

SUMS = ("kernel", "ridge")
"""Predictors whose values are sums of weights, which may be negative, times all training labels."""
