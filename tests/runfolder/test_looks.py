"""A look is counted before its values, and once."""

from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.looks import begin_look, counted_looks, is_unfinished, told_looks, write_looks


def test_a_look_is_counted_before_its_values_and_once(tmp_path: Path) -> None:
    folder, results = RunFolder(tmp_path), {"looks": {"test": 2}}
    assert not is_unfinished(folder, results)
    assert begin_look(folder, results) == 3
    assert folder.read_json("looks.json") == {"test": 3}
    assert is_unfinished(folder, results)
    assert begin_look(folder, results) == 3  # the same look, after a kill
    assert begin_look(folder, {"looks": {"test": 3}}) == 4


def test_what_results_tell_is_not_lost(tmp_path: Path) -> None:
    assert [told_looks({}), told_looks({"looks": {}}), told_looks({"looks": {"test": 3}})] == [0, 0, 3]
    assert [told_looks({"looks": {"test": wrong}}) for wrong in (-1, True, "4", None)] == [0, 0, 0, 0]
    folder = RunFolder(tmp_path)
    write_looks(folder, 1)
    assert counted_looks(folder, {"looks": {"test": 5}}) == 5
    assert counted_looks(folder, {}) == 1
    (tmp_path / "looks.json").write_text("{")
    with pytest.raises(InputError, match=r"looks\.json cannot be read"):
        counted_looks(folder, {})
