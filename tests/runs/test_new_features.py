"""Files of features that are given with cases from outside a run."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from medgauge.core.errors import InputError
from medgauge.runs.new_features import check_sources
from tests.study.small import recipe_of


def run_of(**represent: Any) -> Any:
    return SimpleNamespace(recipe=recipe_of(represent=represent))


def test_sources_go_with_a_run_that_reads_features() -> None:
    table = run_of(name="table", source=["x/a.parquet", "b.csv"])
    assert check_sources(table, ["c", "d"]) == ["c", "d"]
    assert check_sources(table, "c") == ["c"]
    assert check_sources(run_of(name="scratch"), ()) == []
    with pytest.raises(
        InputError, match="those of its own cases from a.parquet and b.csv; give those of the table's cases with"
    ):
        check_sources(table, ())
    with pytest.raises(InputError, match=r"reads images and no features; leave --source \(c\) out"):
        check_sources(run_of(name="scratch"), "c")
    with pytest.raises(InputError, match="the source of features"):
        check_sources(table, cast(str, [3]))
