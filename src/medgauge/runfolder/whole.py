"""Whether a finished run is as it was written: what its seal tells damaged, and what a seal should tell of and does not."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from medgauge.core.errors import InputError
from medgauge.runfolder.contents import read_finished, read_predictors
from medgauge.runfolder.folder import PRETRAINED, RunFolder
from medgauge.runfolder.looks import NAME as LOOKS
from medgauge.runfolder.looks import counted_looks, told_looks
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import (
    ALL,
    BEGUN,
    LOADED,
    LOOKED,
    MODEL,
    NAME,
    PAGE,
    among_them,
    damaged,
    digests,
    fit_digest,
    in_words,
    listed,
    own_files,
    written_now,
)  # fmt: skip

NEEDED = (*BEGUN, "gallery.csv", "predictors.json", "predictions.csv", "results.json")
NEEDED_OF_A_FIT = (
    "model.json", "model.safetensors", "gallery.safetensors", "embeddings.safetensors", "predictors.safetensors",
)  # fmt: skip


def unvouched(folder: RunFolder, among: Collection[str] = ALL) -> list[str]:
    """Files of a finished run that its seal does not tell of, as it would of every one; what this process writes is left out.

    A look that was cut short took its files out of the seal together, and it is finished later: they are left out too. Of
    a page nothing is asked, since it can be made anew at any time.
    """
    sealed = digests(folder)
    if sealed is None:
        return []
    if folder.has(PRETRAINED[-1]):
        return [name for name in PRETRAINED if name not in sealed and among_them(name, among)]
    names = dict.fromkeys([*NEEDED, *(() if folder.is_ensemble() else NEEDED_OF_A_FIT), *own_files(folder)])
    asked = [name for name in names if name not in sealed and not among_them(name, PAGE) and among_them(name, among)]
    fine = {*written_now(folder), *(_of_a_cut_look(folder, sealed) if asked else ())}
    return [name for name in asked if name not in fine]


def is_cut_look(folder: RunFolder) -> bool:
    """Whether a look at the test split was begun whose files are not all written, by none of this process."""
    sealed = digests(folder) or {}
    return "results.json" in _of_a_cut_look(folder, sealed) and "results.json" not in written_now(folder)


def _of_a_cut_look(folder: RunFolder, sealed: Collection[str]) -> list[str]:
    """Files that a look which was cut short has taken out of the seal: the count alone, or all once it was counted."""
    count, results = 0, None
    with suppress(InputError):
        results = read_finished(folder)
    with suppress(InputError):
        count = counted_looks(folder, {})
    alone = all(name in sealed for name in ("predictors.json", *BEGUN)) and not any(name in sealed for name in LOOKED)
    if count and results is not None and alone:
        return list(LOOKED)
    told = 0 if results is None else told_looks(results)
    return [LOOKS] if count > 0 and told <= count <= told + 1 else []


def lost_words(folder: RunFolder, among: Collection[str] = ALL) -> str:
    """What is damaged, missing or in no seal of a finished run, in words; nothing where all is as it was written.

    A run without digests.json is taken as it is.
    """
    lost, out = damaged(folder, among), unvouched(folder, among)
    if lost is None:
        return f"{NAME} of {folder.path} is damaged" if folder.has(NAME) else ""
    said = [in_words(folder, lost)] if lost else []
    return "; ".join([*said, *([unvouched_words(folder, out)] if out else [])])


def unvouched_words(folder: RunFolder, names: Collection[str]) -> str:
    """The files that are in no seal, and what that means."""
    are, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{listed(list(names))} of {folder.path} {are} damaged or edited: {NAME} has no digest of {them}"


def no_seal_note(folder: RunFolder) -> list[str]:
    """What is said of a run without digests.json."""
    if folder.has(NAME):
        return []
    return [f"{NAME} of {folder.path} is missing, so nothing tells whether its files are as they were written; {AGAIN}"]


def edited_note(folder: RunFolder) -> list[str]:
    """What is said of a run whose recipe.yaml, which a person may edit, is not as it was written, and can be read."""
    sealed = digests(folder)
    if sealed is None or not lost_words(folder, BEGUN[:1]):
        return []
    try:
        folder.read_yaml(BEGUN[0])
    except InputError:  # which is told where it is read
        return []
    if BEGUN[0] not in sealed:
        return [f"{unvouched_words(folder, BEGUN[:1])}; it is used as it stands; {AGAIN}"]
    return [
        f"{folder / BEGUN[0]} is not as it was written (digests.json): it was edited or is damaged, and is used as it stands; "
        "give the same `medgauge fit` again to have it as it was"
    ]


def written_notes(folder: RunFolder) -> list[str]:
    """What is said of a run, and of the folds inside it, without digests.json or with other settings than were written."""
    inner = [folder.inner(path.name) for path in sorted(folder.path.glob("fold-*")) if path.is_dir()]
    return [note for one in [folder, *inner] for note in (*no_seal_note(one), *edited_note(one))]


def refuse_damaged(folder: RunFolder, among: Collection[str]) -> None:
    """Raise where a file of a finished run is lost or changed, or is not in its seal.

    Raises:
        InputError: with the files, and the way on.
    """
    said = lost_words(folder, among) and lost_words(folder, among)  # twice: another process may be writing
    if said:
        raise InputError(f"{said}; {AGAIN}")


def refuse_cut_look(folder: RunFolder) -> None:
    """Raise where a look was cut short, so that predictions.csv and results.json may be of two looks.

    Raises:
        InputError: with the command that finishes it.
    """
    if is_cut_look(folder):
        raise InputError(
            f"a look at the test split of {folder.path} was begun and not finished; `medgauge evaluate {folder.path}` "
            "finishes it"
        )


def refuse_mixed_folds(folder: RunFolder) -> None:
    """Raise where a run of folds lacks one, or has another or that of another run in its place; a blend's are elsewhere.

    Raises:
        InputError: with the fold, and the way on.
    """
    if not folder.is_ensemble() or folder.is_blend():
        return
    data = folder.read_yaml("recipe.yaml").get("data")
    count = data.get("folds") if isinstance(data, Mapping) else None
    others = other_fits(folder)
    for fold in range(count if isinstance(count, int) else 0):
        inner = folder.inner(f"fold-{fold}")
        if not inner.path.is_dir():
            raise InputError(f"{inner.path.name} of {folder.path} is missing; {AGAIN}")
        own = inner.read_yaml("recipe.yaml").get("data")
        held = own.get("fold") if isinstance(own, Mapping) else None
        if held != fold:
            raise InputError(f"{inner.path} holds fold {held} and not fold {fold}; remove it, then {AGAIN}")
        if fold in others:
            refuse_damaged(inner, LOADED)
            raise InputError(
                f"{inner.path} is not the fit that {folder.path} was made of, but that of another run; remove it, then {AGAIN}"
            )


def other_fits(folder: RunFolder) -> list[int]:
    """Folds whose fit, as it is now, is not the one that the whole was made of; one that does not tell is taken as it is.

    Raises:
        InputError: predictors.json of the whole is damaged.
    """
    told = read_predictors(folder).get("fits", [])
    return [fold for fold, digest in enumerate(told) if fit_digest(folder.inner(f"fold-{fold}")) != digest]


@contextmanager
def vouched(folder: RunFolder, among: Collection[str]) -> Iterator[None]:
    """What is read inside must be as it was written; what the seal tells damaged is named before what its content leads to.

    Raises:
        InputError: a file is lost or changed, or is not in the seal of a finished run.
    """
    try:
        yield
    except InputError:
        refuse_damaged(folder, among)
        raise
    refuse_damaged(folder, among)


def is_whole(folder: RunFolder) -> bool:
    """Whether the folder holds a finished run whose files are all as they were written; a page can be made anew at any time."""
    sealed = digests(folder)
    finished = (folder / "results.json").is_file() and sealed is not None and "predictors.json" in sealed
    return finished and not unvouched(folder) and all(among_them(name, PAGE) for name in damaged(folder) or [])


def was_finished(folder: RunFolder) -> bool:
    """Whether the folder has, or had, all that follows training."""
    return (folder / "results.json").exists() or any(name in ("results.json", *MODEL) for name in digests(folder) or {})
