import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.py"))


def test_there_are_examples() -> None:
    assert [path.stem for path in EXAMPLES] == ["lightning_module", "plain_loop"]


def test_the_plain_loop_learns() -> None:
    (path,) = (path for path in EXAMPLES if path.stem == "plain_loop")
    assert runpy.run_path(str(path))["main"]() < 0.35  # the labels are spread over 4


def test_the_lightning_module_learns() -> None:
    (path,) = (path for path in EXAMPLES if path.stem == "lightning_module")
    first, last = runpy.run_path(str(path))["main"]()
    assert last < 0.3 * first


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_they_say_what_they_show(path: Path) -> None:
    assert path.read_text().startswith('"""')
