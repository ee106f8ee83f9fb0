"""The stage before training: what is trained and embeds, and on which arrays."""

from dataclasses import replace
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn

from medgauge.core.display import Display
from medgauge.fitting.parts import Parts
from medgauge.models import Encoder, Model
from medgauge.models.standardised import StandardisedNeck
from medgauge.study import Study
from medgauge.study.features import frozen_features
from medgauge.study.loading import cache_folder


class ReadFeatures(nn.Module):
    """The encoder of cases whose features are there already.

    - Shape: features (n, f) -> the same.

    Args:
        features: their number f.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(self, image: Float[Tensor, "n f"]) -> Float[Tensor, "n f"]:
        """Return the features."""
        return image

    def describe(self) -> dict[str, Any]:  # fit for JSON
        """It is never stored: the whole model is."""
        raise ValueError("features without their encoder cannot be stored")


def represent(parts: Parts, study: Study, display: Display) -> Parts:
    """The parts that training and embedding use.

    With frozen features: neck and head of the whole model, on the features of all images, which are read here or found in the
    cache. Else the parts as they are.
    """
    if not study.recipe.represent.is_kept or study.recipe.represent.is_table:
        return parts
    whole, train = parts.model, study.rows("train")
    display.say("reading features")
    features = frozen_features(
        cast(Encoder, whole.encoder), parts.arrays, cache_folder(study.recipe.data.cache), progress=display.images
    )
    arrays = replace(parts.arrays, array=features, scale=1.0)
    if isinstance(whole.neck, StandardisedNeck):
        batch = arrays.batch(train)
        whole.neck.fit_features(batch.image, batch.covariates)
    trained = Model(ReadFeatures(features.shape[1]), whole.neck, whole.head)
    return parts._replace(model=trained, arrays=arrays)
