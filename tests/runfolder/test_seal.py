"""What is sealed is told damaged once a bit of it is other; what is being written is in no seal."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pytest

from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import damaged, digests, file_digest, own_files, rewriting, seal
from medgauge.runfolder.whole import is_whole

OWN = {
    "recipe.yaml", "splits.csv", "model.json", "model.safetensors", "gallery.csv", "gallery.safetensors",
    "embeddings.safetensors", "predictors.json", "predictors.safetensors", "predictions.csv", "results.json",
    "report.html", "thumbnails/3.png",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    for name in (*OWN, "mine.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    made = RunFolder(tmp_path)
    seal(made, own_files(made))
    return made


def test_digests_are_those_of_the_bytes_and_of_the_runs_own_files_alone(folder: RunFolder) -> None:
    assert digests(folder) == {name: hashlib.sha256(name.encode()).hexdigest() for name in OWN}
    assert damaged(folder) == []
    assert is_whole(folder)


def test_lost_and_changed_files_are_told(folder: RunFolder) -> None:
    (folder / "thumbnails/3.png").unlink()
    assert damaged(folder) == ["thumbnails/3.png"]
    assert is_whole(folder)  # a page can be made anew from the rest
    (folder / "predictors.json").write_bytes(b"predictors.jsoo")
    assert damaged(folder) == ["predictors.json", "thumbnails/3.png"]
    assert not is_whole(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"{}", b'{"recipe.yaml": 3}', b"[" * 5000])
def test_a_damaged_seal_is_none(folder: RunFolder, content: bytes) -> None:
    (folder / "digests.json").write_bytes(content)
    assert digests(folder) is None
    assert damaged(folder) is None
    assert not is_whole(folder)
    with rewriting(folder, ["results.json"]):
        pass
    assert digests(folder) is None


def test_what_is_being_written_is_not_sealed_until_it_is_whole(folder: RunFolder) -> None:
    with suppress(KeyboardInterrupt), rewriting(folder, ["results.json", "thumbnails", "log.csv"]):
        assert set(digests(folder) or {}) == OWN - {"results.json", "thumbnails/3.png"}
        raise KeyboardInterrupt
    assert set(digests(folder) or {}) == OWN - {"results.json", "thumbnails/3.png"}
    with rewriting(folder, ["results.json", "thumbnails", "log.csv"]):
        (folder / "results.json").write_bytes(b"new")
    assert set(digests(folder) or {}) == OWN
    assert damaged(folder) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_links_and_pipes_have_no_digest_and_are_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x")
    (tmp_path / "log.csv").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "splits.csv")
    folder = RunFolder(tmp_path)
    folder.write_json("digests.json", {"log.csv": file_digest(folder, "other"), "splits.csv": "0"})
    assert [file_digest(folder, name) for name in ("log.csv", "splits.csv")] == ["", ""]
    assert damaged(folder) == ["log.csv", "splits.csv"]
