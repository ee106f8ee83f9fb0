"""The means over findings of a comparison: on the page, in the tables and in the terminal."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from medgauge.cli.show import show_comparison
from medgauge.report.comparison.macros import macro_note, macro_tables
from tests.report.comparison.fake import fake_comparison

NAMES = ("edema", "mass|a", "mass", "effusion")
REGIONS = ("many", "medium", "few")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("findings") / "cmp"
    fake_comparison(folder, {"bce": 2.0, "metric": 0.5}, targets=NAMES, seeds=3, cases=80, kind="finding")
    return folder


@pytest.fixture(scope="module")
def values(made: Path) -> dict[str, Any]:
    return dict(json.loads((made / "comparison.json").read_text(encoding="utf-8")))


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")


def test_the_columns_of_the_means_are_named_and_those_left_out(values: dict[str, Any]) -> None:
    tables = macro_tables(values)
    assert [one["figure"] for one in tables] == ["ROC-AUC", "Average precision", "Log loss"]
    assert (tables[0]["columns"], tables[0]["left_out"]) == ("mass|a, mass, effusion", "edema (9)")
    assert tables[0]["regions"] == ["many (2 findings)", "medium (1 finding)", "few (0 findings)"]
    reference, other = tables[0]["rows"]
    assert (reference["method"], reference["difference"], reference["p"]) == ("bce", "reference", "")
    block = values["figures"]["findings"]["figures"]["roc_auc"]["parts"]["all"]["methods"]["metric"]
    assert plain(other["mean"]).startswith(f"{block['mean']:.3f} ±")
    assert plain(other["difference"]) == f"{block['difference']:+.3f}"
    assert block["difference_ci95"][0] < block["difference"] < block["difference_ci95"][1]
    assert other["p"] == ("<0.001" if block["p_holm"] < 0.001 else f"{block['p_holm']:.3f}")
    assert other["regions"][2] == {"mean": "–", "difference": "", "difference_interval": "", "p": ""}
    frequent = values["figures"]["findings"]["figures"]["roc_auc"]["parts"]["many"]["methods"]["metric"]
    assert other["regions"][0]["p"] == ("<0.001" if frequent["p_holm"] < 0.001 else f"{frequent['p_holm']:.3f}")
    assert "above 100" in macro_note(values)
    assert "of one fold" not in macro_note(values)
    folds = {**values, "settings": {**values["settings"], "folds": 3}}
    assert "cases of one fold alone are ordered" in macro_note(folds)


def test_page_tables_and_terminal_have_them(
    made: Path, values: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    page = (made / "comparison.html").read_text(encoding="utf-8")
    row = macro_tables(values)[1]["rows"][1]
    assert page.count("<h2>Means over findings</h2>") == 1
    assert row["mean"] in page
    assert "Left out, with their training cases: edema (9)." in page
    table = (made / "table.md").read_text(encoding="utf-8")
    assert "Mean ROC-AUC of mass|a, mass, effusion" in table
    lines = [line for line in table.splitlines() if line.startswith("| metric | ") and row["mean"] in line]
    assert [line.count("|") for line in lines] == [19]
    with (made / "comparison.csv").open(encoding="utf-8") as file:
        rows = [one for one in csv.DictReader(file) if one["target"] == "findings"]
    assert [(one["method"], one["part"]) for one in rows] == [
        (method, part) for method in ("bce", "metric") for part in ("all", *REGIONS)
    ]
    block = values["figures"]["findings"]["figures"]["log_loss"]["parts"]
    for one in rows:
        mean = block[one["part"]]["methods"][one["method"]]["mean"]
        assert one["mean_log_loss"] == "" if mean is None else float(one["mean_log_loss"]) == pytest.approx(mean)
    show_comparison(values, made)
    assert "mean ROC-AUC of mass|a, mass, effusion" in capsys.readouterr().out.replace("\n", " ")


def test_numbers_have_none(tmp_path: Path) -> None:
    values = fake_comparison(tmp_path / "cmp", {"l1": 1.0, "rm": 0.5}, seeds=1, cases=40).values
    assert macro_tables(values) == []
    assert macro_note(values) == ""
