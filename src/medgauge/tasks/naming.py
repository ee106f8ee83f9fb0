"""What the names of findings mean, as a recipe asks for it: label vectors for the prototypes of a head."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from medgauge.models.prototypes import Similarity
from medgauge.semantics.descriptions import CHEST
from medgauge.semantics.similarity import Adjust
from medgauge.semantics.sources import COOCCURRENCE, ORTHOGONAL, SHUFFLED, prototypes
from medgauge.semantics.vectors import LabelVectors


class Naming(NamedTuple):
    """Where label vectors come from, and how a prototype head maps them (``recipes.semantics_settings`` tells each).

    Args:
        source: of the vectors.
        of: with shuffled, the source whose vectors are dealt out.
        descriptions: of labels, for a text model; None: the shipped ones that have all, else the names.
        adjust: None: as the source needs it.
        hidden: width of the projection's hidden layer.
        similarity: distance or cosine.
        seed: of controls.
    """

    source: str = CHEST
    of: str = CHEST
    descriptions: str | None = None
    adjust: Adjust | None = None
    hidden: int = 256
    similarity: Similarity = "distance"
    seed: int = 0

    def vectors(self, columns: Sequence[str], label: Float[Tensor, "n t"]) -> LabelVectors:
        """The vectors of the label columns, of co-occurrence by the training labels.

        Raises:
            InputError: the source lacks something, or a label.
        """
        shuffled = self.source == SHUFFLED
        counts = (self.of if shuffled else self.source) == COOCCURRENCE
        return prototypes(
            columns,
            self.source,
            of=self.of if shuffled else CHEST,
            descriptions=self.descriptions,
            adjust=self.adjust,
            training=label if counts else None,
            seed=self.seed if self.source in (SHUFFLED, ORTHOGONAL) else 0,
        )
