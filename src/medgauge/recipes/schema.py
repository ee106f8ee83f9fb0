"""What a recipe may say: every setting, its default and its meaning. ``auto`` is decided from the data and written out."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from medgauge.core.settings import Range, Section
from medgauge.recipes.data_settings import DataSettings
from medgauge.recipes.image_settings import AugmentationSettings, ImageSettings
from medgauge.recipes.prediction_settings import PredictionSettings
from medgauge.recipes.pretraining_settings import PretrainingSettings
from medgauge.recipes.represent_settings import EncoderSettings, RepresentSettings, represent_conflicts
from medgauge.recipes.semantics_settings import SemanticsSettings
from medgauge.training.settings import OptimiserSettings, TrainingSettings

Auto = Literal["auto"]


@dataclass
class ClaimSettings(Section):
    """What the recipe should show.

    Args:
        source: paper and table.
        status: what is reproduced of it, in a few words.
    """

    place = "claim"

    source: str = "none"
    status: str = "no claim"


@dataclass
class WeightSettings(Section):
    """Weights of the training cases by the density of their labels, mean 1; terms that take a weight use them.

    Args:
        scheme: none, inverse (clipped: no case counts as rarer than five) or sqrt_inverse, of the label's density.
        smoothing: kernel_density (of the raw labels, no bins), lds (label distribution smoothing, over bins) or none (counts
            of bins).
        kernel: of lds: published, or gaussian, a true one.
        bin_width: of lds and none, in label units; auto = 1 for whole numbers, else a fiftieth of the training labels' range.
        kernel_size: of lds, in bins; odd.
        sigma: of lds, in bins.
    """

    place = "weights"

    scheme: Literal["none", "inverse", "sqrt_inverse"] = "none"
    smoothing: Literal["kernel_density", "lds", "none"] = "kernel_density"
    kernel: Literal["published", "gaussian"] = "published"
    bin_width: Annotated[float, Range(above=0)] | Auto = "auto"
    kernel_size: Annotated[int, Range(least=1, most=1001)] = 5
    sigma: Annotated[float, Range(least=0.01, most=1000)] = 2.0

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        return [f"weights.kernel_size must be odd, got {self.kernel_size}"] if self.kernel_size % 2 == 0 else []


@dataclass
class SamplerSettings(Section):
    """How training cases are drawn into batches.

    Args:
        name: random, balanced by label, or rarest_label (findings: chances by one over the frequency of the rarest one present).
        by: of balanced: region (as many cases of each region) or density (chances by one over the label's density).
        one_per_group: of balanced and rarest_label: at most one case of a group in a batch.
    """

    place = "sampler"

    name: Literal["random", "balanced", "rarest_label"] = "random"
    by: Literal["region", "density"] = "region"
    one_per_group: bool = False


@dataclass
class SmoothingSettings(Section):
    """Feature smoothing (FDS), where ``model.neck`` is feature_smoothing: nodes over the labels, in normalised label units.

    Args:
        low: lowest node; auto = where half a node's share of the training labels is below.
        high: end of the nodes; auto = the same at the other end.
        bin_width: distance of nodes; auto = the smallest with 40 training cases at each node, so that variances are steady.
        kernel_size: nodes that are smoothed over; odd.
        sigma: of the kernel, in nodes.
        momentum: share of the old statistics in the new ones, at the end of an epoch.
        start_epoch: first epoch, from 0, that calibrates.
    """

    place = "model.smoothing"

    low: Annotated[float, Range(least=-1e9, most=1e9)] | Auto = "auto"
    high: Annotated[float, Range(least=-1e9, most=1e9)] | Auto = "auto"
    bin_width: Annotated[float, Range(least=1e-9, most=1e9)] | Auto = "auto"
    kernel_size: Annotated[int, Range(least=1, most=1001)] = 5
    sigma: Annotated[float, Range(least=0.01, most=1000)] = 2.0
    momentum: Annotated[float, Range(least=0, below=1)] = 0.9
    start_epoch: Annotated[int, Range(least=1, most=10**9)] = 1

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        found = []
        if self.kernel_size % 2 == 0:
            found.append(f"model.smoothing.kernel_size must be odd, got {self.kernel_size}")
        if self.low != "auto" and self.high != "auto" and self.low >= self.high:
            found.append(f"model.smoothing.low must be < high, got {self.low} and {self.high}")
        return found


@dataclass
class ModelSettings(Section):
    """Encoder, neck and head.

    Args:
        encoder: the network from image to features.
        neck: covariate, feature_smoothing (FDS) before it, or standardised: the features themselves, nothing learned.
        smoothing: the settings of feature_smoothing.
        embedding: size of the embedding.
        covariate_width: size of the embedded covariates.
        head: auto = linear for a number, ordinal for a grade; linear; ordinal (of a number: thresholds and kind are those of
            the objective's OrdinalRegressionLoss); distribution (of a number: a chance a bin, with the bins of the
            objective's DistributionLoss); prototypes (of findings: by the distance to label vectors that are mapped into the
            embedding); or none where only neighbours predict.
        semantics: the label vectors of prototypes.
    """

    place = "model"

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    neck: Literal["covariate", "feature_smoothing", "standardised"] = "covariate"
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    embedding: Annotated[int, Range(least=1, most=65_536)] = 64
    covariate_width: Annotated[int, Range(least=1, most=65_536)] = 32
    head: Literal["auto", "linear", "ordinal", "distribution", "prototypes", "none"] = "auto"
    semantics: SemanticsSettings = field(default_factory=SemanticsSettings)


def default_objective() -> dict[str, Any]:
    """RM-Loss for the embedding and L1 for the head.

    Sigma is 1.0, tuned on validation cases (docs/methods/rm-loss.md); ``RMLoss()`` alone has the paper's 0.5.
    """
    return {
        "isometry": {"factor": 1.0, "term": {"class_path": "RMLoss", "init_args": {"sigma": 1.0}}},
        "error": {"factor": 1.0, "term": {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}},
    }


@dataclass
class Recipe(Section):
    """A whole recipe.

    Args:
        claim: what the recipe should show.
        data: table, columns and splits.
        image: how images are read.
        augmentation: random changes of training images.
        weights: of training cases, by label density.
        sampler: how batches are drawn.
        represent: how images become features.
        model: encoder, neck, head.
        objective: terms by name, each with factor and term (class_path and init_args); objective.error.term.init_args.kind is the
            argument kind of the term error.
        optimiser: optimiser and learning rate.
        training: the loop.
        pretraining: of an encoder without labels, by medgauge pretrain.
        prediction: predictors and intervals.
        seed: of splits, initialisation, batches and augmentation.
    """

    claim: ClaimSettings = field(default_factory=ClaimSettings)
    data: DataSettings = field(default_factory=DataSettings)
    image: ImageSettings = field(default_factory=ImageSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    weights: WeightSettings = field(default_factory=WeightSettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    represent: RepresentSettings = field(default_factory=RepresentSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    objective: dict[str, Any] = field(default_factory=default_objective)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    pretraining: PretrainingSettings = field(default_factory=PretrainingSettings)
    prediction: PredictionSettings = field(default_factory=PredictionSettings)
    seed: Annotated[int, Range(least=0)] = 0

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        found = represent_conflicts(self.represent, self.model.encoder, average=self.prediction.average)
        if self.prediction.average == "flips" and not self.augmentation.flip:
            found.append(
                "prediction.average flips averages over what augmentation.flip allows, which names no axis; name one, or set "
                "prediction.average to none"
            )
        if self.prediction.interval == "cross" and (not self.data.folds or self.prediction.correction != "none"):
            found.append(
                "prediction.interval cross needs the values of several folds as they are; give data.folds, set "
                "prediction.correction to none, or take another interval"
            )
        if self.image.around == "mask" and self.data.mask is None:
            found.append("image.around mask needs masks; name their column with data.mask (--mask COLUMN)")
        if self.augmentation.mixup and self.training.devices > 1:
            found.append(
                "augmentation.mixup finds partners in the batch of one process; set training.devices to 1, or turn it off"
            )
        if self.model.head == "none" and self.prediction.predictor == "head":
            found.append(
                "prediction.predictor head and model.head none exclude each other; set prediction.predictor to neighbours"
            )
        if self.model.neck == "standardised" and (not self.represent.is_kept or self.model.head != "none"):
            found.append(
                "model.neck standardised learns nothing, so it needs represent.name frozen (or run, or table) and model.head none; "
                "give them, or another neck"
            )
        if self.model.neck == "standardised" and self.objective:
            found.append(
                "objective has terms, and model.neck standardised learns nothing; give objective: {}, or another neck"
            )
        if self.model.neck != "standardised" and self.training.steps == 0:
            found.append("training.steps must be >= 1, got 0")
        return found
