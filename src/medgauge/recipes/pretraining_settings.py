"""What a recipe may say of training an encoder without labels."""

from dataclasses import dataclass
from typing import Annotated, Literal

from medgauge.core.settings import Range, Section

Auto = Literal["auto"]


@dataclass
class PretrainingSettings(Section):
    """Training of an encoder without labels, for ``medgauge pretrain``; cases of a step are training.batch_size.

    Args:
        method: none in recipes that are fitted; siamese predicts the representation of one view of a case from the other
            (stop-gradient); vicreg keeps two views alike and their outputs varied.
        selection: none; reweight (RE: cases of small clusters of a batch count more) or balanced (SE: of a batch the cases
            nearest to the two centroids that are farthest apart).
        clusters: of k-means over the features of a batch.
        size: cases that balanced keeps of a batch; even.
        warmup: steps before the selection begins; auto = one pass over the cases.
        warmup_batch: cases a step until then.
        queue: features of so many cases of the last batches are clustered beside those of a batch; 0 = none.
        scope: inductive takes the training cases alone, transductive the images of all cases; labels are read in neither.
        hidden: width inside the predictor of siamese.
        expanded: number of outputs of vicreg.
    """

    place = "pretraining"

    method: Literal["none", "siamese", "vicreg"] = "none"
    selection: Literal["none", "reweight", "balanced"] = "none"
    clusters: Annotated[int, Range(least=2, most=1000)] = 3
    size: Annotated[int, Range(least=2, most=10_000)] = 6
    warmup: Annotated[int, Range(least=0, most=10**9)] | Auto = "auto"
    warmup_batch: Annotated[int, Range(least=2, most=10**6)] = 6
    queue: Annotated[int, Range(least=0, most=10**6)] = 0
    scope: Literal["inductive", "transductive"] = "inductive"
    hidden: Annotated[int, Range(least=1, most=65_536)] = 64
    expanded: Annotated[int, Range(least=1, most=65_536)] = 256

    @property
    def is_on(self) -> bool:
        """Whether a recipe is of ``medgauge pretrain``."""
        return self.method != "none"

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        if self.size % 2 == 0:
            return []
        return [f"pretraining.size must be even, half for each of two centroids, got {self.size}"]

    def batch_notes(self, batch: int) -> list[str]:
        """What the paper asks of the settings beside so many cases a step, and does not hold."""
        if self.selection != "balanced" or self.size * self.clusters < batch:
            return []
        return [
            f"pretraining.size {self.size} is not below the {batch / self.clusters:.3g} cases that a cluster has on average (the paper "
            "asks for it), so that cases far from both centroids are chosen too"
        ]

    def batch_conflicts(self, batch: int) -> list[str]:
        """What does not hold beside so many cases a step, a sentence each."""
        if batch < 2:
            return ["a step of 1 case has no other case to differ from; give a training.batch_size of 2 or more"]
        if self.selection == "none":
            return []
        found = []
        if self.clusters > batch:
            found.append(
                f"pretraining.clusters {self.clusters} is more than the {batch} cases of a step; give fewer, or a larger "
                "training.batch_size"
            )
        if self.selection == "balanced" and self.size > batch:
            found.append(
                f"pretraining.size {self.size} is more than the {batch} cases of a step that it chooses from; give fewer, or "
                "a larger training.batch_size"
            )
        return found
