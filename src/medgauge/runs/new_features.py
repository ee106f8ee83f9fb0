"""Features of cases from outside a run that reads a table of features."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from medgauge.core.errors import InputError, check_path
from medgauge.data.features.joining import FeatureRows
from medgauge.data.tables.table import Table
from medgauge.models import Encoder
from medgauge.runs.ensemble import Finished
from medgauge.runs.fitted import Fit
from medgauge.study.feature_table import new_features, source_names


def check_sources(run: Finished, source: str | Path | Sequence[str | Path]) -> list[str]:
    """The files of features, one or several.

    Raises:
        InputError: none is given to a run that reads them, or one to another run; or it is no path.
    """
    given = [source] if isinstance(source, str | Path) else list(source)
    for one in given:
        check_path("the source of features", one)
    sources, wanted = list(map(str, given)), run.recipe.represent
    if wanted.is_table and not sources:
        raise InputError(
            f"the run reads features, those of its own cases from {source_names(run.recipe)}; give those of the table's cases with "
            "--source FILE"
        )
    if sources and not wanted.is_table:
        raise InputError(f"the run reads images and no features; leave --source ({sources[0]}) out")
    return sources


def features_of(fit: Fit, table: Table, sources: Sequence[str]) -> FeatureRows:
    """The features that a fit was made with, of new cases."""
    columns = cast(Encoder, fit.model.encoder).description["settings"]["columns"]
    return new_features(fit.recipe, table, sources, columns)
