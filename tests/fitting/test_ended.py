"""How a training ended is read as it was written, or not at all."""

from pathlib import Path
from typing import Any

import pytest

from medgauge.fitting.ended import read_end, write_end, write_log
from medgauge.runfolder import RunFolder
from medgauge.training.progress import Progress

END = Progress(
    step=6,
    elapsed=1.5,
    best=0.25,
    best_step=3,
    stopped_because="steps",
    rows=[{"step": 3, "a": 1.5}, {"step": 6, "b": 2.0}],
)


def test_an_end_comes_back_and_its_log_can_be_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert read_end(folder) is None
    write_end(folder, END)
    found = read_end(folder)
    assert found == END
    write_log(folder, END)
    assert (tmp_path / "log.csv").read_text().splitlines() == ["step,a,b", "3,1.5,", "6,,2.0"]


@pytest.mark.parametrize(
    "change",
    [{"best_step": 0}, {"step": "6"}, {"rows": [3]}, {"rows": None}, {"more": 1}, {"stopped_because": None}],
    ids=str,
)
def test_another_content_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = RunFolder(tmp_path)
    write_end(folder, END)
    state = folder.load_checkpoint("ended.ckpt")
    assert state is not None
    folder.save_checkpoint("ended.ckpt", {"progress": state["progress"] | change})
    assert read_end(folder) is None


def test_a_damaged_end_is_none(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_end(folder, END)
    path = tmp_path / "checkpoints" / "ended.ckpt"
    path.write_bytes(path.read_bytes()[:-100])
    assert read_end(folder) is None
