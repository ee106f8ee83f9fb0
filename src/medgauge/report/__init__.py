"""The report: one self-contained HTML page, made from a run folder alone."""

from medgauge.report.cards import choose_cards, thumbnails_needed
from medgauge.report.page import write_report

__all__ = ["choose_cards", "thumbnails_needed", "write_report"]
