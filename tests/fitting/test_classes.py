"""Classes beside a number: over folds, to predictions, the page and new cases; and two candidates of them blended."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.fitting.blending import Member, fit_blend
from medgauge.fitting.stamp import make_recipe
from medgauge.runfolder import RunFolder
from medgauge.runs.outputs import Outputs
from medgauge.study import load_study
from tests.fitting.small_study import make_table

NAMES = ["middle", "old", "=young"]  # in alphabetical order, one of them as a spreadsheet reads a formula
ORDER = sorted(NAMES)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_table(tmp_path_factory.mktemp("small"))
    frame = pandas.read_csv(path)
    frame["life"] = np.select([frame["age"] < 45, frame["age"] > 60], ["=young", "old"], "middle")
    frame.loc[[4, 9], "life"] = ""
    frame["half"] = np.where(frame["age"] > frame["age"].median(), 2, 1)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def settings(table: Path, cache: Path, **more: Any) -> dict[str, Any]:
    return {
        "data.table": str(table),
        "data.image": "path",
        "data.label": ["life", "age", "half"],
        "data.kind": {"life": "class", "half": "class"},
        "data.group": "patient",
        "data.folds": 3,
        "data.cache": str(cache),
        "model.encoder.settings": {"least": 64},
        **more,
    }


@pytest.fixture(scope="module")
def run(table: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    changes = settings(table, cache, **{"prediction.aggregate": "mean"})
    return medgauge.fit("frozen", out=tmp_path_factory.mktemp("classes") / "run", changes=changes)


def chances(frame: pandas.DataFrame) -> np.ndarray[Any, Any]:
    return frame[[f"probability_{name}_life" for name in ORDER]].to_numpy()


def losses(folder: Path) -> tuple[pandas.DataFrame, np.ndarray[Any, Any]]:
    """The labelled cases of predictions.csv and their log losses, by hand; names without the guard of formulas."""
    frame = pandas.read_csv(folder / "predictions.csv")
    for column in ("label_life", "value_life"):
        frame[column] = frame[column].str.removeprefix("'")
    frame = frame.rename(columns={column: column.replace("'=", "=") for column in frame.columns})
    frame = frame[frame["label_life"].notna()]
    place = [ORDER.index(name) for name in frame["label_life"]]
    own = chances(frame)[np.arange(len(frame)), place]
    return frame, -np.log(np.maximum(own, 1e-3))


def test_the_figures_are_those_of_the_chances_in_the_table(run: medgauge.Run, table: Path) -> None:
    block = run.results["out_of_fold"]["life"]
    frame, loss = losses(run.folder)
    assert block["kind"] == "class"
    assert block["classes"] == ORDER
    assert block["n"] == len(frame) == int(pandas.read_csv(table)["life"].notna().sum())
    assert block["log_loss"] == pytest.approx(loss.mean(), rel=1e-4)
    assert list(frame["value_life"]) == [ORDER[at] for at in chances(frame).argmax(1)]
    wrong = frame["value_life"] != frame["label_life"]
    assert block["error_rate"] == pytest.approx(wrong.mean())
    right = [(~wrong)[frame["label_life"] == name].mean() for name in ORDER]
    assert block["balanced_accuracy"] == pytest.approx(np.mean(right))
    assert block["log_loss"] < 0.8 * block["baselines"]["shares"]["log_loss"]
    assert list(block["by_region"]) == list(block["set"]["by_class"]) == ORDER
    assert sum(map(sum, block["confusion"]["counts"])) == len(frame)
    assert run.results["out_of_fold"]["age"]["kind"] == "number"
    assert list(run.results["out_of_fold"]["half"]["by_region"]) == ["1", "2"]
    frame = pandas.read_csv(run.folder / "predictions.csv")
    assert set(frame["value_half"]) == {1, 2}
    assert [name for name in frame if name.startswith("probability_") and name.endswith("_half")] == [
        "probability_1_half",
        "probability_2_half",
    ]


def test_the_page_and_the_gallery_have_the_names(run: medgauge.Run) -> None:
    text = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "life: true and predicted classes" in text
    assert ">=young<" in text or ">&#61;young<" in text or "=young" in text
    gallery = pandas.read_csv(run.folder / "gallery.csv")
    assert set(gallery["label_life"].dropna()) == {"'=young", "middle", "old"}


def test_new_cases_are_read_alike_after_loading(run: medgauge.Run, table: Path) -> None:
    images = [table.parent / f"{row}.png" for row in (3, 40, 41)]
    first, again = medgauge.predict(run.folder.path, images), medgauge.load(run.folder.path).predict(images)
    assert set(first["life"]) <= set(NAMES)
    np.testing.assert_allclose(chances(first).sum(1), 1, atol=1e-5)
    pandas.testing.assert_frame_equal(first, again)


def test_words_that_are_no_class_are_refused_where_labels_are_needed(run: medgauge.Run, table: Path) -> None:
    frame = pandas.read_csv(table)
    frame.loc[2, "life"] = "Old"
    frame.to_csv(table.parent / "odd.csv", index=False)
    words = r"label life: it holds 'Old' in 1 case, the first on line 4 \(did you mean old\?\); the classes are"
    with pytest.raises(InputError, match=words):
        medgauge.evaluate(run.folder.path, table.parent / "odd.csv")
    found = medgauge.predict(run.folder.path, table.parent / "odd.csv")
    assert set(found["life"]) <= set(NAMES)
    note = "labels are not needed here, and 1 that is wrong is left aside: label life on line 4 is 'Old', which is no class"
    assert note in found.attrs["notes"]


def test_a_blend_mixes_the_chances_of_its_candidates(table: Path, cache: Path, tmp_path: Path) -> None:
    members = []
    for name, own in (("one", {}), ("two", {"image.size": [16, 16], "image.fit": "pad_or_crop"})):
        changes = settings(table, cache, **{"data.label": ["life"], "data.kind": {"life": "class"}}, **own)
        medgauge.fit("frozen", out=tmp_path / name, changes=changes, report=False, images=False)
        members.append(Member(name, RunFolder(tmp_path / name), load_study(make_recipe("frozen", changes=changes))))
    with Display(False) as display:
        blended = fit_blend(RunFolder(tmp_path / "blend"), members, Outputs(images=False, report=False), display)
    told = json.loads((tmp_path / "blend" / "blend.json").read_text())
    whole, parts = losses(blended.folder)[0], {name: losses(tmp_path / name)[0] for name in ("one", "two")}
    for fold, weights in enumerate(told["weights_by_fold"]["life"]):
        rows = (whole["fold"] == fold).to_numpy()
        mixed = sum(weights[name] * chances(part)[rows] for name, part in parts.items())
        np.testing.assert_allclose(chances(whole)[rows], mixed, atol=1e-5)
    assert sum(told["weights"]["life"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "changes", [{"weights.scheme": "inverse"}, {"sampler.name": "balanced"}, {"model.neck": "feature_smoothing"}]
)
def test_what_goes_by_density_is_refused(table: Path, cache: Path, changes: dict[str, Any]) -> None:
    own = settings(
        table,
        cache,
        **{"data.label": ["life"], "data.kind": {"life": "class"}, "data.folds": 0, "training.steps": 1, **changes},
    )
    with pytest.raises(InputError, match=f"{next(iter(changes))}.* life is a class; leave it out"):
        medgauge.check("class", changes={name: value for name, value in own.items() if "encoder" not in name})
