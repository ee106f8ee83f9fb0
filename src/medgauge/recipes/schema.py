"""What a recipe may say: every setting, its default and its meaning. ``auto`` is decided from the data and written out."""

from dataclasses import dataclass, field
from typing import Any, Literal

from medgauge.core.words import did_you_mean
from medgauge.recipes.entries import KindName
from medgauge.training.settings import OptimiserSettings, TrainingSettings

Auto = Literal["auto"]


@dataclass
class ClaimSettings:
    """What the recipe should show.

    Args:
        source: paper and table.
        status: what is reproduced of it, in a few words.
    """

    source: str = "none"
    status: str = "no claim"


@dataclass
class DataSettings:
    """The table, its columns, and how cases are split.

    Args:
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files, relative to the table; may point into an array file (volumes.npz#images[12]).
        array: array file that holds all images (volumes.npz#images), with index.
        index: column of rows in array.
        label: label columns.
        kind: the kind of a label column, by name: number or grade; a column that is not named is a number.
        group: column of what may not be on both sides of a split (patient, examination).
        no_groups: every case is its own group; must be said.
        covariates: number columns given to the model beside the image.
        id: column of case ids; without it the image's path or index.
        split: column of given splits.
        resplit: ignore the split column.
        shares: shares of the groups, for splits made here.
        test_seed: seed of a test split or of folds made here; null = the recipe's seed. Runs of several seeds then share their test cases.
        folds: parts by group, each left out by one model in turn; 0 = one model on one split.
        fold: the part that this model leaves out, from 0; null = all parts, one model after the other.
        holdout: column=value (or column=value,value): these cases are the test split.
        subgroups: text columns (sex, site) by whose values figures are given too.
        fraction: share of the training and validation groups that is used, for learning curves; in (0, 1].
        missing: a number that means a missing label.
        label_times: covariate by which labels are divided before training; predictions are multiplied by it.
        label_scaling: zscore, min_max, log2 (of 1 + label, then zscore) or none.
        skip_bad: leave out cases that cannot be read and list them in problems.csv.
        cache: folder of decoded images; auto = the user's cache folder.
    """

    table: str | None = None
    image: str | None = None
    array: str | None = None
    index: str | None = None
    label: list[str] = field(default_factory=list)
    kind: dict[str, KindName] = field(default_factory=dict)
    group: str | None = None
    no_groups: bool = False
    covariates: list[str] = field(default_factory=list)
    id: str | None = None
    split: str | None = None
    resplit: bool = False
    shares: dict[str, float] = field(
        default_factory=lambda: {"train": 0.6, "val": 0.1, "calibration": 0.1, "test": 0.2}
    )
    test_seed: int | None = None
    folds: int = 0
    fold: int | None = None
    holdout: str | None = None
    subgroups: list[str] = field(default_factory=list)
    fraction: float = 1.0
    missing: float | None = None
    label_times: str | None = None
    label_scaling: Literal["zscore", "min_max", "log2", "none"] = "zscore"
    skip_bad: bool = False
    cache: str = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ValueError(f"data.fraction must be in (0, 1], got {self.fraction}")
        if self.folds < 0 or self.folds == 1:
            raise ValueError(f"data.folds must be >= 2 (or 0: one model on one split), got {self.folds}")
        if self.fold is not None and not 0 <= self.fold < self.folds:
            raise ValueError(f"data.fold must be >= 0 and below data.folds ({self.folds}), got {self.fold}")
        if self.holdout is not None and self.split is not None and not self.resplit:
            raise ValueError("data.holdout and data.split both say which cases are test; drop one, or set data.resplit")
        for name in self.kind:
            if self.label and name not in self.label:
                raise ValueError(
                    f"data.kind names {name!r}, which is not in data.label ({did_you_mean(name, self.label)})"
                )


@dataclass
class ImageSettings:
    """How an image becomes the array that the model reads.

    Args:
        size: pixels or voxels an axis, rows first; auto from the images.
        fit: how an image of another size is fitted: pad_or_crop, pad, crop, resize (keeps the aspect, then pads) or stretch.
        window: lowest and highest intensity, mapped to 0 and 1; null = the whole range of 8- and 16-bit images; auto = that
            where 8-bit images occur, else one window found over the training images.
        spacing: millimetres an axis to resample to; null = as it is.
        channels: 1, 3 or keep; auto = as the images have.
    """

    size: list[int] | Auto = "auto"
    fit: Literal["pad", "crop", "pad_or_crop", "resize", "stretch", "auto"] = "auto"
    window: list[float] | Auto | None = "auto"
    spacing: list[float] | None = None
    channels: Literal[1, 3, "keep", "auto"] = "auto"


@dataclass
class AugmentationSettings:
    """Random changes of training images, none of which may change the label.

    Args:
        flip: axes that may be mirrored: rows, columns (and depth).
        rotation: largest angle, degrees.
        shift: largest shift, as a fraction of the size.
        scale: largest change of size, as a fraction; off by default, since it changes lengths.
        intensity: largest change of brightness and contrast, as a fraction.
        noise: standard deviation of added noise, in the 0 to 1 range of images.
        label_changes_with: transforms that would change the label (scale, flip, rotation, shift, intensity); refused, unless it
            is scale and size_covariates names what is updated with it.
        size_covariates: covariates that are a pixel's size: divided by the zoom.
    """

    flip: list[Literal["rows", "columns", "depth"]] = field(default_factory=list)
    rotation: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    intensity: float = 0.0
    noise: float = 0.0
    label_changes_with: list[Literal["scale", "flip", "rotation", "shift", "intensity"]] = field(
        default_factory=lambda: ["scale"]
    )
    size_covariates: list[str] = field(default_factory=list)


@dataclass
class EncoderSettings:
    """The network from image to features.

    Args:
        name: one of those that medgauge list encoders tells; auto = small.
        width: factor of the channels of small and MONAI's ResNets; > 0.
        norm: batch, group or instance; auto = batch in 2-D, group in 3-D, and what timm's networks have.
        pretrained: hub, or a local file of weights; null = trained from the start.
        settings: further settings of that encoder.
    """

    name: str = "auto"
    width: float = 1.0
    norm: str = "auto"
    pretrained: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class WeightSettings:
    """Weights of the training cases by the density of their labels, mean 1; terms that take a weight use them.

    Args:
        scheme: none, inverse or sqrt_inverse, of the label's density.
        smoothing: kernel_density (of the raw labels, no bins), lds (label distribution smoothing, over bins) or none (counts
            of bins).
        kernel: of lds: published, or gaussian, a true one.
        bin_width: of lds and none, in label units; auto = 1 for whole numbers, else a fiftieth of the training labels' range.
        kernel_size: of lds, in bins; odd.
        sigma: of lds, in bins.
    """

    scheme: Literal["none", "inverse", "sqrt_inverse"] = "none"
    smoothing: Literal["kernel_density", "lds", "none"] = "kernel_density"
    kernel: Literal["published", "gaussian"] = "published"
    bin_width: float | Auto = "auto"
    kernel_size: int = 5
    sigma: float = 2.0


@dataclass
class SamplerSettings:
    """How training cases are drawn into batches.

    Args:
        name: random, or balanced by label.
        by: of balanced: region (as many cases of each region) or density (chances by one over the label's density).
        one_per_group: of balanced: at most one case of a group in a batch.
    """

    name: Literal["random", "balanced"] = "random"
    by: Literal["region", "density"] = "region"
    one_per_group: bool = False


@dataclass
class ModelSettings:
    """Encoder, neck and head.

    Args:
        encoder: the network from image to features.
        neck: covariate, or feature_smoothing (FDS) before it.
        embedding: size of the embedding; >= 1.
        covariate_width: size of the embedded covariates.
        head: auto = linear for a number, ordinal for a grade; linear; ordinal (of a number: thresholds and kind are those of
            the objective's OrdinalRegressionLoss); or none where only neighbours predict.
    """

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    neck: Literal["covariate", "feature_smoothing"] = "covariate"
    embedding: int = 64
    covariate_width: int = 32
    head: Literal["auto", "linear", "ordinal", "none"] = "auto"

    def __post_init__(self) -> None:
        if self.embedding < 1:
            raise ValueError(f"model.embedding must be >= 1, got {self.embedding}")


@dataclass
class PredictionSettings:
    """How values are read off the trained model.

    Args:
        predictor: the predictor of record: head, neighbours, or auto = the one with the lower MAE on val.
        level: of the prediction intervals; in (0, 1).
        aggregate: mean = results also for groups, each group's images as one value; none = for cases alone.
        interval: which interval is the one of record: label_conditional, which holds within each label region, or split,
            which holds on average; the other one stands beside it.
        correction: of the value of record, a function of the prediction fitted on the calibration cases: none, linear or
            isotonic.
        age_gap: write the column delta_corrected, prediction - label without its trend over the true label; for age gaps
            only, never an accuracy.
    """

    predictor: Literal["head", "neighbours", "auto"] = "auto"
    level: float = 0.9
    aggregate: Literal["none", "mean"] = "none"
    interval: Literal["label_conditional", "split"] = "label_conditional"
    correction: Literal["none", "linear", "isotonic"] = "none"
    age_gap: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"prediction.level must be in (0, 1), got {self.level}")


def default_objective() -> dict[str, Any]:
    """RM-Loss for the embedding and L1 for the head.

    Sigma is 1.0, tuned on validation cases (docs/methods/rm-loss.md); ``RMLoss()`` alone has the paper's 0.5.
    """
    return {
        "isometry": {"factor": 1.0, "term": {"class_path": "RMLoss", "init_args": {"sigma": 1.0}}},
        "error": {"factor": 1.0, "term": {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}},
    }


@dataclass
class Recipe:
    """A whole recipe.

    Args:
        claim: what the recipe should show.
        data: table, columns and splits.
        image: how images are read.
        augmentation: random changes of training images.
        weights: of training cases, by label density.
        sampler: how batches are drawn.
        model: encoder, neck, head.
        objective: terms by name, each with factor and term (class_path and init_args); objective.error.term.init_args.kind is the
            argument kind of the term error.
        optimiser: optimiser and learning rate.
        training: the loop.
        prediction: predictors and intervals.
        seed: of splits, initialisation, batches and augmentation.
    """

    claim: ClaimSettings = field(default_factory=ClaimSettings)
    data: DataSettings = field(default_factory=DataSettings)
    image: ImageSettings = field(default_factory=ImageSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    weights: WeightSettings = field(default_factory=WeightSettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    objective: dict[str, Any] = field(default_factory=default_objective)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    prediction: PredictionSettings = field(default_factory=PredictionSettings)
    seed: int = 0
