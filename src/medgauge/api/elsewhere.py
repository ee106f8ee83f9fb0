"""Cases from outside the run: tables and image files for predict and evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from medgauge.api.results import choose_graph, mean_space, space_block
from medgauge.api.scoring import Scored, write_predictions
from medgauge.api.settle import prepare_settings
from medgauge.api.study import columns_of, correct_sizes, has_column, open_table
from medgauge.api.tables import group_columns, group_rows, prediction_columns, prediction_rows
from medgauge.core.batch import Gallery
from medgauge.core.errors import InputError
from medgauge.data.cache import prepare_images
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.data.columns import Wanted, read_columns
from medgauge.data.folds import KEPT_OUT
from medgauge.data.problems import Problem, raise_problems
from medgauge.data.subgroups import subgroup_values
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


def gather(run: "Run", table: Table) -> tuple[list[Gallery], list[str]]:
    """The cases of a table as the model of each of the run's fits embeds them; also digests of their pictures."""
    from medgauge.api.finish import gather_cases

    study, cases = prepare_table(run, table)
    return [gather_cases(fit.model, cases, study, range(len(table))) for fit in run.fits], study.images.digests


def without_groups(cases: Sequence[Gallery]) -> list[Gallery]:
    """The cases with group names that no training case has."""
    return [replace(of, group=[f"\x00{place}" for place in range(len(of))]) for of in cases]


def predict_frame(run: "Run", table: Table, cases: Sequence[Gallery], *, by_group: bool) -> "DataFrame":
    """The values as a table: columns of predictions.csv (or predictions_by_group.csv) that need no label."""
    import pandas

    readings = run.read(cases)
    if by_group:
        names = replace(cases[0], group=table.group)
        whole = Scored(names, readings, run.reader, {}, [], {}).by_group()
        rows = group_rows("", whole.cases, whole.sizes, whole.readings, whole.reader, run.gallery_rows)
        frame = pandas.DataFrame(rows, columns=group_columns(whole.reader))
    else:
        rows = prediction_rows(range(len(table)), "", cases[0], readings, run.reader, run.gallery_rows)
        frame = pandas.DataFrame(rows, columns=prediction_columns(run.reader)).drop(columns=["group"])
    parts = ("label", "region", "delta_corrected")
    hidden = {"row", "split", "fold", *(f"{part}_{name}" for name in run.targets for part in parts)}
    return frame.drop(columns=hidden & set(frame.columns)).rename(
        columns={f"value_{name}": name for name in run.targets}
    )


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
    cases, digests = gather(run, table)
    _refuse_shared_pictures(table, digests, splits)
    scored = score_table(run, table, cases, ids_are_local=ids_are_local)
    by_group = run.recipe.prediction.aggregate == "mean"
    block = scored.block(seed=run.recipe.seed, by_group=by_group) | {"space": space(run, cases)}
    if folder is not None:
        write_predictions(folder, [("test", list(range(len(table))), scored)], run.gallery_rows, by_group=by_group)
        folder.write_json("results.json", {"test": block})
    return block


def score_table(run: "Run", table: Table, cases: Sequence[Gallery], *, ids_are_local: bool) -> Scored:
    """Read the cases of a table, with the baselines and the subgroups beside them."""
    found = [baselines_of(fit, table) for fit in run.fits]
    values = {name: torch.stack([one[0][name] for one in found]).nanmean(0) for name in found[0][0]}
    kinds = [" or ".join(dict.fromkeys(of)) for of in zip(*(one[1] for one in found), strict=True)]
    names = [name for name in run.recipe.data.subgroups if name in table.extra]
    return Scored(
        cases=cases[0],
        readings=run.read(without_groups(cases) if ids_are_local else cases),
        reader=run.reader,
        baselines=values,
        kinds=kinds,
        subgroups=subgroup_values({name: table.extra[name] for name in names}),
    )


def baselines_of(run: "Run", table: Table) -> tuple[dict[str, Tensor], list[str]]:
    """The training median, and the covariates alone, fitted on the cases of one fit."""
    train = run.reader.gallery.label
    found = {"median": median_baseline(train, len(table))}
    kept = run.folder.read_tensors("predictors.safetensors")
    if kept["covariates"].shape[1] == 0:
        return found, []
    numbers = torch.from_numpy(table.covariates)
    read = covariate_baseline(kept["covariates"], train, kept["val_covariates"], kept["val_label"], numbers)
    return {**found, "covariates_only": read.value}, list(read.kind)


def space(run: "Run", cases: Sequence[Gallery]) -> dict[str, Any]:
    """Quality of the space (the spaces, of several fits), with the k of RV chosen on these cases."""
    blocks = []
    for fit, own in zip(run.fits, cases, strict=True):
        block = space_block(own, fit.reader.gallery, fit.coding, choose_graph(own, fit.coding))
        blocks.append(block | {"rv_note": block["rv_note"] or "k chosen on these cases"})
    return blocks[0] if len(blocks) == 1 else mean_space(blocks)


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
    shared = sorted(set(table.group) & {row["group"] for row in splits if row["split"] not in ("test", KEPT_OUT)})
    if shared:
        raise InputError(
            f"{len(shared)} groups of the table are groups of the run's own cases (the first: {shared[0]}); "
            "leave their cases out, or say --ids-are-local if the ids only look alike"
        )


def _refuse_shared_pictures(table: Table, digests: Sequence[str], splits: Sequence[Mapping[str, str]]) -> None:
    known = {row["picture"]: row["id"] for row in splits if row["split"] not in ("test", KEPT_OUT) and row["picture"]}
    shared = [(name, known[digest]) for name, digest in zip(table.id, digests, strict=True) if digest in known]
    if shared:
        raise InputError(
            f"{len(shared)} pictures of the table are the run's own (the first: {shared[0][0]} is {shared[0][1]}); leave them out"
        )
