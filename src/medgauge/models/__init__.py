"""Models: encoder, neck, head, and the scaling of labels."""

from medgauge.models.encoders import Encoder, build_encoder, encoder_names
from medgauge.models.feature_smoothing import FeatureSmoothing
from medgauge.models.heads import LinearHead
from medgauge.models.model import Model, Output, build_model
from medgauge.models.necks import CovariateNeck
from medgauge.models.scaling import LabelScaling
from medgauge.models.stored import build_stored

__all__ = [
    "CovariateNeck",
    "Encoder",
    "FeatureSmoothing",
    "LabelScaling",
    "LinearHead",
    "Model",
    "Output",
    "build_encoder",
    "build_model",
    "build_stored",
    "encoder_names",
]
