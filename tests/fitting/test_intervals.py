"""Intervals in a run: of record and beside it, in results.json, predictions.csv, predictors.json and on the terminal."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch

import medgauge
from medgauge.calibration import LabelConditionalConformal, LabelPartition, SplitConformal
from medgauge.calibration.intervals import Intervals
from medgauge.cli.show import interval_line, wide_line
from medgauge.core.errors import InputError
from medgauge.core.task import Observed

LINE = LabelPartition((0.0, 10.0), (2, 0, 2))


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, Any]) -> "medgauge.Run":
    """A run with the plain interval of record, scaled scores, corrected values and age gaps."""
    asked = {"prediction.interval": "split", "prediction.correction": "linear", "prediction.age_gap": True}
    asked |= {"prediction.scores": "scaled"}
    out = tmp_path_factory.mktemp("corrected") / "run"
    return medgauge.fit("hc18_rm_l1", out=out, changes={**quick, **asked}, test=True)


def cases_of(run: "medgauge.Run", split: str) -> pandas.DataFrame:
    frame = pandas.read_csv(run.folder / "predictions.csv", dtype={"id": str, "group": str})
    return frame[frame["split"] == split]


def held(rows: pandas.DataFrame, prefix: str = "") -> pandas.Series:
    return rows["label_hc_mm"].between(rows[f"{prefix}lower_hc_mm"], rows[f"{prefix}upper_hc_mm"])


def test_both_intervals_follow_from_predictions(finished: "medgauge.Run") -> None:
    for split in ("val", "test"):
        rows, block = cases_of(finished, split), finished.results[split]["hc_mm"]
        for name, prefix, kind in (("interval", "", "label_conditional"), ("plain_interval", "plain_", "split")):
            part = block[name]
            assert part["kind"] == kind
            assert part["level"] == 0.9
            assert part["n"] == len(rows)
            assert part["coverage"] == pytest.approx(held(rows, prefix).mean())
            for region in ("many", "medium", "few"):
                own = rows[rows["region_hc_mm"] == region]
                assert part["by_region"][region]["n"] == len(own)
                assert part["by_region"][region]["coverage"] == pytest.approx(held(own, prefix).mean())
                assert part["by_region"][region]["drawn"] == own["group"].nunique()
                low, high = part["by_region"][region]["coverage_ci95"]
                assert 0 <= low < high <= 1
        pieces = block["interval"]["pieces"]
        assert pieces == pytest.approx(rows["pieces_hc_mm"].mean())
        over = block["interval"]["over_coverage"]
        assert over["coverage"] == pytest.approx(block["interval"]["coverage"] - block["interval"]["set_coverage"])
        assert over["coverage"] >= 0
        assert 0 <= over["length"] < 1
        assert block["interval"]["share_empty"] == 0
        assert block["plain_interval"]["over_coverage"] == {"length": 0.0, "coverage": 0.0}
    counts = [
        part["calibration_groups"] for part in finished.results["test"]["hc_mm"]["interval"]["by_region"].values()
    ]
    assert all(count > 0 for count in counts)
    assert "label-conditional" in finished.promise()


def test_the_recipe_chooses_the_interval_of_record(corrected: "medgauge.Run") -> None:
    block, rows = corrected.results["test"]["hc_mm"], cases_of(corrected, "test")
    assert block["interval"]["kind"] == "split"
    assert block["label_conditional_interval"]["kind"] == "label_conditional"
    assert "plain_interval" not in block
    assert block["label_conditional_interval"]["coverage"] == pytest.approx(held(rows, "label_conditional_").mean())
    assert block["label_conditional_interval"]["pieces"] == pytest.approx(rows["pieces_hc_mm"].mean())
    assert (rows["pieces_hc_mm"] >= 1).all()


def test_corrected_values_are_a_function_of_the_prediction_with_the_others_beside(corrected: "medgauge.Run") -> None:
    block, rows = corrected.results["test"]["hc_mm"], cases_of(corrected, "test")
    said = block["correction"]
    raw = rows[f"{block['predictor']}_hc_mm"]
    expected = said["intercept"] + said["slope"] * raw
    assert rows["value_hc_mm"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-6)
    assert block["mae"] == pytest.approx((rows["value_hc_mm"] - rows["label_hc_mm"]).abs().mean(), rel=1e-6)
    assert block["uncorrected"]["mae"] == pytest.approx((raw - rows["label_hc_mm"]).abs().mean(), rel=1e-5)
    assert block["uncorrected"]["bias"] == pytest.approx((raw - rows["label_hc_mm"]).mean(), rel=1e-4)
    assert "not guaranteed exactly" in block["interval"]["note"]
    assert f"from {said['groups']} calibration groups" in said["note"]
    assert said["note"] in (corrected.folder / "report.html").read_text(encoding="utf-8")


def test_scaled_scores_make_widths_of_their_own_for_each_case(corrected: "medgauge.Run") -> None:
    block, rows = corrected.results["test"]["hc_mm"], cases_of(corrected, "test")
    assert block["interval"]["scaled"] is True
    assert "expected of each case" in block["interval"]["note"]
    width = rows["upper_hc_mm"] - rows["lower_hc_mm"]
    assert width.round(6).nunique() > len(rows) / 2
    middle = (rows["upper_hc_mm"] + rows["lower_hc_mm"]) / 2
    assert middle.to_numpy() == pytest.approx(rows["value_hc_mm"].to_numpy())


def test_age_gaps_are_a_column_and_no_figure(corrected: "medgauge.Run", finished: "medgauge.Run") -> None:
    block, rows = corrected.results["test"]["hc_mm"], cases_of(corrected, "test")
    line = block["age_gap"]
    delta = rows["value_hc_mm"] - rows["label_hc_mm"]
    expected = delta - line["intercept"] - line["slope"] * rows["label_hc_mm"]
    assert rows["delta_corrected_hc_mm"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert "delta_corrected_hc_mm" not in cases_of(finished, "test")
    gap = float(rows["delta_corrected_hc_mm"].abs().mean())
    assert all(abs(block[name] - gap) > 1e-6 for name in ("mae", "rmse"))


def test_a_loaded_run_predicts_the_same_with_both_intervals_and_nothing_that_needs_a_label(
    corrected: "medgauge.Run", hc18_table: Path
) -> None:
    table = hc18_table.with_name("as_bundled_again.csv")
    frame = pandas.read_csv(hc18_table, dtype=str).rename(columns={"path": "image"})
    frame.head(5).to_csv(table, index=False)
    values = corrected.predict(table)
    assert {"lower_hc_mm", "upper_hc_mm", "pieces_hc_mm", "label_conditional_lower_hc_mm"} <= set(values)
    assert not [name for name in values if name.startswith(("delta", "label_hc", "region"))]
    pandas.testing.assert_frame_equal(medgauge.load(corrected.folder.path).predict(table), values)


def test_a_run_folder_of_other_intervals_is_refused(finished: "medgauge.Run", tmp_path: Path) -> None:
    shutil.copytree(finished.folder.path, tmp_path / "old")
    (tmp_path / "old" / "digests.json").unlink()
    path = tmp_path / "old" / "predictors.json"
    saved = json.loads(path.read_text())
    path.write_text(
        json.dumps(
            saved
            | {
                "tasks": {
                    "number": saved["tasks"]["number"]
                    | {"certainty": {"level": 0.9, "quantile": [9.0], "groups": [60]}}
                }
            }
        )
    )
    with pytest.raises(
        InputError, match=r"predictors.json cannot be read \(interval is missing\); give the same `medgauge fit` again"
    ):
        medgauge.load(tmp_path / "old")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prediction.level": 1.0}, "prediction.level must be in"),
        ({"prediction.interval": "plain"}, "prediction.interval"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, quick: dict[str, Any], change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        medgauge.fit("hc18_l1", out=tmp_path / "run", changes={**quick, **change})


class Strata:
    """Regions by the line alone."""

    names = LINE.names

    def of(self, label: torch.Tensor) -> torch.Tensor:
        return LINE.of(label[:, 0])[:, None]


def blocks(value: list[float], label: list[float], group: list[str]) -> dict[str, Any]:
    conditional = LabelConditionalConformal(0.9, (LINE,), ((1.0, 5.0, 3.0),), ((30, 0, 12),), ((0, 0, 1),), ((30, 12),))
    fitted = Intervals(conditional, SplitConformal(0.9, (2.0,), (40,)))
    at, truth = (torch.tensor(part, dtype=torch.float64)[:, None] for part in (value, label))
    observed = Observed(at, truth, group)
    return fitted.figures(fitted.apply(observed), observed, Strata(), 0, seed=0)


def test_blocks_count_one_interval_a_case_and_draw_one_case_a_group() -> None:
    nan = float("nan")
    value, label = [5.0, 5.0, 5.0, 9.0, 9.0, 9.0, 2.0], [5.5, 6.5, nan, 8.5, 9.9, 12.0, -0.5]
    found = blocks(value, label, ["a", "a", "a", "b", "b", "b", "c"])
    record, plain = found["interval"], found["plain_interval"]
    # value 5: 4 to 6; value 9: 8 to 10 and 10 to 12, touching; value 2: 1 to 3 and -1 to 0, so the hull is -1 to 3
    assert record["n"] == 6
    assert record["coverage"] == pytest.approx(5 / 6)
    assert record["width"] == pytest.approx((2 + 2 + 4 + 4 + 4 + 4) / 6)
    assert record["pieces"] == pytest.approx(7 / 6)
    assert record["over_coverage"] == pytest.approx({"length": 0.25 / 6, "coverage": 0.0})
    assert record["drawn"] == 3
    assert record["by_region"]["many"]["drawn"] == 2
    assert record["by_region"]["few"]["n"] == 2
    assert record["by_region"]["few"]["coverage"] == 1.0
    assert record["by_region"]["few"]["coverage_ci95"] == pytest.approx([0.025**0.5, 1.0])
    medium = record["by_region"]["medium"]
    assert medium["n"] == medium["drawn"] == 0
    assert medium["coverage"] != medium["coverage"]  # not a number
    assert (medium["calibration_groups"], medium["merged"], medium["merged_groups"]) == (0, "many and medium", 30)
    assert "merged" not in record["by_region"]["few"]
    assert plain["coverage"] == pytest.approx(4 / 6)
    assert plain["by_region"]["few"]["coverage"] == 0.0
    assert record["n_groups"] == plain["n_groups"] == 40


def test_a_hull_that_covers_a_label_which_its_set_does_not() -> None:
    found = blocks([2.0], [0.5], ["a"])["interval"]  # between the pieces
    assert (found["coverage"], found["set_coverage"]) == (1.0, 0.0)
    assert found["over_coverage"]["coverage"] == 1.0


def test_wide_intervals_are_explained_on_the_terminal() -> None:
    found = {
        "interval": {"kind": "label_conditional", "width": 60.0, "share_infinite": 0.0},
        "plain_interval": {"width": 30.0},
    }
    assert wide_line(found).startswith("the label-conditional ones are 2.0 times as wide, since each label region has")
    for part in ({"width": 33.0}, {"kind": "cross"}, {"share_infinite": 1.0, "width": None}):
        assert wide_line({**found, "interval": found["interval"] | part}) == ""
    assert wide_line({"set": {}}) == ""


def test_the_terminal_says_which_interval_it_is() -> None:
    found = blocks([5.0, 2.0], [5.5, -0.5], ["a", "b"])
    assert interval_line(found["interval"], beside=False) == (
        "90% label-conditional intervals: coverage 100% (many 100% of 1, medium – of 0, few 100% of 1), mean width 3, "
        "from 40 calibration groups; by chance so many cover 50 to 100% of 2 new groups (few 0 to 100% of 1)"
    )
    beside = interval_line(found["plain_interval"], beside=True)
    assert beside.startswith("90% plain split intervals beside them: coverage 50.0%")
    assert beside.endswith("by chance so many cover 50 to 100% of 2 new groups (nothing is promised by region)")
    assert "mean width infinite (9 calibration groups are needed)" in interval_line(
        found["interval"] | {"share_infinite": 1.0, "width": None, "n_groups": 4}, beside=False
    )
