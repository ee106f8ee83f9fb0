"""Names of columns with a comma in them, which a list on the command line cuts in two."""

from collections.abc import Mapping
from typing import Any

LISTS = ("data.label", "data.findings", "data.covariates", "data.subgroups", "augmentation.size_covariates")
"""Settings that are lists of columns."""


def whole_names(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Changes by dotted place that put cut names of columns together, as the table of a recipe's values has them.

    Args:
        values: of a recipe, not checked yet.
    """
    data = values.get("data")
    table = data.get("table") if isinstance(data, Mapping) else None
    lists = {place: names for place in LISTS if len(names := _names(values, place)) > 1}
    if not lists or not isinstance(table, str) or not isinstance(data, Mapping):
        return {}
    from medgauge.data.tables.columns import column_names  # late: flags are read before anything heavy is imported
    from medgauge.data.tables.names import join_names

    asked = [part for part in data.values() if isinstance(part, str)]
    for names in lists.values():
        asked += [*names, ",".join(names)]
    known = column_names(table, asked)
    joined = {place: join_names(names, known) for place, names in lists.items()}
    return {place: names for place, names in joined.items() if names != lists[place]}


def _names(values: Mapping[str, Any], place: str) -> list[str]:
    section, _, name = place.partition(".")
    inside = values.get(section)
    found = inside.get(name) if isinstance(inside, Mapping) else None
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else []
