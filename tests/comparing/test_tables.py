"""The table of a comparison, from figures recorded without any training."""

import csv
from pathlib import Path

import pytest

from medgauge.comparing.finished import are_runs, claim_runs
from medgauge.comparing.tables import column_names, write_tables
from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from tests.report.comparison.fake import fake_comparison

METHODS = {"base|line": 10.0, "better": 6.0}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return fake_comparison(tmp_path_factory.mktemp("compared"), METHODS, seeds=2, cases=80).values


def test_every_figure_is_in_the_csv_file(values: dict, tmp_path: Path) -> None:
    write_tables(values, RunFolder(tmp_path))
    with (tmp_path / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["part"]) for row in rows] == [
        (method, part) for method in METHODS for part in ("all", "many", "medium", "few")
    ]
    block = values["figures"]["hc_mm"]["methods"]
    for row in rows:
        own = block[row["method"]] if row["part"] == "all" else block[row["method"]]["by_region"][row["part"]]
        assert float(row["mae"]) == pytest.approx(own["mae"])
        if isinstance(own["ci95"], str):
            assert row["mae_low"] == row["mae_high"] == ""
        else:
            assert [float(row["mae_low"]), float(row["mae_high"])] == pytest.approx(list(own["ci95"]))
        assert (row["difference"] == "") == (row["method"] == "base|line")
        assert (row["verdict"] == "") == (row["part"] != "all" or row["method"] == "base|line")
    assert sum(int(row["n"]) for row in rows[1:4]) == int(rows[0]["n"]) == 80
    assert float(rows[4]["difference"]) == pytest.approx(float(rows[4]["mae"]) - float(rows[0]["mae"]))


def test_the_table_for_people_has_a_line_a_method(values: dict, tmp_path: Path) -> None:
    write_tables(values, RunFolder(tmp_path))
    text = (tmp_path / "table.md").read_text().splitlines()
    assert text[0] == "hc_mm: 80 test cases of 40 groups, 2 seeds a method; differences to base|line"
    assert text[2].startswith("Smallest difference that could be shown, stated before the test cases were read: ")
    head = [cell.strip() for cell in text[4].strip("|").split("|")]
    assert head == ["method", "MAE", "95 %", "few", "95 %", "difference", "95 %", "p (Holm)", "verdict", "R²", "RV"]
    assert list(column_names(values["figures"]["hc_mm"], narrow=True).values()) == [
        head[at] for at in (0, 1, 3, 5, 6, 7, 8, 9, 10)
    ]
    lines = [line for line in text if line.startswith(("| base/line", "| better"))]
    assert [len(line.strip("|").split("|")) for line in lines] == [len(head)] * 2
    assert any(line.startswith("Smallest difference that could be shown") and "0.80" in line for line in text)


def test_recipes_and_run_folders_are_not_mixed(tmp_path: Path) -> None:
    assert are_runs(["default", "none.yaml"]) is False
    assert are_runs([tmp_path, str(tmp_path)]) is True
    with pytest.raises(InputError, match="give recipes, or run folders, not both"):
        are_runs([tmp_path, "default"])


def test_two_runs_and_a_known_reference_are_needed(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with pytest.raises(InputError, match="compare needs at least two run folders"):
        claim_runs([tmp_path / "one"], tmp_path / "out", None)
    with pytest.raises(InputError, match="the reference 'onne' is none of the runs .*one"):
        claim_runs([tmp_path / "one", tmp_path / "two"], tmp_path / "out", "onne")
    with pytest.raises(InputError, match="is not whole"):
        claim_runs([tmp_path / "one", tmp_path / "two"], tmp_path / "out", None)
