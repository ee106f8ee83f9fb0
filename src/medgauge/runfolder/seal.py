"""Digests of the files of a run folder, by which a later command tells what was damaged or lost."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from medgauge.core.errors import InputError
from medgauge.runfolder.folder import PRETRAINED, RunFolder
from medgauge.runfolder.opening import plain_file

NAME = "digests.json"
BEGUN = ("recipe.yaml", "splits.csv")
"""Written before training."""

MODEL = (
    "model.json", "model.safetensors", "gallery.csv", "gallery.safetensors", "embeddings.safetensors",
    "predictors.json", "predictors.safetensors", "blend.json", "log.csv",
)  # fmt: skip
"""Written once, after training."""

FITTED = (
    "model.json", "model.safetensors", "gallery.csv", "gallery.safetensors", "predictors.json", "predictors.safetensors",
)  # fmt: skip
"""The files of a fit that its values rest on."""

LOOKED = ("looks.json", "predictions.csv", "predictions_by_group.csv", "problems.csv", "results.json")
"""Written anew by each look."""

CORRELATIONS = "correlations.safetensors"
"""Of the features of a pretraining, for its page."""

PAGE = ("report.html", "thumbnails")
LOADED = (*(name for name in MODEL if name not in ("embeddings.safetensors", "log.csv")), "results.json")
"""Read when a run is loaded, beside its settings, which a person may have edited."""

FIGURED = (BEGUN[1], *MODEL, *LOOKED)
"""All that figures and page rest on, beside the settings."""

ALL = (*BEGUN, *MODEL, PRETRAINED[-1], CORRELATIONS, *LOOKED, *PAGE)
_written: list[tuple[Path, frozenset[str]]] = []  # folders, and what in them this process is writing
THUMBNAIL = re.compile(r"thumbnails/[0-9]+\.png")


def own_files(folder: RunFolder) -> list[str]:
    """The files of a run that are there, checkpoints left out."""
    names = [name for name in ALL[:-1] if (folder / name).is_file()]
    return names + sorted(
        name for path in (folder / PAGE[1]).glob("*.png") if _is_own(name := f"thumbnails/{path.name}")
    )


def digests(folder: RunFolder) -> dict[str, str] | None:
    """Name and SHA-256 of every sealed file; None where there is no seal, or one that is damaged or does not fit its own."""
    try:
        found = folder.read_json(NAME)
    except InputError:
        return None
    own = found.pop(NAME, None)
    whole = all(_is_own(name) and isinstance(digest, str) for name, digest in found.items())
    fits = own == _own_digest(found) or (own is None and len(found) > 0)
    return found if whole and fits else None


def _is_own(name: str) -> bool:
    return name in ALL[:-1] or THUMBNAIL.fullmatch(name) is not None


def damaged(folder: RunFolder, among: Collection[str] = ALL) -> list[str] | None:
    """Sealed files that are lost or changed; None where there is no seal.

    Args:
        folder: the run folder.
        among: only these are asked about, or what is in a folder of such a name.
    """
    sealed = digests(folder)
    if sealed is None:
        return None
    asked = {name: digest for name, digest in sealed.items() if among_them(name, among)}
    return [name for name, digest in asked.items() if file_digest(folder, name) != digest]


def in_words(folder: RunFolder, names: Sequence[str]) -> str:
    """The files and what is wrong with them.

    >>> in_words(RunFolder("runs/none"), ["results.json", "log.csv"])
    'results.json and log.csv of runs/none are missing'
    """
    gone = [name for name in names if not (folder / name).is_file()]
    what = "missing" if len(gone) == len(names) else "damaged or missing" if gone else "damaged"
    return f"{listed(names)} of {folder.path} {'is' if len(names) == 1 else 'are'} {what}"


def listed(names: Sequence[str]) -> str:
    """The first four files, and how many more.

    >>> listed(["log.csv", "model.json", "looks.json"])
    'log.csv, model.json and looks.json'
    """
    shown = [*names[:4], *([f"{len(names) - 4} more"] if len(names) > 4 else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def file_digest(folder: RunFolder, name: str) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        with plain_file(folder.path, name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, InputError):  # not there, or a link, a pipe, a device
        return ""


def text_digest(text: str) -> str:
    """SHA-256 of a text file with this content."""
    return hashlib.sha256(text.encode()).hexdigest()


def fit_digest(folder: RunFolder) -> str:
    """One digest of the files of a fit that its values rest on; what is not there counts as empty."""
    return text_digest("\n".join(f"{name} {file_digest(folder, name)}" for name in FITTED))


def seal(folder: RunFolder, names: Collection[str]) -> None:
    """Take the files into the seal, as they are now."""
    kept = digests(folder) or {}
    _write(folder, {**kept, **{name: file_digest(folder, name) for name in names}})


@contextmanager
def rewriting(folder: RunFolder, changed: Collection[str]) -> Iterator[None]:
    """Take files out of the seal while they are written, and what there is of them into it afterwards.

    Without a seal there is none afterwards. After a kill or an error they are in no seal.

    Args:
        folder: the run folder.
        changed: names of files, or of a folder with all that is in it.
    """
    sealed = digests(folder)
    if sealed is None:
        yield
        return
    if any(among_them(name, changed) for name in sealed):
        _write(folder, {name: digest for name, digest in sealed.items() if not among_them(name, changed)})
    entry = (folder.path.resolve(), frozenset(changed))
    _written.append(entry)
    try:
        yield
    finally:
        _written.remove(entry)
    seal(folder, [name for name in own_files(folder) if among_them(name, changed)])


def written_now(folder: RunFolder) -> set[str]:
    """What this process is writing in a folder, inside :func:`rewriting`."""
    here = folder.path.resolve()
    return {name for path, names in list(_written) if path == here for name in names}


def among_them(name: str, changed: Collection[str]) -> bool:
    """Whether a file is one of some, or in a folder of them."""
    return name in changed or name.partition("/")[0] in changed


def _write(folder: RunFolder, found: dict[str, str]) -> None:
    folder.write_json(NAME, {**dict(sorted(found.items())), NAME: _own_digest(found)})


def _own_digest(found: Mapping[str, object]) -> str:
    """Digest of what digests.json holds beside its own digest."""
    return text_digest(json.dumps(found, sort_keys=True))
