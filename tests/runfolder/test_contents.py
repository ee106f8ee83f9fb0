"""results.json and predictors.json: what a run writes passes, a part that is wrong is named by its place."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.contents import read_predictors, read_results

INTERVAL = {"kind": "split", "level": 0.9, "n": 3, "n_groups": 3, "coverage": 1.0, "width": 2.0, "share_infinite": 0.0}
PART = {"n": 1, "coverage": None}
BLOCK: dict[str, Any] = {
    "kind": "number", "predictor": "head", "n": 3, "groups": 3, "mae": 1.5, "rmse": None, "ci95": {"mae": "too few groups"},
    "by_region": {name: {"n": 1, "mae": None} for name in ("many", "medium", "few")},
    "by_predictor": {"head": {"mae": 1.5}}, "baselines": {"median": {"mae": 2.0}},
    "interval": {**INTERVAL, "by_region": dict.fromkeys(("many", "medium", "few"), PART)},
}  # fmt: skip
RESULTS: dict[str, Any] = {
    "cases": {"read": 3, "left_out": [], "by_split": {"val": {"cases": 3, "groups": 3}}},
    "looks": {"test": 0}, "training": {"steps": 2, "best_step": 2}, "seconds": 1.5,
    "val": {"age": BLOCK, "space": {"d5": 1.0, "rv": None}},
}  # fmt: skip
TASK = {
    "record": "head",
    "level": 0.9,
    "far_distance": None,
    "tuned": {"neighbours": {"radius": 0.1}},
    "validation": {},
}


def write(folder: Path, name: str, values: Any, place: str = "", value: Any = None) -> RunFolder:
    """The values with another one at a dotted place; ``...`` takes it away."""
    values = json.loads(json.dumps(values))
    if place:
        *path, last = place.split(".")
        here = values
        for key in path:
            here = here[key]
        here[last] = value
        if value is ...:
            del here[last]
    (folder / name).write_text(json.dumps(values))
    return RunFolder(folder)


def test_a_runs_own_values_pass(tmp_path: Path) -> None:
    assert read_results(write(tmp_path, "results.json", RESULTS), ["val", "cases"]) == RESULTS
    assert read_results(write(tmp_path, "results.json", RESULTS, "val.age.further", {"x": 1}))["val"]["age"]["further"]
    shown = {"baseline": "median", "skill": None, "ci95": "too few groups", "verdict": "not shown", "reason": "few"}
    assert (
        read_results(write(tmp_path, "results.json", RESULTS, "val.age.shown", shown))["val"]["age"]["shown"] == shown
    )
    for wrong in (None, shown | {"ci95": 3}, shown | {"verdict": None}, {"baseline": "median"}):
        with pytest.raises(InputError, match=r"val\.age\.shown"):
            read_results(write(tmp_path, "results.json", RESULTS, "val.age.shown", wrong))
    with pytest.raises(InputError, match=r"val\.age\.far\.ci95"):
        read_results(
            write(
                tmp_path,
                "results.json",
                RESULTS,
                "val.age.far",
                dict.fromkeys(("cases", "flagged", "share", "ci95"), 1),
            )
        )
    whole = shown | {"split": "val", "target": "age", "sentence": "age is not shown better."}
    assert read_results(write(tmp_path, "results.json", RESULTS | {"shown": whole}))["shown"] == whole
    with pytest.raises(InputError, match="shown.sentence must be a text"):
        read_results(write(tmp_path, "results.json", RESULTS | {"shown": whole | {"sentence": 3}}))
    nested = write(tmp_path, "results.json", RESULTS, "val.age.by_group_mean", BLOCK)
    assert read_results(nested)["val"]["age"]["by_group_mean"] == BLOCK
    assert read_predictors(write(tmp_path, "predictors.json", {"tasks": {"number": TASK}}))["tasks"] == {"number": TASK}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("looks.test", -1, "looks.test must be a whole number >= 0, got -1"),
        ("notes", "one", "notes must be a list, got 'one'"),
        ("notes", [3], "notes[0]"),
        ("seconds", "x", "seconds must be a number or null, got 'x'"),
        ("cases.by_split.val.cases", None, "cases.by_split.val.cases must be a whole number >= 0, got None"),
        ("val", [1], "val must be a group of values, got [1]"),
        ("val.age", None, "val.age must be a group of values, got None"),
        ("val.age.mae", ..., "val.age.mae is missing"),
        ("val.age.rmse", "1", "val.age.rmse must be a number or null, got '1'"),
        ("val.age.ci95.mae", [1], "val.age.ci95.mae must be two numbers"),
        ("val.age.by_region.few", ..., "val.age.by_region.few is missing"),
        ("val.age.by_region.few.n", 1.5, "val.age.by_region.few.n must be a whole number"),
        ("val.age.interval.level", 1, "val.age.interval.level must be a number above 0 and below 1, got 1"),
        ("val.age.interval.kind", "x", "val.age.interval.kind must be one of label_conditional, split, cross, got 'x'"),
        (
            "val.age.interval.by_region.few.coverage_ci95",
            "x",
            "val.age.interval.by_region.few.coverage_ci95 must be two",
        ),
        ("val.age.baselines.median.mae", [], "val.age.baselines.median.mae must be a number or null"),
        ("val.age.confusion", {"levels": [0, 1], "counts": [[1, 2]]}, "val.age.confusion must be levels, and as many"),
        ("val.space.d5", "x", "val.space.d5 must be a number, or one for each target"),
        ("val.space.rv_neighbours", [1], "val.space.rv_neighbours must be a number or null"),
    ],
)
def test_a_part_of_the_results_that_is_wrong_is_named(tmp_path: Path, place: str, value: Any, said: str) -> None:
    folder = write(tmp_path, "results.json", RESULTS, place, value)
    with pytest.raises(InputError, match=rf"results\.json cannot be read \({re.escape(said)}.*\); give the same"):
        read_results(folder)


def test_a_part_that_is_needed_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"results\.json cannot be read \(test is missing\)"):
        read_results(write(tmp_path, "results.json", RESULTS), ["val", "test"])


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("tasks", ..., "tasks is missing"),
        ("tasks.number.record", ["head"], "tasks.number.record must be a text"),
        ("tasks.number.level", None, "tasks.number.level must be a number above 0"),
        (
            "tasks.number.tuned.neighbours.radius",
            "0.1",
            "tasks.number.tuned.neighbours.radius must be a number or null",
        ),
        ("folds", -2, "folds must be a whole number >= 0"),
    ],
)
def test_a_part_of_the_predictors_that_is_wrong_is_named(tmp_path: Path, place: str, value: Any, said: str) -> None:
    folder = write(tmp_path, "predictors.json", {"tasks": {"number": TASK}}, place, value)
    with pytest.raises(InputError, match=rf"predictors\.json cannot be read \({re.escape(said)}"):
        read_predictors(folder)


def test_a_block_has_the_figure_and_the_parts_of_its_kind(tmp_path: Path) -> None:
    own = {name: part for name, part in BLOCK.items() if name not in ("mae", "interval")}
    own |= {
        "kind": "finding",
        "log_loss": 0.5,
        "by_region": {name: {"n": 1, "log_loss": None} for name in ("absent", "present")},
    }
    own |= {"by_predictor": {"head": {"log_loss": 0.5}}, "baselines": {"base_rate": {"log_loss": 0.6}}}
    results = {**RESULTS, "val": {"edema": own}}
    assert read_results(write(tmp_path, "results.json", results)) == results
    for place, said in (("log_loss", "log_loss is missing"), ("by_region.absent", "by_region.absent is missing")):
        with pytest.raises(InputError, match=re.escape(f"val.edema.{said}")):
            read_results(write(tmp_path, "results.json", results, f"val.edema.{place}", ...))
