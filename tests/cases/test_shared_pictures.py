"""One blank picture under three patients: refused with ways on, and each way is taken."""

import shutil
from pathlib import Path
from typing import Any

import pandas
import pytest

import medgauge
from medgauge.cli.main import main
from medgauge.core.errors import InputError
from medgauge.recipes.read import build_recipe, default_values, override
from medgauge.study import Study, load_study

COLUMNS = {"image": "path", "label": "mm", "group": "patient"}
BLANK = ["i04.png", "i11.png", "i19.png"]  # as `md5sum *.png` finds them
FLAGS = ["--image", "path", "--label", "mm", "--group", "patient"]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDGAUGE_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(Path(__file__).with_name("same_picture_no_way_out"), tmp_path / "case")) / "cases.csv"


def change(table: Path, **columns: list[str]) -> None:
    """Give the table other columns."""
    pandas.read_csv(table, dtype=str).assign(**columns).to_csv(table, index=False)


def study(table: Path, seed: int = 0, **data: Any) -> Study:
    given = {f"data.{name}": value for name, value in ({"table": str(table), **COLUMNS} | data).items()}
    given |= {"data.label": ["mm"], "seed": seed}
    return load_study(build_recipe(override(default_values(override({}, given)), given)))


def test_the_message_names_the_cases_and_the_ways_on(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--table", str(case), *FLAGS, "--seed", "1"]) == 1
    said = capsys.readouterr().err
    assert "the same picture: is in " in said
    assert all(name in said for name in BLANK)
    assert "give such cases one group and one split, or leave them out (--skip-bad does)" in said


def test_where_the_draw_leaves_them_on_one_side_a_note_says_so(case: Path) -> None:
    (note,) = [note for note in study(case).notes if "picture" in note]
    assert note.startswith(
        "a picture is that of several groups, all on one side here (cases i04.png, i11.png, i19.png); "
    )


def test_skip_bad_takes_the_way_and_lists_the_cases(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--table", str(case), *FLAGS, "--skip-bad"]) == 0
    said = capsys.readouterr().out
    assert "30 rows read, 27 cases of 27 groups" in said
    assert "left out: case i04.png: its picture is also that of cases i11.png, i19.png, of another group" in said


def test_one_group_for_them_is_a_way_too(case: Path) -> None:
    patients = pandas.read_csv(case, dtype=str)["patient"].tolist()
    change(case, patient=["Q04" if f"i{row:02d}.png" in BLANK else name for row, name in enumerate(patients)])
    assert len(study(case).table) == 30
    assert len(study(case, skip_bad=True).table) == 30  # one group's own: none is left out


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_which_cases_are_left_out_depends_on_no_seed(case: Path, seed: int) -> None:
    found = study(case, skip_bad=True, test_seed=seed)
    assert sorted(problem.where for problem, _ in found.left_out) == BLANK
    assert not set(BLANK) & set(found.table.id)


@pytest.mark.parametrize(
    "data",
    [
        {"split": "part"},
        {"folds": 3},
        {"folds": 3, "fold": 1},
        {"holdout": "site=B"},
        {"no_groups": True, "group": None},
        {"split": "part", "folds": 4},
    ],
    ids=str,
)
def test_given_splits_folds_held_out_sites_and_no_groups(case: Path, data: dict[str, Any]) -> None:
    parts = ["test" if row % 5 == 3 else "val" if row % 5 == 4 else "train" for row in range(30)]
    change(case, part=parts, site=["B" if row in (4, 5, 6, 7) else "A" for row in range(30)])
    with pytest.raises(InputError, match=r"the same picture: is in .*\(--skip-bad does\)"):
        study(case, seed=1, **data)
    found = study(case, seed=1, **data, skip_bad=True)
    assert sorted(problem.where for problem, _ in found.left_out) == BLANK
    assert len(found.table) == len(found.images) == 27


def test_an_unreadable_picture_beside_them(case: Path) -> None:
    case.with_name("i00.png").write_bytes(b"none")
    found = study(case, skip_bad=True)
    assert sorted(problem.where for problem, _ in found.left_out) == ["i00.png", *BLANK]
    assert "i01.png" in found.table.id
    assert len(found.images) == 26


def test_problems_csv_and_results_name_them(case: Path, tmp_path: Path) -> None:
    changes = {"training.steps": 2, "training.batch_size": 8, "model.encoder.width": 0.25, "training.evaluations": 1}
    run = medgauge.fit(out=tmp_path / "run", table=case, skip_bad=True, changes=changes, report=False, **COLUMNS)
    assert pandas.read_csv(tmp_path / "run" / "problems.csv")["id"].tolist() == BLANK
    left_out = run.results["cases"]["left_out"]
    assert {entry["reason"] for entry in left_out} == {"picture is that of another group too"}
    assert sum(entry["n"] for entry in left_out) == 3
