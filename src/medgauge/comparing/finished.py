"""Compare finished run folders: nothing is trained, their test cases must be the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from medgauge.comparing.jobs import Job, Outcome, outcome_of
from medgauge.comparing.state import State
from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.core.words import counted, did_you_mean
from medgauge.functional.regions import AnyRegions, label_regions
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import answer_note, answering
from medgauge.runfolder.classes import classes_of, with_places
from medgauge.runfolder.contents import read_finished, read_results
from medgauge.runfolder.seal import FIGURED
from medgauge.runfolder.tables import need_columns, read_numbers, read_rows
from medgauge.runfolder.whole import edited_note, no_seal_note, refuse_cut_look, vouched
from medgauge.runs.files import read_recipe
from medgauge.runs.reading import reading

NEEDED = ("cases", "training", "seconds", "val", "test")
"""Parts of results.json that a comparison takes."""


def are_runs(given: Sequence[str | Path]) -> bool:
    """Whether run folders are given in place of recipes.

    Raises:
        InputError: some are and some are not.
    """
    folders = [one for one in given if Path(one).is_dir()]
    if folders and len(folders) < len(given):
        other = next(one for one in given if one not in folders)
        raise InputError(f"{folders[0]} is a folder and {other} is not: give recipes, or run folders, not both")
    return bool(folders)


def folder_notes(given: Sequence[str | Path]) -> list[str]:
    """What is said of run folders: which candidate answers, and what is not, or may not be, as it was written."""
    notes = []
    for one in map(RunFolder, given):
        folder = answering(one)
        notes += answer_note(one)
        notes += [*no_seal_note(folder), *edited_note(folder)] if folder.has("results.json") else []
    return notes


def claim_runs(paths: Sequence[str | Path], out: str | Path, reference: str | None) -> State:
    """The state of a comparison with a recorded run for each folder.

    Raises:
        InputError: a run has not read its test split, is damaged or of folds, or two have other labels or test cases.
    """
    names = [Path(path).resolve().name for path in paths]
    names = names if len(set(names)) == len(names) else [str(Path(path)) for path in paths]
    if len(set(names)) < 2:
        raise InputError("compare needs at least two run folders")
    reference = names[0] if reference is None else reference
    if reference not in names:
        raise InputError(f"the reference {reference!r} is none of the runs ({did_you_mean(reference, names)})")
    folders = [answering(RunFolder(path)) for path in paths]
    found = [_read(folder) for folder in folders]
    first, first_cases = found[0]
    for folder, (recipe, cases) in zip(folders[1:], found[1:], strict=True):
        _check_same(folders[0], folder, (first, first_cases), (recipe, cases))
    targets = list(read_recipe(folders[0]).data.label)
    stamp = {
        "medgauge": __version__,
        "seeds": [0],
        "reference": reference,
        "targets": targets,
        "methods": {
            name: {"run": str(folder.path), **recipe}
            for name, folder, (recipe, _) in zip(names, folders, found, strict=True)
        },
    }
    state = State.claim(out, stamp, _regions(folders[0], targets))
    for folder, name in zip(folders, names, strict=True):
        if name not in state.done():
            state.record([(Job(name, name, 0, None, {}, folder.path), _outcome(folder, name, targets))])
    return state


def _read(folder: RunFolder) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """The recipe of a run, and its test cases: id to group and labels."""
    if folder.is_ensemble():
        raise InputError(
            f"{folder.path} is a run of several folds, and runs of one fit are compared; give runs without data.folds"
        )
    folder.check_complete()
    refuse_cut_look(folder)
    with vouched(folder, FIGURED):
        return _read_whole(folder)


def _read_whole(folder: RunFolder) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    finished = read_finished(folder)
    if "test" not in finished:
        raise InputError(f"{folder.path} has not read its test split; give `medgauge evaluate {folder.path}` first")
    if "val" not in finished:
        raise InputError(
            f"{folder.path} has no validation cases, as a fold of frozen features, and compare shows their figures too; give "
            "runs without data.folds"
        )
    results = read_results(folder, NEEDED)
    recipe, data = folder.read_yaml("recipe.yaml"), read_recipe(folder).data
    targets = data.label
    for split in ("val", "test"):
        absent = [name for name in (*targets, "space") if name not in results[split]]
        if absent:
            raise folder.broken("results.json", f"{split} has no figures of {absent[0]}")
    labels = [f"label_{name}" for name in targets]
    table = read_rows(folder, "predictions.csv", ["id", "group", "split", *labels])
    rows = [row for row in table if row["split"] == "test"]
    return recipe, {row["id"]: (row["group"], *(row[name] for name in labels)) for row in rows}


def _check_same(one: RunFolder, other: RunFolder, here: tuple[Any, Any], there: tuple[Any, Any]) -> None:
    if here[0]["data"]["label"] != there[0]["data"]["label"]:
        raise InputError(f"{one.path} and {other.path} were made for different labels, so they cannot be compared")
    if here[1] != there[1]:
        apart = len(here[1].keys() ^ there[1].keys())
        what = (
            f"{counted(apart, 'case is', 'cases are')} in one only"
            if apart
            else "the ids are the same, but not all groups and labels"
        )
        raise InputError(
            f"{one.path} and {other.path} have different test cases ({what}): runs are compared on the same splits; fit "
            "them with the same data.test_seed or split column"
        )


def _outcome(folder: RunFolder, name: str, targets: Sequence[str]) -> Outcome:
    entry = {"name": name, "method": name, "seed": 0}
    return outcome_of(entry, folder, read_results(folder), targets, test=True)


def _regions(folder: RunFolder, targets: Sequence[str]) -> dict[str, AnyRegions]:
    """Label regions by the labels of all cases that are not test cases."""
    name, classes = "predictions.csv", classes_of(folder.read_yaml("recipe.yaml"))
    written = folder.read_columns(name)
    need_columns(folder, name, written, ["split"])
    table = with_places(written, classes)
    places = [place for place, split in enumerate(table["split"]) if split != "test"]
    with reading(folder / name):
        return {
            target: label_regions(
                torch.tensor(read_numbers(folder, name, table, f"label_{target}"), dtype=torch.float64)[places],
                classes=target in classes,
            )
            for target in targets
        }
