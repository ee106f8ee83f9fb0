"""The folder of a plan: new, begun, another's; minutes of earlier calls."""

import json
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.planning.plan import Plan
from medgauge.planning.stored import has_own_candidates, is_finished, kept_minutes, read_plan
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import plan_digest, write_own

STAMP = {"budget": "quick", "settings": {"seed": 1}}


def test_a_new_folder_has_no_plan_and_a_begun_one_has(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert read_plan(folder, STAMP) is None
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".plan.json.1.part").write_text("half")
    assert read_plan(folder, STAMP) is None
    folder.write_json("plan.json", Plan(dict(STAMP), {}, [], []).to_dict())
    found = read_plan(folder, STAMP)
    assert found is not None
    assert found.made == STAMP


def test_another_plan_is_refused_with_all_that_differs(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_json("plan.json", Plan(dict(STAMP), {}, [], []).to_dict())
    with pytest.raises(InputError, match="budget is quick there and best here; settings.seed is 1 there and 2 here"):
        read_plan(RunFolder(tmp_path), {"budget": "best", "settings": {"seed": 2}})


def test_minutes_of_earlier_calls_are_kept_as_far_as_they_are_known(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert kept_minutes(folder) == {}
    folder.write_json(
        "candidates.json", {"candidates": [{"name": "quick", "minutes": 2}, {"name": "x", "minutes": None}]}
    )
    assert kept_minutes(folder) == {"quick": 2.0}
    for text in ("{", "[]", json.dumps({"candidates": 3}), json.dumps({"candidates": [1]})):
        (tmp_path / "candidates.json").write_text(text)
        assert kept_minutes(folder) == {}
        assert not is_finished(folder, ["quick"])


def test_finished_is_what_the_file_says(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not is_finished(folder, ["quick"])
    folder.write_json("candidates.json", {"finished": True, "chosen": "none"})
    assert not is_finished(folder, ["quick"])
    folder.write_json("candidates.json", {"finished": True, "chosen": "quick"})
    assert is_finished(folder, ["quick"])


def test_what_was_made_by_another_plan_is_not_this_ones(tmp_path: Path) -> None:
    folder, other = RunFolder(tmp_path), {"budget": "quick", "settings": {}}
    write_own(folder, "plan.json", Plan(dict(STAMP), {}, [], []).to_dict())
    tried = {"finished": True, "chosen": "quick", "candidates": [{"name": "quick", "minutes": 2}]}
    write_own(folder, "candidates.json", {"plan": plan_digest(folder), **tried})
    assert (has_own_candidates(folder), is_finished(folder, ["quick"]), kept_minutes(folder)) == (
        True,
        True,
        {"quick": 2.0},
    )
    with pytest.raises(
        InputError, match=r"holds another run \(settings\.seed is 1 there and not given here\); give another"
    ):
        read_plan(folder, other)
    write_own(folder, "plan.json", Plan(other, {}, [], []).to_dict())
    assert (has_own_candidates(folder), is_finished(folder, ["quick"]), kept_minutes(folder)) == (False, False, {})
    with pytest.raises(
        InputError, match=r"plan\.json is that of another run, .*\(settings\.seed is not given there and 1 here\)"
    ):
        read_plan(folder, STAMP)


@pytest.mark.parametrize("content", ["{}", "[]", "null", "", '{"made": ', "3", '{"made": {}, "fingerprint": {}}'])
def test_a_damaged_plan_names_the_way_on(tmp_path: Path, content: str) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(
        InputError, match=r"plan\.json is damaged; .* or remove the folder .* and give the same `medgauge fit`"
    ):
        read_plan(folder, STAMP)
    (tmp_path / "plan.json").unlink()
    folder.write_json("candidates.json", {"chosen": "quick"})
    with pytest.raises(InputError, match=r"plan\.json of .* is missing; .* remove the folder"):
        read_plan(folder, STAMP)
