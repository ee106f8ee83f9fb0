"""What is said of a run folder that is not as it was written, and of new cases that are unlike the training cases."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgauge.core.beside import SUMS
from medgauge.core.errors import InputError
from medgauge.core.problem import name_cases
from medgauge.core.words import plural
from medgauge.data.tables.table import Table
from medgauge.data.tables.words import model_covariates
from medgauge.evaluation.predictions import LISTED
from medgauge.evaluation.scored import Scored
from medgauge.inference.blended import BLEND
from medgauge.inference.far import FAR_WORDS
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder
from medgauge.runfolder.headline import alarm_words
from medgauge.runfolder.opening import AGAIN
from medgauge.runfolder.seal import BEGUN, LOADED, LOOKED, MODEL
from medgauge.runfolder.tables import read_rows
from medgauge.runfolder.whole import edited_note, lost_words, no_seal_note
from medgauge.runs.ensemble import OUT_OF_FOLD, Finished
from medgauge.runs.fitted import Fit
from medgauge.study.table import columns_of

SETTINGS, SPLITS = BEGUN
ASIDE = [name for name in (SPLITS, *MODEL, *LOOKED) if name not in LOADED]
"""Sealed files that no value of a new case rests on."""
MADE_WITH = {"train": "train", "val": "val", "calibration": "calibration", OUT_OF_FOLD: "its folds"}
"""Splits whose images a model was made with: its weights, what was selected, its intervals; and how they are called."""


def seal_notes(run: Finished) -> list[str]:
    """A note for each folder of a run whose settings, or files that values do not rest on, are not as they were written."""
    notes: list[str] = []
    for folder in dict.fromkeys([run.folder, *(fit.folder for fit in run.fits)]):
        notes += no_seal_note(folder)
        notes += edited_note(folder)
        lost = lost_words(folder, ASIDE)
        if lost:
            notes.append(f"{lost}; {AGAIN}")
    return notes


def refuse_other_splits(folder: RunFolder) -> None:
    """Raise where splits.csv is not as it was written.

    Raises:
        InputError: it was edited, or is damaged or missing.
    """
    if lost_words(folder, (SPLITS,)) and lost_words(folder, (SPLITS,)):  # twice: another process may be writing
        what = "was edited or is damaged" if (folder / SPLITS).is_file() else "is missing"
        raise InputError(f"{folder / SPLITS} does not fit the seal of the run (digests.json): it {what}; {AGAIN}")


def far_notes(scored: Sequence[Scored], results: Mapping[str, Any]) -> list[str]:
    """How many new cases the gallery says little of, for each kind of label that has any, beside the rate of false alarms.

    Args:
        scored: what was read, of each task.
        results: of the run, whose own cases tell that rate; empty where it is of something else.
    """
    notes = []
    for one in scored:
        far = int(one.readings.far.sum())
        if far:
            column = "far" if len(scored) == 1 else f"{one.task.name}:far"
            alarms = alarm_words(results, one.task.columns[0])
            notes.append(
                f"{far} of {len(one.cases)} cases {'is' if far == 1 else 'are'} {FAR_WORDS} (column {column}): their values "
                f"rest on training cases that are unlike them{f'; of the run, {alarms}' if alarms else ''}"
            )
    return notes


def evidence_notes(scored: Sequence[Scored]) -> list[str]:
    """How many values are sums over many training cases, of which those that are listed carry less than half of the weight.

    Args:
        scored: what was read, of each task.
    """
    notes = []
    for one in scored:
        if not len(one.cases):
            continue
        shown = one.readings.evidence.leading(LISTED).share.tolist()
        for place, (target, record) in enumerate(zip(one.task.columns, one.reader.records, strict=True)):
            if record not in (*SUMS, BLEND):
                continue
            shares = [share[place] for share in shown]
            many = sum(share < 0.5 for share in shares)
            if many:
                notes.append(
                    f"{target}: {many} of {len(shares)} values {'rests' if many == 1 else 'rest'} on many cases: the {LISTED} training "
                    f"cases that are listed carry {min(shares):.0%} to {max(shares):.0%} of the weight (column shown_share_{target})"
                )
    return notes


def own_image_notes(run: Finished, digests: Sequence[str]) -> list[str]:
    """What is said where images are those that the run was made with, also under other names.

    Args:
        run: whose pictures are listed with their splits.
        digests: of the pictures of new cases.
    """
    lines = read_rows(run.folder, "splits.csv", ["picture", "split"])
    splits = {line["picture"]: line["split"] for line in lines if line["split"] in MADE_WITH and line["picture"]}
    found = Counter(splits[digest] for digest in digests if digest in splits)
    if not found:
        return []
    what = "case" if run.recipe.represent.is_table else "image"
    count, parts = found.total(), ", ".join(f"{found[name]} of {MADE_WITH[name]}" for name in MADE_WITH if found[name])
    return [
        f"{count} of {len(digests)} {plural(count, f'{what} is', f'{what}s are')} the run's own ({parts}): the model was made with "
        f"them, so their values say nothing of new {what}s; look at new ones, or at the test split with medgauge evaluate"
    ]


def covariate_notes(recipe: Recipe, fits: Sequence[Fit], table: Table) -> list[str]:
    """Covariates of new cases that are farther outside those of the training cases than these are wide, or no code of theirs.

    Args:
        recipe: by which the cases are prepared.
        fits: whose training cases.
        table: new cases, their sizes of pixels corrected as those of the training cases.
    """
    names = model_covariates(columns_of(recipe), recipe.data.covariate_words)
    known = np.concatenate([fit.train.covariates.numpy() for fit in fits])
    notes = _other_codes(names, known, table)
    for place, name in enumerate(names):
        low, high, new = known[:, place].min(), known[:, place].max(), table.covariates[:, place]
        wide = (high - low) or abs(high) or 1.0
        rows = np.flatnonzero((new < low - wide) | (new > high + wide))
        if len(rows):
            notes.append(
                f"{name} of {len(rows)} of {len(new)} cases is far outside that of the training cases "
                f"({name_cases([table.id[row] for row in rows])}): their values are not to be relied on; look at its unit"
            )
    return notes


def _other_codes(names: Sequence[str], known: NDArray[np.float64], table: Table) -> list[str]:
    """Covariates that have two whole numbers in the training cases (n, q), and other whole numbers near them in new ones."""
    notes = []
    for place, name in enumerate(names):
        two, new = np.unique(known[:, place]), np.unique(table.covariates[:, place])
        wide = np.ptp(two)
        other = new[~np.isin(new, two) & (new >= two[0] - wide) & (new <= two[-1] + wide)]
        if len(two) == 2 and len(other) and (np.concatenate([two, new]) % 1 == 0).all():
            rows = np.flatnonzero(np.isin(table.covariates[:, place], other))
            notes.append(
                f"{name} of {len(rows)} of {len(table)} cases is {' or '.join(f'{one:g}' for one in other[:5])} "
                f"({name_cases([table.id[row] for row in rows])}), which no training case has (these have {two[0]:g} and {two[1]:g}): if "
                "these are codes, write those of the training cases"
            )
    return notes


def label_notes(fits: Sequence[Fit], table: Table) -> list[str]:
    """Labels of new cases that are far outside all labels of the run, and how many times as large they are.

    So they are where they are farther outside than the run's are wide, or, of positive ones, where all are less than half of
    the smallest or more than twice the largest.
    """
    known = np.concatenate([part.label.numpy() for fit in fits for part in (fit.train, fit.validation)])
    notes = []
    for place, name in enumerate(table.target):
        own, new = known[:, place], table.label[:, place]
        low, high = float(np.nanmin(own)), float(np.nanmax(own))
        wide = (high - low) or abs(high) or 1.0
        far = (new < low - wide) | (new > high + wide)
        there = ~np.isnan(new)
        if low > 0 and there.any() and (new[there].max() < low / 2 or new[there].min() > 2 * high):
            far = there
        rows = np.flatnonzero(far)
        if not len(rows):
            continue
        usual, wanted = float(np.nanmedian(new[far])), float(np.nanmedian(own))
        times = f"{usual / wanted:.3g} times" if wanted > 0 and usual > 0 else "beside"
        notes.append(
            f"label {name} of {len(rows)} of {int(there.sum())} cases is far outside all of the run's labels, which are {low:.4g} to "
            f"{high:.4g} ({name_cases([table.id[row] for row in rows])}): the median of such labels is {usual:.4g}, {times} the run's "
            f"{wanted:.4g}; look at the unit"
        )
    return notes
