"""Features written to a file: of a network, of a run, and again as before; and read by a fit as a table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow.parquet
import pytest
import torch

import medgauge
from medgauge.core.errors import InputError
from medgauge.data.features.about import about_notes, read_about
from medgauge.fitting.embedding import embed
from medgauge.runs.load import load_fit
from tests.fitting.small_study import COLUMNS, make_table

LITE = {"model.encoder.settings": {"least": 64}}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_table(tmp_path_factory.mktemp("small"))
    frame = pandas.read_csv(path)
    frame.assign(case=[f"c{row:02d}" for row in range(len(frame))]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def lite(table: Path, cache: str) -> Path:
    """Features of lite0."""
    out = table.parent / "lite.parquet"
    embed("lite0", table=table, image="path", id="case", out=out, cache=cache, changes=LITE)
    return out


@pytest.fixture(scope="module")
def trained(table: Path, cache: str, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    """A neck trained on frozen features."""
    changes = {**LITE, "represent.name": "frozen", "data.cache": cache, "training.steps": 4, "training.batch_size": 8}
    more: dict[str, Any] = {"split": "part", "id": "case", "report": False}
    return medgauge.fit(
        "l1", table=table, out=tmp_path_factory.mktemp("trained") / "run", changes=changes, **COLUMNS, **more
    )


def fit(source: Path, table: Path, out: Path, **more: Any) -> medgauge.Run:
    columns: dict[str, Any] = {"id": "case", "label": "age", "group": "patient", "folds": 3, "report": False, **more}
    return medgauge.fit(
        table=table, out=out, changes={"represent.name": "table", "represent.source": str(source)}, **columns
    )


def test_a_fit_on_the_written_features_gives_the_values_of_a_frozen_fit(
    table: Path, lite: Path, cache: str, tmp_path: Path
) -> None:
    direct = medgauge.fit(
        "frozen",
        table=table,
        out=tmp_path / "a",
        id="case",
        folds=3,
        report=False,
        changes={**LITE, "data.cache": cache},
        **COLUMNS,
    )
    around = fit(lite, table, tmp_path / "b")
    values = [pandas.read_csv(one.folder / "predictions.csv")["value_age"] for one in (direct, around)]
    np.testing.assert_allclose(*values, rtol=1e-6)


def test_the_file_says_what_made_it(lite: Path) -> None:
    about, frame = read_about(lite), pandas.read_parquet(lite)
    assert list(frame)[0] == "case"
    assert list(frame["case"])[:2] == ["c00", "c01"]
    assert frame.shape == (72, 1025)
    assert (about["made_by"], about["size"], about["medgauge"]) == ("lite0", [20, 24], medgauge.__version__)
    assert len(about["weights_sha256"]) == 64
    assert list(frame)[1].startswith("lite0_")
    assert about_notes(lite) == []


def test_new_cases_are_read_as_those_of_an_earlier_file(table: Path, lite: Path, tmp_path: Path) -> None:
    run = fit(lite, table, tmp_path / "run")
    frame = pandas.read_csv(table).iloc[[3, 50]].assign(case=["n0", "n1"], patient=["a", "b"])
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    frame.to_csv(tmp_path / "new.csv", index=False)
    medgauge.embed(lite, table=tmp_path / "new.csv", image="path", id="case", out=tmp_path / "new.parquet")
    whole = pandas.read_parquet(lite).iloc[[3, 50], 1:]
    np.testing.assert_allclose(pandas.read_parquet(tmp_path / "new.parquet").iloc[:, 1:], whole, rtol=1e-4, atol=1e-5)
    assert len(run.predict(tmp_path / "new.csv", source=tmp_path / "new.parquet")) == 2
    own = frame.assign(patient=["x", "y"], case=["c03", "c50"])
    own.to_csv(tmp_path / "own.csv", index=False)
    [note] = [one for one in run.predict(tmp_path / "own.csv", source=lite).attrs["notes"] if "own" in one]
    assert note.startswith(
        "2 of 2 cases are the run's own (2 of its folds): the model was made with them, so their values say nothing of new cases"
    )
    with pytest.raises(InputError, match="2 rows of features of the table are the run's own"):
        run.evaluate(tmp_path / "own.csv", source=lite)
    changes = {"model.encoder.settings": {"least": 80}}
    medgauge.embed(
        "lite0", table=tmp_path / "new.csv", image="path", id="case", out=tmp_path / "new.parquet", changes=changes
    )
    with pytest.raises(
        InputError, match=r"lacks 1024 columns of the 1024 features .* \(medgauge embed with that file, or that run"
    ):
        run.predict(tmp_path / "new.csv", source=tmp_path / "new.parquet")
    with pytest.raises(InputError, match=r"lite.parquet says how cases are read, and image.size would say it again"):
        medgauge.embed(lite, table=table, image="path", out=tmp_path / "x.parquet", changes={"image.size": [32, 32]})


def test_other_weights_than_those_of_the_file_are_refused(table: Path, lite: Path, tmp_path: Path) -> None:
    held = pyarrow.parquet.read_table(lite)
    about = {**read_about(lite), "weights_sha256": "0" * 64}
    pyarrow.parquet.write_table(
        held.replace_schema_metadata({b"medgauge": json.dumps(about).encode()}), tmp_path / "old.parquet"
    )
    with pytest.raises(InputError, match="was made with other weights of lite0 than those here now"):
        medgauge.embed(tmp_path / "old.parquet", table=table, image="path", id="case", out=tmp_path / "x.parquet")
    pyarrow.parquet.write_table(held.replace_schema_metadata(None), tmp_path / "none.parquet")
    with pytest.raises(InputError, match="none.parquet does not say which network made its features"):
        medgauge.embed(tmp_path / "none.parquet", table=table, image="path", id="case", out=tmp_path / "x.parquet")


def test_the_embedding_of_a_run_is_that_of_its_gallery_and_says_whom_it_knows(
    trained: medgauge.Run, table: Path, tmp_path: Path
) -> None:
    names = medgauge.embed(trained.folder.path, table=table, out=tmp_path / "run.parquet")
    frame, gallery = pandas.read_parquet(tmp_path / "run.parquet").set_index("case"), load_fit(trained.folder).gallery
    assert list(frame) == names
    # the convolutions of other batches sum in another order, in float32
    torch.testing.assert_close(torch.tensor(frame.loc[gallery.id].to_numpy()), gallery.embedding, rtol=1e-3, atol=1e-4)
    splits = pandas.read_csv(trained.folder / "splits.csv")
    known = int((splits["split"] != "test").sum())
    assert read_about(tmp_path / "run.parquet")["trained_with"] == known
    made = fit(tmp_path / "run.parquet", table, tmp_path / "again", folds=0, split="part")
    study_notes = medgauge.check(
        table=table, id="case", label="age", group="patient", split="part",
        changes={"represent.name": "table", "represent.source": str(tmp_path / "run.parquet")},
    )  # fmt: skip
    assert any(
        line.startswith(f"features of {known} cases of run.parquet are of a network that was trained with")
        for line in study_notes
    )
    assert "val" in made.results
    with pytest.raises(InputError, match="says how cases are read, and represent.size would say it again"):
        medgauge.embed(trained.folder.path, table=table, out=tmp_path / "x.parquet", changes={"represent.size": 96})


def test_a_run_of_folds_has_no_one_embedding(lite: Path, table: Path, tmp_path: Path) -> None:
    run = fit(lite, table, tmp_path / "run")
    with pytest.raises(InputError, match=r"has several fits, whose embeddings differ; give one of them \(.*fold-0\)"):
        medgauge.embed(run.folder.path, table=table, source=lite, out=tmp_path / "x.parquet")
    medgauge.embed(run.folder / "fold-0", table=table, source=lite, out=tmp_path / "x.parquet")
    assert pandas.read_parquet(tmp_path / "x.parquet").shape == (72, 1025)
    with pytest.raises(InputError, match="the run reads features, those of its own cases from lite.parquet"):
        medgauge.embed(run.folder / "fold-0", table=table, out=tmp_path / "x.parquet")


def test_what_is_lacking_or_in_the_way_is_told_before_anything_is_read(table: Path, lite: Path, tmp_path: Path) -> None:
    (tmp_path / "other.parquet").write_bytes(b"mine")
    given: dict[str, Any] = {"table": table, "image": "path", "out": tmp_path / "x.parquet"}
    for what, change, words in [
        ("lite0", {"table": None}, "still needed: a table"),
        ("lite0", {"image": None}, "still needed: the image column"),
        ("lite0", {"out": tmp_path / "x.csv"}, "x.csv must end in .parquet"),
        (
            "lite0",
            {"out": tmp_path / "other.parquet"},
            "is there and neither `medgauge embed` nor `medgauge radiomics` wrote it",
        ),
        (lite, {"out": lite}, "which is read and would be written over"),
        ("lite0", {"source": lite}, "a source of features goes with a run that reads them, and lite0 is none"),
        (
            "small",
            {},
            "represent.name frozen needs pretrained weights, and represent.source small has none; give lite0",
        ),
        (tmp_path / "no.parquet", {}, "there is no file"),
    ]:
        with pytest.raises(InputError, match=words):
            medgauge.embed(what, **{**given, **change})
    assert not (tmp_path / "x.parquet").exists()
