"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest

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
