"""The encoder of a finished run in another one: left as it is, or trained on."""

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas
import pytest
import torch
from safetensors.torch import load_file

import medgauge
from medgauge.core.errors import InputError
from medgauge.functional.kernel_ridge import Columns
from medgauge.models import Encoder
from medgauge.runs.load import load_fit
from medgauge.study import load_study
from medgauge.study.source_run import read_source, taken_image, trained_source
from tests.fitting.small_study import COLUMNS, SMALL, make_table

ENCODER = "model.encoder."


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def source(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network trained for a few steps, with image settings of its own."""
    out = tmp_path_factory.mktemp("source") / "run"
    changes = {**SMALL, "image.size": [16, 16], "image.window": [10, 200]}
    medgauge.fit("l1", table=table, out=out, split="part", report=False, changes=changes, **COLUMNS)
    return out


def fit(source: Path, table: Path, out: Path, recipe: str = "frozen", **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"report": False, **COLUMNS, **settings}
    given["changes"] = {"represent.name": "run", "represent.source": str(source)} | given.get("changes", {})
    return medgauge.fit(recipe, table=table, out=out, **given)


def weights(run: Path) -> dict[str, torch.Tensor]:
    held = load_file(run / "model.safetensors")
    return {name: tensor for name, tensor in held.items() if name.startswith(ENCODER)}


def test_the_features_are_those_of_the_runs_encoder(source: Path, table: Path, tmp_path: Path) -> None:
    run = fit(source, table, tmp_path / "run", split="part")
    own, before = load_fit(run.folder), load_fit(read_source(str(source)).folder)
    assert (own.recipe.image.size, own.recipe.image.window) == ([16, 16], [10.0, 200.0])
    assert own.recipe.augmentation.flip == []
    for name, tensor in weights(source).items():
        assert torch.equal(weights(tmp_path / "run")[name], tensor)
    study = load_study(before.recipe)
    pixels = torch.from_numpy(np.array(study.images.array)).float() / study.images.scale
    with torch.inference_mode():
        features = cast(Encoder, before.model.encoder)(pixels)
    train = [row for row, split in enumerate(pandas.read_csv(run.folder / "splits.csv")["split"]) if split == "train"]
    wanted = Columns.fit(features[train]).standardised(features[train]).float()
    # the convolutions of other batches sum in another order, in float32; columns of small spread enlarge that
    torch.testing.assert_close(own.gallery.embedding, wanted, rtol=1e-3, atol=1e-3)


def test_a_run_needs_its_source_no_more(source: Path, table: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "source")
    run = fit(tmp_path / "source", table, tmp_path / "run", folds=3, split="part")
    first = run.predict([table.parent / "3.png"])
    shutil.rmtree(tmp_path / "source")
    pandas.testing.assert_frame_equal(first, medgauge.load(tmp_path / "run").predict([table.parent / "3.png"]))
    assert run.look("test")["age"]["n"] == 12


def test_the_encoder_is_trained_on_where_that_is_asked_for(source: Path, table: Path, tmp_path: Path) -> None:
    steps = {"training.steps": 1, "training.batch_size": 8, "training.evaluations": 1, "represent.train": True}
    rate = {
        "optimiser.name": "adam",
        "optimiser.warmup": 0,
        "optimiser.schedule": "constant",
        "optimiser.learning_rate": 0.001,
    }
    fit(source, table, tmp_path / "run", "l1", split="part", changes=steps | rate)
    before, after = weights(source), weights(tmp_path / "run")
    moved = max(
        float((after[name] - before[name]).abs().max())
        for name in before
        if name.endswith("weight") and before[name].ndim > 1
    )
    assert 0.00005 < moved < 0.00011  # Adam's first step is the rate: a tenth of 0.001


def test_cases_that_the_encoder_knows_are_told(source: Path, table: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"table": table, **COLUMNS}
    changes = {"represent.name": "run", "represent.source": str(source)}
    known = int((pandas.read_csv(source / "splits.csv")["split"] != "test").sum())
    lines = medgauge.check("frozen", folds=3, changes=changes, **given)
    assert any(
        line.startswith(f"{known} of the 72 cases that are judged, or other images of their groups, had a part")
        for line in lines
    )
    fit(source, table, tmp_path / "run", split="part")
    changes["represent.source"] = str(tmp_path / "run")  # whose encoder is that of the first
    assert trained_source(str(tmp_path / "run")).folder.path == source
    assert any(
        "had a part in the training of" in line for line in medgauge.check("frozen", folds=3, changes=changes, **given)
    )
    pandas.read_csv(table).query("part == 'test'").to_csv(table.parent / "others.csv", index=False)
    given["table"] = table.parent / "others.csv"
    assert not any("had a part" in line for line in medgauge.check("frozen", folds=3, changes=changes, **given))


def test_what_contradicts_the_source_is_refused(source: Path, table: Path, tmp_path: Path) -> None:
    folds = fit(source, table, tmp_path / "folds", folds=2)
    for place, changes, words in [
        (
            source,
            {"image.size": [32, 32]},
            r"image.size is \[32, 32\], and the run .* reads images with \[16, 16\]; leave it out",
        ),
        (
            source,
            {"model.encoder.name": "lite0"},
            "takes the encoder of .*, which is small, and model.encoder.name lite0",
        ),
        (
            source,
            {"represent.size": 128},
            "represent.size 128 is of images, and represent.name run reads them as that run does",
        ),
        (source, {"model.encoder.pretrained": "hub"}, "represent.name run has the weights of that run"),
        (
            source,
            {"augmentation.rotation": 5.0},
            "represent.name run without represent.train, which reads every image once",
        ),
        (
            "lite0",
            {"represent.name": "frozen", "represent.train": True},
            "represent.train has no effect with represent.name frozen",
        ),
        ("auto", {}, "represent.name run needs represent.source, the folder of a finished run"),
        (tmp_path / "none", {}, "represent.source names .*none, and there is no such run folder"),
        (table.parent, {}, "is not whole"),
        (folds.folder.path, {}, r"has several fits, whose encoders differ; give one of them \(.*fold-0\)"),
    ]:
        with pytest.raises(InputError, match=words):
            fit(Path(place) if place != "auto" else cast(Path, "auto"), table, tmp_path / "run", changes=changes)
    found = read_source(str(folds.folder / "fold-0"))
    assert found.encoder.name == "small"
    assert taken_image(found.recipe.image, found) == found.recipe.image


def test_other_weights_in_the_place_of_the_source_are_another_run(source: Path, table: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "source")
    fit(tmp_path / "source", table, tmp_path / "run", split="part")
    shutil.rmtree(tmp_path / "source")
    changes = {**SMALL, "image.size": [16, 16], "image.window": [10, 200], "seed": 1}
    medgauge.fit("l1", table=table, out=tmp_path / "source", split="part", report=False, changes=changes, **COLUMNS)
    with pytest.raises(InputError, match="source_sha256"):
        fit(tmp_path / "source", table, tmp_path / "run", split="part")


def test_a_run_of_features_has_no_encoder(table: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame[["path"]].assign(x=np.arange(72.0) ** 2 % 7, y=frame["age"].round(-1)).to_csv(tmp_path / "f.csv", index=False)
    changes = {"represent.name": "table", "represent.source": str(tmp_path / "f.csv")}
    medgauge.fit(table=table, out=tmp_path / "table", split="part", report=False, changes=changes, **COLUMNS)
    with pytest.raises(InputError, match="is a run that reads a table of features and has no encoder"):
        fit(tmp_path / "table", table, tmp_path / "run")
