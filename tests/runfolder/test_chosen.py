"""Which run of a folder of candidates answers."""

import json
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import (
    answer_note,
    answering,
    is_planned,
    other_runs,
    plan_digest,
    read_own,
    refuse_other_runs,
    write_own,
)
from medgauge.runfolder.seal import fit_digest, seal


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


def several(path: Path, seed: int) -> RunFolder:
    """A folder of two candidates, of which the second answers."""
    folder = RunFolder(path)
    for name in ("quick", "scratch"):
        folder.inner(name).path.mkdir(parents=True)
        folder.inner(name).write_json("predictors.json", {"of": name, "seed": seed})
    write_own(folder, "plan.json", {"made": {"seed": seed}})
    fits = [{"name": name, "fit": fit_digest(folder.inner(name))} for name in ("quick", "scratch")]
    values = {"plan": plan_digest(folder), "chosen": "scratch", "candidates": [*fits, {"name": "tuned", "fit": None}]}
    write_own(folder, "candidates.json", values)
    return folder


def test_candidates_of_another_run_are_named_and_an_own_one_that_is_damaged_is_not(tmp_path: Path) -> None:
    folder, other = several(tmp_path / "run", 0), several(tmp_path / "other", 7)
    assert answering(folder).path.name == "scratch"
    assert other_runs(folder) == []
    (folder / "quick/predictors.json").write_bytes((other / "quick/predictors.json").read_bytes())
    assert answering(folder).path.name == "scratch"  # quick has no say in its values
    with pytest.raises(InputError, match=r"quick of .* is not the fit that candidates\.json was made of, .* remove it"):
        refuse_other_runs(folder)
    (folder / "scratch/predictors.json").write_bytes((other / "scratch/predictors.json").read_bytes())
    with pytest.raises(
        InputError, match=r"quick and scratch of .* are not the fits that .* remove them, then give the"
    ):
        answering(folder)
    seal(folder.inner("scratch"), ["predictors.json"])
    (folder / "scratch/predictors.json").write_text("{}")
    with pytest.raises(InputError, match=r"predictors\.json of .*scratch is damaged"):
        answering(folder)
    assert other_runs(folder) == ["quick"]


def test_candidates_json_and_plan_json_of_another_run_are_told(tmp_path: Path) -> None:
    folder, other = several(tmp_path / "run", 0), several(tmp_path / "other", 7)
    own = (folder / "candidates.json").read_bytes()
    (folder / "candidates.json").write_bytes((other / "candidates.json").read_bytes())
    with pytest.raises(
        InputError, match=r"candidates\.json is that of another run, .*; give the same `medgauge fit` again"
    ):
        answering(folder)
    (folder / "candidates.json").write_bytes(own)
    assert len(answer_note(folder)) == 1
    (folder / "plan.json").write_bytes((other / "plan.json").read_bytes())
    assert "plan.json is that of another run" in answer_note(folder)[1]
    (folder / "plan.json").unlink()
    assert len(answer_note(folder)) == 1


@pytest.mark.parametrize(
    "listed", [None, 3, [3], [{"name": "../x", "fit": "0"}], [{"name": ["a"]}], [{"name": "quick"}]]
)
def test_a_folder_that_does_not_tell_its_fits_is_taken_as_it_is(tmp_path: Path, listed: object) -> None:
    folder = several(tmp_path / "run", 0)
    write_own(folder, "candidates.json", {"chosen": "scratch", "candidates": listed})
    assert answering(folder).path.name == "scratch"
    assert other_runs(folder) == []
