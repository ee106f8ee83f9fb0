"""What a recipe may say of how values are read off a trained model."""

from dataclasses import dataclass
from typing import Annotated, Literal

from medgauge.core.settings import Range, Section


@dataclass
class PredictionSettings(Section):
    """How values are read off the trained model.

    Args:
        predictor: the predictor of record: head, neighbours, kernel (kernel ridge regression of numbers, on frozen features or
            where it is asked for), logistic (logistic regression of grades, there alike), ridge (linear ridge regression of numbers
            and findings), svm (linear support vector machines of findings, grades and classes, whose classes weigh the same),
            regression (kernel of numbers, logistic of grades), prototypes (of findings, where that is model.head: its logits, with
            scale and base rates fitted on val), or auto = the one with the lowest error on val; of several findings each its own,
            where one is better than that by more than one standard error.
        level: of the prediction intervals.
        average: flips = each image is read as it is and mirrored in every way that augmentation.flip allows (two to eight
            readings), and embedding, prediction and logits are the means of them, in validation, in the gallery and for new
            images; none = read once.
        aggregate: mean = results also for groups, each group's images as one value; none = for cases alone.
        interval: which interval is the one of record: label_conditional, which holds within each label region, or split,
            which holds on average; the other one stands beside it; or cross, for runs over folds: new cases have cross-fitted
            intervals, which aim at the level and are guaranteed less (2 level - 1, on average), and out-of-fold cases
            label_conditional ones.
        scores: by what the intervals of numbers are measured: absolute = the error itself, so that all cases of a region have one
            width; scaled = the error over the one that is expected of the case, learned from the training cases alone, so that
            easy cases have narrow intervals and hard ones wide.
        correction: of the value of record, a function of the prediction fitted on the calibration cases: none, linear or
            isotonic.
        threshold: from which calibrated probability on a finding is called present: the one of the largest f1, of the largest
            sensitivity + specificity (youden), or the largest that finds a share of the present cases (sensitivity); chosen on
            calibration cases, of a fold's cases without that fold.
        sensitivity: share of the present cases that the threshold sensitivity must find.
        age_gap: write the column delta_corrected, prediction - label without its trend over the true label; for age gaps
            only, never an accuracy.
    """

    place = "prediction"

    predictor: Literal[
        "head", "neighbours", "kernel", "logistic", "ridge", "svm", "regression", "prototypes", "auto"
    ] = "auto"
    level: Annotated[float, Range(above=0, below=1)] = 0.9
    average: Literal["none", "flips"] = "none"
    aggregate: Literal["none", "mean"] = "none"
    interval: Literal["label_conditional", "split", "cross"] = "label_conditional"
    scores: Literal["absolute", "scaled"] = "absolute"
    correction: Literal["none", "linear", "isotonic"] = "none"
    threshold: Literal["f1", "youden", "sensitivity"] = "f1"
    sensitivity: Annotated[float, Range(above=0, most=1)] = 0.9
    age_gap: bool = False
