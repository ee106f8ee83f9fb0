"""The cases of a recipe: table, splits, decoded images, and what is decided from them."""

from medgauge.study.loading import load_study
from medgauge.study.study import Study

__all__ = ["Study", "load_study"]
