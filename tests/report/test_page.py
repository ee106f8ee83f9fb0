import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.report import write_report
from medgauge.report.reading import read_run
from tests.report.conftest import HOSTILE, VARIANTS
from tests.report.fake_run import FakeRun, make_run

Report = Callable[[str], Path]


def one_line(pieces: list[str]) -> str:
    """The texts of neighbouring elements, one space apart, with none before a colon, comma or full stop."""
    text = " ".join(" ".join(pieces).replace("\N{NO-BREAK SPACE}", " ").split())
    return re.sub(r" (?=[:,.](\s|$))", "", text)


class Page(HTMLParser):
    """The tags of a page with their attributes, its visible text, and the text under each id."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.pieces: list[str] = []
        self.under: dict[str, list[str]] = {}
        self.open: list[tuple[str, str | None]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = one_line(self.pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1][0] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        inside = {tag for tag, _ in self.open}
        if "script" in inside:
            self.scripts.append(data)
        elif "style" not in inside and "title" not in inside:
            self.pieces.append(data)
            for _, name in self.open:
                if name:
                    self.under.setdefault(name, []).append(data)

    def at(self, name: str) -> str:
        return one_line(self.under[name])

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def figures_of(path: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return dict(json.loads(next(text for text in Page(path).scripts if text.startswith('{"'))))


@pytest.mark.parametrize("variant", VARIANTS)
def test_page_is_whole_and_small_enough(report: Report, variant: str) -> None:
    path = report(variant)
    page = Page(path)
    assert path.name == "report.html"
    assert path.stat().st_size < 7_000_000
    assert page.open == []  # every element that was opened is closed
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert sorted(p.name for p in path.parent.glob(".*")) == []
    for name in figures_of(path):
        assert name in ids


@pytest.mark.parametrize("variant", VARIANTS)
def test_page_asks_for_nothing_from_any_network(report: Report, variant: str) -> None:
    page = Page(report(variant))
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:", "#")), (tag, address)
    policy = next(meta["content"] for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy


def test_order_of_the_sections_is_that_of_a_reader(report: Report) -> None:
    text = Page(report("plain")).text
    places = [
        text.index(words)
        for words in (
            "contains patients’ images", "How well is", "mean absolute error", "Data 799 cases read",
            "predicted values and their errors", "Error and bias by label region", "Label region Cases",
            "Intervals The 90 %",
            "The representation space", "D5", "Residual variance", "Cases Open a case", "Best", "Median",
            "Worst", "Rare",
            "Training 560",
            f"Recipe medgauge {__version__}",
        )
    ]  # fmt: skip
    assert places == sorted(places)


def test_first_line_says_whether_there_are_images(report: Report) -> None:
    with_images, without = Page(report("plain")), Page(report("bare"))
    assert with_images.at("privacy").startswith("This page contains patients’ images")
    assert with_images.of("img")
    assert without.at("privacy").startswith("This page contains no patients’ images")
    assert without.of("img") == []


def test_images_can_be_left_out_of_a_run_that_has_them(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    assert Page(write_report(run)).of("img")
    page = Page(write_report(run, images=False))
    assert page.of("img") == []
    assert "no patients’ images" in page.at("privacy")


def test_question_names_label_cases_groups_predictor_and_split(report: Report) -> None:
    page = Page(report("plain"))
    view = read_run(report("plain").parent)
    mae = view.results["test"]["hc_mm"]["mae"]
    assert f"On {len(view.cases)} cases of {view.cases['group'].nunique()} groups from the test split" in page.at(
        "question"
    )
    assert f"the neighbours’ value of hc_mm is off by {mae:.2f} mm on average (95 % interval:" in page.at("question")
    assert "It has been looked at once." in page.at("split")
    assert "the head’s value" in Page(report("head")).at("question")


def test_without_a_look_at_test_the_page_says_that_val_was_used_for_selection(report: Report) -> None:
    page = Page(report("val"))
    assert "The test split has not been looked at." in page.at("split")
    assert "was used for selection" in page.at("split")
    assert "from the validation split" in page.at("question")
    splits = {str(trace["name"]) for trace in figures_of(report("val"))["target-0-embedding"]["data"]}
    assert splits == {"train", "val", "calibration"}
    assert "test" in {str(trace["name"]) for trace in figures_of(report("plain"))["target-0-embedding"]["data"]}


def test_baselines_and_skill_stand_beside_the_error(report: Report) -> None:
    page = Page(report("plain"))
    block = read_run(report("plain").parent).results["test"]["hc_mm"]
    for key, name in (("median", "training median baseline"), ("covariates_only", "covariates alone baseline (ridge)")):
        assert f"{name} {block['baselines'][key]['mae']:.2f} mm skill {block['skill'][key]:.2f}" in page.text
    assert "neighbours predictor of record" in page.text
    assert "head not of record" in page.text


def test_cases_left_out_are_counted_with_their_reason(report: Report) -> None:
    page = Page(report("plain"))
    assert (
        "799 cases read, 797 cases kept; left out: 2 cases (image cannot be read). No group is on two sides"
        in page.text
    )
    assert "bad 0 image cannot be read" in page.at("problems")
    assert "none left out" in Page(report("few")).text


def test_a_group_on_two_sides_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    lines = (run / "splits.csv").read_text().splitlines()
    train = next(line for line in lines if ",train," in line).split(",")
    place = next(place for place, line in enumerate(lines) if ",calibration," in line)
    other = lines[place].split(",")
    lines[place] = ",".join([other[0], train[1], *other[2:]])
    (run / "splits.csv").write_text("\n".join(lines) + "\n")
    assert "on more than one side of a split" in Page(write_report(run)).text


def test_regions_have_cases_groups_and_errors(report: Report) -> None:
    page = Page(report("plain"))
    block = read_run(report("plain").parent).results["test"]["hc_mm"]
    for region in ("many", "medium", "few"):
        part = block["by_region"][region]
        bias = f"{part['bias']:+.2f}".replace("-", "−")
        others = " ".join(f"{part['baselines'][name]:.2f} mm" for name in ("median", "covariates_only"))
        cells = f"{part['n']} {part['groups']} {part['mae']:.2f} mm {bias} mm {others}"
        assert re.search(rf" {region} [a-z][^|]*? {re.escape(cells)}", page.text), region
    assert f"all {block['n']} {block['groups']} {block['mae']:.2f} mm" in page.text


def test_both_intervals_say_which_they_are_and_how_they_cover_in_each_region(report: Report) -> None:
    page = Page(report("plain"))
    block = read_run(report("plain").parent).results["test"]["hc_mm"]
    words = page.at("target-0-interval")
    assert "The 90 % intervals (label-conditional) contain" in words
    assert f"{percentage(block['interval']['coverage'])} of the test cases" in words
    assert "within each label region, for cases like the calibration cases, not for another site" in words
    plain = block["plain_interval"]
    assert f"Beside them, plain split conformal intervals contain {percentage(plain['coverage'])}" in words
    assert "or each label region by itself" in words
    assert not re.search(r"[a-z]\.[A-Z]", words)  # a space after every sentence
    assert "in pieces (1.25 on average)" in words
    assert "4.0 % of its length" in words
    table = page.at("target-0-coverage-table")
    for region in ("many", "medium", "few", "all"):
        cells = []
        for kind in ("interval", "plain_interval"):
            part = block[kind] if region == "all" else block[kind]["by_region"][region]
            low, high = part["coverage_ci95"]
            share, between = percentage(part["coverage"]), f"{low * 100:.0f} to {high * 100:.0f} %"
            of_set = f"{share} {between} " if kind == "interval" else ""
            between = f"{percentage(part['drawn_covered'] / part['drawn'])} ({between})"
            cells += [f"{share} {between} {of_set}{part['width']:.1f} mm"]
        part = block["interval"] if region == "all" else block["interval"]["by_region"][region]
        calibration = 71 if region == "all" else part["calibration_groups"]
        assert f"{region} {part['n']} {part['drawn']} {calibration} {' '.join(cells)}" in table
    drawn = figures_of(report("plain"))["target-0-coverage"]["data"]
    assert [trace["name"] for trace in drawn] == ["label-conditional", "plain split conformal"]
    assert drawn[0]["y"][2] == block["interval"]["by_region"]["few"]["coverage"]


def percentage(share: float) -> str:
    return f"{share * 100:.1f} %" if 0.99 < share < 1 else f"{share * 100:.0f} %"


def test_a_card_says_that_a_set_is_in_pieces(report: Report) -> None:
    assert "mm, around 2 pieces (contains the true value)" in Page(report("plain")).text


def test_a_correction_stands_beside_the_error_with_the_figures_without_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    results = json.loads((run / "results.json").read_text())
    note = "Values are corrected by a function of the prediction (linear), from 40 calibration groups: 3 + 0.9 x prediction."
    results["test"]["hc_mm"] |= {"correction": {"note": note}, "uncorrected": {"mae": 12.3456, "bias": -3.21}}
    (run / "results.json").write_text(json.dumps(results))
    text = Page(write_report(run)).text
    assert f"{note} Without it the mean absolute error is 12.3" in text


def test_the_first_sentence_says_whether_the_run_is_shown_better(report: Report, tmp_path: Path) -> None:
    page = Page(report("plain"))
    shown = read_run(report("plain").parent).block["hc_mm"]["shown"]
    assert shown["reason"] == ""
    question = "How well is hc_mm read off images?"
    first = page.text.split(question)[1].strip()
    assert first.startswith(
        f"hc_mm is shown better than the covariates alone (skill {shown['skill']:.2f}, 95 % interval "
    )
    assert "less" not in {attributes.get("class") for _, attributes in page.tags}
    bad = "<img src=x onerror=alert(1)>"
    run = make_run(tmp_path / "run", FakeRun(count=60, targets=("hc_mm", "stage")))
    results = json.loads((run / "results.json").read_text())
    results["test"]["hc_mm"]["shown"] |= {"verdict": f"not shown better than {bad}", "reason": bad}
    del results["test"]["stage"]["shown"]
    (run / "results.json").write_text(json.dumps(results))
    page = Page(write_report(run))
    assert page.at("shown").startswith(f"hc_mm is not shown better than {bad} (skill ")
    assert page.at("shown").endswith(f"): {bad}.")
    assert "stage" not in page.at("shown")
    assert "img" not in {tag for tag, attributes in page.tags if attributes.get("src") == "x"}
    assert [attributes["class"] for tag, attributes in page.tags if tag == "p" and attributes.get("class") == "less"]
    del results["test"]["hc_mm"]["shown"]
    (run / "results.json").write_text(json.dumps(results))
    assert "shown" not in Page(write_report(run)).under


def test_infinite_intervals_are_called_infinite(report: Report) -> None:
    page = Page(report("few"))
    words = page.at("target-0-interval")
    assert words.startswith(
        "A 90 % interval needs 9 calibration groups with this label, and there are 4: it is infinite."
    )
    assert re.search(r"plain split conformal intervals contain \d+ %, with a mean width of", words)
    assert "no 95 % interval: too few groups" in page.text
    assert re.search(
        r"all 3 3 71 100 % 100 % \(\d+ to 100 %\) 100 % \d+ to 100 % infinite", page.at("target-0-coverage-table")
    )
    assert "90 % interval infinite True" in page.text


def test_neighbours_are_evidence_only_for_their_own_value(report: Report) -> None:
    own, other = Page(report("plain")).text, Page(report("head")).text
    assert "Evidence: the training cases that this value rests on" in own
    assert "not used for this value" not in own
    assert "Similar training cases, not used for this value" in other
    assert "Evidence" not in other
    assert "evidence" not in other
    assert re.search(r"The head says [\d.]+ mm, the neighbours [\d.]+ mm: [\d.]+ mm apart\.", other)
    assert re.search(r"The head says [\d.]+ mm, the neighbours [\d.]+ mm: [\d.]+ mm apart\.", own)
    assert "The head says" not in Page(report("few")).text


def test_share_is_that_of_the_cases_shown(report: Report) -> None:
    from medgauge.report.cards import SHOWN_NEIGHBOURS, choose_cards

    view = read_run(report("plain").parent)
    text = Page(report("plain")).text
    for _, row in choose_cards(view.predictions, "hc_mm"):
        case = view.cases.set_index("row").loc[row]
        weights = json.loads(str(case["weights_hc_mm"]))[:SHOWN_NEIGHBOURS]
        share = sum(weights)
        words = f"{share * 100:.1f}" if share < 0.0995 or 0.99 < share < 0.9999999 else f"{share * 100:.0f}"
        noun = "case" if len(weights) == 1 else "cases"
        assert f"The {len(weights)} {noun} shown carry {words} % of the weight." in text


def test_flag_is_in_just_these_words(tmp_path: Path) -> None:
    words = "farther from the gallery than 97.5 % of cases like the training cases"
    run = make_run(tmp_path / "run", FakeRun(count=60))
    source = (run / "predictions.csv").read_text()
    view = read_run(run)
    assert words in write_report(run).read_text(encoding="utf-8")  # how many cases
    (run / "predictions.csv").write_text(re.sub(r",[01]$", ",1", source, flags=re.M))
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count(f'<p class="far">{words}</p>') == page.count('<details class="card')
    assert len(view.cases) > 0


def test_the_rate_of_false_alarms_stands_beside_the_flagged_cases(report: Report, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    results = json.loads((run / "results.json").read_text())
    assert "False alarms" not in Page(write_report(run)).text
    results["test"]["hc_mm"]["far"] = {
        "cases": 400,
        "flagged": 5,
        "drawn": 400,
        "drawn_flagged": 5,
        "share": 0.0125,
        "ci95": [0.0041, 0.029],
    }
    (run / "results.json").write_text(json.dumps(results))
    words = (
        "False alarms: 5 of 400 test cases are flagged so (1.2 %, 95 % interval 0.4 to 2.9 %), and these are cases like"
    )
    assert words in Page(write_report(run)).at("target-0")
    not_looked = Page(report("val"))
    assert "False alarms" not in not_looked.text
    assert "how often it is a false alarm is told by a look at the test split" in not_looked.at("target-0")


def test_a_case_outside_the_radius_says_that_the_nearest_decides(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    predictors = json.loads((run / "predictors.json").read_text())
    predictors["tasks"]["number"]["tuned"]["neighbours"]["radius"] = 0.001
    (run / "predictors.json").write_text(json.dumps(predictors))
    assert "No training case lies within the radius (0.001): the nearest one decides." in Page(write_report(run)).text


def test_two_targets_have_their_own_figures_and_cards(report: Report) -> None:
    page = Page(report("two"))
    names = set(figures_of(report("two")))
    assert {"target-0-agreement", "target-1-agreement", "target-0-embedding", "target-1-embedding"} <= names
    assert "Cases: hc_px" in page.text
    assert " px" in page.at("target-1-interval")


def test_a_missing_label_is_left_out(tmp_path: Path) -> None:
    import pandas

    run = make_run(tmp_path / "run", FakeRun(count=60))
    table = pandas.read_csv(run / "predictions.csv", dtype={"id": str, "group": str})
    place = table.index[table["split"] == "test"][0]
    table.loc[place, "label_hc_mm"] = None
    table.to_csv(run / "predictions.csv", index=False)
    shown = int((table["split"] == "test").sum()) - 1
    assert f"On {shown} cases of" in Page(write_report(run)).at("question")


def test_space_says_why_there_is_no_residual_variance(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    results = json.loads((run / "results.json").read_text())
    results["test"]["space"] |= {"rv": None, "rv_neighbours": None, "rv_note": "no k connects 99 % of the cases"}
    (run / "results.json").write_text(json.dumps(results))
    assert "Residual variance (RV) –" in Page(write_report(run)).at("space")
    assert "no k connects 99 % of the cases" in Page(write_report(run)).at("space")


def test_recipe_is_on_the_page_as_it_is_in_the_run(report: Report) -> None:
    text = (report("plain").parent / "recipe.yaml").read_text()
    assert " ".join(text.split()) in Page(report("plain")).at("recipe")


def test_nothing_from_a_table_or_a_recipe_is_markup(report: Report) -> None:
    path = report("hostile")
    source = path.read_text(encoding="utf-8")
    page = Page(path)
    assert source.count("<script") - len(re.findall(r"<script", "".join(page.scripts))) == 3
    assert len(page.of("script")) == 3
    assert all(str(image["src"]).startswith("data:image/png") for image in page.of("img"))
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "<b>bold" not in source.replace("\\u003cb\\u003e", "")
    assert HOSTILE[0] in page.text  # shown as text
    assert "window.hacked = 1</script>" in page.at("recipe")
    for figure in figures_of(path).values():
        for trace in figure["data"]:
            for text in trace.get("hovertext", []):
                assert re.sub(r"</?b>|<br>", "", text).count("<") == 0
                assert text.count("<b>") <= 1


@pytest.mark.parametrize(
    "name", ["recipe.yaml", "splits.csv", "predictions.csv", "results.json", "predictors.json", "gallery.csv"]
)
def test_a_run_that_is_not_whole_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60, images=False))
    (run / name).unlink()
    with pytest.raises(InputError, match=name):
        write_report(run)
    assert not (run / "report.html").exists()


def test_a_folder_that_is_none_and_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run folder"):
        write_report(tmp_path / "nothing")
    run = make_run(tmp_path / "run", FakeRun(count=60, images=False))
    for name, text in (("results.json", "{"), ("predictions.csv", "row,label_x\n1,abc\n"), ("recipe.yaml", "a: [")):
        whole = (run / name).read_text()
        (run / name).write_text(text)
        with pytest.raises(InputError, match=name):
            write_report(run)
        (run / name).write_text(whole)
    (run / "results.json").write_text("{}")
    with pytest.raises(InputError, match="no figures for the split val"):
        write_report(run)


def test_optional_files_may_be_missing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60, images=False))
    for name in ("log.csv", "embeddings.safetensors", "problems.csv"):
        (run / name).unlink()
    assert not {"terms", "validation", "target-0-embedding"} & set(figures_of(write_report(run)))


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", FakeRun(count=60))
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_page_does_not_tell_where_the_run_lies(report: Report) -> None:
    assert str(report("plain").parent.parent) not in report("plain").read_text(encoding="utf-8")


def test_training_cases_are_shown_as_the_network_sees_them(report: Report, tmp_path: Path) -> None:
    page = report("plain").read_text(encoding="utf-8")
    part = page[page.index("Training cases as the network sees them") : page.index('<section id="target-0"')]
    assert part.count("data:image/png;base64,") == 6
    labels = [float(one) for one in re.findall(r"<figcaption>hc_mm ([\d.,]+)", part)]
    assert labels == sorted(labels)
    assert len(labels) == 6
    run = make_run(tmp_path / "run", FakeRun(count=60))
    assert "as the network sees them" not in write_report(run, images=False).read_text(encoding="utf-8")
