"""A comparison that ends after any write in its folder ends, by the same command, like one that was never stopped."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import medgauge
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.kills import differing, states


def compare(table: Path, out: Path) -> dict[str, Any]:
    changes = {**SMALL, "training.steps": 2, "training.batch_size": 4}
    settings: dict[str, Any] = {"split": "part", "seeds": 1, "trials": 1, "changes": changes, **COLUMNS}
    return medgauge.compare(["default"], losses=["l1", "mse"], table=str(table), out=out, **settings)


@pytest.mark.slow
def test_a_comparison_that_ends_after_any_write_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    table, out = make_table(tmp_path / "tiny", groups=18), tmp_path / "compared"

    def wanted(name: str) -> bool:  # a run is a fit as any other
        return not name.startswith("runs/")

    stood = states(out, tmp_path / "states", partial(compare, table, out), wanted)
    assert len(stood) > 10
    for state in stood:
        compare(table, state)
        assert (state.parent.name, differing(state, out)) == (state.parent.name, [])
    looks = [json.loads((state / "comparison.json").read_text())["looks"] for state in stood]
    assert looks == [{"test": 2}] * len(stood)
