"""Features of a table in place of an encoder: whole runs, new cases, and what is wrong with the tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.core.errors import InputError
from tests.fitting.small_study import make_table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_table(tmp_path_factory.mktemp("small"))
    frame = pandas.read_csv(path)
    random = np.random.default_rng(1)
    frame["case"] = [f"c{row:02d}" for row in range(len(frame))]
    frame.to_csv(path, index=False)
    features = frame[["case"]].assign(
        volume=frame["age"] * 1e6 + random.normal(0, 1e7, len(frame)),
        noise=random.normal(0, 1e-4, len(frame)),
        constant=1.0,
    )
    features.sample(frac=1, random_state=0).to_parquet(path.parent / "few.parquet", index=False)
    wide = frame[["path"]].assign(**{f"x{place}": random.normal(size=len(frame)) for place in range(100)})
    wide.to_csv(path.parent / "wide.csv", index=False)
    return path


def fit(
    table: Path, out: Path, source: str | list[str] = "few.parquet", recipe: str | None = None, **settings: Any
) -> medgauge.Run:
    sources = [str(table.parent / name) for name in ([source] if isinstance(source, str) else source)]
    given: dict[str, Any] = {"report": False, "label": "age", "group": "patient", "id": "case", **settings}
    given["changes"] = {"represent.name": "table", "represent.source": sources} | given.get("changes", {})
    return medgauge.fit(recipe, table=str(table), out=out, **given)


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, tmp_path_factory.mktemp("table") / "run", folds=3, report=True)


def test_a_table_without_images_is_a_whole_run(run: medgauge.Run) -> None:
    block = run.results["out_of_fold"]["age"]
    assert block["predictor"] == "kernel"
    assert block["mae"] < 0.5 * block["baselines"]["median"]["mae"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Values are read off features of few.parquet, one row a case; no images of the cases are shown" in page
    assert not (run.folder / "thumbnails").exists()


def test_new_cases_are_read_off_their_own_features(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    cases, features = pandas.read_csv(table).head(4), pandas.read_parquet(table.parent / "few.parquet")
    cases.assign(case=["n0", "n1", "n2", "n3"], patient="new").drop(columns=["age", "path"]).to_csv(
        tmp_path / "new.csv", index=False
    )
    own = features.set_index("case").loc[cases["case"]].assign(case=["n0", "n1", "n2", "n3"])
    own.to_csv(tmp_path / "own.csv", index=False)
    own[["noise", "case", "volume"]].iloc[::-1].to_csv(tmp_path / "turned.csv", index=False)
    first, turned = (
        medgauge.predict(run, tmp_path / "new.csv", source=tmp_path / name) for name in ("own.csv", "turned.csv")
    )
    pandas.testing.assert_frame_equal(first, turned)
    again = medgauge.load(run.folder.path).predict(tmp_path / "new.csv", source=[tmp_path / "own.csv"])
    pandas.testing.assert_frame_equal(first, again)
    assert (first["age"] - cases["age"]).abs().mean() < 10
    own.drop(columns="volume").to_csv(tmp_path / "lacking.csv", index=False)
    for source, words in {
        "lacking.csv": r"lacks 1 column of the 2 features that the run was made with \('volume'\)",
        "": "the run reads features, those of its own cases from few.parquet; give those .* with --source FILE",
    }.items():
        with pytest.raises(InputError, match=words):
            run.predict(tmp_path / "new.csv", source=[tmp_path / source] if source else ())
    with pytest.raises(InputError, match="the run reads features of a table and no images"):
        run.predict([table.parent / "0.png"], source=tmp_path / "own.csv")
    with pytest.raises(InputError, match="the run reads 1 file of features side by side, got 2"):
        run.predict(tmp_path / "new.csv", source=[tmp_path / "own.csv", tmp_path / "turned.csv"])


def test_another_table_is_scored(run: medgauge.Run, table: Path, tmp_path: Path) -> None:
    cases = pandas.read_csv(table)
    cases.assign(patient="other_" + cases["patient"]).to_csv(tmp_path / "other.csv", index=False)
    block = medgauge.evaluate(run, tmp_path / "other.csv", source=table.parent / "few.parquet", out=tmp_path / "out")
    assert block["age"]["n"] == len(cases)
    assert block["age"]["mae"] < 10


def test_many_columns_do_not_drown_few_of_another_file(table: Path, tmp_path: Path) -> None:
    names, few, wide = (
        pandas.read_csv(table),
        pandas.read_parquet(table.parent / "few.parquet"),
        pandas.read_csv(table.parent / "wide.csv"),
    )
    few.merge(names[["case", "path"]]).merge(wide).drop(columns="path").to_csv(table.parent / "joined.csv", index=False)
    errors = [
        fit(table, tmp_path / str(place), source, folds=3, image="path").results["out_of_fold"]["age"]["mae"]
        for place, source in enumerate(("few.parquet", ["few.parquet", "wide.csv"], "joined.csv"))
    ]
    assert errors[1] < 1.2 * errors[0]
    assert errors[2] > 1.5 * errors[0]


def test_a_neck_is_trained_on_columns_of_any_unit(table: Path, tmp_path: Path) -> None:
    steps = {"training.steps": 200, "training.batch_size": 16, "training.evaluations": 2}
    made = fit(table, tmp_path / "run", recipe="l1", split="part", image="path", changes=steps, test=True, report=True)
    block = made.results["test"]["age"]
    assert set(block["by_predictor"]) == {"neighbours", "head", "kernel"}
    assert block["by_predictor"]["head"]["mae"] < 0.85 * block["baselines"]["median"]["mae"]
    assert list((made.folder / "thumbnails").glob("*.png"))
    assert "the pictures show the cases, and have no part in any value" in (made.folder / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.assign(noise=[np.nan, np.inf, *frame["noise"][2:]]), r"1 feature of f.csv .* in 2 cases \(noise in 2;"),
        (lambda frame: frame.iloc[1:], "case .* has no row in f.csv"),
        (lambda frame: frame.assign(sex="F"), "1 column of f.csv holds something else than numbers: sex"),
        (lambda frame: pandas.concat([frame, frame.head(1)]), "f.csv has more than one row of 1 case"),
        (lambda frame: frame.assign(volume=2.0, noise=1.0), "every feature of f.csv is the same in all 72 cases"),
        (lambda frame: frame.assign(age=sorted(frame["volume"])).rename(columns={"case": "id"}), "no column 'case', by which"),
    ],
)  # fmt: skip
def test_wrong_features_are_told_before_anything_is_fitted(
    table: Path, tmp_path: Path, change: Any, words: str
) -> None:
    change(pandas.read_parquet(table.parent / "few.parquet")).to_csv(tmp_path / "f.csv", index=False)
    with pytest.raises(InputError, match=words):
        fit(table, tmp_path / "run", str(tmp_path / "f.csv"), folds=3)
    assert not (tmp_path / "run").exists()


def test_the_label_among_the_features_is_refused(table: Path, tmp_path: Path) -> None:
    pandas.read_csv(table)[["case", "age"]].to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(InputError, match="the feature age of cases.csv is the label age, which gives the answer away"):
        fit(table, tmp_path / "run", str(tmp_path / "cases.csv"), folds=3)


def test_cases_without_features_are_left_out_where_that_is_asked_for(table: Path, tmp_path: Path) -> None:
    pandas.read_parquet(table.parent / "few.parquet").iloc[2:].to_parquet(tmp_path / "f.parquet", index=False)
    made = fit(table, tmp_path / "run", str(tmp_path / "f.parquet"), folds=3, skip_bad=True)
    assert len(pandas.read_csv(made.folder / "predictions.csv")) == 70
    assert made.results["cases"]["left_out"][0]["n"] == 2


def test_features_that_changed_are_no_longer_those_of_the_run(table: Path, tmp_path: Path) -> None:
    features = pandas.read_parquet(table.parent / "few.parquet")
    features.to_csv(tmp_path / "f.csv", index=False)
    made = fit(table, tmp_path / "run", str(tmp_path / "f.csv"), folds=3, split="part")
    features.assign(noise=features["noise"] + 1e-6).to_csv(tmp_path / "f.csv", index=False)
    with pytest.raises(InputError, match=r"cases.csv or .*f.csv has changed since"):
        made.look("test")


def test_settings_of_images_have_no_place_beside_a_table(table: Path, tmp_path: Path) -> None:
    for changes, words in [
        ({"represent.size": 96}, "represent.size 96 is of images, and represent.name table reads none"),
        (
            {"augmentation.rotation": 5.0},
            "augmentation.rotation has no effect with represent.name table, which reads no image",
        ),
        ({"model.encoder.name": "small"}, "represent.name table has no encoder, and model.encoder.name is small"),
        (
            {"prediction.average": "flips", "augmentation.flip": ["rows"]},
            "reads images several times, and represent.name table no image",
        ),
    ]:
        with pytest.raises(InputError, match=words):
            fit(table, tmp_path / "run", changes=changes)
    with pytest.raises(InputError, match="only represent.name table reads several; name one"):
        fit(table, tmp_path / "run", ["a", "b"], changes={"represent.name": "frozen"})
    with pytest.raises(InputError, match=r"still needed: the id column \(--id case\), by which features are joined"):
        fit(table, tmp_path / "run", id=None)
    with pytest.raises(InputError, match="a plan, or a budget, is for ways of reading images"):
        fit(table, tmp_path / "run", budget="quick")
