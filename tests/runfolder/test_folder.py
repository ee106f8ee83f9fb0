import resource
import signal
from pathlib import Path

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder, plain, write_whole


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def half(part: Path) -> None:
        part.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(InputError, match="a.txt cannot be written: disk full; name another place"):
        write_whole(path, half)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit of the size of files here")
@pytest.mark.parametrize("name", ["t.txt", "t.safetensors", "checkpoints/t.ckpt"])
def test_every_writer_says_what_the_system_says_and_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    folder, big = RunFolder(tmp_path), {"w": torch.zeros(100_000)}
    writers = {
        "t.txt": lambda: folder.write_text("t.txt", "x" * 100_000),
        "t.safetensors": lambda: folder.write_tensors("t.safetensors", big),
        "checkpoints/t.ckpt": lambda: folder.save_checkpoint("t.ckpt", big),
    }
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / name).write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(
            InputError, match=r"would be larger than a file may be; raise the limit \(ulimit -f\)"
        ) as told:
            writers[name]()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(told.value).startswith(f"{tmp_path / name} cannot be written: ")
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.rglob("*.part")] == []
    writers[name]()


def test_json_has_no_nan() -> None:
    assert plain({"a": float("nan"), "b": [1.0, float("inf")], "c": torch.tensor([1.0])}) == {
        "a": None,
        "b": [1.0, None],
        "c": [1.0],
    }


def test_round_trips(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_table("t.csv", ["id", "x"], [['a,"b"\n', 1.5], ["é", None]])
    assert folder.read_table("t.csv") == [{"id": 'a,"b"\n', "x": "1.5"}, {"id": "é", "x": ""}]
    folder.write_tensors("t.safetensors", {"w": torch.arange(3.0)})
    assert folder.read_tensors("t.safetensors")["w"].tolist() == [0.0, 1.0, 2.0]
    folder.save_checkpoint("last.ckpt", {"step": 3, "w": torch.ones(2)})
    assert folder.load_checkpoint("last.ckpt")["step"] == 3
    assert folder.load_checkpoint("none.ckpt") is None


def test_a_pickle_in_a_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    torch.save({"code": Path}, tmp_path / "checkpoints" / "last.ckpt")
    with pytest.raises(InputError, match="is damaged"):
        folder.load_checkpoint("last.ckpt")


def test_broken_files_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(InputError, match=r"results\.json cannot be read"):
        folder.read_json("results.json")
    with pytest.raises(InputError, match="not whole"):
        folder.check_complete()


def test_tables_are_read_by_column_also_without_rows(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_table("t.csv", ["id", "x"], [["a\r\nb", 1], ["", 2]])
    assert folder.read_columns("t.csv") == {"id": ["a\r\nb", ""], "x": ["1", "2"]}
    folder.write_table("t.csv", ["id", "x"], [])
    assert folder.read_columns("t.csv") == {"id": [], "x": []}
    assert folder.read_table("t.csv") == []
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfid\r\n1\r\n\r\n")  # as a spreadsheet writes it
    assert folder.read_columns("t.csv") == {"id": ["1"]}


@pytest.mark.parametrize("content", [b"id,x\n1\n", b"id,x\n1,2,3\n", b"id\n\xff\n"])
def test_a_broken_table_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"t\.csv cannot be read"):
        RunFolder(tmp_path).read_table("t.csv")
    with pytest.raises(InputError, match=r"has no none\.csv"):
        RunFolder(tmp_path).read_table("none.csv")


@pytest.mark.parametrize("content", [b"[1]", b'[["a", 1]]', b"\xff"])
def test_json_that_is_no_mapping_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(InputError, match=r"r\.json cannot be read"):
        RunFolder(tmp_path).read_json("r.json")
