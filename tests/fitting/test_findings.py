"""Numbers and findings in one model: over folds, with missing labels, to predictions and the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

import medgauge
from medgauge.core.errors import InputError
from tests.fitting.small_study import make_table

LABELS = ["age", "old", "ill"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_table(tmp_path_factory.mktemp("small"))
    frame = pandas.read_csv(path)
    frame["old"] = (frame["age"] > 55).astype(int)
    ill = (frame["age"] + np.random.default_rng(1).normal(0, 15, len(frame)) > 60).astype(int)
    frame["ill"] = np.where(np.arange(len(frame)) % 5 == 0, -1, ill)
    frame.loc[4, ["age", "old", "ill"]] = [np.nan, -1, -1]
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def fit(table: Path, cache: Path, out: Path, **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"image": "path", "label": LABELS, "group": "patient", "missing": -1, "folds": 3}
    changes = {"data.cache": str(cache), "model.encoder.settings": {"least": 64}} | settings.pop("changes", {})
    return medgauge.fit("frozen", table=str(table), out=out, changes=changes, **given | settings)


@pytest.fixture(scope="module")
def run(table: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, cache, tmp_path_factory.mktemp("findings") / "run", changes={"prediction.aggregate": "mean"})


def ordered_by_fold(label: np.ndarray, value: np.ndarray, fold: np.ndarray) -> tuple[float, float]:
    """ROC-AUC of the pairs within folds, and average precision of each fold by its present cases."""
    parts = [(label[fold == own], value[fold == own]) for own in np.unique(fold)]
    parts = [(truth, said) for truth, said in parts if 0 < truth.sum() < len(truth)]
    pairs = [truth.sum() * (1 - truth).sum() for truth, _ in parts]
    auc = np.average([roc_auc_score(*part) for part in parts], weights=pairs)
    precision = np.average(
        [average_precision_score(*part) for part in parts], weights=[truth.sum() for truth, _ in parts]
    )
    return float(auc), float(precision)


def test_findings_have_their_figures_beside_a_number(run: medgauge.Run, table: Path) -> None:
    block = run.results["out_of_fold"]
    assert [block[name]["kind"] for name in LABELS] == ["number", "finding", "finding"]
    frame = pandas.read_csv(run.folder / "predictions.csv")
    labels = pandas.read_csv(table).set_index("path")
    for name in ("old", "ill"):
        known = frame[f"label_{name}"].notna()
        assert block[name]["n"] == int(known.sum()) == int((labels[name] >= 0).sum())
        value, label = frame.loc[known, f"value_{name}"], frame.loc[known, f"label_{name}"]
        assert value.between(0, 1).all()
        loss = -np.log(np.clip(np.where(label == 1, value, 1 - value), 1e-3, None)).mean()
        assert block[name]["log_loss"] == pytest.approx(loss, rel=1e-6)
        raw = frame.loc[known, f"uncalibrated_{name}"]
        fold = frame.loc[known, "finding:fold"]
        auc, precision = ordered_by_fold(label.to_numpy(), raw.to_numpy(), fold.to_numpy())
        assert block[name]["roc_auc"] == pytest.approx(auc)
        assert block[name]["average_precision"] == pytest.approx(precision)
        assert block[name]["ordered_within"] == "folds"
        low, high = block[name]["ci95"]["roc_auc"]
        assert low <= auc <= high
        assert set(block[name]["by_region"]) == {"absent", "present"}
        assert block[name]["by_group_mean"]["n"] <= 36
    assert block["old"]["log_loss"] < 0.7 * block["old"]["baselines"]["base_rate"]["log_loss"]
    assert block["findings"]["columns"] == ["old", "ill"]
    mean = (block["old"]["roc_auc"] + block["ill"]["roc_auc"]) / 2
    assert block["findings"]["figures"]["roc_auc"]["macro"]["value"] == pytest.approx(mean)


def test_the_page_has_a_table_of_all_findings_and_a_section_of_each(run: medgauge.Run) -> None:
    text = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "<h2>All findings</h2>" in text
    assert text.count("present or absent</h2>") == 2
    assert "With the finding: the 3 nearest cases, " in text
    assert "Means over findings with 10 cases or more that have them, of more than one group: old, ill." in text
    assert "ROC-AUC and average precision order the cases of one fold alone" in text
    assert text.count("and is not the area under it") == 2
    assert "<h1>How well are <em>age</em>, <em>old</em>, <em>ill</em> read off images?</h1>" in text
    assert text.count("by a threshold of each fold, so that it may lie beside the curve") == 2


def test_new_cases_are_read_alike_after_loading(run: medgauge.Run, table: Path) -> None:
    images = [table.parent / f"{row}.png" for row in (3, 40, 41)]
    first = medgauge.predict(run.folder.path, images)
    again = medgauge.load(run.folder.path).predict(images)
    for name in LABELS:
        np.testing.assert_array_equal(first[name], again[name])
    assert first["old"].between(0, 1).all()
    assert set(first["positive_ill"]) <= {0, 1}


def test_a_label_that_is_no_finding_is_noted_where_none_is_needed(run: medgauge.Run, table: Path) -> None:
    frame = pandas.read_csv(table)
    frame.loc[2, "ill"] = 2
    frame.to_csv(table.parent / "odd.csv", index=False)
    notes = medgauge.predict(run.folder.path, table.parent / "odd.csv").attrs["notes"]
    assert any("1 that is wrong is left aside: label ill is 2, and a finding is 1" in note for note in notes)


def test_labels_that_are_none_are_refused(table: Path, cache: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame.loc[2, "old"] = 2
    frame.to_csv(table.parent / "odd.csv", index=False)
    with pytest.raises(InputError, match=r"label old is 2, and a finding is 1 \(present\), 0 \(absent\) or empty"):
        fit(table.parent / "odd.csv", cache, tmp_path / "run", kind={"old": "finding", "ill": "finding"})


def test_check_says_of_which_fold_a_note_is(table: Path, cache: Path, tmp_path: Path) -> None:
    """Of a finding that one group alone has, the fold that leaves this group out is without it, and the others are not."""
    path, frame = tmp_path / "cases.csv", pandas.read_csv(table)
    frame["path"] = [str(table.parent / one) for one in frame["path"]]
    for group in sorted(set(frame["patient"])):
        frame["ill"] = (frame["patient"] == group).astype(int)
        frame.to_csv(path, index=False)
        told = medgauge.check(
            "frozen",
            table=str(path),
            image="path",
            label=["old", "ill"],
            group="patient",
            folds=3,
            missing=-1,
            changes={"data.cache": str(cache), "model.encoder.settings": {"least": 64}},
        )
        of_fold = [line for line in told if "in all training cases" in line]
        if of_fold:
            break
    assert of_fold == ["ill is absent in all training cases, so nothing is learned of it (in the first of 3 folds)"]
