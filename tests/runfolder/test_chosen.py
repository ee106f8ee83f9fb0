"""Which run of a folder of candidates answers."""

import json
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import answer_note, answering, is_planned


def test_a_run_answers_for_itself(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("{}")
    (tmp_path / "candidates.json").write_text('{"chosen": "quick"}')  # of no meaning beside a run
    folder = RunFolder(tmp_path)
    assert answering(folder) is folder
    assert answer_note(folder) == []
    assert not is_planned(folder)


def test_the_chosen_candidate_answers_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "candidates.json").write_text('{"chosen": "scratch"}')
    assert answering(RunFolder(tmp_path)).path == tmp_path / "scratch"
    (note,) = answer_note(RunFolder(tmp_path))
    assert "scratch answers for" in note


@pytest.mark.parametrize("chosen", [None, 3, "", "../other", "/etc", "a/b", "Quick", ".", ["quick"]])
def test_what_names_no_candidate_is_refused(tmp_path: Path, chosen: object) -> None:
    (tmp_path / "candidates.json").write_text(json.dumps({"chosen": chosen}))
    with pytest.raises(InputError, match="does not say which candidate answers"):
        answering(RunFolder(tmp_path))


def test_a_plan_without_a_finished_candidate_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="give the same `medgauge fit` command again"):
        answering(RunFolder(tmp_path))


def test_a_link_as_candidate_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "candidates.json").write_text('{"chosen": "quick"}')
    (tmp_path / "run" / "quick").symlink_to(tmp_path)
    with pytest.raises(InputError, match="symbolic link"):
        answering(RunFolder(tmp_path / "run"))
