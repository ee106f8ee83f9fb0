"""Fixtures for all tests."""

import os
from pathlib import Path
from typing import Any

import pytest

import medgauge

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """One thread a test process: the processes share the cores."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data beside the project; a newcomer's clone has none, CI must."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("the shared data must be there when CI=true")
        pytest.skip("the shared data is not beside this clone")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Decoded images of tests go to a folder of their own."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("MEDGAUGE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def timm_ready() -> None:
    """timm's encoders, with torchvision's two missing operator schemas defined where a CPU build of torch lacks them."""
    from tests.timm_guard import ensure_timm

    ensure_timm()


SMALL: dict[str, Any] = {
    "training.steps": 12,
    "training.batch_size": 16,
    "training.evaluations": 2,
    "model.encoder.width": 0.25,
    "model.embedding": 8,
    "data.cache": "",
}


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Changes that make a run take about a second."""
    return {**SMALL, "data.cache": str(tmp_path_factory.getbasetemp() / "cache")}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, Any]) -> "medgauge.Run":
    """A finished run, test split read once."""
    out = tmp_path_factory.mktemp("finished") / "run"
    return medgauge.fit("hc18_rm_l1", out=out, changes=quick, test=True)


@pytest.fixture(scope="session")
def hc18_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled images as a folder of PNG files and a table, as a user would have them."""
    import numpy as np
    import pandas
    from PIL import Image

    from medgauge.data.bundled import bundled_path

    folder = tmp_path_factory.mktemp("hc18")
    arrays = np.load(bundled_path("bundled:hc18"))
    (folder / "images").mkdir()
    count = 160
    for row in range(count):
        Image.fromarray(arrays["images"][row]).save(folder / "images" / f"{row:03d}.png")
    frame = pandas.DataFrame(
        {
            "path": [f"images/{row:03d}.png" for row in range(count)],
            "hc_mm": arrays["hc_mm"][:count],
            "pixel_size_mm": arrays["pixel_size_mm"][:count],
            "patient_id": [f"{int(name):03d}" for name in arrays["patient_id"][:count]],
        }
    )
    frame.to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"
