"""A run folder before training: whose it is, and whether its cases are still those that it was begun with."""

from collections.abc import Mapping
from typing import Any

from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.claim import claim_folder
from medgauge.runfolder.seal import digests, file_digest, seal, text_digest
from medgauge.runfolder.tables import read_rows
from medgauge.runs import files
from medgauge.study import Study
from medgauge.study.changes import changed_cases
from medgauge.tasks import Tasks

SPLITS = "splits.csv"


def begin(folder: RunFolder, study: Study, tasks: Tasks, stamp: Mapping[str, Any]) -> list[str]:
    """Claim the folder of one fit, and write its cases down or compare them; what was mended, in words.

    Raises:
        InputError: another run's folder, or a picture that has changed since the run was begun.
    """
    mended = claim_folder(folder, stamp)
    text, sealed = files.splits_text(study, tasks, study.splits), digests(folder) or {}
    here, there = text_digest(text), file_digest(folder, SPLITS)
    if sealed.get(SPLITS) == here != there:
        mended.append(f"{SPLITS} of {folder.path} is {'damaged' if there else 'missing'}; it is written anew")
    elif sealed.get(SPLITS, there) != there:
        raise InputError(
            f"{folder / SPLITS} is damaged or missing, and the cases read now are not those that it held; give another --out"
        )
    elif there and there != here and SPLITS not in sealed:
        _refuse_other_cases(folder, study)
        mended.append(f"{SPLITS} of {folder.path} is not what was written and in no seal; it is written anew")
    elif there:
        refuse_changes(folder, study)
    if not there or mended:
        folder.write_text(SPLITS, text)
    if SPLITS not in sealed:
        seal(folder, [SPLITS])
    return mended


def _refuse_other_cases(folder: RunFolder, study: Study) -> None:
    """Raise where a splits.csv that is in no seal can be read and tells of other cases."""
    try:
        rows = read_rows(folder, SPLITS, ["id", "picture"])
    except InputError:
        return
    changes = changed_cases(rows, study) if len(rows) == len(study.splits) else ""  # else a part of it is gone
    if changes:
        raise InputError(
            f"{changes} since {folder.path} was begun, or {SPLITS} was edited, which is in no seal (digests.json); put it "
            "back as it was, or give another --out"
        )


def refuse_changes(folder: RunFolder, study: Study) -> None:
    """Raise unless the cases are those of the folder's splits.csv.

    Raises:
        InputError: a case or its picture is another one.
    """
    changes = changed_cases(read_rows(folder, SPLITS, ["id", "picture"]), study)
    if changes:
        raise InputError(f"{changes} since {folder.path} was begun; put it back as it was, or give another --out")
