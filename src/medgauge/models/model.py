"""Encoder, neck and head as one model that can be described and built again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.errors import InputError
from medgauge.core.threads import few_threads
from medgauge.models.classes import SoftmaxHead
from medgauge.models.encoders import build_encoder
from medgauge.models.feature_smoothing import FeatureSmoothing
from medgauge.models.findings import FindingHead
from medgauge.models.heads import DistributionHead, LinearHead, widened
from medgauge.models.joint import JointHead
from medgauge.models.necks import CovariateNeck
from medgauge.models.ordinal import OrdinalHead
from medgauge.models.prototypes import PrototypeHead, find_prototypes
from medgauge.models.standardised import StandardisedNeck


class Output(NamedTuple):
    """What a model gives for a batch; absent = None.

    - Shape: embedding (n, d); prediction (n, t) in normalised label units; logits (n, t, k); features (n, f); of a
      prototype head prototypes (f, d) and label vectors semantics (f, s) of its f findings.
    """

    embedding: Float[Tensor, "n d"]
    prediction: Float[Tensor, "n t"] | None
    logits: Float[Tensor, "n t k"] | None
    features: Float[Tensor, "n f"]
    prototypes: Float[Tensor, "f d"] | None = None
    semantics: Float[Tensor, "f s"] | None = None


class Model(nn.Module):
    """Image (and covariates) to embedding, prediction and features.

    - Shape: image (n, c, h, w) or (n, c, d, h, w), covariates (n, q) -> :class:`Output`, float32 also under autocast.
    - Raises: InputError for channels, dimensions or covariates other than the model was built for.

    Args:
        encoder: image -> (n, features), with the attribute ``features``.
        neck: features and covariates -> embedding.
        head: embedding -> prediction; None for a model whose values come from neighbours alone.
    """

    def __init__(self, encoder: nn.Module, neck: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.neck, self.head = encoder, neck, head

    def forward(
        self,
        image: Float[Tensor, "n c *space"],
        covariates: Float[Tensor, "n q"] | None = None,
        label: Float[Tensor, "n t"] | None = None,
    ) -> Output:
        """Return the outputs of one batch; ``label``, in normalised units, is for necks that learn from it in training."""
        features = widened(self.encoder(image))
        guided = {} if label is None else {"label": label}
        embedding = self.neck(features, covariates, **guided)
        read = None if self.head is None else self.head(embedding)
        prediction, logits = read if isinstance(read, tuple) else (read, None)
        named = find_prototypes(self.head)
        return Output(
            embedding=embedding,
            prediction=prediction,
            logits=logits,
            features=features,
            prototypes=None if named is None else named.prototypes(),
            semantics=None if named is None else named.semantics,
        )

    def describe(self) -> dict[str, Any]:
        """What :func:`build_model` needs to build this model again; fit for JSON. Weights are not in it."""
        parts: dict[str, Any] = {"encoder": self.encoder, "neck": self.neck, "head": self.head}
        for name, part in parts.items():
            if part is not None and not callable(getattr(part, "describe", None)):
                raise ValueError(f"the {name} {type(part).__name__} must have a method describe() to be saved")
        encoder, neck, head = (None if part is None else part.describe() for part in parts.values())
        return {
            "ndim": self.encoder.ndim,
            "channels": self.encoder.channels,
            "covariates": self.neck.covariates,
            "targets": 0 if self.head is None else self.head.targets,
            "encoder": encoder,
            "neck": neck,
            "head": head,
        }


def build_model(description: Mapping[str, Any]) -> Model:
    """The model of a description (:meth:`Model.describe`), with fresh weights.

    The key ``pretrained`` under ``encoder`` is optional and never in what ``describe`` gives: saved weights come after.

    - Raises: InputError for a description that is incomplete or names unknown parts.
    """
    try:
        encoder, neck, head = (description[part] for part in ("encoder", "neck", "head"))
        with few_threads(1):  # copies of small tensors
            made = build_encoder(ndim=description["ndim"], channels=description["channels"], **encoder)
        made_neck = _build_neck(neck, made.features, description["covariates"])
        made_head = None if head is None else _build_head(head, made_neck.embedding, description["targets"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the model's description is incomplete or from another version ({error}).") from error
    return Model(made, made_neck, made_head)


def _build_neck(description: Mapping[str, Any], features: int, covariates: int) -> Any:
    settings = {key: value for key, value in description.items() if key != "name"}
    if description["name"] == "covariate":
        return CovariateNeck(features, covariates, **settings)
    if description["name"] == "standardised":
        return StandardisedNeck(features, covariates, **settings)
    if description["name"] == "feature_smoothing":
        inner = _build_neck(settings.pop("inner"), features, covariates)
        return FeatureSmoothing(inner, features, **settings)
    raise InputError(f"the model's description names a neck {description['name']!r}, which this version does not have.")


def _build_head(description: Mapping[str, Any], embedding: int, targets: int) -> nn.Module:
    settings = {key: value for key, value in description.items() if key != "name"}
    if description["name"] == "joint":
        parts = [{key: value for key, value in part.items() if key != "targets"} for part in settings["heads"]]
        return JointHead(
            [
                _build_head(part, embedding, whole["targets"])
                for part, whole in zip(parts, settings["heads"], strict=True)
            ]
        )
    if description["name"] == "softmax":
        return SoftmaxHead(embedding, **settings)
    if description["name"] == "linear":
        return LinearHead(embedding, targets, **settings)
    if description["name"] == "ordinal":
        return OrdinalHead(embedding, targets, **settings)
    if description["name"] == "prototypes":
        return PrototypeHead(embedding, targets, **settings)
    if description["name"] == "distribution":
        return DistributionHead(embedding, targets, **settings)
    if description["name"] == "findings":
        return FindingHead(embedding, targets, **settings)
    raise InputError(f"the model's description names a head {description['name']!r}, which this version does not have.")
