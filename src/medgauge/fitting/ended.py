"""The end of training, kept beside the weights: once it is there, what follows training needs best.ckpt and no last.ckpt."""

from contextlib import suppress

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.training.progress import Progress

ENDED, BEST = "ended.ckpt", "best.ckpt"
KINDS = {"step": int, "elapsed": float, "best": float, "best_step": int, "stopped_because": str, "rows": list}


def write_end(folder: RunFolder, progress: Progress) -> None:
    """Keep how a training ended."""
    folder.save_checkpoint(ENDED, {"progress": {name: getattr(progress, name) for name in KINDS}})


def read_end(folder: RunFolder) -> Progress | None:
    """How a training ended whose best weights are kept; None where it has not, or where that is damaged."""
    state = None
    with suppress(InputError):
        state = folder.load_checkpoint(ENDED)
    found = (state or {}).get("progress")
    if not isinstance(found, dict) or found.keys() != KINDS.keys():
        return None
    whole = all(isinstance(found[name], kind) for name, kind in KINDS.items()) and all(
        isinstance(row, dict) for row in found["rows"]
    )
    return Progress(**found) if whole and found["best_step"] > 0 else None


def write_log(folder: RunFolder, progress: Progress) -> None:
    """Write log.csv: a row for each reading of the validation cases and each end of an epoch."""
    columns = list(dict.fromkeys(name for row in progress.rows for name in row))
    folder.write_table("log.csv", columns, [[row.get(name) for name in columns] for row in progress.rows])
