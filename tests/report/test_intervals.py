"""What is said of intervals."""

import math

from medgauge.report.intervals import between, correction_words, interval_words


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")


def block(kind: str, **more: object) -> dict[str, object]:
    part = {"n": 10, "drawn": 4, "coverage": 0.8, "coverage_ci95": [0.5, 0.95], "width": 12.0, "share_infinite": 0.0}
    part |= {"set_coverage": 0.7, "set_coverage_ci95": [0.4, 0.9]}
    return {"kind": kind, "n_groups": 30, "note": "", **part, "by_region": {"few": {**part, "n": 2}}, **more}


def test_both_intervals_are_told_that_of_record_first() -> None:
    given = {"interval": block("label_conditional"), "plain_interval": block("split", coverage=0.9, width=20.0)}
    found = interval_words(given, 0.9, 1, "mm", "val")
    assert [one["kind"] for one in found["kinds"]] == ["label_conditional", "split"]
    assert plain(found["level"]) == "90 %"
    assert [plain(one["width"]) for one in found["kinds"]] == ["12.0 mm", "20.0 mm"]
    assert plain(found["groups"]) == "30 groups"
    rows = {row["region"]: row for row in found["rows"]}
    assert list(rows) == ["many", "medium", "few", "all"]
    assert (rows["few"]["n"], rows["many"]["n"], rows["all"]["calibration"]) == ("2", "–", "30")
    assert plain(rows["all"]["cells"][1]["coverage"]) == "90 %"
    assert plain(rows["all"]["cells"][0]["set"]) == "70 %"
    assert plain(rows["all"]["cells"][0]["set_between"]) == "40 to 90 %"
    assert [cell["has_set"] for cell in rows["all"]["cells"]] == [True, False]
    assert found["hull"] == ""


def test_an_infinite_interval_is_called_so() -> None:
    found = interval_words({"interval": block("split", share_infinite=0.1, width=None)}, 0.9, 1, "mm", "val")
    assert found["infinite"] is True
    assert found["first"]["width"] == "infinite"
    assert interval_words({}, 0.9, 1, "mm", "val")["first"]["width"] == "–"


def test_merged_regions_are_told_with_the_groups_of_both() -> None:
    regions = {
        "many": {"n": 5, "calibration_groups": 21},
        "medium": {"n": 3, "calibration_groups": 12, "merged": "medium and few", "merged_groups": 16},
        "few": {"n": 2, "calibration_groups": 4, "merged": "medium and few", "merged_groups": 16},
    }
    given = {"interval": block("label_conditional", by_region=regions, groups_needed=9)}
    found = interval_words(given, 0.9, 1, "mm", "val")
    rows = {row["region"]: row["calibration"] for row in found["rows"]}
    assert rows == {"many": "21", "medium": "12 (medium and few: 16)", "few": "4 (medium and few: 16)", "all": "30"}
    assert found["first"]["holds"].endswith(
        "A region needs 9 calibration groups; with fewer it shares the width of its neighbour, and the level is promised for "
        "both together: medium and few."
    )
    assert (
        "shares" not in interval_words({"interval": block("label_conditional")}, 0.9, 1, "mm", "val")["first"]["holds"]
    )


def test_pieces_are_explained_where_there_are_any() -> None:
    more = {"pieces": 1.25, "over_coverage": {"length": 0.2, "coverage": 0.05}}
    words = plain(interval_words({"interval": block("label_conditional", **more)}, 0.9, 1, "mm", "val")["hull"])
    assert "1.25 on average" in words
    assert "20 % of its length" in words
    assert "5.0 % of the cases" in words


def test_a_correction_is_told_with_the_figures_without_it() -> None:
    given = {"correction": {"note": "Corrected."}, "uncorrected": {"mae": 4.0, "bias": -0.5}}
    assert plain(correction_words(given, 1, "mm")) == (
        "Corrected. Without it the mean absolute error is 4.00 mm and the bias -0.50 mm."
    )
    assert correction_words({}, 1, "mm") == ""
    assert [between({"coverage_ci95": [math.nan, 0.5]}), between({"coverage_ci95": "few"})] == ["–", "–"]
