"""Label vectors by name, with where they came from, and the file that holds them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.runfolder.parts import write_whole
from medgauge.semantics.names import find_names
from medgauge.semantics.similarity import Adjust, adjusted, cosines

MOST_LABELS, MOST_NUMBERS = 10_000, 20_000_000


@dataclass(frozen=True, eq=False)
class LabelVectors:
    """A vector for each label.

    - Shape: vectors (t, s) float32, finite, none all zeros; names: t different texts.
    - Raises: InputError for vectors or names that are not so.

    Args:
        names: of the labels.
        vectors: one a label.
        source: where they came from, fit for JSON.
        notes: what was read otherwise than it stands there.
        before: cosines (t, t) of the vectors before they were centred or whitened; None: they were not.
    """

    names: tuple[str, ...]
    vectors: Float[Tensor, "t s"]
    source: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    before: Float[Tensor, "t t"] | None = None

    def __post_init__(self) -> None:
        where = self.called
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.names) or not self.vectors.numel():
            raise InputError(
                f"{where} must have one vector a label, got {tuple(self.vectors.shape)} numbers for {len(self.names)} names"
            )
        if len(self.names) > MOST_LABELS or self.vectors.numel() > MOST_NUMBERS:
            raise InputError(
                f"{where} has {len(self.names)} labels with {self.vectors.shape[1]} numbers each, more than can be used"
            )
        for name, row in zip(self.names, self.vectors, strict=True):
            if not bool(row.isfinite().all()):
                raise InputError(
                    f"{where} has a number for {name} that is missing or not finite; every label needs all of its numbers"
                )
            if not bool(row.any()):
                raise InputError(f"{where} has nothing but zeros for {name}; a label needs a vector with a direction")

    @property
    def called(self) -> str:
        """What they came from, in a word."""
        return str(
            next((self.source[key] for key in ("file", "from", "kind") if key in self.source), "the label vectors")
        )

    def of(self, labels: Sequence[str]) -> "LabelVectors":
        """The vectors of some labels, in that order and by these names; cosines before are left out where any are.

        - Raises: InputError for a label that has no vector, with the nearest name.
        """
        found = find_names(labels, self.names, self.called)
        rows = torch.tensor(found.places)
        return replace(
            self,
            names=tuple(labels),
            vectors=self.vectors[rows],
            notes=(*self.notes, *found.notes),
            before=None if self.before is None else self.before[rows][:, rows],
        )

    def adjusted(self, adjust: Adjust) -> "LabelVectors":
        """Centred or whitened, with the cosines before."""
        if adjust == "none":
            return self
        return replace(
            self,
            vectors=adjusted(self.vectors, adjust),
            source={**self.source, "adjusted": adjust},
            before=cosines(self.vectors),
        )

    def save(self, path: str | Path) -> Path:
        """Write a safetensors file: ``vectors``, ``cosine_before`` where there is one, and names and source as text."""
        from safetensors.torch import save_file

        tensors = {"vectors": self.vectors.float().contiguous()}
        if self.before is not None:
            tensors["cosine_before"] = self.before.float().contiguous()
        told = {"names": json.dumps(list(self.names)), "source": json.dumps(dict(self.source))}
        write_whole(Path(path), lambda part: save_file(tensors, part, metadata=told))
        return Path(path)
