"""Files of a run folder: plain files of the folder itself, of a bounded size, whoever made it."""

import os
from pathlib import Path

import pytest

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.opening import MOST_BYTES, inner_path, plain_file, read_whole
from medgauge.runfolder.parts import write_whole


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder beside the run, with a file of every kind."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("a.json", "0.png", "recipe.yaml"):
        (folder / name).write_text('{"a": 1}')
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_a_file_is_read_whole_and_the_run_folder_itself_may_be_a_link(run: Path, tmp_path: Path) -> None:
    (run / "thumbnails").mkdir()
    (run / "thumbnails" / "0.png").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(run)
    assert read_whole(run, "thumbnails/0.png") == b"abc"
    assert read_whole(tmp_path / "link", "thumbnails/0.png") == b"abc"
    for missing in ("1.png", "none/0.png", "thumbnails/0.png/more"):
        with pytest.raises(FileNotFoundError):
            plain_file(run, missing)


def test_no_link_is_followed(run: Path, secret: Path) -> None:
    (run / "a.json").symlink_to(secret / "a.json")
    (run / "recipe.yaml").symlink_to("nowhere")
    (run / "thumbnails").symlink_to(secret)
    (run / "fold-0").symlink_to(secret)
    folder = RunFolder(run)
    for read in (
        lambda: folder.read_json("a.json"),
        lambda: folder.read_yaml("recipe.yaml"),
        lambda: folder.read_bytes("thumbnails/0.png"),
        lambda: folder.read_tensors("a.json"),
        lambda: folder.read_shapes("a.json"),
        lambda: folder.has("thumbnails/0.png"),
        lambda: folder.inner("fold-0"),
        folder.is_ensemble,
    ):
        with pytest.raises(InputError, match=r"run/(a\.json|recipe\.yaml|thumbnails|fold-0) is a symbolic link"):
            read()


def test_nothing_is_written_through_a_link(run: Path, secret: Path) -> None:
    victim = secret / "a.json"
    (run / f".report.html.{os.getpid()}.part").symlink_to(victim)
    (run / "log.csv").symlink_to(victim)
    (run / "checkpoints").symlink_to(secret)
    folder = RunFolder(run)
    folder.write_text("report.html", "page")
    folder.write_text("log.csv", "log")
    with pytest.raises(InputError, match="checkpoints is a symbolic link"):
        folder.save_checkpoint("last.ckpt", {})
    with pytest.raises(InputError, match="checkpoints is a symbolic link"):
        folder.load_checkpoint("last.ckpt")
    assert (run / "report.html").read_text() == "page"
    assert not (run / "log.csv").is_symlink()
    assert victim.read_text() == '{"a": 1}'
    assert sorted(path.name for path in secret.iterdir()) == ["0.png", "a.json", "recipe.yaml"]


def test_what_is_no_file_is_refused_and_never_waited_for(run: Path) -> None:
    os.mkfifo(run / "a.json")
    (run / "b.json").mkdir()
    for name, words in (("a.json", "is no file"), ("b.json", "is a folder")):
        with pytest.raises(InputError, match=words):
            RunFolder(run).read_json(name)


@pytest.mark.parametrize("ending", MOST_BYTES)
def test_a_file_beyond_any_runs_size_is_refused_unread(run: Path, ending: str) -> None:
    path = run / f"a{ending}"
    path.write_bytes(b"")
    os.truncate(path, MOST_BYTES[ending])  # sparse
    plain_file(run, path.name)
    os.truncate(path, MOST_BYTES[ending] + 1)
    with pytest.raises(InputError, match="bytes, and a run's has at most"):
        plain_file(run, path.name)


def test_names_do_not_lead_out_of_the_folder(run: Path, secret: Path) -> None:
    for name in ("../home/a.json", str(secret / "a.json"), "a/../../home/a.json", ""):
        with pytest.raises(InputError, match="is no name of a file in"):
            inner_path(run, name)


def test_a_write_leaves_nothing_else_behind(run: Path) -> None:
    write_whole(run / "a.txt", lambda part: part.write_text("x") and None)
    assert [path.name for path in run.iterdir()] == ["a.txt"]
