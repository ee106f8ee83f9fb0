"""A finished run whose files are damaged or lost: made whole from its checkpoints, and never from anything else in silence."""

from collections.abc import Sequence
from contextlib import suppress

from medgauge.core.errors import InputError, said_as
from medgauge.fitting.ended import read_end
from medgauge.report import write_report
from medgauge.runfolder import RunFolder
from medgauge.runfolder.looks import NAME as LOOKS
from medgauge.runfolder.looks import counted_looks, write_looks
from medgauge.runfolder.seal import MODEL, NAME, PAGE, damaged, digests, in_words, own_files, seal
from medgauge.runfolder.whole import unvouched, unvouched_words, was_finished
from medgauge.runs.outputs import Outputs
from medgauge.runs.thumbnails import write_thumbnails
from medgauge.study import Study


def reopen(folder: RunFolder, *, source: str) -> str:
    """Make a run that was finished unfinished, so that what follows training is done anew; in words why, or nothing.

    The count of looks is kept.

    Args:
        folder: a run folder that is not whole.
        source: what it is made anew from, in words.

    Raises:
        InputError: a checkpoint that it would be made from is lost or damaged.
    """
    if not was_finished(folder):
        return _count_anew(folder)
    lost, out = damaged(folder) or [], unvouched(folder)
    told = f"{folder.path} was not sealed ({NAME}); what its seal cannot vouch for is made anew from {source}"
    if lost or any(name in (digests(folder) or {}) for name in MODEL):
        said = [*([in_words(folder, lost)] if lost else []), *([unvouched_words(folder, out)] if out else [])]
        told = f"{'; '.join(said)}; {'it is' if len([*lost, *out]) == 1 else 'they are'} made anew from {source}"
    if source == "the checkpoint":
        _check_checkpoints(folder, [*lost, *out] or [NAME])
    _keep_looks(folder, lost, out)
    (folder / "results.json").unlink(missing_ok=True)
    return told


def mend_page(folder: RunFolder, study: Study, outputs: Outputs) -> str:
    """Make the page and its pictures anew where they are damaged or lost; in words what was, or nothing."""
    lost, sealed = damaged(folder) or [], digests(folder) or {}
    told = f"{in_words(folder, lost)}; {'it is' if len(lost) == 1 else 'they are'} made anew" if lost else ""
    if any(name != PAGE[0] for name in lost):
        for name in lost:
            (folder / name).unlink(missing_ok=True)
        write_thumbnails(folder, study)
    there = (folder / PAGE[0]).exists()
    if lost or (PAGE[0] not in sealed and (there or outputs.report)):
        write_report(folder.path, images=outputs.images)
    unsealed = [name for name in own_files(folder) if name not in (digests(folder) or {}) or name in lost]
    if unsealed:
        seal(folder, unsealed)
    return told


def _check_checkpoints(folder: RunFolder, lost: Sequence[str]) -> None:
    gone, ended = "", read_end(folder) is not None
    last = None if ended else folder.load_checkpoint("last.ckpt")
    with said_as("the checkpoint last.ckpt is of another run", "remove the run folder and fit again"):
        if last is None and not ended:
            gone = "last.ckpt"
        elif (last is None or last["progress"]["best_step"]) and folder.load_checkpoint("best.ckpt") is None:
            gone = "best.ckpt"
    if gone:
        raise InputError(
            f"{in_words(folder, lost)}, and the checkpoint {gone}, from which it would be made anew, is missing; remove "
            f"the folder {folder.path} and give the same `medgauge fit` again, which trains anew"
        )


def _keep_looks(folder: RunFolder, lost: Sequence[str], out: Sequence[str]) -> None:
    """Write the looks down where only results.json has them; where both were edited, what can be read of it counts."""
    results, unsure = dict[str, object](), [*lost, *out]
    if LOOKS in unsure:
        (folder / LOOKS).unlink(missing_ok=True)
    doubted = unsure if (folder / LOOKS).exists() else lost
    if (folder / "results.json").exists() and "results.json" not in doubted:
        with suppress(InputError):
            results = folder.read_json("results.json")
    count = counted_looks(folder, results)
    if count and not (folder / LOOKS).exists():
        write_looks(folder, count)


def _count_anew(folder: RunFolder) -> str:
    """Remove a damaged count of looks from a run that was never finished; in words that it was, or nothing."""
    try:
        counted_looks(folder, {})
        fine = not damaged(folder, (LOOKS,))
    except InputError:
        fine = False
    if fine:
        return ""
    (folder / LOOKS).unlink(missing_ok=True)
    return f"{LOOKS} of {folder.path} is damaged; looks at the test split are counted anew"
