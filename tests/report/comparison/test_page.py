import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.report.comparison.page import write_comparison
from tests.report.comparison.fake import fake_comparison

METHODS = {"l1": 10.0, "rm": 8.0, "same": 10.0, "<b>odd</b> & method": 14.0}
HOSTILE = "<script>window.hacked = 1</script>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "cmp"
    fake_comparison(folder, METHODS, prefix=HOSTILE)
    return folder


def values_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "comparison.json").read_text(encoding="utf-8")))


def test_figures_follow_from_the_cases(made: Path) -> None:
    frame = pandas.read_csv(made / "predictions.csv")
    block = values_of(made)["figures"]["hc_mm"]
    runs = {name: [f"{name}-{seed}" for seed in range(3)] for name in METHODS}
    error = {
        name: np.mean([(frame[run] - frame["label_hc_mm"]).abs() for run in runs[name]], axis=0) for name in METHODS
    }
    for name, one in block["methods"].items():
        assert one["mae"] == pytest.approx(error[name].mean(), rel=1e-6)
        low, high = one["ci95"]
        assert low < one["mae"] < high
        for region in ("many", "medium", "few"):
            rows = (frame["region_hc_mm"] == region).to_numpy()
            assert block["parts"][region]["n"] == rows.sum() > 20
            assert one["by_region"][region]["mae"] == pytest.approx(error[name][rows].mean(), rel=1e-6)
            if name != "l1":
                gap = error[name][rows].mean() - error["l1"][rows].mean()
                assert one["by_region"][region]["difference"] == pytest.approx(gap, rel=1e-5)
        if name != "l1":
            assert one["difference"] == pytest.approx(error[name].mean() - error["l1"].mean(), rel=1e-5)
            assert one["relative"] == pytest.approx(error[name].mean() / error["l1"].mean() - 1, rel=1e-5)
            assert one["relative_ci95"][0] < one["relative"] < one["relative_ci95"][1]
    assert block["parts"]["all"] == {"n": 240, "groups": 120}
    assert block["methods"]["rm"]["verdict"] == "better"
    assert block["methods"]["<b>odd</b> & method"]["verdict"] == "worse"
    assert block["methods"]["same"]["verdict"] in ("not worse", "not shown")
    assert block["methods"]["rm"]["p"] <= block["methods"]["rm"]["p_holm"] <= 3 * block["methods"]["rm"]["p"] + 1e-12


def test_the_page_shows_what_the_json_says(made: Path) -> None:
    page, block = (made / "comparison.html").read_text(encoding="utf-8"), values_of(made)["figures"]["hc_mm"]
    for name, one in block["methods"].items():
        row = re.search(rf'<tr data-method="{re.escape(escaped(name))}">(.*?)</tr>', page, re.DOTALL)
        assert row is not None
        assert f"{one['mae']:.2f}" in row.group(1)
        assert one.get("verdict", "reference") in row.group(1)
    assert "240 test cases of 120 groups, 3 seeds a method" in page
    assert "read once a run, 12 times in all" in page
    assert "2 trials a method" in page
    assert page.count(">chosen<") == len(METHODS)
    assert "0.80\N{NO-BREAK SPACE}mm" in page
    assert page.count("class_path: PointwiseLoss") == len(METHODS)
    assert page.count("batch_size: 32") == 1
    assert "One seed a method" not in page
    assert "Quadratic kappa" not in page
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert set(figures) == {"target-0-regions", "target-0-differences", "target-0-variance"}
    assert [trace["name"] for trace in figures["target-0-regions"]["data"]] == ["all", "many", "medium", "few"]
    assert figures["target-0-regions"]["data"][0]["x"] == [one["mae"] for one in block["methods"].values()]


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_every_text_is_escaped_and_no_case_is_named(made: Path) -> None:
    page = (made / "comparison.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "<b>odd</b>" not in page
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; method" in page
    assert "patient 1" not in page
    assert "0001" not in page[: page.index('id="figures"')]
    assert not re.search(r'(src|href)="(?!#|data:)', page[: page.index('id="figures"')])


def test_groups_are_numbers_in_the_files(made: Path) -> None:
    for name in ("predictions.csv", "development.csv", "comparison.json", "comparison.csv", "table.md"):
        assert "patient" not in (made / name).read_text(encoding="utf-8")
    assert pandas.read_csv(made / "predictions.csv")["group"].nunique() == 120


def test_tables_hold_a_row_a_method_and_part(made: Path) -> None:
    with (made / "comparison.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == len(METHODS) * 4
    block = values_of(made)["figures"]["hc_mm"]["methods"]
    assert float(rows[4]["mae"]) == block["rm"]["mae"]
    assert float(rows[7]["relative_high"]) == block["rm"]["by_region"]["few"]["relative_ci95"][1]
    lines = (made / "table.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| ") for line in lines) == len(METHODS) + 2
    assert len({line.count("|") for line in lines if line.startswith("| ")}) == 1


def test_whole_numbers_have_a_kappa_and_one_seed_says_so(tmp_path: Path) -> None:
    fake_comparison(tmp_path / "cmp", {"l1": 1.0, "rm": 0.5}, seeds=1, whole=True, cases=60)
    page, values = (tmp_path / "cmp" / "comparison.html").read_text(encoding="utf-8"), values_of(tmp_path / "cmp")
    methods = values["figures"]["hc_mm"]["methods"]
    assert 0 < methods["l1"]["quadratic_kappa"]["mean"] < methods["rm"]["quadratic_kappa"]["mean"] < 1
    assert methods["l1"]["quadratic_kappa"]["sd"] is None
    assert "One seed a method" in page
    assert "only groups are drawn" in page
    assert "Quadratic kappa" in page


def test_grades_are_told_of_as_sets(tmp_path: Path) -> None:
    fake_comparison(tmp_path / "cmp", {"l1": 1.0, "rm": 0.5}, whole=True, kind="grade", cases=120)
    page, values = (tmp_path / "cmp" / "comparison.html").read_text(encoding="utf-8"), values_of(tmp_path / "cmp")
    assert "Coverage of 90% sets" in page
    assert "Grades in a set, mean" in page
    assert "intervals</th>" not in page
    assert ">Accuracy</th>" in page
    assert ">R²</th>" not in page
    sizes = re.findall('90\N{NO-BREAK SPACE}%</td><td class="num">([0-9]\\.[0-9]{2})</td></tr>', page)
    assert sizes == ["4.00"] * 3 + ["2.00"] * 3
    kappa = values["figures"]["hc_mm"]["methods"]["rm"]["quadratic_kappa"]
    low, high = kappa["difference_ci95"]
    assert f"<small>difference +{low:.3f} to +{high:.3f}</small>" in page
    lines = (tmp_path / "cmp" / "table.md").read_text().splitlines()
    assert "| Quadratic kappa | Accuracy | Within one grade | RV |" in next(
        line for line in lines if line.startswith("| method")
    )


def test_too_few_groups_have_no_interval_and_show_nothing(tmp_path: Path) -> None:
    fake_comparison(tmp_path / "cmp", {"l1": 10.0, "rm": 10.0}, cases=60)
    block = values_of(tmp_path / "cmp")["figures"]["hc_mm"]
    assert block["parts"]["few"]["groups"] < 20
    assert block["methods"]["rm"]["by_region"]["few"]["ci95"] == "too few groups"
    assert block["methods"]["rm"]["by_region"]["few"]["p"] is None
    assert block["methods"]["rm"]["verdict"] == "not shown"
    assert "too few groups" in (tmp_path / "cmp" / "comparison.html").read_text(encoding="utf-8")


def test_two_targets_have_a_part_each(tmp_path: Path) -> None:
    fake_comparison(tmp_path / "cmp", {"l1": 10.0, "rm": 9.0}, targets=("hc_mm", "bpd_mm"), cases=60)
    page, values = (tmp_path / "cmp" / "comparison.html").read_text(encoding="utf-8"), values_of(tmp_path / "cmp")
    assert set(values["figures"]) == {"hc_mm", "bpd_mm", "space"}
    assert 'id="target-1"' in page
    assert values["figures"]["hc_mm"]["methods"]["l1"]["mae"] != values["figures"]["bpd_mm"]["methods"]["l1"]["mae"]


def test_an_unfinished_comparison_has_no_page(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "cmp")
    values = {key: value for key, value in values_of(made).items() if key != "figures"}
    (tmp_path / "cmp" / "comparison.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="not finished"):
        write_comparison(tmp_path / "cmp")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium")
    playwright = pytest.importorskip("playwright.sync_api") if program else None
    if playwright is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium must be there when CI=true")
        pytest.skip("no chromium here; it must be there when CI=true")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 400)])
def test_it_opens_from_disk_quietly(made: Path, browser: Any, scheme: str, width: int) -> None:
    said: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((made / "comparison.html").as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".plot .main-svg .xaxislayer-above, .plot .main-svg .xaxislayer-below").count() >= 3
    assert page.evaluate("window.hacked") is None
    assert "<b>odd</b> & method" in page.locator("#target-0-differences .ytick").all_text_contents()
    context.close()
    assert said == []
