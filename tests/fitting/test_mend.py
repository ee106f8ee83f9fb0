"""A run whose files, checkpoints or pictures are damaged, lost or changed: mended by the same fit, or refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import medgauge
from medgauge.core.errors import InputError
from medgauge.fitting.mend import reopen
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import damaged, own_files
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.kills import Killed, differing, watched_writes

TINY = {**SMALL, "training.steps": 2, "training.batch_size": 4, "training.evaluations": 2}
BOTH = ("splits.csv", "looks.json", "results.json")


def fit(table: Path, out: Path, **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"split": "part", "changes": TINY, "test": True, "images": False, **COLUMNS, **settings}
    return medgauge.fit(table=str(table), out=out, **given)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("tiny"), groups=18)


@pytest.fixture(scope="module")
def whole(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, its test split read once."""
    return fit(table, tmp_path_factory.mktemp("whole") / "run").folder.path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def damage(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.slow
def test_each_file_that_is_damaged_or_lost_is_made_anew_and_told(
    table: Path, whole: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = own_files(RunFolder(copy))
    assert len(names) == 14
    harms = [(name, (damage, remove)[place % 2]) for place, name in enumerate(names)]
    harms += [(name, (remove, damage)[place % 2]) for place, name in enumerate(names) if name in BOTH]
    for name, harm in harms:
        harm(copy / name)
        run = fit(table, copy, terminal=True)
        said = capsys.readouterr().err
        assert f"{name} of {copy} is {'damaged' if harm is damage else 'missing'}; it is" in said, name
        assert (name, differing(copy, whole)) == (name, [])
        assert damaged(RunFolder(copy)) == []
        assert run.results["looks"] == {"test": 1}


@pytest.mark.parametrize("name", ["model.safetensors", "gallery.csv", "predictors.json", "results.json"])
def test_a_damaged_run_is_not_loaded_reported_or_looked_at(copy: Path, name: str) -> None:
    run, content = medgauge.load(copy), (copy / name).read_bytes()
    damage(copy / name)
    if name != "model.safetensors":  # still what it is, with another number
        (copy / name).write_bytes(content.replace(b"0.9", b"0.8").replace(b"1.", b"2."))
    for command in (lambda: medgauge.load(copy), lambda: medgauge.load(copy).predict([copy / "x.png"]), run.look):
        with pytest.raises(InputError, match=rf"{name}.*give the same `medgauge fit` again"):
            command()


def test_a_run_without_the_checkpoint_it_would_be_made_from_is_left_as_it_is(table: Path, copy: Path) -> None:
    (copy / "checkpoints" / "best.ckpt").unlink()
    fit(table, copy)  # nothing is to be made
    damage(copy / "gallery.csv")
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"gallery.csv of .* is damaged, and the checkpoint best.ckpt.* is missing"):
        fit(table, copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    (copy / "checkpoints" / "last.ckpt").unlink()
    (copy / "checkpoints" / "ended.ckpt").unlink()
    with pytest.raises(InputError, match=r"the checkpoint last.ckpt, from which it would be made anew, is missing"):
        reopen(RunFolder(copy), source="the checkpoint")


def stopped(table: Path, out: Path, after: str) -> None:
    """A fit that ends after the first write of a file."""

    def seen(path: Path) -> None:
        if path.name == after:
            raise Killed

    with pytest.raises(Killed), watched_writes(seen):
        fit(table, out)


def test_the_best_checkpoint_gone_before_the_end_is_an_error(table: Path, tmp_path: Path) -> None:
    stopped(table, tmp_path / "run", "log.csv")
    (tmp_path / "run" / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(InputError, match=r"the checkpoint of the best step \(1\), best.ckpt, is gone"):
        fit(table, tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_changed_picture_stops_a_resume_a_finished_fit_and_a_look(table: Path, whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "data"
    shutil.copytree(table.parent, place)
    stopped(place / "cases.csv", tmp_path / "stopped", "log.csv")
    made = fit(place / "cases.csv", tmp_path / "run", test=False)
    before = (tmp_path / "run" / "predictions.csv").read_bytes()
    Image.fromarray(np.full((20, 24), 7, np.uint8)).save(place / "1.png")
    for command, since in (
        (lambda: fit(place / "cases.csv", tmp_path / "stopped"), "begun; put it back as it was, or give another --out"),
        (lambda: fit(place / "cases.csv", tmp_path / "run"), "begun"),
        (lambda: made.look("test", images=False), "made; put it back as it was, or fit again"),
    ):
        with pytest.raises(InputError, match=f"the picture of case 1.png changed on disk since .* was {since}"):
            command()
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == before
    assert not (tmp_path / "run" / "looks.json").exists()


def test_a_further_process_of_a_finished_run_only_loads_it(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fit(table, tmp_path / "run", test=False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    before = {path: path.read_bytes() for path in run.folder.path.rglob("*") if path.is_file()}
    assert "test" not in fit(table, tmp_path / "run", test=True).results
    assert {path: path.read_bytes() for path in run.folder.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("harm", [damage, remove])
def test_once_training_has_ended_nothing_needs_the_last_checkpoint(
    table: Path, whole: Path, copy: Path, harm: Any
) -> None:
    harm(copy / "checkpoints" / "last.ckpt")
    for name in ("results.json", "model.safetensors", "log.csv"):
        (copy / name).unlink()
    fit(table, copy)
    assert [name for name in differing(copy, whole) if "last.ckpt" not in name] == []
    (copy / "checkpoints" / "ended.ckpt").unlink()
    (copy / "gallery.csv").unlink()
    with pytest.raises(InputError, match=r"the same `medgauge fit` again, which trains anew"):
        fit(table, copy)


def test_a_damaged_checkpoint_before_the_end_tells_the_way_on(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped(table, out, "log.csv")
    damage(out / "checkpoints" / "last.ckpt")
    said = f"last.ckpt is damaged; put it back as it was, or remove the folder {out} and give the same `medgauge fit` again"
    with pytest.raises(InputError) as caught:
        fit(table, out)
    assert said in str(caught.value)
