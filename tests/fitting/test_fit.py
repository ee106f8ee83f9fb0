import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
from safetensors.torch import load_file

import medgauge
from medgauge.core.errors import InputError
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.readers import read_image
from medgauge.metrics import mae


def test_the_run_folder_holds_what_the_contract_says(finished: "medgauge.Run") -> None:
    names = {path.name for path in finished.folder.path.iterdir()}
    assert names >= {
        "recipe.yaml", "splits.csv", "checkpoints", "model.safetensors", "model.json", "gallery.safetensors", "gallery.csv",
        "embeddings.safetensors", "predictors.json", "predictors.safetensors", "thumbnails", "predictions.csv", "results.json",
        "log.csv", "report.html",
    }  # fmt: skip


def test_results_follow_from_predictions(finished: "medgauge.Run") -> None:
    frame = pandas.read_csv(finished.folder / "predictions.csv", dtype={"id": str, "group": str})
    for split in ("val", "test"):
        rows = frame[frame["split"] == split]
        block = finished.results[split]["hc_mm"]
        assert block["n"] == len(rows) > 50
        assert block["mae"] == pytest.approx((rows["value_hc_mm"] - rows["label_hc_mm"]).abs().mean(), rel=1e-6)
        assert block["bias"] == pytest.approx((rows["value_hc_mm"] - rows["label_hc_mm"]).mean(), rel=1e-5)
        inside = (rows["label_hc_mm"] >= rows["lower_hc_mm"]) & (rows["label_hc_mm"] <= rows["upper_hc_mm"])
        assert block["interval"]["coverage"] == pytest.approx(inside.mean())
        for region in ("many", "medium", "few"):
            part = rows[rows["region_hc_mm"] == region]
            assert block["by_region"][region]["n"] == len(part)
            assert block["by_region"][region]["mae"] == pytest.approx(
                (part["value_hc_mm"] - part["label_hc_mm"]).abs().mean(), rel=1e-6
            )


def test_neighbours_values_follow_from_the_gallery_and_never_from_the_own_group(finished: "medgauge.Run") -> None:
    frame = pandas.read_csv(finished.folder / "predictions.csv", dtype={"id": str, "group": str})
    splits = pandas.read_csv(finished.folder / "splits.csv", dtype=str)
    labels = pandas.read_csv(finished.folder / "gallery.csv").set_index("row")["label_hc_mm"]
    whole = frame[frame["shown_share_hc_mm"] > 0.999999]
    assert len(whole) > 0
    for _, case in whole.iterrows():
        rows, weights = json.loads(case["neighbours"]), json.loads(case["weights_hc_mm"])
        value = sum(weight * labels[row] for row, weight in zip(rows, weights, strict=True))
        assert value == pytest.approx(case["neighbours_hc_mm"], rel=1e-4)
    for _, case in frame.iterrows():
        assert case["group"] not in set(splits["group"][json.loads(case["neighbours"])])


def test_no_group_is_on_two_sides(finished: "medgauge.Run") -> None:
    splits = pandas.read_csv(finished.folder / "splits.csv", dtype=str)
    assert splits.groupby("group")["split"].nunique().max() == 1
    assert set(splits["split"]) == {"train", "val", "calibration", "test"}


def test_the_same_command_again_loads_the_finished_run(finished: "medgauge.Run", quick: dict[str, Any]) -> None:
    stamp = (finished.folder / "model.safetensors").stat().st_mtime_ns
    again = medgauge.fit("hc18_rm_l1", out=finished.folder.path, changes=quick, test=True)
    assert (finished.folder / "model.safetensors").stat().st_mtime_ns == stamp
    assert again.results == json.loads((finished.folder / "results.json").read_text())


def test_another_recipe_in_the_same_folder_is_refused_with_all_differences(
    finished: "medgauge.Run", quick: dict[str, Any]
) -> None:
    with pytest.raises(
        InputError, match=r"seed is 0 there and 7 here.*optimiser.*|optimiser.*seed is 0 there and 7 here"
    ):
        medgauge.fit(
            "hc18_rm_l1", out=finished.folder.path, changes={**quick, "seed": 7, "optimiser.learning_rate": 0.5}
        )


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, quick: dict[str, Any]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="no run folder"):
        medgauge.fit("hc18_l1", out=tmp_path, changes=quick)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_test_is_read_only_when_asked_and_looks_are_counted(tmp_path: Path, quick: dict[str, Any]) -> None:
    run = medgauge.fit("hc18_l1", out=tmp_path / "run", changes=quick)
    assert "test" not in run.results
    assert run.results["looks"] == {"test": 0}
    assert "test" not in set(pandas.read_csv(run.folder / "predictions.csv")["split"])
    run.look("test")
    run.look("test")
    again = medgauge.load(tmp_path / "run")
    assert again.results["looks"] == {"test": 2}
    assert again.results["test"]["hc_mm"]["n"] > 50


def test_a_batch_larger_than_the_training_split_is_refused_before_training(
    tmp_path: Path, quick: dict[str, Any]
) -> None:
    with pytest.raises(
        InputError, match="larger than the 5[0-9][0-9] training cases|larger than the 4[0-9][0-9] training cases"
    ):
        medgauge.fit("hc18_l1", out=tmp_path / "run", changes={**quick, "training.batch_size": 5000})


def test_predict_equals_the_file_of_predictions(finished: "medgauge.Run", hc18_table: Path) -> None:
    table = hc18_table.with_name("as_bundled.csv")
    pandas.read_csv(hc18_table, dtype=str).rename(columns={"path": "image"}).to_csv(table, index=False)
    frame = finished.predict(table)
    there = pandas.read_csv(finished.folder / "predictions.csv", dtype={"id": str, "group": str}).set_index("id")
    for place in range(0, 160, 7):
        case = there.loc[f"hc18-{place + 1:04d}"]
        assert frame["head_hc_mm"][place] == pytest.approx(case["head_hc_mm"], rel=1e-5)
        assert frame["nearest_distance"][place] == pytest.approx(case["nearest_distance"], abs=1e-5)


def test_label_times_learns_the_quotient(tmp_path: Path, quick: dict[str, Any]) -> None:
    changes = {**quick, "data.label_times": "pixel_size_mm", "data.covariates": []}
    run = medgauge.fit("hc18_rm_l1", out=tmp_path / "run", changes=changes)
    gallery = load_file(run.folder / "gallery.safetensors")
    assert gallery["divisor"].min() > 0.1
    frame = pandas.read_csv(run.folder / "predictions.csv")
    val = frame[frame["split"] == "val"]
    value, label = (torch.tensor(val[name].to_numpy())[:, None] for name in ("value_hc_mm", "label_hc_mm"))
    assert run.results["val"]["hc_mm"]["mae"] == pytest.approx(float(mae(value, label)), rel=1e-6)
    whole = frame[frame["shown_share_hc_mm"] > 0.999999]
    assert len(whole) > 0
    for _, case in whole.iterrows():
        parts = zip(json.loads(case["weights_hc_mm"]), json.loads(case["neighbour_values_hc_mm"]), strict=True)
        assert sum(weight * said for weight, said in parts) == pytest.approx(case["neighbours_hc_mm"], rel=1e-4)
    assert "at this case" in (run.folder / "report.html").read_text(encoding="utf-8")


def _command(out: Path, cache: Path, *more: str) -> list[str]:
    sizes = [
        "--training.steps=60",
        "--training.batch_size=16",
        "--training.evaluations=6",
        "--training.checkpoint_seconds=0",
    ]
    small = ["--model.encoder.width=0.25", "--model.embedding=8", f"--data.cache={cache}"]
    return [
        sys.executable,
        "-m",
        "medgauge",
        "fit",
        "hc18_rm_l1",
        "--out",
        str(out),
        "--no-images",
        *sizes,
        *small,
        *more,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_goes_on_and_ends_like_an_unbroken_one(tmp_path: Path, cache: Path, number: int) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MEDGAUGE_CACHE": str(cache)}
    subprocess.run(_command(tmp_path / "whole", cache), check=True, env=environment, capture_output=True)
    broken = subprocess.Popen(
        _command(tmp_path / "broken", cache), env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    last = tmp_path / "broken" / "checkpoints" / "last.ckpt"
    for _ in range(6000):
        if last.exists() and broken.poll() is None and torch.load(last, weights_only=True)["progress"]["step"] >= 12:
            break
        time.sleep(0.01)
    assert broken.poll() is None
    broken.send_signal(number)
    stderr = broken.communicate()[1]
    assert broken.returncode != 0
    assert not (tmp_path / "broken" / "results.json").exists()
    if number != signal.SIGKILL:
        assert broken.returncode == 1
        assert b"the same command goes on" in stderr
    assert torch.load(last, weights_only=True)["progress"]["step"] < 60
    subprocess.run(_command(tmp_path / "broken", cache), check=True, env=environment, capture_output=True)
    assert (tmp_path / "broken" / "log.csv").read_bytes() == (tmp_path / "whole" / "log.csv").read_bytes()
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (tmp_path / "broken" / "predictions.csv").read_bytes() == (
        tmp_path / "whole" / "predictions.csv"
    ).read_bytes()


def test_tensorboard_is_written_when_asked(tmp_path: Path, quick: dict[str, Any]) -> None:
    medgauge.fit("hc18_l1", out=tmp_path / "run", changes={**quick, "training.loggers": ["tensorboard"]})
    assert list((tmp_path / "run").rglob("events.out.tfevents.*"))


def test_a_second_epoch_and_a_second_run_decode_no_more_than_the_sample_that_decides(
    tmp_path: Path, hc18_table: Path, quick: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(source: ImageSource, **named: object) -> RawImage:
        raise AssertionError(f"{source.text} is decoded again")

    def look(source: ImageSource, *, nan: float | None) -> RawImage:
        looked.append(source.text)
        return read_image(source, nan=nan)

    looked: list[str] = []
    monkeypatch.setattr("medgauge.study.decide.SAMPLE", 5)
    columns = {"table": str(hc18_table), "image": "path", "label": "hc_mm", "group": "patient_id"}
    changes = {**quick, "data.cache": str(tmp_path / "cache")}
    medgauge.fit(out=tmp_path / "one", changes=changes, **columns)
    monkeypatch.setattr("medgauge.data.images.decode.read_image", never)
    monkeypatch.setattr("medgauge.data.images.facts.read_image", look)
    medgauge.fit(out=tmp_path / "two", changes={**changes, "seed": 1}, **columns)
    assert (tmp_path / "two" / "results.json").exists()
    assert len(looked) == 5
