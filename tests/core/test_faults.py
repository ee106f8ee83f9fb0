"""What is said of errors that no code of medgauge raised, and of names that would steer a terminal."""

import errno
import re
from pathlib import Path

import pytest

from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.core.faults import WORDS, not_written, os_words, sentence
from medgauge.core.problem import Problem, name_cases
from medgauge.core.words import printable

RAW = "\x1b[2J\x07\x9b31m\u202eexe"
SAFE = r"\x1b[2J\x07\x9b31m\u202eexe"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/x"),
            "/data/x: there is no space left on its disk; free",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv: there is no permission; give it (chmod)"),
        (OSError(errno.EXDEV, "Invalid cross-device link"), "Invalid cross-device link; name another place"),
        (MemoryError(), "there is not enough memory; give a smaller training.batch_size"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "there is not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "there is not enough memory"),
        (ModuleNotFoundError("No module named 'gdcm.x'", name="gdcm.x"), "the package gdcm cannot be imported"),
        (InputError("the table is empty"), "the table is empty"),
        (KeyError("a\nb"), "something unforeseen stopped it, KeyError ('a\\nb'); --debug tells the whole trace"),
        (RuntimeError(), "something unforeseen stopped it, RuntimeError (without a word); --debug"),
    ],
)
def test_every_error_is_a_sentence_that_does_not_begin_with_its_type(error: Exception, said: str) -> None:
    found = sentence(error)
    assert found.startswith(said)
    assert "\n" not in found
    assert not re.search(r"\b[A-Z]\w*(Error|Exception):|Errno", found)


def test_every_error_of_a_disk_names_a_remedy() -> None:
    assert len(WORDS) > 10
    for number, (what, remedy) in WORDS.items():
        assert os_words(OSError(number, "system's words")) == f"{what}; {remedy}"


def test_the_file_that_stands_where_a_folder_must_be_is_named(tmp_path: Path) -> None:
    way = tmp_path / "way"
    way.write_text("")
    error = NotADirectoryError(errno.ENOTDIR, "Not a directory")
    assert str(not_written(way / "run" / "recipe.yaml", error)) == (
        f"{way / 'run' / 'recipe.yaml'} cannot be written: {way} is a file and no folder; move it away, or name another place"
    )


def test_a_place_where_nothing_can_be_made_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert f"nothing can be made in {tmp_path}; name another place" in str(not_written(tmp_path / "cache", error))
    assert f"there is no folder {tmp_path / 'a'}; name another place" in str(not_written(tmp_path / "a" / "b", error))


def test_what_steers_a_terminal_is_written_as_its_escape(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(f"é–\t\n{RAW}") == f"é–\t\n{SAFE}"
    assert printable("a\nb\tc\r", line=True) == r"a\nb\tc\r"
    assert printable("\ud800\u2028\u2069") == r"\ud800\u2028\u2069"
    assert str(InputError(f"case {RAW}: no")) == f"case {SAFE}: no"
    assert str(Problem(f"{RAW}\n", f"is {RAW}", "file", 0)) == rf"case {SAFE}\n: is {SAFE}"
    assert name_cases([RAW]) == f"case {SAFE}"
    assert name_cases([RAW, "a\nb"]) == rf"cases {SAFE}, a\nb"
    Display(shown=True).say(RAW)
    assert capsys.readouterr().err == f"{SAFE}\n"
