"""Chances of findings by the distance to their prototypes, and scores of findings by their name alone."""

from collections.abc import Mapping
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.evidence import Reading
from medgauge.core.task import Error
from medgauge.inference.predictor import validation_error
from medgauge.inference.similarity import PrototypeSimilarity, farther_shares
from medgauge.models.prototypes import PrototypeHead

SCALES = tuple(2 ** (step / 2) for step in range(-6, 13))  # 1/8 to 64
HALVINGS = 60
SURE = 200.0  # more than the largest scale times the range of any logit of unit vectors, at the head's scale


class PrototypePredictor:
    """The sigmoid of the head's logit, scaled and moved so that chances are right on the whole.

    A metric loss places images and prototypes and knows no chances. One scale for all findings and an offset for each are
    fitted to the logits of the validation cases (of the training cases without any): for every scale the offsets give
    each finding the mean chance of its rate in the training cases, and the scale is the one of the least log loss. The
    order of cases within a finding stays that of their distances to its prototype. No case stands behind a value.

    - Shape: as ``core.task.Predictor``; ``validation`` (t,) is the mean error on the validation cases, NaN without any.
    - Raises: ValueError if there are no logits, or it is not fitted.
    """

    def __init__(self) -> None:
        self.validation: Float[Tensor, " t"] = torch.empty(0, dtype=torch.float64)
        self._scale: Tensor | None = None
        self._offset = torch.empty(0, dtype=torch.float64)
        self._gallery: Cases | None = None
        self._head: PrototypeHead | None = None

    @property
    def tuned(self) -> dict[str, float]:
        """The scale."""
        return {} if self._scale is None else {"scale": float(self._scale)}

    def fit(self, gallery: Cases, validation: Cases | None = None, error: Error | None = None) -> Self:
        """Fit scale and offsets."""
        self._gallery = gallery
        rates = _rates(gallery.label.detach().cpu().double())
        cases = gallery if validation is None or not len(validation) else validation
        logits, label = _logits(cases), cases.label.detach().cpu().double()
        losses = [_log_loss(scale * logits + offsets(scale * logits, rates), label) for scale in SCALES]
        self._scale = torch.tensor(SCALES[int(torch.stack(losses).argmin())], dtype=torch.float64)
        self._offset = offsets(self._scale * logits, rates)
        self.validation = validation_error(self.read, gallery.label.shape[1], validation, error)
        return self

    def restore(self, gallery: Cases, tuned: dict[str, float]) -> Self:
        """With the scale fitted before; the offsets come by ``take_learned``."""
        self._gallery = gallery
        self._scale = torch.tensor(tuned["scale"], dtype=torch.float64)
        return self

    def take_head(self, head: PrototypeHead) -> None:
        """The head that made the logits, so that these tell how near a case is to a prototype."""
        self._head = head

    def similarity(self, cases: Cases) -> PrototypeSimilarity | None:
        """How near cases are to the prototypes, beside the training cases; None without the head."""
        if self._head is None or self._gallery is None:
            return None
        near, of_gallery = self._nearness(cases, self._head), self._nearness(self._gallery, self._head)
        present, absent = (farther_shares(near, cases, of_gallery, self._gallery, state) for state in (1, 0))
        own = near if self._head.similarity == "cosine" else -near
        return PrototypeSimilarity(self._head.similarity, own, present, absent)

    def _nearness(self, cases: Cases, head: PrototypeHead) -> Float[Tensor, "n t"]:
        """Cosine, or distance below 0, as the head's logits hold them."""
        with torch.no_grad():
            scale, offset = head.log_scale.detach().cpu().double().exp(), head.offset.detach().cpu().double()
        return (_logits(cases) - offset) / scale

    def learned(self) -> dict[str, Tensor]:
        """The offset of each finding."""
        return {"offset": self._offset}

    def take_learned(self, kept: Mapping[str, Tensor]) -> Self:
        """The inverse of ``learned``."""
        self._offset = kept["offset"].double()
        return self

    def read(self, cases: Cases) -> Reading:
        """The chance of each finding."""
        if self._scale is None:
            raise ValueError("the scale must be fitted: call fit(gallery) first")
        return Reading((self._scale * _logits(cases) + self._offset).sigmoid(), None)


def offsets(logits: Float[Tensor, "n t"], rates: Float[Tensor, " t"]) -> Float[Tensor, " t"]:
    """What must be added to each column of logits so that its mean chance is the rate; by bisection.

    >>> offsets(torch.tensor([[0.0], [0.0]]).double(), torch.tensor([0.5]).double()).abs() < 1e-9
    tensor([True])
    """
    low = -logits.amax(0) - SURE
    high = -logits.amin(0) + SURE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = (logits + middle).sigmoid().mean(0) < rates
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def score_by_name(
    head: PrototypeHead, embedding: Float[Tensor, "n d"], vectors: Float[Tensor, "m s"]
) -> Float[Tensor, "n m"]:
    """How near images are to findings that no training label told of, by their label vectors through the learned projection.

    - Shape: embedding (n, d), vectors (m, s), of the source and the adjustment that the head was trained with -> (n, m): the
      cosine, or the distance of unit vectors below 0; larger is nearer, no chance.
    - Raises: ValueError for vectors of another dimension.
    """
    dimension = head.semantics.shape[1]
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"vectors must have {dimension} numbers each, as the head's, got shape {tuple(vectors.shape)}")
    with torch.inference_mode():
        return head.closeness(embedding, head.project(vectors))


def _rates(label: Float[Tensor, "n t"]) -> Float[Tensor, " t"]:
    """The share of cases with each finding; (k + 1/2) / (n + 1) where it is 0 or 1, so that an offset is no surer than that."""
    rate, count = label.nanmean(0), (~label.isnan()).sum(0)
    return torch.where((rate == 0) | (rate == 1), (rate * count + 0.5) / (count + 1), rate)


def _logits(cases: Cases) -> Float[Tensor, "n t"]:
    if cases.logits is None:
        raise ValueError("logits must be given: the model has no prototype head, or its output was not passed on")
    return cases.logits[:, :, 0].detach().cpu().double()


def _log_loss(logits: Float[Tensor, "n t"], label: Float[Tensor, "n t"]) -> Float[Tensor, ""]:
    """Mean over all labels that are there."""
    known = ~label.isnan()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits[known], label[known])
    return torch.where(loss.isnan(), torch.inf, loss)
