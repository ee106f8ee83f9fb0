"""Label vectors mapped into the embedding: prototypes of findings, and the head that reads by the distance to them."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.functional.distances import pairwise_distances
from medgauge.models.heads import widened

Similarity = Literal["distance", "cosine"]
SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)
SCALE, APART = 5.0, 1.0  # where the scale starts, and the distance of the chance 1/2 at first


class PrototypeHead(nn.Module):
    """A logit a finding from the distance between an image and the finding's prototype, both brought to length 1.

    The prototypes are the frozen label vectors through a learned projection s -> hidden -> d. The logit is
    offset - scale * distance, or offset + scale * cosine, with a learned scale > 0 and a learned offset a finding, so that
    binary cross-entropy can be used on it; the prediction is its sigmoid.

    - Shape: embedding (n, d) -> prediction (n, t), between 0 and 1, logits (n, t, 1); never narrower than float32.
    - Raises: ValueError for sizes below 1, another similarity, or label vectors that are not (t, s).
    - Source: label vectors as prototypes in one metric space: Jin et al., Comput. Biol. Med. 157 (2023) 106683, by its
      abstract; projection of two layers: Hayat et al., 2021 (CXR-ML-GZSL).
    - Departs: Hayat et al. have three layers; scale and offset are ours.

    Args:
        embedding: dimension d of the embedding.
        targets: number t of findings.
        dimension: s, numbers of a label vector.
        hidden: width of the projection's hidden layer; 0: it is linear.
        similarity: distance or cosine.
        semantics: the label vectors (t, s); None: zeros, until saved weights are loaded.
    """

    semantics: Tensor

    def __init__(
        self,
        embedding: int,
        targets: int,
        dimension: int,
        hidden: int = 256,
        similarity: Similarity = "distance",
        semantics: Float[Tensor, "t s"] | None = None,
    ) -> None:
        super().__init__()
        if min(embedding, targets, dimension) < 1 or hidden < 0:
            sizes = f"{embedding}, {targets}, {dimension} and {hidden}"
            raise ValueError(f"embedding, targets, dimension must be >= 1 and hidden >= 0, got {sizes}")
        if similarity not in SIMILARITIES:
            raise ValueError(f"similarity must be {' or '.join(SIMILARITIES)}, got {similarity}")
        vectors = torch.zeros(targets, dimension) if semantics is None else semantics.detach().clone().float()
        if vectors.shape != (targets, dimension):
            raise ValueError(f"semantics must be of shape {(targets, dimension)}, got {tuple(vectors.shape)}")
        self.targets, self.hidden, self.similarity = targets, hidden, similarity
        self.register_buffer("semantics", vectors)
        inner = [nn.Linear(dimension, hidden), nn.ReLU()] if hidden else []
        self.projection = nn.Sequential(*inner, nn.Linear(hidden or dimension, embedding))
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())
        start = SCALE * APART if similarity == "distance" else -SCALE * (1 - APART**2 / 2)
        self.offset = nn.Parameter(torch.full((targets,), start))

    def prototypes(self) -> Float[Tensor, "t d"]:
        """The projected label vectors, not brought to length 1."""
        return self.project(self.semantics)

    def project(self, vectors: Float[Tensor, "m s"]) -> Float[Tensor, "m d"]:
        """Label vectors into the embedding; their lengths do not count."""
        dimension = self.semantics.shape[1]
        with torch.autocast(vectors.device.type, enabled=False):
            same = nn.functional.normalize(vectors.to(self.offset.dtype), dim=1) * dimension**0.5  # entries of about 1
            return widened(self.projection(same))

    def closeness(self, embedding: Float[Tensor, "n d"], prototypes: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """Cosine, or the distance of unit vectors below 0; the larger, the nearer."""
        with torch.autocast(embedding.device.type, enabled=False):
            images = nn.functional.normalize(widened(embedding).to(self.offset.dtype), dim=1)
            unit = nn.functional.normalize(prototypes, dim=1)
            return images @ unit.T if self.similarity == "cosine" else -pairwise_distances(images, unit)

    def forward(self, embedding: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n t 1"]]:
        """Return the prediction and the logits."""
        logits = self.log_scale.exp() * self.closeness(embedding, self.prototypes()) + self.offset
        return logits.sigmoid(), logits[:, :, None]

    def describe(self) -> dict[str, object]:
        """What :func:`medgauge.models.build_model` needs to build this head again; the label vectors are with the weights."""
        return {
            "name": "prototypes",
            "dimension": self.semantics.shape[1],
            "hidden": self.hidden,
            "similarity": self.similarity,
        }


def find_prototypes(head: nn.Module | None) -> PrototypeHead | None:
    """The prototype head among the heads of a model; at most one kind of label has one."""
    if isinstance(head, PrototypeHead):
        return head
    heads = getattr(head, "heads", ())
    return next((one for one in heads if isinstance(one, PrototypeHead)), None)
