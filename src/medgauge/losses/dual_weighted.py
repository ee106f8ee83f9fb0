"""Dual-weighted metric loss: images lie near the prototypes of their findings, weighed within images and within findings."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.checks import check_choice, check_number, check_rows
from medgauge.functional.class_counts import effective_number_weights, label_counts
from medgauge.functional.distances import pairwise_distances


class DualWeightedMetricLoss(nn.Module):
    """Squared distances of images to the prototypes of their findings, and squared gaps within a margin to the others.

    With d the distance of an image to a prototype, a pair whose finding is present costs h d^2, h = (d/2)^focusing, one
    whose finding is absent costs h g^2, g = max(0, margin - d), h = (g / margin)^focusing; h is held constant in the
    gradient. Then, with the share a of present pairs:

    - image level: mean over images of a (mean over present findings) + (1 - a) (mean over absent findings);
    - category level: the same within each finding over the batch, then the mean over findings, weighted by one over the
      effective number of their positive training cases (beta = 0.9999);
    - total: both levels, plus ``consistency`` times the mean over pairs of findings of |cos(semantics) -
      cos(prototypes)|. With both levels off, the mean of d^2 and g^2 over all pairs takes their place.

    - Shape: embedding (n, d), prototypes (t, d), label (n, t) of 0 and 1 (a mixed label counts in both parts), semantics
      (t, s) -> (), a pure number. Missing labels take no part; images and findings without any are left out of the means,
      a part without pairs is 0. No label: the levels are 0, with a gradient.
    - Raises: ValueError for settings out of range, counts that are not one a finding, ``auto`` before
      :meth:`fit_labels`, and for any difference of shape.
    - Source: Jin et al., Comput. Biol. Med. 157 (2023) 106683. Attested, by the abstract only: label vectors and images in
      one metric space, with the label vectors as prototypes, and a weighting at image and at disease-category level.
      Every equation here is a reconstruction; consistency: Hayat et al., 2021 (CXR-ML-GZSL).
    - Departs: no equation of the paper is known. A finding without positive training cases has no weight at category level.

    Args:
        margin: distance beyond which an absent finding costs nothing, > 0; unit vectors are at most 2 apart.
        focusing: exponent of the hardness, >= 0; 0 lets all pairs of a part count alike.
        positive_share: a, in [0, 1].
        image_level: whether the image level counts.
        category_level: whether the category level counts.
        class_counts: positive training cases of each finding; ``auto``: from the training labels; None: findings weigh alike.
        consistency: factor of the semantic consistency, >= 0; without ``semantics`` there is none.
        normalise: whether embedding and prototypes are brought to length 1 first.
    """

    ACTS_BESIDE: ClassVar = {
        "focusing": ({"image_level": (True,), "category_level": (True,)},),
        "positive_share": ({"image_level": (True,), "category_level": (True,)},),
        "class_counts": ({"category_level": (True,)},),
    }
    class_weight: Tensor

    def __init__(
        self,
        margin: float = 1.0,
        focusing: float = 2.0,
        positive_share: float = 0.5,
        image_level: bool = True,
        category_level: bool = True,
        class_counts: Sequence[float] | Literal["auto"] | None = None,
        consistency: float = 0.01,
        normalise: bool = True,
    ) -> None:
        super().__init__()
        check_number("margin", margin, above=0)
        check_number("focusing", focusing, least=0)
        check_number("positive_share", positive_share, least=0, most=1)
        check_number("consistency", consistency, least=0)
        self.margin = margin
        self.focusing = focusing
        self.positive_share = positive_share
        self.image_level = image_level
        self.category_level = category_level
        self.consistency = consistency
        self.normalise = normalise
        self.class_counts = class_counts
        self.register_buffer("class_weight", _given_weights(class_counts), persistent=False)
        self._last: dict[str, Tensor] = {}

    def fit_labels(self, label: Float[Tensor, "n t"]) -> None:
        """Take the weights of findings from the training labels, where ``class_counts`` is ``auto``."""
        if self.class_counts == "auto":
            self.class_weight = effective_number_weights(label_counts(label)[0]).to(self.class_weight.device)

    def forward(
        self,
        embedding: Float[Tensor, "n d"],
        prototypes: Float[Tensor, "t d"],
        label: Float[Tensor, "n t"],
        semantics: Float[Tensor, "t s"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss of one batch, and keep its parts for :meth:`log`."""
        check_rows(embedding=embedding, label=label)
        _check_prototypes(embedding, prototypes, label, semantics)
        kind = torch.float32 if embedding.dtype.itemsize < 4 else embedding.dtype
        seen = ~label.isnan()
        present = torch.where(seen, label.detach(), 0.0).to(kind)
        absent = seen.to(kind) - present
        with torch.autocast(label.device.type, enabled=False):
            images = torch.where(seen.any(dim=1)[:, None], embedding.to(kind), 0.0)
            vectors = prototypes.to(kind)
            if self.normalise:
                images, vectors = _unit(images), _unit(vectors)
            distance = pairwise_distances(images, vectors)
            gap = (self.margin - distance).clamp(min=0)
            parts = self._levels(distance, gap, present, absent, seen)
            factors = dict.fromkeys(parts, 1.0)
            if semantics is not None and self.consistency:
                parts["consistency"] = _inconsistency(semantics.detach().to(kind), prototypes.to(kind))
                factors["consistency"] = self.consistency
            self._last = {name: value.detach() for name, value in parts.items()}
            return torch.stack([factors[name] * value for name, value in parts.items()]).sum()

    def log(self) -> dict[str, Tensor]:
        """The parts of the last batch, without their factors."""
        return dict(self._last)

    def _levels(
        self, distance: Tensor, gap: Tensor, present: Tensor, absent: Tensor, seen: Tensor
    ) -> dict[str, Float[Tensor, ""]]:
        near, far = distance.square(), gap.square()
        if not (self.image_level or self.category_level):
            return {"pairs": _mean(present * near + absent * far, torch.ones_like(near), seen.sum())}
        near = (distance.detach() / 2).pow(self.focusing) * near
        far = (gap.detach() / self.margin).pow(self.focusing) * far
        levels = {}
        if self.image_level:
            share = seen.any(dim=1).to(near.dtype)
            levels["image"] = _mean(self._balanced(near, far, present, absent, dim=1), share, share.sum())
        if self.category_level:
            share = seen.any(dim=0) * self._weights(seen.shape[1], near.dtype)
            levels["category"] = _mean(self._balanced(near, far, present, absent, dim=0), share, share.sum())
        return levels

    def _balanced(self, near: Tensor, far: Tensor, present: Tensor, absent: Tensor, dim: int) -> Tensor:
        """Means over the present and over the absent pairs along ``dim``, brought together by the positive share."""
        of_present = _mean(near, present, present.sum(dim), dim)
        of_absent = _mean(far, absent, absent.sum(dim), dim)
        return self.positive_share * of_present + (1 - self.positive_share) * of_absent

    def _weights(self, findings: int, kind: torch.dtype) -> Float[Tensor, " t"]:
        if self.class_counts is None:
            return torch.ones(findings, dtype=kind, device=self.class_weight.device)
        if self.class_counts == "auto" and not len(self.class_weight):
            raise ValueError("class_counts auto needs the training labels first (fit_labels)")
        if len(self.class_weight) != findings:
            raise ValueError(
                f"class_counts must be one a finding, got {len(self.class_weight)} for {findings} findings"
            )
        return self.class_weight.to(kind)


def _given_weights(counts: Sequence[float] | str | None) -> Float[Tensor, " t"]:
    """Weights of given counts; none yet where there are no such."""
    if counts is None or isinstance(counts, str):
        check_choice("class_counts", counts, (None, "auto"))
        return torch.zeros(0, dtype=torch.float64)
    for count in counts:
        check_number("class_counts", count, least=0)
    return effective_number_weights(torch.tensor(list(counts), dtype=torch.float64))


def _check_prototypes(embedding: Tensor, prototypes: Tensor, label: Tensor, semantics: Tensor | None) -> None:
    expected = (label.shape[1], embedding.shape[1])
    if prototypes.shape != expected or not prototypes.is_floating_point():
        raise ValueError(
            f"prototypes must be float of shape {expected}, got {prototypes.dtype} of {tuple(prototypes.shape)}"
        )
    if semantics is not None and (semantics.ndim != 2 or len(semantics) != len(prototypes)):
        raise ValueError(f"semantics must have {len(prototypes)} rows, got shape {tuple(semantics.shape)}")


def _unit(rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Rows of length 1; a row of zeros stays as it is."""
    length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return rows / torch.where(length > 0, length, 1.0)


def _inconsistency(semantics: Float[Tensor, "t s"], prototypes: Float[Tensor, "t d"]) -> Float[Tensor, ""]:
    """Mean over pairs of findings of the gap between the cosines of both; 0 for one finding."""
    raw, mapped = _unit(semantics), _unit(prototypes)
    gap = (raw @ raw.T - mapped @ mapped.T).abs().triu(1)
    return gap.sum() / max(len(gap) * (len(gap) - 1) / 2, 1)


def _mean(values: Tensor, share: Tensor, total: Tensor, dim: int | None = None) -> Tensor:
    """Mean of values by their shares, over ``dim`` or all; 0 where the total of shares is."""
    return (share * values).sum(dim) / torch.where(total > 0, total, 1.0)
