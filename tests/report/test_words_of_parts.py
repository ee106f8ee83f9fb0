"""Headlines, folds, subgroups, groups, cards and the parts that are of no target, in words."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pandas
import pytest
from PIL import Image

from medgauge.metrics.catalogue import FIGURES
from medgauge.report.evidence import Thumbnails, _neighbours, _sides, evidence_words, number_in
from medgauge.report.headline import baseline_name, comparison, metric_rows, region_rows
from medgauge.report.kinds import number
from medgauge.report.kinds.shared import target_cases, training_cases
from medgauge.report.look import Look
from medgauge.report.parts import fold_rows, group_words, record_words, split_words, subgroup_tables
from medgauge.report.reading import RunView, read_run
from medgauge.report.sections import case_counts, seen_pictures, space_quality, training_facts, validation_figure
from medgauge.runfolder import RunFolder
from tests.report.fake_run import FakeRun, make_run

LOOK = Look(FIGURES["number"], "mm", "mm", 1)


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    return read_run(make_run(tmp_path_factory.mktemp("words") / "run", FakeRun(count=200)))


def test_only_figures_that_are_there_are_told() -> None:
    rows = metric_rows({"mae": 2.0, "r2": 0.5, "ci95": {"mae": [1.0, 3.0]}}, LOOK)
    assert [(row["key"], plain(row["value"]), plain(row["interval"])) for row in rows] == [
        ("mae", "2.00 mm", "1.00 to 3.00 mm"), ("r2", "0.500", "–"),
    ]  # fmt: skip


def test_bars_are_as_long_as_their_errors() -> None:
    block = {
        "mae": 2.0, "by_predictor": {"head": {"mae": 2.0}, "neighbours": {"mae": 3.0}}, "skill": {"median": 0.75},
        "baselines": {"median": {"mae": 8.0}, "covariates_only": {"mae": None, "kind": "ridge"}},
    }  # fmt: skip
    rows = comparison(block, "head", LOOK)
    assert [(row["name"], row["width"]) for row in rows] == [
        ("head", "25.0"), ("neighbours", "37.5"), ("training median", "100.0"),
    ]  # fmt: skip
    assert rows[2]["skill"] == "0.75"
    assert baseline_name("other_one") == "other one"


def test_regions_without_a_baseline_take_the_training_median() -> None:
    cases = pandas.DataFrame({"label": [1.0, 5.0, 9.0], "region": ["many", "many", "few"], "group": ["a", "a", "b"]})
    block = {"mae": 2.0, "by_region": {"many": {"mae": 1.5, "n": 2, "groups": 1}}}
    rows = region_rows(block, cases, 4.0, LOOK, ["mae"])
    assert [row["region"] for row in rows] == ["many", "medium", "few", "all"]
    assert [row["n"] for row in rows] == ["2", "0", "1", "3"]
    assert [plain(row["cells"][0]) for row in rows] == ["1.50 mm", "–", "–", "2.00 mm"]
    assert [plain(row["constant"]) for row in rows] == ["2.00 mm", "–", "5.00 mm", "3.00 mm"]  # |1-4|, |5-4|; |9-4|


def test_folds_and_their_spread(view: RunView) -> None:
    fold = {"fold": 0, "predictor": "head", "n": 4, "groups": 2, "mae": 1.0}
    block = {"mae": 2.0, "n": 8, "by_fold": [fold, fold | {"fold": 1, "mae": 3.0}], "spread_over_folds": {"mae": 1.41}}
    folded = replace(view, results={"out_of_fold": {"hc_mm": block}, "folds": [{}, {}]})
    rows = fold_rows(folded, "hc_mm", LOOK, ["mae"])
    assert [row["name"] for row in rows] == ["fold-0", "fold-1", "all", "standard deviation over folds"]
    assert [plain(row["cells"][0]) for row in rows] == ["1.00 mm", "3.00 mm", "2.00 mm", "1.41 mm"]
    assert fold_rows(view, "hc_mm", LOOK, ["mae"]) == []
    assert split_words(folded)["trained"] == "Each of 2 models was trained on a part of"
    assert split_words(view)["shown"] == "from the test split"
    assert [record_words(name) for name in ("head", "logistic", "other")] == [
        "the head’s",
        "the logistic regression’s",
        "the other’s",
    ]


def test_subgroups_have_their_figures_and_coverage() -> None:
    part = {
        "n": 5,
        "groups": 2,
        "mae": 2.0,
        "coverage": 0.8,
        "drawn": 2,
        "drawn_covered": 1,
        "ci95": {"mae": "too few groups", "coverage": [0.01, 0.99]},
    }
    (table,) = subgroup_tables({"subgroups": {"sex": {"F": part}}}, LOOK, ["mae"])
    assert (table["column"], table["rows"][0]["value"], table["rows"][0]["n"]) == ("sex", "F", "5")
    assert [plain(cell) for cell in table["rows"][0]["cells"]] == [
        "2.00 mm",
        "too few groups",
        "80 %",
        "50 % (1 to 99 %)",
    ]


def test_groups_as_one_value() -> None:
    part = {
        "n": 3, "mae": 2.0, "bias": -0.5, "ci95": {"mae": [1.0, 3.0]}, "interval": {"coverage": 0.75},
        "labels_within_groups": {"differ": 1, "largest_range": 4.0},
    }  # fmt: skip
    words = plain(group_words({"by_group_mean": part}, LOOK, "interval"))
    decided = plain(group_words({"by_group_mean": part}, LOOK, "interval", "Right decisions"))
    assert "; right decisions: " in decided
    assert "cover" not in decided
    for piece in ("3 groups are read", "of 2.00 mm (95 %: 1.00 to 3.00 mm)", "a bias of -0.50 mm", "cover 75 %",
                  "There is 1 group with labels that differ", "by up to 4.00 mm"):  # fmt: skip
        assert piece in words
    assert group_words({}, LOOK, "interval") == ""


def test_only_the_neighbours_value_rests_on_its_cases() -> None:
    case = {"weights_hc_mm": "[0.5, 0.25]", "head_hc_mm": 10.0, "neighbours_hc_mm": 12.5, "nearest_distance": 2.0}
    own = evidence_words(case, "hc_mm", "neighbours", LOOK, 1.0)
    assert own["heading"].startswith("Evidence")
    assert plain(own["share"]) == "The 2 cases shown carry 75 % of the weight."
    assert "nearest one decides" in own["fallback"]
    assert "2.5 mm apart" in plain(own["disagreement"])
    other = evidence_words(case, "hc_mm", "head", LOOK, 1.0)
    assert other["heading"].startswith("Similar training cases, not used")
    assert "fallback" not in other
    assert "fallback" not in evidence_words(case | {"nearest_distance": 0.5}, "hc_mm", "neighbours", LOOK, 1.0)
    assert [number_in({"a": 1, "b": float("nan")}, name) for name in "abc"] == [1.0, None, None]


def test_logistic_regression_rests_on_no_cases_and_is_set_beside_the_neighbours() -> None:
    case = {"weights_hc_mm": "[0.5, 0.25]", "logistic_hc_mm": 10.0, "head_hc_mm": 99.0, "neighbours_hc_mm": 12.5}
    own = evidence_words(case, "hc_mm", "logistic", LOOK, None)
    assert own["heading"].startswith("Similar training cases, not used")
    assert plain(own["disagreement"]).startswith("The logistic regression says 10.0 mm, the neighbours 12.5 mm")


def test_a_blend_says_what_its_cases_are() -> None:
    case = {"weights_hc_mm": "[0.2, -0.1]", "quick_hc_mm": 10.0, "shown_share_hc_mm": 0.6}
    own = evidence_words(case, "hc_mm", "blend", LOOK, None)
    assert own["heading"] == "Training cases of the candidates, by their weights in the blend"
    assert plain(own["share"]) == "The 2 cases shown carry 60 % of the weight, each weight taken without its sign."
    assert "they are its neighbours" in own["mixture"]
    assert "disagreement" not in own
    assert record_words("prototypes") == "the prototypes’"
    assert record_words("blend") == "the blended"


def test_a_regression_says_which_share_is_shown_and_that_it_rests_on_many() -> None:
    case = {"weights_hc_mm": "[0.2, -0.1]", "kernel_hc_mm": 10.0, "neighbours_hc_mm": 12.5, "shown_share_hc_mm": 0.6}
    own = evidence_words(case, "hc_mm", "kernel", LOOK, None)
    assert own["heading"].startswith("Evidence")
    assert plain(own["share"]) == "The 2 cases shown carry 60 % of the weight, each weight taken without its sign."
    assert "many" not in own
    assert plain(own["disagreement"]).startswith("The kernel regression says 10.0 mm, the neighbours 12.5 mm")
    few = {"weights_hc_mm": json.dumps([0.1] * 5 + [-0.1] * 5), "shown_share_hc_mm": 0.8}  # ten are listed, five shown
    own = evidence_words(few, "hc_mm", "kernel", LOOK, None)
    assert plain(own["share"]) == "The 5 cases shown carry 40 % of the weight, each weight taken without its sign."
    assert own["many"].startswith("This value rests on many cases")
    assert "many" not in evidence_words(few, "hc_mm", "head", LOOK, None)


def test_cases_that_raise_a_value_stand_apart_from_those_that_lower_it(tmp_path: Path) -> None:
    shown = [{"id": name, "effect": effect} for name, effect in (("a", 0.5), ("b", -0.25), ("c", 0.125), ("d", 0.0))]
    sides = _sides(shown, "kernel", LOOK)
    assert [(side["title"], [one["id"] for one in side["cases"]]) for side in sides] == [
        ("Raise the value", ["a", "c"]), ("Lower the value", ["b"]), ("Neither", ["d"]),
    ]  # fmt: skip
    assert _sides(shown, "head", LOOK) == [{"title": "", "cases": shown}]
    without = [{"id": "a", "effect": None}]
    assert _sides(without, "kernel", LOOK) == [{"title": "", "cases": without}]
    case = {
        "neighbours": "[3, 4]", "neighbour_ids": '["a", "b"]', "distances": "[1.0, 2.0]", "weights_x": "[-0.04, 0.02]",
        "effects_x": "[-0.5, null]",
    }  # fmt: skip
    cards = _neighbours(case, "x", "kernel", {3: 1.0, 4: 2.0}, LOOK, Thumbnails(RunFolder(tmp_path), images=False))
    assert [(plain(one["weight"]), one["bar"], one["against"], one["effect"]) for one in cards] == [
        ("-0.040", "100.0", True, -0.5), ("+0.020", "50.0", False, None),
    ]  # fmt: skip


def test_thumbnails_are_counted_and_left_out_on_demand(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").mkdir()
    Image.new("L", (3, 2), 77).save(tmp_path / "thumbnails" / "3.png")
    picture = Thumbnails(RunFolder(tmp_path), images=True)
    shown = picture(3)
    assert shown is not None
    assert shown.startswith("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2]))) as there:
        assert (there.format, there.size, there.tobytes()) == ("PNG", (3, 2), bytes([77] * 6))
    assert picture(4) is None
    assert picture.used == {3}
    assert Thumbnails(RunFolder(tmp_path), images=False)(3) is None


def test_training_pictures_of_a_finding_say_whether_it_is_there(view: RunView) -> None:
    (target, *_), gallery = view.targets, view.gallery.copy()
    gallery[f"label_{target}"] = [float(row % 2) for row in range(len(gallery))]
    blocks = {"test": {target: {"kind": "finding"}}}
    found = replace(view, gallery=gallery, results={**view.results, **blocks})
    picture = cast(Thumbnails, lambda row: "data:")
    assert {one["label"] for one in seen_pictures(found, picture)["pictures"]} <= {"absent", "present"}
    assert found.kind(target) == "finding"
    assert plain(seen_pictures(replace(found, results=view.results), picture)["pictures"][0]["label"])[:3] in (
        "0.0",
        "1.0",
    )


def test_cases_of_a_target_have_label_and_value(view: RunView) -> None:
    cases, training = target_cases(view, "hc_mm"), training_cases(view, "hc_mm")
    assert len(cases) == (view.splits["split"] == "test").sum()
    assert len(training) == (view.splits["split"] == "train").sum()
    assert list(training["region"]) == list(view.splits["region_hc_mm"][view.splits["split"] == "train"])


def test_the_section_of_a_number_has_its_figures(view: RunView, tmp_path: Path) -> None:
    texts, plots = number.section(view, "hc_mm", "t0", Thumbnails(RunFolder(tmp_path), images=False))
    assert set(plots) == {"t0-agreement", "t0-bland-altman", "t0-regions", "t0-coverage", "t0-embedding"}
    block = view.block["hc_mm"]
    assert plain(texts["answer"]["value"]) == f"{block['mae']:.{texts_digits(texts)}f} mm"
    assert texts["kind"] == "number"
    assert len(plots["t0-agreement"]["data"]) >= 1


def texts_digits(texts: dict) -> int:
    return len(plain(texts["answer"]["value"]).removesuffix(" mm").partition(".")[2])


def test_cases_are_counted(view: RunView) -> None:
    found = case_counts(view)
    sizes = view.splits["split"].value_counts()
    assert found["sides"] == "No group is on two sides of a split."
    assert plain(found["kept"]) == f"{len(view.splits)} cases"
    by_split = view.results["cases"]["by_split"]
    assert {row["split"]: row["cases"] for row in found["rows"]} == {
        name: str(part["cases"]) for name, part in by_split.items()
    }
    assert by_split["val"]["cases"] == sizes["val"]
    crossed = view.splits.assign(group="one")
    assert "1 group on more than one side" in case_counts(replace(view, splits=crossed))["sides"]


def test_space_and_training(view: RunView) -> None:
    space = {"d5": 1.5, "rv": 0.25, "rv_neighbours": 7, "rv_share": 1.0, "rv_n": 40, "rv_note": "chosen"}
    rows = space_quality(replace(view, results={"test": {"space": space}}), "mm")
    assert [plain(row["value"]) for row in rows] == ["1.500 mm", "0.2500"]
    assert "k = 7 neighbours, 100 % of the cases connected, n = 40" in plain(rows[1]["meaning"])
    trained = {
        "training": {"steps": 1200, "best_step": 900, "stopped_because": "steps"},
        "seconds": 61,
        "peak_memory_mb": 512.4,
    }
    drawn: dict = {}
    facts = training_facts(replace(view, results=trained), "mm", drawn)
    assert [plain(one) for one in facts] == [
        "1,200 steps", "checkpoint of step 900 used", "stopped by: steps", "61 s", "peak memory 512 MB",
    ]  # fmt: skip
    assert set(drawn) == {"terms", "validation"}


def test_the_validation_figure_is_called_by_its_kind(view: RunView) -> None:
    assert validation_figure(view) == ("mae", "mean absolute error")
    target = view.targets[0]
    findings = replace(view, results={view.shown: {target: {"kind": "finding"}}})
    assert validation_figure(replace(findings, log=pandas.DataFrame({"val_log_loss": [0.5]}))) == (
        "log_loss",
        "log loss",
    )
    assert validation_figure(findings) == ("mae", "log loss")  # an older log
    both = replace(view, targets=[target, "b"])
    assert validation_figure(both)[0] == "score"
