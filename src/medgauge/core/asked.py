"""What a recipe may ask of what is said of cases."""

from typing import Literal, Protocol


class Asked(Protocol):
    """What a recipe asks of a certainty (``recipes.schema.PredictionSettings`` is one)."""

    @property
    def scores(self) -> Literal["absolute", "scaled"]:
        """Whether errors are taken as they are, or over what is expected of each case."""

    @property
    def level(self) -> float:
        """Chance that what is said holds."""

    @property
    def interval(self) -> Literal["label_conditional", "split", "cross"]:
        """Which interval is of record."""

    @property
    def correction(self) -> Literal["none", "linear", "isotonic"]:
        """Of the value of record."""

    @property
    def age_gap(self) -> bool:
        """Whether the gap without its trend is given too."""

    @property
    def threshold(self) -> Literal["f1", "youden", "sensitivity"]:
        """What the threshold of a finding serves."""

    @property
    def sensitivity(self) -> float:
        """What a threshold that serves it must reach."""
