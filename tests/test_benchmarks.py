"""Every benchmark can be imported: what it takes from the package is still there under that name."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_imports_what_there_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    assert importlib.import_module(name).__file__ == str(FOLDER / f"{name}.py")


def test_there_are_benchmarks() -> None:
    assert len(NAMES) >= 20
