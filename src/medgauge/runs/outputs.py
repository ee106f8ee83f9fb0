"""What a run is asked to leave behind."""

from dataclasses import dataclass

from medgauge.core.errors import check_switches


@dataclass(frozen=True)
class Outputs:
    """What is written beside the model.

    Args:
        test: read the test split at the end, and count that look.
        images: keep thumbnails for the report.
        report: write the page and what only it needs: thumbnails, and intervals of the figures in results.json.
    """

    test: bool = False
    images: bool = True
    report: bool = True

    def __post_init__(self) -> None:
        check_switches(test=self.test, images=self.images, report=self.report)
