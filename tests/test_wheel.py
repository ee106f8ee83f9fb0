"""What the wheel ships: images with their licence, recipes, the page's parts, and the mark that it is typed."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_has_all_that_the_demo_needs(tmp_path: Path) -> None:
    (made,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(made).namelist())
    assert {
        "medgauge/py.typed",
        "medgauge/cli/main.py",
        "medgauge/data/bundled/hc18_96x64.npz",
        "medgauge/data/bundled/hc18.LICENSE.md",
        "medgauge/recipes/default.yaml",
        "medgauge/recipes/hc18_demo.yaml",
    } <= names
    there = {
        f"medgauge/{path.relative_to(ROOT / 'src' / 'medgauge')}" for path in (ROOT / "src" / "medgauge").rglob("*")
    }
    parts = {name for name in there if name.endswith((".j2", ".html", ".css", ".js", ".py", ".yaml"))}
    assert len(parts) > 100
    assert parts <= names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
    assert sum(item.file_size for item in zipfile.ZipFile(made).infolist()) < 8 * 2**20
