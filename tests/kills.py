"""Commands that end in the middle: what stands after each whole write, and whether two folders say the same."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from medgauge.runfolder import parts

TIMED = {"seconds", "peak_memory_mb", "wall", "elapsed", "comparison.json"}  # the last: a digest of times too
"""What no two runs have in common."""
SPENT = re.compile(r"[\d,]+\ss · peak memory [\d,]+\sMB")


class Killed(BaseException):
    """As a kill: nothing in the package catches it."""


@contextmanager
def watched_writes(seen: Callable[[Path], None]) -> Iterator[None]:
    """Call ``seen`` with the path after each whole write."""
    real = parts.put_in_place

    def put(temporary: Path, path: Path, *, new: bool) -> None:
        real(temporary, path, new=new)
        seen(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "put_in_place", put)
        yield


def killed_after(count: int, command: Callable[[], object]) -> bool:
    """Run a command that ends by an exception after its whole write of that number; False where it has fewer."""
    written = []

    def seen(path: Path) -> None:
        written.append(path)
        if len(written) == count:
            raise Killed

    try:
        with watched_writes(seen):
            command()
    except Killed:
        return True
    return False


def states(folder: Path, kept: Path, command: Callable[[], object], wanted: Callable[[str], bool]) -> list[Path]:
    """Run a command to its end; copies of ``folder`` as it stood after each whole write whose name in it is wanted."""
    copies: list[Path] = []

    def seen(path: Path) -> None:
        name = path.relative_to(folder).as_posix()
        if wanted(name):
            copies.append(kept / f"{len(copies):02d}-{name.replace('/', '-')}" / folder.name)
            shutil.copytree(folder, copies[-1], ignore=shutil.ignore_patterns("*.part"))  # as swept once dead

    with watched_writes(seen):
        command()
    return copies


def contents(folder: Path) -> dict[str, Any]:
    """What a folder says, file by file, without times (a page has its folder's name); no file of an unfinished write is allowed."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        assert not path.name.endswith(".part")
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name == "digests.json":
            continue
        if path.suffix == ".json":
            found[name] = _timeless(json.loads(path.read_text(encoding="utf-8")))
        elif path.suffix == ".ckpt":
            found[name] = repr(torch.load(path, weights_only=True).get("model"))
        elif path.suffix == ".html":
            found[name] = SPENT.sub("", path.read_text(encoding="utf-8"))
        else:
            found[name] = path.read_bytes()
    return found


def _timeless(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _timeless(inner) for key, inner in values.items() if key not in TIMED}
    return [_timeless(one) for one in values] if isinstance(values, list) else values


def differing(folder: Path, whole: Path) -> list[str]:
    """Files in which two folders differ, times left out."""
    one, other = contents(folder), contents(whole)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
