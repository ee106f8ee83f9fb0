"""What a comparison has recorded, and what becomes of it when a file is damaged."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from medgauge.comparing.cases import CaseTable
from medgauge.comparing.jobs import Job, Outcome
from medgauge.comparing.state import State
from medgauge.core.errors import InputError
from medgauge.metrics import LabelRegions
from medgauge.runfolder import RunFolder

STAMP = {"seeds": [0], "targets": ["mm"], "pictures_sha256": "abc"}
REGIONS = {"mm": LabelRegions.fit(torch.arange(20.0, dtype=torch.float64))}
CASES = {"id": ["=b", "a", "c"], "group": ["p", "q", "q"], "label_mm": [1.0, 2.0, 3.0]}


def claim(folder: Path, **changes: Any) -> State:
    return State.claim(folder, STAMP | changes, REGIONS)


def record(state: State, name: str, *, trial: int | None = None, failed: bool = False) -> None:
    entry = {"name": name, "method": "l1", "seed": 0} | ({"failed": "no"} if failed else {})
    cases = None if failed else {**CASES, "value_mm": [0.1, float("nan"), float(len(name))]}
    state.record([(Job(name, "l1", 0, trial, {}, Path("x")), Outcome(entry, cases))])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two trials, of which one failed, and two runs."""
    state = claim(tmp_path)
    record(state, "l1-trial1", trial=1)
    record(state, "l1-trial2", trial=2, failed=True)
    record(state, "l1-0")
    record(state, "rm-0")
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_what_is_whole_is_gone_on_with_also_with_a_column_too_many(folder: Path) -> None:
    state = claim(folder)
    state.test.add({"l1-1": {**CASES, "value_mm": [1.0, 2.0, 3.0]}})  # as after a kill before its entry is written
    again = claim(folder)
    assert again.mended == []
    assert again.done() == {"l1-trial1", "l1-trial2", "l1-0", "rm-0"}
    assert again.test.columns["id"] == ["=b", "a", "c"]
    assert float(again.test.values("rm-0", "mm", ["mm"])[2]) == 4.0


@pytest.mark.parametrize(("name", "part", "kept"), [
    ("predictions.csv", "2 runs", {"l1-trial1", "l1-trial2"}), ("development.csv", "2 runs", {"l1-0", "rm-0"}),
])  # fmt: skip
@pytest.mark.parametrize("harm", ["changed", "emptied", "nonsense", "removed"])
def test_runs_whose_cases_are_damaged_are_made_anew(
    folder: Path, name: str, part: str, kept: set[str], harm: str
) -> None:
    if harm == "changed":
        change(folder / name, "0.1", "0.2")
    elif harm == "emptied":
        (folder / name).write_bytes(b"")
    elif harm == "nonsense":
        (folder / name).write_bytes(b"\xff\xfe,\x00")
    else:
        (folder / name).unlink()
    what = "missing" if harm == "removed" else "damaged"
    state = claim(folder)
    assert state.mended == [f"{name} of {folder} is {what}; {part} that it is about are made anew"]
    assert state.done() == kept
    for run in ("l1-0", "rm-0") if name == "predictions.csv" else ("l1-trial1",):
        record(state, run, trial=None if run[-2] == "-" else 1)
    assert claim(folder).mended == []


@pytest.mark.parametrize(("before", "after"), [
    ('"seed": 0', '"seed": 1'), ('"l1-0"', '"l1-9"'), ('"runs": [', '"runs": {'), ('"chosen": {}', '"chosen": {"l1": 2}'),
    ("{", ""), ('"runs"', '"rums"'),
])  # fmt: skip
def test_damaged_records_are_refused_with_the_way_on(folder: Path, before: str, after: str) -> None:
    change(folder / "comparison.json", before, after)
    with pytest.raises(InputError, match=r"comparison\.json is damaged, .* remove the folder .* makes them anew"):
        claim(folder)


def test_changed_pictures_and_other_settings_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="^pictures of the table changed on disk since .* was begun; put them back"):
        claim(folder, pictures_sha256="abd")
    with pytest.raises(InputError, match=r"holds another comparison \(seeds is \[0\] there and \[1\] here"):
        claim(folder, seeds=[1])


def test_records_without_digests_are_taken_as_they_are(folder: Path) -> None:
    values = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    del values["sha256"]
    (folder / "comparison.json").write_text(json.dumps(values))
    assert claim(folder).mended == []
    assert CaseTable(RunFolder(folder), "none.csv", REGIONS, {}).columns == {}
