"""The figures of a comparison in words and as plots."""

from typing import Any

import pytest

from medgauge.metrics.comparison import verdict
from medgauge.report.comparison.figures import differences, error_and_variance, error_by_region
from medgauge.report.comparison.rows import (
    cases_words,
    change_interval,
    column_notes,
    interval,
    mean_sd,
    region_table,
    smallest_basis,
    smallest_words,
    table_rows,
    verdict_words,
)
from medgauge.report.kinds import SECTIONS
from medgauge.tasks import KINDS
from tests.report.comparison.fake import fake_comparison


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("compared")
    return fake_comparison(folder, {"base": 10.0, "better": 6.0, "worse": 16.0}, seeds=3, cases=80).values


def test_each_method_has_a_row_beside_the_reference(values: dict[str, Any]) -> None:
    rows = table_rows(values, "hc_mm")
    block = values["figures"]["hc_mm"]["methods"]
    assert [(row["method"], row["verdict"]) for row in rows] == [
        ("base", "reference"), ("better", "better"), ("worse", "worse"),
    ]  # fmt: skip
    for row in rows:
        own = block[row["method"]]
        assert float(plain(row["main"]).removesuffix(" mm")) == pytest.approx(own["mae"], abs=0.05)
        if row["method"] != "base":
            gap = own["mae"] - block["base"]["mae"]
            assert float(plain(row["difference"]).removesuffix(" mm")) == pytest.approx(gap, abs=0.05)
            share = 100 * gap / block["base"]["mae"]
            assert float(plain(row["relative"]).removesuffix(" %")) == pytest.approx(share, abs=0.06)
    assert verdict_words(values, "hc_mm") == [
        {"verdict": "better", "methods": "better"}, {"verdict": "worse", "methods": "worse"},
    ]  # fmt: skip


def test_regions_have_rows_of_their_own(values: dict[str, Any]) -> None:
    rows = region_table(values, "hc_mm")
    assert [(row["method"], row["region"]) for row in rows[:4]] == [
        ("base", "many"), ("base", "medium"), ("base", "few"), ("better", "many"),
    ]  # fmt: skip
    assert sum(int(row["n"].split()[0]) for row in rows[:3]) == 80
    assert {plain(row["coverage"]) for row in rows} == {"90 %"}


def test_words() -> None:
    assert interval("too few groups", 1, "") == "too few groups"
    assert plain(interval([-1.0, 2.0], 1, "mm", sign=True)) == "-1.0 to +2.0 mm"
    assert plain(change_interval({"relative_ci95": [-0.1, 0.025]})) == "-10.0 to +2.5"
    assert [mean_sd({"mean": 0.5, "sd": 0.125}, 2), mean_sd({"mean": 0.5}, 2), mean_sd(None, 2)] == [
        "0.50 ± 0.12", "0.50", "–",
    ]  # fmt: skip


def test_on_what_it_rests(values: dict[str, Any]) -> None:
    assert cases_words(values, "hc_mm") == "80 test cases of 40 groups, 3 seeds a method"
    assert plain(smallest_words(values, "hc_mm")) == "0.80 mm, 8.0 % of the reference’s validation error"
    assert smallest_words({}, "hc_mm") == ""
    crossed = {**values, "settings": {**values["settings"], "folds": 5}}
    assert plain(smallest_words(crossed, "hc_mm")) == "0.80 mm, 8.0 % of the reference’s error"
    assert smallest_basis(values) == "stated before the test cases were read"
    assert smallest_basis(crossed) == "by the spread of the paired differences alone, whatever their mean"


def test_points_stand_at_their_errors(values: dict[str, Any]) -> None:
    block = values["figures"]["hc_mm"]
    traces = error_by_region(block, "hc_mm")["data"]
    assert [one["name"] for one in traces] == ["all", "many", "medium", "few"]
    assert traces[0]["x"] == [one["mae"] for one in block["methods"].values()]
    for place, one in enumerate(block["methods"].values()):
        assert traces[0]["x"][place] - traces[0]["error_x"]["arrayminus"][place] == pytest.approx(one["ci95"][0])
        assert traces[0]["x"][place] + traces[0]["error_x"]["array"][place] == pytest.approx(one["ci95"][1])
    apart = differences(block)["data"]
    assert apart[0]["x"] == pytest.approx([100 * block["methods"][name]["relative"] for name in ("better", "worse")])


def test_error_against_variance(values: dict[str, Any]) -> None:
    block, space = values["figures"]["hc_mm"], values["figures"]["space"]
    drawn = error_and_variance(block, space, "hc_mm")
    assert drawn is not None
    assert drawn["data"][0]["x"] == pytest.approx([space[name]["rv"]["mean"] for name in block["methods"]])
    nothing = {name: {"rv": {"mean": None}} for name in block["methods"]}
    assert error_and_variance(block, nothing, "hc_mm") is None


def test_every_kind_has_a_section_that_says_what_its_certainty_says() -> None:
    assert {kind: (one.certainty.key, one.certainty.extent) for kind, one in KINDS.items()} == {
        kind: (section.SAID.key, section.SAID.extent) for kind, section in SECTIONS.items()
    }


def test_the_page_says_of_two_seeds_what_the_verdict_says(values: dict[str, Any]) -> None:
    said = " ".join(column_notes(values))
    assert "“not decided” is said in place of these three; “not shown” is said as ever" in said
    assert verdict(0.5, (-1.0, 0.2), 0.2, 0.2, seeds=2) == "not shown"
    assert verdict(0.01, (-2.0, -1.0), -0.1, -0.1, seeds=2) == "not decided: two seeds"
