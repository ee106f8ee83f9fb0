import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

from medgauge.core.errors import InputError
from medgauge.metrics.catalogue import FIGURES
from medgauge.report import thumbnails_needed, write_report
from medgauge.report.cards import SHOWN_NEIGHBOURS, choose_cards, evidence_prefix
from medgauge.report.kinds.grade import confusion_rows, votes
from medgauge.report.reading import read_run
from tests.report.fake_run import FakeRun, make_run
from tests.report.test_page import Page, figures_of, percentage

Report = Callable[[str], Path]


def changed(folder: Path, name: str, change: Callable[[dict], None]) -> Path:
    values = json.loads((folder / name).read_text())
    change(values)
    (folder / name).write_text(json.dumps(values))
    return folder


def test_the_headline_has_the_figures_of_grades(report: Report) -> None:
    page = Page(report("grade"))
    block = read_run(report("grade").parent).block["stage"]
    tiles = [attributes["data-metric"] for _, attributes in page.tags if "data-metric" in attributes]
    assert tiles == [name for name, one in FIGURES["grade"].items() if one.headline and name in block]
    assert {"mae", "quadratic_kappa"} <= set(tiles)
    assert f"is off by {block['mae']:.2f} grades on average" in page.at("question")
    assert "with labels from 0 to 4." in page.at("question")
    assert f"training median baseline {block['baselines']['median']['mae']:.2f} skill" in page.text


def test_the_matrix_has_counts_and_shares_of_each_true_grade(report: Report) -> None:
    page = Page(report("grade"))
    view = read_run(report("grade").parent)
    label, said = view.cases["label_stage"], np.floor(view.cases["value_stage"] + 0.5)
    words = page.at("target-0-confusion")
    for true in range(5):
        counts = [int(((label == true) & (said == read)).sum()) for read in range(5)]
        shares = [percentage(count / sum(counts)) for count in counts]
        cells = " ".join(f"{count} {share}" for count, share in zip(counts, shares, strict=True))
        assert re.search(rf"(^| ){true} {re.escape(cells)} {sum(counts)}( |$)", words), true
    heads = [attributes for tag, attributes in page.tags if tag == "th" and attributes.get("scope") == "row"]
    assert len(heads) == 5


def test_shades_go_by_the_share_and_a_grade_without_cases_has_none() -> None:
    rows = confusion_rows({"levels": [0, 2], "counts": [[1, 9], [0, 0]]})
    assert [[cell["heat"] for cell in row["cells"]] for row in rows] == [[1, 5], [0, 0]]
    assert [[cell["exact"] for cell in row["cells"]] for row in rows] == [[True, False], [False, True]]
    assert [row["grade"] for row in rows] == ["0", "2"]
    assert [cell["share"] for cell in rows[1]["cells"]] == ["–", "–"]
    assert confusion_rows({}) == []


def test_the_sets_say_how_they_hold_for_each_true_grade(report: Report) -> None:
    page = Page(report("grade"))
    view = read_run(report("grade").parent)
    sets = view.block["stage"]["set"]
    words = page.at("target-0-set")
    assert f"contain the true grade of {percentage(sets['coverage'])} of the test cases" in words
    assert f"they hold {sets['size']:.2f} grades on average" in words
    assert sets["note"] in words
    table = page.at("target-0-coverage-table")
    training = view.gallery["label_stage"].value_counts()
    for name, part in sets["by_grade"].items():
        low, high = (f"{end * 100:.0f}" for end in part["coverage_ci95"])
        cells = f"{name} {training[float(name)]} {part['calibration_groups']} {part['n']} {part['drawn']}"
        of_drawn = f"{percentage(part['drawn_covered'] / part['drawn'])} ({low} to {high} %)"
        assert f"{cells} {percentage(part['coverage'])} {of_drawn} {part['size']:.2f}" in table
    drawn = figures_of(report("grade"))
    assert {"target-0-coverage", "target-0-embedding"} <= set(drawn)
    assert "target-0-agreement" not in drawn
    assert drawn["target-0-coverage"]["data"][0]["y"][:5] == [part["coverage"] for part in sets["by_grade"].values()]


def test_regions_have_errors_and_the_coverage_of_the_sets(report: Report) -> None:
    page = Page(report("grade"))
    block = read_run(report("grade").parent).block["stage"]
    for region in ("many", "medium", "few"):
        part, sets = block["by_region"][region], block["set"]["by_region"][region]
        assert re.search(
            rf" {region} [a-z][^|]*? {part['n']} {part['groups']} {part['mae']:.2f} .*?"
            rf" {percentage(sets['coverage'])} {sets['size']:.2f} ",
            page.text,
        ), region


def test_a_card_has_the_chance_of_each_grade_its_set_and_the_vote_of_those_shown(report: Report) -> None:
    text = Page(report("grade")).text
    view = read_run(report("grade").parent)
    label = dict(zip(view.gallery["row"], view.gallery["label_stage"], strict=True))
    cards = choose_cards(view.predictions, "stage")
    assert len(cards) > 8
    for _, row in cards:
        case = view.cases.set_index("row").loc[row]
        true = int(case["label_stage"])
        chances = " ".join(
            f"{grade}{' (true)' if grade == true else ''} {share(case[f'probability_{grade}_stage'])}"
            for grade in range(5)
        )
        assert f"Chance of each grade {chances}" in text
        own = str(case["set_stage"]).split()
        holds = "contains" if str(true) in own else "misses"
        assert f"90 % set {', '.join(own)} ({holds} the true grade)" in text
        shown, weights = (json.loads(str(case[name]))[:SHOWN_NEIGHBOURS] for name in ("neighbours", "weights_stage"))
        summed = {grade: sum(w for n, w in zip(shown, weights, strict=True) if label[n] == grade) for grade in range(5)}
        there = {grade for grade in range(5) if any(label[n] == grade for n in shown)}
        vote = " ".join(f"{g}{' (true)' if g == true else ''} {share(summed[g])}" for g in sorted(there))
        assert f"Shown neighbours’ share {vote}" in text


def share(value: float) -> str:
    return f"{value * 100:.{1 if 0 < value < 0.0995 or 0.99 < value < 1 else 0}f} %"


def test_votes_are_weights_summed_by_grade() -> None:
    case = {"neighbours": "[7, 8, 9, 10]", "weights_x": "[0.4, 0.2, 0.3, 0.1]"}
    assert votes(case, "x", {7: 2.0, 8: 1.0, 9: 2.0, 10: float("nan")}) == {1.0: 0.2, 2.0: pytest.approx(0.7)}
    assert votes({}, "x", {}) == {}


def test_kinds_side_by_side_have_their_own_evidence_settings_and_sections(report: Report) -> None:
    page = Page(report("kinds"))
    view = read_run(report("kinds").parent)
    assert "number:neighbours" in view.predictions
    assert evidence_prefix(view.predictions, "hc_mm") == "number:"
    assert evidence_prefix(view.predictions, "stage") == "grade:"
    assert "neighbours" in view.cases_of("stage")
    assert "grade:neighbours" not in view.cases_of("stage")
    assert {"target-0-agreement", "target-1-coverage", "target-1-embedding"} <= set(figures_of(report("kinds")))
    assert "The 90 % intervals" in page.at("target-0-interval")
    assert "The 90 % sets" in page.at("target-1-set")
    assert "sets the width of the intervals and which grades are in a set, nothing else" in page.text
    for key in ("target-0-cards", "target-1-cards"):
        assert re.search(r"The \d cases? shown would carry", page.at(key))
        assert "distance –" not in page.at(key)


def test_settings_are_those_of_the_kind_and_of_the_run_where_it_has_one_kind(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(targets=("hc_mm", "stage"), count=60, images=False))

    def other(values: dict) -> None:
        values["tasks"]["grade"] = {**values["tasks"]["grade"], "record": "head", "level": 0.8, "radius": 9.0}

    view = read_run(changed(run, "predictors.json", other))
    assert (view.record("hc_mm"), view.level("hc_mm")) == ("neighbours", 0.9)
    assert (view.record("stage"), view.level("stage"), view.settings("stage")["radius"]) == ("head", 0.8, 9.0)
    page = Page(write_report(run))
    assert "the neighbours’ value of hc_mm" in page.at("question")
    assert "the head’s value of stage" in page.at("question")
    assert "The 80 % sets" in page.at("target-1-set")
    plain = read_run(make_run(tmp_path / "plain", FakeRun(record="head", count=60, images=False)))
    assert (plain.kind("hc_mm"), plain.record("hc_mm"), plain.level("hc_mm")) == ("number", "head", 0.9)


def test_thumbnails_are_those_of_the_kinds_own_neighbours(report: Report) -> None:
    predictions = read_run(report("kinds").parent).predictions
    swapped = predictions.assign(**{"grade:neighbours": json.dumps([9991, 9992])})
    assert {9991, 9992} <= thumbnails_needed(swapped)
    assert {9991, 9992}.isdisjoint(thumbnails_needed(predictions))


def test_a_kind_that_is_not_known_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(targets=("stage",), count=60, images=False))
    changed(run, "results.json", lambda values: values["test"]["stage"].update(kind="colour"))
    with pytest.raises(InputError, match="test.stage.kind must be one of number, grade"):
        write_report(run)


def test_a_run_without_sets_and_chances_has_a_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(targets=("stage",), count=60, images=False))
    table = pandas.read_csv(run / "predictions.csv", dtype=str, keep_default_na=False)
    table = table[[name for name in table.columns if not name.startswith(("set_", "probability_"))]]
    table.to_csv(run / "predictions.csv", index=False)

    def less(values: dict) -> None:
        for name in ("set", "confusion"):
            del values["test"]["stage"][name]

    page = Page(write_report(changed(run, "results.json", less)))
    assert "There are no sets." in page.at("target-0-set")
    assert "Chance of each grade" not in page.text


def test_nothing_of_a_grade_is_markup(tmp_path: Path) -> None:
    bad = "<img src=x onerror=alert(1)>"
    run = make_run(tmp_path / "run", FakeRun(targets=("stage",), count=60, images=False))

    def hostile(values: dict) -> None:
        part = values["test"]["stage"]
        part["set"]["note"] = bad
        part["set"]["by_grade"] = {bad if name == "1" else name: one for name, one in part["set"]["by_grade"].items()}

    table = pandas.read_csv(run / "predictions.csv", dtype=str, keep_default_na=False)
    table.assign(set_stage=bad).to_csv(run / "predictions.csv", index=False)
    path = write_report(changed(run, "results.json", hostile))
    assert "<img src=x" not in path.read_text(encoding="utf-8")
    page = Page(path)
    assert bad in page.at("target-0-set")
    assert bad in page.at("target-0-coverage-table")
    assert "<img, src=x, onerror=alert(1)>" in page.text
