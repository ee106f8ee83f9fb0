"""The gradient shares that were measured are those of the recipes as they are, within bounds, and stand in the pages."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from medgauge.recipes.read import load_values, recipe_names

ROOT = Path(__file__).parents[1]
RUNS: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "gradient_shares.json").read_text())["runs"]
PAGES = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "methods").glob("*.md"))]
MEASURE = "measure it: python benchmarks/gradient_shares.py run, then table"


def trained() -> list[str]:
    """The recipes that train by an objective; a pretraining reads no labels, so that it has no L1 to be measured against."""
    values = {name: load_values(name) for name in recipe_names()}
    return [name for name, one in values.items() if one.get("objective") and "pretraining" not in one]


@pytest.mark.parametrize("name", trained())
def test_the_method_that_was_measured_is_that_of_the_recipe(name: str) -> None:
    values = load_values(name)
    sections, model = json.loads(RUNS[name]["method"]) if name in RUNS else ({}, {})
    assert sections == {key: values.get(key) for key in ("objective", "weights", "sampler")}, MEASURE
    assert model == {key: (values.get("model") or {}).get(key) for key in ("neck", "head")}, MEASURE
    for when in ("start", "middle", "end"):
        terms = {term.partition(".")[0] for term in RUNS[name]["shares"][when]} - {"total"}
        assert terms == set(values["objective"])


@pytest.mark.parametrize("name", trained())
def test_no_term_ends_too_hard_or_off_without_a_reason(name: str) -> None:
    text = (files("medgauge.recipes") / f"{name}.yaml").read_text(encoding="utf-8")
    _, _, objective = text.partition("objective:\n")
    reasons = [line for line in objective.splitlines() if line.strip().startswith("#")]
    for term, share in RUNS[name]["shares"]["end"].items():
        assert 0.1 <= share <= 3 or reasons, f"{term} ends at {share} of L1's gradient"


def _has(rows: set[str], name: str, term: str) -> bool:
    return any(row.startswith(f"| {name} | {term} | ") for row in rows)


def test_each_share_stands_in_a_page() -> None:
    rows = {line for page in PAGES for line in page.splitlines() if line.startswith("| ")}
    found, shown = 0, {name for name, run in RUNS.items() for term in run["shares"]["end"] if _has(rows, name, term)}
    for name, run in RUNS.items():
        if name not in shown:
            assert any(other["method"] == run["method"] and key in shown for key, other in RUNS.items()), name
            continue
        for term in set(run["shares"]["end"]) - {"total"}:
            numbers = " | ".join(f"{run['shares'][when][term]:.2f}" for when in ("start", "middle", "end"))
            assert f"| {name} | {term} | {numbers} |" in rows
            found += 1
    assert found > 30
