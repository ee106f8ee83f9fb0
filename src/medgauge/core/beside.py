"""Keys of results.json."""

BESIDE = ("space", "findings")
"""Keys of a split's block that are no target's: no label column may have such a name."""
