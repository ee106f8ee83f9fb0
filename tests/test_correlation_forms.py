"""The former and the present form of the correlation losses stand in their pages as they were measured."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KEPT: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "correlation_forms.json").read_text())


def test_each_run_stands_in_a_page_with_the_mean() -> None:
    pages = [(ROOT / "docs" / "methods" / name).read_text() for name in ("fine-grained-correlation.md", "jocorank.md")]
    assert {"l1", "pearson", "pearson_spearman", "jocorank"} < set(KEPT["mae"])
    for name, runs in KEPT["mae"].items():
        assert len(runs) == 2
        mean = sum(runs.values()) / 2
        row = f"| {name} | {' | '.join(f'{one:.2f}' for one in runs.values())} | {mean:.2f} |"
        assert any(row in page for page in pages), row
