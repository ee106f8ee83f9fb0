"""Which run of a folder of candidates answers."""

import json
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import answer_note, answering, is_planned, read_own, write_own


def test_a_run_answers_for_itself(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("{}")
    (tmp_path / "candidates.json").write_text('{"chosen": "quick"}')  # of no meaning beside a run
    folder = RunFolder(tmp_path)
    assert answering(folder) is folder
    assert answer_note(folder) == []
    assert not is_planned(folder)


def test_the_chosen_candidate_answers_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "candidates.json").write_text('{"chosen": "scratch"}')
    with pytest.raises(
        InputError, match=r"scratch of .*, which answers for it, is missing; give the same `medgauge fit`"
    ):
        answering(RunFolder(tmp_path))
    (tmp_path / "scratch").mkdir()
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


def test_a_file_of_candidates_that_was_taken_away_is_named(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "quick").mkdir()
    with pytest.raises(InputError, match=r"candidates\.json is not there, so that no candidate answers; give the same"):
        answering(RunFolder(tmp_path))


def test_a_link_as_candidate_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "candidates.json").write_text('{"chosen": "quick"}')
    (tmp_path / "run" / "quick").symlink_to(tmp_path)
    with pytest.raises(InputError, match="symbolic link"):
        answering(RunFolder(tmp_path / "run"))


def test_another_choice_than_was_written_is_told(tmp_path: Path) -> None:
    folder, path = RunFolder(tmp_path), tmp_path / "candidates.json"
    values = {"chosen": "quick", "minutes": float("nan"), "sizes": (1, 0.1)}
    write_own(folder, path.name, values)
    assert read_own(folder, path.name) == {"chosen": "quick", "minutes": None, "sizes": [1, 0.1]}
    path.write_text(path.read_text().replace("quick", "scratch"))
    with pytest.raises(
        InputError, match=r"candidates\.json cannot be read \(it does not fit its digest\); give the same"
    ):
        answering(folder)
