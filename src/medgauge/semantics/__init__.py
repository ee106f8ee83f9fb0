"""Label semantics: vectors of labels by name, from texts, tables, co-occurrence, or controls that mean nothing."""

from medgauge.semantics.similarity import centred, cosines, mean_cosine, whitened
from medgauge.semantics.sources import prototypes
from medgauge.semantics.tables import read_vectors
from medgauge.semantics.vectors import LabelVectors

__all__ = ["LabelVectors", "centred", "cosines", "mean_cosine", "prototypes", "read_vectors", "whitened"]
