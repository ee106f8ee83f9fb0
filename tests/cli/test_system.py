"""What the system refuses while a command runs, training that diverges, and names that would steer a terminal."""

import errno
import os
from pathlib import Path
from typing import Any

import pandas
import pytest

from medgauge.cli.main import main
from medgauge.data.images import decode
from tests.cli.small import COLUMNS, fit, refuse

Cases = tuple[Path, pandas.DataFrame]


def test_a_file_in_the_way_of_a_run_folder_or_the_cache_is_named(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    way = tmp_path / "way"
    way.write_text("mine")
    refuse(capsys, fit(cases[0], way / "run"), f"{way} is a file and no folder; move it away, or name another place")
    refuse(capsys, fit(cases[0], way), f"{way} exists and is no run folder of medgauge; give another --out")
    refuse(
        capsys, fit(cases[0], tmp_path / "run", "--cache", str(way / "cache")),
        f"the cache folder {way / 'cache'} cannot be written: {way} is a file and no folder", "(data.cache)",
    )  # fmt: skip
    assert way.read_text() == "mine"
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_is_named_with_the_file_and_the_run_goes_on_later(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        if ".model.json." in os.readlink(f"/proc/self/fd/{number}"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("medgauge.runfolder.parts.os.fsync", full)
        text = refuse(capsys, fit(cases[0], tmp_path / "run"), "there is no space left on its disk; free some")
    assert str(tmp_path / "run" / "model.json") in text
    assert list(tmp_path.rglob("*.part")) == []
    assert fit(cases[0], tmp_path / "run") == 0


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "no space left"), (errno.EDQUOT, "the quota of its disk")])
def test_a_disk_that_has_no_room_for_the_cache_is_told_before_images_are_decoded(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:  # fmt: skip
    def full(*given: Any) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr(decode.os, "posix_fallocate", full)
    words = ["check", "--table", str(cases[0]), *COLUMNS, "--cache", str(tmp_path / "cache")]
    refuse(capsys, main(words), f"the cache folder {tmp_path / 'cache'} cannot be written: ", said, "(data.cache)")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_disk_that_promises_nothing_is_used_all_the_same(
    cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*given: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(decode.os, "posix_fallocate", unknown)
    assert main(["check", "--table", str(cases[0]), *COLUMNS, "--cache", str(tmp_path / "cache")]) == 0


def test_files_that_may_not_be_read(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, real = cases[0], {"read_bytes": Path.read_bytes, "stat": os.stat}
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("seed: 1\n")

    def locked(name: str, end: str) -> Any:
        def refused(path: Any, *more: Any, **settings: Any) -> Any:
            if str(path).endswith(end):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real[name](path, *more, **settings)

        return refused

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", locked("read_bytes", "cases.csv"))
        refuse(
            capsys, fit(table, tmp_path / "run"), "the table cases.csv cannot be read: there is no permission; give it"
        )
    with monkeypatch.context() as patch:
        patch.setattr("medgauge.data.tables.files.os.stat", locked("stat", "7.png"))
        refuse(capsys, fit(table, tmp_path / "run"), "7.png may not be read; change its permissions")
    with monkeypatch.context() as patch:
        real["read_text"] = Path.read_text
        patch.setattr(Path, "read_text", locked("read_text", "mine.yaml"))
        refuse(
            capsys, main(["check", str(recipe)]), "mine.yaml cannot be read: there is no permission; give it (chmod)"
        )
    refuse(capsys, main(["check", "--table", str(tmp_path), *COLUMNS]), str(tmp_path.name))
    refuse(capsys, main(["check", str(tmp_path)]), "is a folder and no recipe")


def test_a_rate_that_is_too_high_ends_with_one_sentence_again_and_again(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--optimiser.learning_rate=1000",
        "--optimiser.warmup=0",
        "--training.steps=40",
        "--optimiser.schedule=constant",
    ]
    one, two = (
        refuse(
            capsys,
            fit(cases[0], tmp_path / "run", *words),
            "training diverged at step",
            "learning rate of 1e+03",
            "clip 1",
        )
        for _ in range(2)
    )
    assert one == two
    assert not (tmp_path / "run" / "results.json").exists()


def test_names_that_would_steer_a_terminal_are_shown_as_escapes(
    cases: Cases, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, frame = cases
    raw, safe = "\x1b[2J\u202egpj", r"\x1b[2J\u202egpj"
    frame["name"], frame["sex"] = [f"{raw}{row}" for row in range(40)], [f"{raw}F", "M"] * 20
    frame = frame.rename(columns={"age": f"age{raw}"})
    frame.loc[3, "path"] = f"gone{raw}.png"
    odd = tmp_path / "data" / "odd.parquet"
    columns = ["--image", "path", "--label", f"age{raw}", "--group", "patient", "--id", "name", "--subgroups", "sex"]
    frame.to_parquet(odd)
    text = refuse(capsys, main(["check", "--table", str(odd), *columns]), f"gone{safe}.png", f"case {safe}3")
    assert not set(raw) & {"\x1b", "\u202e"} & set(text)
    assert main(["check", "--table", str(odd), *columns, "--skip-bad"]) == 0
    out, err = capsys.readouterr()
    assert f"{safe}F" in out
    assert not {"\x1b", "\u202e"} & set(out + err)
    assert main(["fit", "--tab\x1b[2Jle", "x"]) == 2
    assert r"--tab\x1b[2Jle" in capsys.readouterr().err
