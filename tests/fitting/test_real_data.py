"""The shared sets: 2-D and 3-D, grey and colour, with missing labels, several targets, no patients known."""

import json
from pathlib import Path
from typing import Any

import pytest

from medgauge.cli import main

SMALL = [
    "--training.steps=4", "--training.batch_size=8", "--training.evaluations=1", "--model.embedding=4", "--model.encoder.width=0.25",
]  # fmt: skip


def run(shared: Path, folder: str, out: Path, *words: str) -> dict[str, Any]:
    table = shared / "data" / folder / "labels.csv"
    assert main(["fit", "--table", str(table), "--out", str(out), "--test", *words, *SMALL]) == 0
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    return results


def test_volumes_with_missing_labels(shared: Path, tmp_path: Path) -> None:
    columns = [
        "--array",
        "volumes.npz#images",
        "--index",
        "index",
        "--label",
        "malignancy_mean",
        "--group",
        "patient_id",
    ]
    results = run(shared, "lidc_nodules", tmp_path / "run", *columns, "--split", "split")
    assert results["cases"]["read"] == 788
    assert 100 <= results["test"]["malignancy_mean"]["n"] <= 115
    assert "norm: group" in (tmp_path / "run" / "recipe.yaml").read_text()


def test_colour_images_without_patients(shared: Path, tmp_path: Path) -> None:
    columns = ["--image", "path", "--label", "dr_grade,dme_risk", "--no-groups", "--split", "split"]
    results = run(shared, "idrid", tmp_path / "run", *columns)
    assert {"dr_grade", "dme_risk", "space"} == set(results["test"])
    assert results["test"]["dr_grade"]["n"] == 57


@pytest.mark.slow
def test_missing_codes_and_skewed_values(shared: Path, tmp_path: Path) -> None:
    columns = ["--image", "path", "--label", "crp_mg_l", "--group", "patient_id", "--label-scaling", "log2"]
    results = run(shared, "hannover_cxr", tmp_path / "run", *columns)
    assert results["test"]["crp_mg_l"]["transformed"]["unit"] == "log2(1 + label)"
    assert results["test"]["crp_mg_l"]["n"] < sum(split["cases"] for split in results["cases"]["by_split"].values())


def test_a_code_for_missing_labels(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = shared / "data" / "hannover_cxr" / "labels.csv"
    columns = [
        "--table",
        str(table),
        "--image",
        "path",
        "--label",
        "crp_high",
        "--group",
        "patient_id",
        "--missing",
        "-1",
    ]
    assert main(["check", *columns]) == 0
    assert "182 rows read" in capsys.readouterr().out


@pytest.mark.slow
def test_the_full_images_of_the_bundled_set(shared: Path, tmp_path: Path) -> None:
    columns = [
        "--image",
        "path",
        "--label",
        "hc_mm",
        "--group",
        "patient_id",
        "--covariates",
        "pixel_size_mm",
        "--split",
        "split",
    ]
    results = run(shared, "hc18", tmp_path / "run", *columns)
    assert results["cases"]["by_split"]["test"]["cases"] == 121
    assert (
        results["test"]["hc_mm"]["baselines"]["covariates_only"]["mae"]
        < results["test"]["hc_mm"]["baselines"]["median"]["mae"]
    )
