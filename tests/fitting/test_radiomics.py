"""Classical features as the table that a fit reads: numbers by ridge, findings and classes by machines, blocks side by side."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.core.errors import InputError
from tests.data.radiomics.small import need_library, volume

need_library()
SHAPE = (9, 10, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Balls of the radius that the label is, bright where the finding is; features of them, and a wide file beside them."""
    place, random = tmp_path_factory.mktemp("balls"), np.random.default_rng(0)
    radius, bright = random.uniform(1.5, 3.8, 40), random.random(40) < 0.4
    far = np.sqrt(sum((axis - side / 2) ** 2 for axis, side in zip(np.indices(SHAPE), SHAPE, strict=True)))
    masks = np.stack([far < one for one in radius]).astype(np.uint8)
    images = np.stack([volume(row, SHAPE) // 3 + 60 * one for row, one in enumerate(bright)])
    np.savez(place / "v.npz", images=images, masks=masks)
    frame = pandas.DataFrame({"case": [f"c{row}" for row in range(40)], "row": range(40)}).assign(
        size=radius.round(3),
        bright=bright.astype(float),
        view=np.where(bright, "lit", "dark"),
        patient=[f"p{row // 2}" for row in range(40)],
    )
    frame.loc[::9, "bright"] = np.nan
    frame.to_csv(place / "cases.csv", index=False)
    np.savez(place / "wide.npz", case=frame["case"].to_numpy(str), x=random.normal(size=(40, 300)))
    for width, name in ((25.0, "f"), (10.0, "fine")):
        medgauge.radiomics(
            place / "cases.csv", array="v.npz#images", index="row", mask="v.npz#masks", id="case", out=place / f"{name}.parquet",
            bin_width=width, cache=str(place / "cache"),
        )  # fmt: skip
    return place


def fit(folder: Path, out: Path, sources: list[str], predictor: str, **data: Any) -> medgauge.Run:
    changes = {
        "represent.name": "table",
        "represent.source": [str(folder / one) for one in sources],
        "prediction.predictor": predictor,
        "training.accelerator": "cpu",
    }
    return medgauge.fit(
        "table", table=str(folder / "cases.csv"), id="case", group="patient", folds=2, out=out, changes=changes, **data
    )


def test_numbers_and_findings_by_ridge_over_two_blocks_of_unlike_width(folder: Path, tmp_path: Path) -> None:
    run = fit(
        folder,
        tmp_path / "run",
        ["f.parquet", "wide.npz"],
        "ridge",
        label=["size", "bright"],
        kind={"bright": "finding"},
    )
    size, bright = (run.results["out_of_fold"][name] for name in ("size", "bright"))
    assert (size["predictor"], bright["predictor"]) == ("ridge", "ridge")
    assert size["mae"] < 0.5 * size["baselines"]["median"]["mae"]
    assert bright["roc_auc"] > 0.9
    assert bright["n"] == 35
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "The value of record is a sum of weights times training labels" in page
    frame = pandas.read_csv(run.folder / "predictions.csv")
    assert {"ridge_size", "weights_size", "lower_size", "ridge_bright"} <= set(frame)


def test_findings_and_classes_by_balanced_machines_and_new_cases(folder: Path, tmp_path: Path) -> None:
    run = fit(
        folder,
        tmp_path / "run",
        ["f.parquet"],
        "svm",
        label=["bright", "view"],
        kind={"bright": "finding", "view": "class"},
    )
    bright, view = (run.results["out_of_fold"][name] for name in ("bright", "view"))
    assert (bright["predictor"], view["predictor"]) == ("svm", "svm")
    assert bright["roc_auc"] > 0.9
    assert view["error_rate"] < 0.2
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "The value of record is the support vector machine’s" in page
    new = pandas.read_csv(folder / "cases.csv")[["case", "patient"]][:3].assign(patient="new")
    new.to_csv(tmp_path / "new.csv", index=False)
    values = run.predict(tmp_path / "new.csv", source=folder / "f.parquet")
    assert len(values) == 3
    with pytest.raises(InputError, match="lacks 93 columns of the 107 features"):
        run.predict(tmp_path / "new.csv", source=folder / "fine.parquet")


def test_a_predictor_that_does_not_read_a_kind_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="predictor svm does not read size, a number; .* read it as a grade, a class or a"
    ):
        fit(folder, tmp_path / "run", ["f.parquet"], "svm", label="size")


def test_malignancy_of_lung_nodules_is_read_off_their_features(tmp_path: Path, shared: Path) -> None:
    nodules = shared / "data" / "lidc_nodules"
    frame = pandas.read_csv(nodules / "labels.csv")[::6].assign(case=lambda one: one["index"].map("n{}".format))
    frame.to_csv(tmp_path / "cases.csv", index=False)
    medgauge.radiomics(
        tmp_path / "cases.csv", array=f"{nodules}/volumes.npz#images", index="index", mask=f"{nodules}/volumes.npz#masks", id="case",
        out=tmp_path / "f.parquet", cache=str(tmp_path / "cache"),
    )  # fmt: skip
    changes = {
        "represent.name": "table",
        "represent.source": str(tmp_path / "f.parquet"),
        "prediction.predictor": "svm",
    }
    run = medgauge.fit(
        "table", table=str(tmp_path / "cases.csv"), id="case", group="patient_id", folds=3, out=tmp_path / "run", changes=changes,
        label="rated_malignant", kind={"rated_malignant": "finding"},
    )  # fmt: skip
    assert run.results["out_of_fold"]["rated_malignant"]["roc_auc"] > 0.8
