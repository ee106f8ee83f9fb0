from typing import Any

import pytest

from medgauge.cli.show import set_line, show_block

SETS: dict[str, Any] = {
    "level": 0.9, "n_groups": 12, "n": 4, "coverage": 0.75, "size": 1.5,
    "by_grade": {"0": {"n": 3, "coverage": 1.0}, "1": {"n": 1, "coverage": 0.0}},
}  # fmt: skip


def block(**more: Any) -> dict[str, Any]:
    """One target's figures."""
    region = {"n": 4, "mae": 0.5, "bias": 0.25, "ci95": {"mae": "too few groups"}}
    return {
        "kind": "number", "predictor": "head", "n": 4, "groups": 3, "mae": 0.5, "bias": 0.25, "spearman": 0.7,
        "ci95": {"mae": [0.125, 0.875]}, "by_region": {"few": region}, "baselines": {"train_median": {"mae": 2.0}}, **more,
    }  # fmt: skip


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.replace("┃", "│").strip()[1:-1].split("│")]


def rows(text: str) -> list[list[str]]:
    return [cells(line) for line in text.splitlines() if line[:1] in "│┃"]


def test_a_number_has_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    show_block({"age": block(r2=0.6), "space": {"d5": 0.1, "rv": None}}, "test")
    out = capsys.readouterr().out
    assert out.startswith("age: test split, 4 cases of 3 groups, predictor head")
    assert rows(out) == [
        ["", "MAE", "95 % interval", "bias", "R2", "Spearman"],
        ["all", "0.5", "0.125 to 0.875", "0.25", "0.6", "0.7"],
        ["few (4 cases)", "0.5", "too few groups", "0.25", "", ""],
        ["baseline: train median", "2", "", "", "", ""],
    ]
    assert "space: D5 0.1, RV –" in out


def test_the_first_sentence_says_what_is_shown_of_each_target(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {
        "baseline": "median",
        "skill": 0.1,
        "ci95": [-0.1, 0.3],
        "verdict": "not shown better than always saying 2",
    }
    show_block({"age": block(shown=shown | {"reason": "few\x1b[31m cases"}), "dr": block()}, "test")
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == (
        "age is not shown better than always saying 2 (skill 0.10, 95 % interval -0.10 to 0.30; 4 test cases of 3 groups): "
        r"few\x1b[31m cases."
    )
    assert second.startswith("age: test split")
    show_block({"age": block(n=1, shown=shown | {"reason": ""})}, "table")
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert "-0.10 to 0.30; 1 case of the table of 3 groups)." in first
    assert second.startswith("age: table, 1 case of 3 groups")


def test_a_grade_has_its_figures_and_sets(capsys: pytest.CaptureFixture[str]) -> None:
    show_block({"dr": block(quadratic_kappa=0.8, accuracy=0.75, within_one=1.0, set=SETS)}, "val")
    out = capsys.readouterr().out
    assert "val split (used for selection, so too good)" in out
    head, whole = rows(out)[:2]
    assert head[3:] == ["bias", "kappa", "accuracy", "within one", "Spearman"]
    assert whole[3:] == ["0.25", "0.8", "0.75", "1", "0.7"]
    assert out.splitlines()[-1] == set_line(SETS)
    assert set_line(SETS) == (
        "90% sets of grades: coverage 75.0% (by grade: 0 100% of 3, 1 0% of 1), mean size 1.5, from 12 calibration groups"
    )


def test_a_finding_is_judged_by_its_log_loss(capsys: pytest.CaptureFixture[str]) -> None:
    part = {"n": 3, "log_loss": 0.25, "ci95": {"log_loss": "too few groups"}}
    show_block(
        {
            "edema": {
                "kind": "finding", "predictor": "logistic", "n": 4, "groups": 3, "log_loss": 0.5, "roc_auc": 0.75,
                "ci95": {"log_loss": [0.125, 0.875]}, "by_region": {"absent": part},
                "baselines": {"base_rate": {"log_loss": 0.625}}, "calibration": {"note": "As they were read."},
            }
        },
        "test",
    )  # fmt: skip
    text = capsys.readouterr().out
    assert rows(text) == [
        ["", "log loss", "95 % interval", "AUC"],
        ["all", "0.5", "0.125 to 0.875", "0.75"],
        ["absent (3 cases)", "0.25", "too few groups", ""],
        ["baseline: base rate", "0.625", "", ""],
    ]
    assert "As they were read." in text


def test_several_findings_are_one_table_with_their_means(capsys: pytest.CaptureFixture[str]) -> None:
    one = {
        "kind": "finding", "predictor": "logistic", "n": 40, "groups": 30, "log_loss": 0.25, "roc_auc": 0.75, "frequency": "few",
        "average_precision": 0.5, "ci95": {"roc_auc": [0.625, 0.875]}, "by_region": {"present": {"n": 12}},
        "baselines": {"base_rate": {"log_loss": 0.5}}, "calibration": {"note": "So it is."},
        "shown": {"verdict": "shown better than always saying 0.3"},
    }  # fmt: skip
    other = one | {"by_region": {"present": {"n": 3}}, "shown": {"verdict": "not shown better than always saying 0.1"}}
    macro = {"macro": {"value": 0.75, "columns": ["edema"], "left_out": ["mass"], "ci95": "too few groups"}}
    means = {
        "columns": ["edema"], "few_positives": {"mass": 3}, "least_positives": 10,
        "figures": dict.fromkeys(("log_loss", "roc_auc", "average_precision"), macro),
    }  # fmt: skip
    show_block({"edema": one, "mass": other, "findings": means}, "test")
    text = capsys.readouterr().out
    assert rows(text)[1:] == [
        ["edema", "12 of 40", "0.25", "0.5", "0.75", "0.625 to 0.875", "0.5"],
        ["mass", "3 of 40", "0.25", "0.5", "0.75", "0.625 to 0.875", "0.5"],
        ["mean of 1", "", "0.75", "", "0.75", "too few groups", "0.75"],
    ]
    assert text.startswith("1 of 2 findings is shown better than the better baseline: edema.")
    assert "without mass" in text
    assert "edema, mass: So it is." in text
