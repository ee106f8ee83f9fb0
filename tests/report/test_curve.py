"""A learning curve in words, in a table and on a page."""

import json
from pathlib import Path
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.report.curve import PAGE, VALUES, curve_rows, describe_curve, verdict, write_curve

POINTS = [
    {"groups": 10, "cases": 20.0, "mae": 2.0, "ci95": [1.5, 2.5]},
    {"groups": 40, "cases": 81.4, "mae": 1.0, "ci95": [0.75, 1.25]},
]
FALLING: dict[str, Any] = {
    "kind": "number", "figure": "mae", "n": 100, "groups": 50, "baselines": {"median": {"mae": 3.0}}, "points": POINTS, "told": True,
    "fall": {"mae": 1.0, "ci95": [0.5, 1.5]}, "law": {"a": 0.0, "b": 6.3, "c": 0.5},
    "now": {"groups": 50, "mae": 0.9, "ci95": [0.7, 1.1]}, "twice": {"groups": 100, "mae": 0.63, "ci95": [0.5, 0.8]},
    "gain": {"mae": 0.27, "ci95": [0.1, 0.4]},
}  # fmt: skip
FLAT = FALLING | {"told": False, "fall": {"mae": 0.02, "ci95": [-0.5, 0.5]}}
FLAT |= dict.fromkeys(("law", "now", "twice", "gain"))
VALUE: dict[str, Any] = {
    "about": "for frozen features; a tuned network may gain more", "folds": 5, "draws": 5, "seconds": 90.0, "medgauge": "1",
}  # fmt: skip


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")


def test_what_twice_as_many_groups_give_is_said_or_that_it_cannot_be_told() -> None:
    assert plain(verdict("hc_mm", FALLING)) == (
        "With twice as many labelled groups (100) the error would be about 0.63 mm (95 % interval 0.50 to 0.80 mm), 0.27 mm "
        "(0.10 to 0.40 mm) less than with the 50 groups there are."
    )
    tried = plain(verdict("hc_mm", FALLING | {"tried": {"groups": 20, "mae": 0.7}}))
    assert tried.endswith(
        "there are. The law tried on what is known: of sizes up to 20 groups it says 0.70 mm at 40, where 1.00 mm was measured; "
        "beyond the cases it can be as far off."
    )
    said = plain(verdict("hc_mm", FLAT))
    assert said.startswith(
        "What further labels give cannot be told: from 10 to 40 groups the error is not shown to fall"
    )
    assert "95 % interval -0.50 to 0.50 mm" in said


def test_the_table_ends_at_twice_the_groups_and_at_the_measured_ones_of_a_flat_curve() -> None:
    heads, rows = curve_rows({"targets": {"hc_mm": FALLING, "flat": FLAT}})
    assert heads[:6] == ["target", "groups", "cases", "what", "figure", "error"]
    assert {row[4] for row in rows} == {"mae"}
    assert [[*row[:4], row[5]] for row in rows] == [
        ["hc_mm", 10, 20.0, "measured", 2.0], ["hc_mm", 40, 81.4, "measured", 1.0],
        ["hc_mm", 50, "", "extrapolated", 0.9], ["hc_mm", 100, "", "extrapolated", 0.63],
        ["flat", 10, 20.0, "measured", 2.0], ["flat", 40, 81.4, "measured", 1.0],
    ]  # fmt: skip


def test_the_page_draws_the_law_up_to_twice_the_groups(tmp_path: Path) -> None:
    (tmp_path / VALUES).write_text(json.dumps(VALUE | {"targets": {"hc_mm": FALLING, "<b>flat": FLAT}}))
    text = write_curve(tmp_path).read_text(encoding="utf-8")
    assert "For frozen features; a tuned network may gain more." in text
    assert "in 1.5 minutes" in text
    assert "<b>flat" not in text
    page = describe_curve(VALUE | {"targets": {"hc_mm": FALLING, "flat": FLAT}}, "x")
    drawn = page["figures"]["target-0-curve"]["data"]
    assert [trace["name"] for trace in drawn] == [
        "measured, 95 % interval", "error of the training median", "a + b n^-c", "extrapolated",
    ]  # fmt: skip
    assert drawn[3]["x"][-1] == pytest.approx(100)
    assert drawn[3]["y"][-1] == pytest.approx(0.63)
    assert drawn[0]["error_y"]["array"] == [0.5, 0.25]
    assert [trace["name"] for trace in page["figures"]["target-1-curve"]["data"]] == drawn_names(drawn)[:2]


def test_of_a_finding_the_log_loss_is_told_in_its_own_words(tmp_path: Path) -> None:
    text = json.dumps(FALLING).replace('"mae"', '"log_loss"').replace('"median"', '"base_rate"')
    one = json.loads(text) | {"kind": "finding"}
    assert plain(verdict("mass_mm", one)).startswith(
        "With twice as many labelled groups (100) the log loss would be about 0.63 (95 % interval 0.50 to 0.80), 0.27 (0.10"
    )
    (tmp_path / VALUES).write_text(json.dumps(VALUE | {"targets": {"mass_mm": one}}))
    page = write_curve(tmp_path).read_text(encoding="utf-8")
    assert '<th class="num">Log loss</th>' in page
    assert "Always saying the same: log loss of the training rate 3.00." in plain(page)
    names = drawn_names(describe_curve(VALUE | {"targets": {"mass_mm": one}}, "x")["figures"]["target-0-curve"]["data"])
    assert names[1] == "log loss of the training rate"


def drawn_names(drawn: list[dict[str, Any]]) -> list[str]:
    return [trace["name"] for trace in drawn]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    for text in ('{"targets": {"a": {}}, "about": ""}', '{"targets": [1]}'):
        (tmp_path / VALUES).write_text(text)
        with pytest.raises(InputError, match="is no learning curve"):
            write_curve(tmp_path)
    assert not (tmp_path / PAGE).exists()
