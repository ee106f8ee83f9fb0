"""Cases from outside the run: tables and image files for predict and evaluate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from medgauge.api.finish import prediction_columns, prediction_rows
from medgauge.api.results import choose_graph, space_block, split_block
from medgauge.api.settle import prepare_settings
from medgauge.api.study import columns_of, correct_sizes, has_column, open_table
from medgauge.core.batch import Gallery
from medgauge.core.errors import InputError
from medgauge.data.cache import prepare_images
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.data.columns import Wanted, read_columns
from medgauge.data.problems import Problem, raise_problems
from medgauge.data.table import Table, image_source, missing_files
from medgauge.metrics import covariate_baseline, median_baseline
from medgauge.models import Encoder
from medgauge.runfolder import RunFolder

if TYPE_CHECKING:
    from pandas import DataFrame

    from medgauge.api.run import Run


def read_cases(run: "Run", path: str | Path, *, need_label: bool) -> tuple[Table, bool]:
    """Read a table with the run's columns; also whether it has the group column."""
    group = run.recipe.data.group
    known = has_column(path, group)
    if need_label and group is not None and not known:
        raise InputError(f"{path} has no group column {group!r}, by which intervals are drawn; add it")
    table, problems = open_table(run.recipe, path=path, need_label=need_label, need_group=known)
    raise_problems([*problems, *missing_files(table)], table.path)
    return table, known


def image_table(run: "Run", images: Sequence[str | Path], covariates: Sequence[str] | Mapping[str, float]) -> Table:
    """Image files as a table without labels."""
    if not images:
        raise InputError("give image files or --table")
    values = _covariates(run, covariates)
    texts = [str(image) for image in images]
    twice = {text for text in texts if texts.count(text) > 1}
    if twice:
        raise InputError(f"{sorted(twice)[0]} is given more than once")
    n, names = len(texts), columns_of(run.recipe)
    table = Table(
        id=texts,
        group=list(texts),
        image=[image_source(text, Path()) for text in texts],
        label=np.full((n, len(run.targets)), np.nan),
        covariates=np.tile(np.array([values[name] for name in names], dtype=np.float64), (n, 1)).reshape(n, len(names)),
        target=run.targets,
        covariate=names,
        split=None,
        line=list(range(1, n + 1)),
        path=Path("images"),
        digest="",
    )
    raise_problems(missing_files(table), "the images given")
    return table


def _covariates(run: "Run", given: Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    wanted = columns_of(run.recipe)
    pairs: dict[str, Any] = (
        dict(given) if isinstance(given, Mapping) else dict(text.partition("=")[::2] for text in given)
    )
    missing = [name for name in wanted if name not in pairs]
    if missing:
        raise InputError(
            f"the run needs the covariate {', '.join(missing)}: give --covariate {missing[0]}=VALUE, or a table with --table"
        )
    unknown = [name for name in pairs if name not in wanted]
    if unknown:
        raise InputError(f"the run has no covariate {unknown[0]}; it has {', '.join(wanted) or 'none'}")
    try:
        values = {name: float(value) for name, value in pairs.items()}
    except ValueError as error:
        raise InputError(f"a covariate is not a number: {error}") from error
    if not all(np.isfinite(list(values.values()))):
        raise InputError("covariates must be finite numbers")
    return values


def prepare_table(run: "Run", table: Table) -> tuple[Any, CaseArrays]:
    """Decode the images as the run's were; the two things that ``gather_cases`` asks for."""
    images = prepare_images(table.image, prepare_settings(run.recipe), cache_dir=None)
    raise_problems([Problem(table.id[row], what, "file", row) for row, what in images.problems], table.path)
    _check_channels(run, images.array)
    table = correct_sizes(table, images.zoom, run.recipe)
    name, q = run.recipe.data.label_times, len(run.recipe.data.covariates)
    times = None if name is None else table.covariates[:, table.covariate.index(name)]
    study = SimpleNamespace(table=table, images=images, times=times)
    return study, make_cases(images, table.label, table.covariates[:, :q], times, times_is_size=False)


def _check_channels(run: "Run", array: np.ndarray[Any, Any]) -> None:
    encoder = cast(Encoder, run.model.encoder)
    wanted = (encoder.ndim, encoder.channels)
    if (array.ndim - 2, array.shape[1]) != wanted:
        raise InputError(
            f"the run reads {wanted[0]}-D images with {wanted[1]} channel(s), these are {array.ndim - 2}-D with {array.shape[1]}"
        )


def predict_frame(run: "Run", table: Table, cases: Gallery) -> "DataFrame":
    """The values as a table: columns of predictions.csv that need no label."""
    import pandas

    readings = run.read(cases)
    rows = prediction_rows(range(len(table)), "", cases, readings, run.reader, run.gallery_rows)
    frame = pandas.DataFrame(rows, columns=prediction_columns(run.reader))
    hidden = ["row", "split", "group", *(f"{part}_{name}" for name in run.targets for part in ("label", "region"))]
    frame = frame.drop(columns=hidden).rename(columns={f"value_{name}": name for name in run.targets})
    return frame.assign(id=table.id)


def evaluate_table(
    run: "Run", path: str | Path, *, out: str | Path | None, split: str | None, ids_are_local: bool
) -> dict[str, Any]:
    """Score the run on another table."""
    table, _ = read_cases(run, path, need_label=True)
    if split is not None:
        table = _rows_of_split(run, table, path, split)
    if np.isnan(table.label).all():
        raise InputError(f"{path} has no label in any row; use `medgauge predict`")
    folder = _fresh_folder(run, out)
    splits = run.folder.read_table("splits.csv")
    _refuse_shared_groups(run, table, splits, ids_are_local)
    cases, digests = run._collect(table)
    _refuse_shared_pictures(table, digests, splits)
    reader = run.reader
    readings = reader.read(cases if not ids_are_local else _without_groups(cases))
    baselines, kind = _baselines(run, table)
    block = split_block(cases, readings, reader, baselines, kind, seed=run.recipe.seed)
    results = {
        "test": block | {"space": space_block(cases, reader.gallery, run.coding, choose_graph(cases, run.coding))}
    }
    results["test"]["space"]["rv_note"] = results["test"]["space"]["rv_note"] or "k chosen on these cases"
    if folder is not None:
        folder.write_table(
            "predictions.csv",
            prediction_columns(reader),
            prediction_rows(range(len(table)), "test", cases, readings, reader, run.gallery_rows),
        )
        folder.write_json("results.json", results)
    return results["test"]


def _baselines(run: "Run", table: Table) -> tuple[dict[str, Tensor], list[str]]:
    """The training median, and the covariates alone, fitted on the run's own cases."""
    train = run.reader.gallery.label
    found = {"median": median_baseline(train, len(table))}
    kept = run.folder.read_tensors("predictors.safetensors")
    if kept["covariates"].shape[1] == 0:
        return found, []
    numbers = torch.from_numpy(table.covariates)
    read = covariate_baseline(kept["covariates"], train, kept["val_covariates"], kept["val_label"], numbers)
    return {**found, "covariates_only": read.value}, list(read.kind)


def _without_groups(cases: Gallery) -> Gallery:
    from dataclasses import replace

    return replace(cases, group=[f"\x00{place}" for place in range(len(cases))])


def _rows_of_split(run: "Run", table: Table, path: str | Path, split: str) -> Table:
    name = run.recipe.data.split or "split"
    values = read_columns(path, [Wanted(name, "split", needed=True)]).text[name]
    rows = [row for row, value in enumerate(values) if value == split]
    if not rows:
        raise InputError(f"no row of {path} has {name} = {split}; it has {', '.join(sorted(set(values)))}")
    return table.take(rows)


def _fresh_folder(run: "Run", out: str | Path | None) -> RunFolder | None:
    if out is None:
        return None
    folder = RunFolder(out)
    if folder.path.resolve() == run.folder.path.resolve() or (folder / "recipe.yaml").exists():
        raise InputError(f"{out} is a run folder; give another --out, so that the run's own results stay")
    return folder


def _refuse_shared_groups(run: "Run", table: Table, splits: Sequence[Mapping[str, str]], ids_are_local: bool) -> None:
    if ids_are_local or run.recipe.data.group is None:
        return
    shared = sorted(set(table.group) & {row["group"] for row in splits if row["split"] != "test"})
    if shared:
        raise InputError(
            f"{len(shared)} groups of the table are groups of the run's own cases (the first: {shared[0]}); "
            "leave their cases out, or say --ids-are-local if the ids only look alike"
        )


def _refuse_shared_pictures(table: Table, digests: Sequence[str], splits: Sequence[Mapping[str, str]]) -> None:
    known = {row["picture"]: row["id"] for row in splits if row["split"] != "test" and row["picture"]}
    shared = [(name, known[digest]) for name, digest in zip(table.id, digests, strict=True) if digest in known]
    if shared:
        raise InputError(
            f"{len(shared)} pictures of the table are the run's own (the first: {shared[0][0]} is {shared[0][1]}); leave them out"
        )
