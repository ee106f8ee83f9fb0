"""Scores a run on a table from elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError, check_path, check_switches, check_texts
from medgauge.core.words import counted
from medgauge.data.features.about import about_notes
from medgauge.data.tables.columns import Wanted, read_columns
from medgauge.data.tables.folds import KEPT_OUT
from medgauge.data.tables.missing import trim
from medgauge.data.tables.names import Spelling
from medgauge.data.tables.notes import unlabelled_notes
from medgauge.data.tables.numbers import Mark
from medgauge.data.tables.subgroups import subgroup_values
from medgauge.data.tables.table import Table
from medgauge.evaluation.baselines import mean_baselines, read_baselines
from medgauge.evaluation.scored import Scored, judge
from medgauge.evaluation.space import choose_graph, mean_space, space_block
from medgauge.inference.pooled import AnyReader
from medgauge.recipes.schema import Recipe
from medgauge.runfolder.headline import first_shown
from medgauge.runfolder.tables import read_rows
from medgauge.runs.ensemble import Finished
from medgauge.runs.fitted import cases_of_fits, task_known
from medgauge.runs.new_cases import embed_table, read_table_of, say_all, say_notes, without_groups
from medgauge.runs.new_features import check_sources
from medgauge.runs.notes import far_notes, label_notes, refuse_other_splits
from medgauge.runs.places import check_figures_folder, check_place
from medgauge.runs.score import blocks
from medgauge.runs.tables import write_predictions
from medgauge.study.representation import new_source_notes


def evaluate_table(
    run: Finished,
    path: str | Path,
    *,
    out: str | Path | None,
    split: str | None,
    array: str | Path | None = None,
    index: str | None = None,
    ids_are_local: bool,
    spelling: Spelling | None = None,
    decimal: Mark | None = None,
    source: str | Path | Sequence[str | Path] = (),
    terminal: bool = False,
) -> dict[str, object]:
    """Score the run on another table: ``Run.evaluate`` says how."""
    check_path("the table", path)
    check_switches(ids_are_local=ids_are_local, terminal=terminal)
    check_texts(split=split)
    check_place(array, index, out, spelling, decimal)
    sources = check_sources(run, source)
    folder = None if out is None else check_figures_folder(run.folder, out, path)
    table, _ = read_table_of(
        run, path, need_label=True, array=array, index=index, local=ids_are_local, spelling=spelling, decimal=decimal
    )
    notes = say_notes(table, terminal)
    if split is not None:
        table = _rows_of_split(run, table, path, split)
    if np.isnan(table.label).all():
        raise InputError(f"{path} has no label in any row; use `medgauge predict`")
    refuse_other_splits(run.folder)
    splits = read_rows(run.folder, "splits.csv", ["id", "group", "split", "picture"])
    _refuse_shared_groups(run, table, splits, ids_are_local)
    notes += say_all([*unlabelled_notes(table), *label_notes(run.fits, table)], terminal)
    cases, digests, of_images = embed_table(run, table, sources=sources, terminal=terminal)
    _refuse_shared_pictures(table, digests, splits, run.recipe)
    known = [note for one in sources for note in about_notes(Path(one))]
    known += new_source_notes(run.recipe, digests, table, local=ids_are_local)
    scored = score_table(run, table, cases, ids_are_local=ids_are_local)
    notes += [*of_images, *say_all([*known, *far_notes(scored, run.results)], terminal)]
    by_group = run.recipe.prediction.aggregate == "mean"
    trainings = [fit.results.get("training") for fit in run.fits]
    block: dict[str, object] = dict(blocks(scored, seed=run.recipe.seed, by_group=by_group, trainings=trainings))
    block["space"] = spaces(run, cases)
    if folder is not None:
        (folder / "results.json").unlink(missing_ok=True)  # of an evaluation before, whose predictions go now
        rows = list(range(len(table)))
        write_predictions(folder, [("test", rows, scored)], run.gallery_rows, by_group=by_group)
        folder.write_json("results.json", first_shown({"notes": notes, "test": block}))
    return block


def score_table(run: Finished, table: Table, cases: Sequence[Cases], *, ids_are_local: bool) -> list[Scored]:
    """Read the cases of a table, with the baselines and the subgroups beside them, for each task."""
    names = [name for name in run.recipe.data.subgroups if name in table.extra]
    subgroups = subgroup_values({name: table.extra[name] for name in names})
    covariates = torch.from_numpy(table.covariates)
    known = [(task_known(fit.tasks, fit.train), task_known(fit.tasks, fit.validation)) for fit in run.fits]
    apart = without_groups(cases) if ids_are_local else cases
    parts, readers, found = cases_of_fits(run.fits, apart), list[AnyReader](run.readers), []
    for place, reader in enumerate(readers):
        said = [
            read_baselines(
                fit.tasks.parts[place],
                train[place],
                validation[place],
                covariates[:, : train[place].covariates.shape[1]],
            )
            for fit, (train, validation) in zip(run.fits, known, strict=True)
        ]
        values, sorts = mean_baselines(said)
        found.append(judge(reader, parts[place], baselines=values, sorts=sorts, subgroups=subgroups, group=table.group))
    return found


def spaces(run: Finished, cases: Sequence[Cases]) -> dict[str, object]:
    """Quality of the space (the spaces, of several fits), with the k of RV chosen on these cases."""
    found = []
    for fit, own in zip(run.fits, cases, strict=True):
        chosen = choose_graph(own, fit.tasks)
        block = space_block(own, fit.gallery, fit.tasks, chosen)
        found.append(block | {"rv_note": block["rv_note"] or "k chosen on these cases"})
    return found[0] if len(found) == 1 else mean_space(found)


def _rows_of_split(run: Finished, table: Table, path: str | Path, split: str) -> Table:
    name = run.recipe.data.split or "split"
    values = read_columns(path, [Wanted(name, "split", needed=True)]).text[name]
    rows = [row for row, value in enumerate(map(trim, values)) if value == trim(split)]
    if not rows:
        raise InputError(f"no row of {path} has {name} = {split}; it has {', '.join(sorted(set(values)))}")
    return table.take(rows)


def _refuse_shared_groups(
    run: Finished, table: Table, splits: Sequence[Mapping[str, str]], ids_are_local: bool
) -> None:
    if ids_are_local or run.recipe.data.group is None:
        return
    shared = sorted(set(table.group) & {row["group"] for row in splits if row["split"] not in ("test", KEPT_OUT)})
    if shared:
        raise InputError(
            f"{counted(len(shared), 'group of the table is a group', 'groups of the table are groups')} of the "
            f"run's own cases (the first: {shared[0]}); leave their cases out, or say --ids-are-local if the ids only look alike"
        )


def _refuse_shared_pictures(
    table: Table, digests: Sequence[str], splits: Sequence[Mapping[str, str]], recipe: Recipe
) -> None:
    known = {row["picture"]: row["id"] for row in splits if row["split"] not in ("test", KEPT_OUT) and row["picture"]}
    shared = [(name, known[digest]) for name, digest in zip(table.id, digests, strict=True) if digest in known]
    if shared:
        what = "rows of features" if recipe.represent.is_table else "pictures"
        raise InputError(
            f"{len(shared)} {what} of the table are the run's own (the first: {shared[0][0]} is {shared[0][1]}); leave them out"
        )
