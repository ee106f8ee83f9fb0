"""Features of a table's cases in a file: of a pretrained network, of a finished run, or made as those of another file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_path, check_switches
from medgauge.data.cases import make_cases
from medgauge.data.features.about import about_notes, read_about
from medgauge.data.images.cache import PreparedImages, prepare_images
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.problems import image_problems, raise_problems
from medgauge.data.tables.table import Table
from medgauge.fitting.stamp import given_settings, make_recipe
from medgauge.models.encoders import build_encoder
from medgauge.recipes.doors import door
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder
from medgauge.runfolder.folder import plain
from medgauge.runfolder.tables import read_rows
from medgauge.runs.embedded import embed_run
from medgauge.runs.feature_file import Features, check_feature_file, weights_digest, write_features
from medgauge.study.decide import decide_image, prepare_settings
from medgauge.study.features import frozen_features
from medgauge.study.image_notes import image_notes
from medgauge.study.loading import cache_folder
from medgauge.study.representation import decide_representation
from medgauge.study.source_run import load_encoder, read_source
from medgauge.study.table import open_table, with_bundled_columns

WHERE = ("data.table", "data.image", "data.id", "data.array", "data.index", "data.cache")
"""Settings that say where cases are, which is all that may be said beside a run or a file of features."""


@door
def embed(
    what: str | Path,
    *,
    out: str | Path,
    table: str | Path | None = None,
    image: str | None = None,
    id: str | None = None,
    source: str | Path | Sequence[str | Path] = (),
    changes: Mapping[str, Any] | None = None,
    terminal: bool = False,
    **columns: object,
) -> list[str]:
    """Write features of a table's cases, which need no labels, and return the names of their columns.

    >>> medgauge.embed("lite0", table="cases.csv", image="path", id="case", out="features.parquet")  # doctest: +SKIP

    Args:
        what: a pretrained network (lite0, timm/NAME), the folder of a finished run of one fit, whose embedding is written, or of a
            pretraining, or a
            Parquet file of features that this command wrote, whose network and settings are taken.
        out: Parquet file to write; one that is there is written over only if it holds such features.
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files.
        id: column of case ids, by which features are joined later; None: the image column.
        source: of a run that reads a table of features the file of those of these cases.
        changes: settings by dotted place, of a network: represent.size, image.*, model.encoder.*.
        terminal: show progress and notes.
        columns: further settings of the recipe's data section, by name (array, index, cache).

    Raises:
        InputError: for anything wrong in table, files or settings; a run of several folds.
    """
    check_switches(terminal=terminal)
    check_path("what makes the features", what)
    given = given_settings(columns, changes, table=table, image=image, id=id)
    if given.get("data.table") is None:
        raise InputError("still needed: a table (--table cases.csv)")
    place = Path(what)
    is_run, is_file = place.is_dir(), place.suffix.lower() == ".parquet"
    if is_run or is_file:
        _refuse_settings(place, given)
    if source and not is_run:
        raise InputError(
            f"a source of features goes with a run that reads them, and {what} is none; leave --source out"
        )
    files = [given["data.table"], *([what] if is_file else [])]
    path = check_feature_file(out, files, RunFolder(what) if is_run else None)
    with torch.random.fork_rng(devices=[]), Display(terminal) as display:
        if is_run:
            is_pretraining = RunFolder(place).is_pretraining()
            if is_pretraining and source:
                raise InputError(
                    f"{what} is a pretraining, which reads images and no features of a file; leave --source out"
                )
            found = (
                _of_pretraining(place, given, display)
                if is_pretraining
                else embed_run(place, given, source=source, terminal=terminal)
            )
        elif is_file:
            found = _as_made(place, given, display)
        else:
            found = _of_network(make_recipe("frozen", changes={"represent.source": str(what), **given}), display)
        names = write_features(path, found)
        for note in about_notes(path):
            display.say(note)
    return names


def _refuse_settings(place: Path, given: Mapping[str, Any]) -> None:
    """Raise for settings that a run, or a file of features, says already."""
    other = [name for name in given if name not in WHERE]
    if other:
        raise InputError(f"{place} says how cases are read, and {other[0]} would say it again; leave it out")


def _as_made(place: Path, given: Mapping[str, Any], display: Display) -> Features:
    """Features as those of an earlier file."""
    if not place.exists():
        raise InputError(f"there is no file {place}")
    about = read_about(place)
    settings = about.get("settings")
    if not isinstance(settings, dict) or "represent.source" not in settings:
        classical = isinstance(settings, dict) and "bin_width" in settings
        run = f"; give that run ({about.get('made_by')})" if about else ""
        way = "; classical features are made by `medgauge radiomics`" if classical else run
        raise InputError(f"{place} does not say which network made its features{way}")
    found = _of_network(make_recipe("frozen", changes={**settings, **given}), display)
    if found.about["weights_sha256"] != about.get("weights_sha256"):
        raise InputError(
            f"{place} was made with other weights of {about['made_by']} than those here now; put them back, or make both files anew"
        )
    return found


def _of_network(recipe: Recipe, display: Display) -> Features:
    """Features of a network that is not trained, as ``represent.name frozen`` reads them."""
    asked, recipe = recipe.image, decide_representation(with_bundled_columns(recipe))
    table, images, recipe = _read_images(recipe, display)
    for note in [*table.notes, *images.notes, *image_notes(images, table.id, recipe, asked)]:
        display.say(note)
    wanted, shape = recipe.model.encoder, images.array.shape
    encoder = build_encoder(
        wanted.name,
        ndim=len(shape) - 2,
        channels=shape[1],
        width=wanted.width,
        norm="default" if wanted.norm == "auto" else wanted.norm,
        pretrained=wanted.pretrained or False,
        settings=wanted.settings,
    )
    encoder.check_size(shape[2:])
    if len(shape) == 4:
        encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents it
    arrays = make_cases(images, np.zeros((len(table), 0)))
    cache = cache_folder(recipe.data.cache)
    values = frozen_features(encoder, arrays, cache, progress=display.features)
    about = {
        "made_by": wanted.name,
        "weights_sha256": weights_digest(encoder),
        "size": list(shape[2:]),
        "settings": plain(_settings(recipe)),
    }
    return Features(str(recipe.data.id or recipe.data.image), table.id, values, about)


def _of_pretraining(place: Path, given: Mapping[str, Any], display: Display) -> Features:
    """Features of the encoder of a finished pretraining, which reads images as that did."""
    source = read_source(str(place))
    data = replace(source.recipe.data, **{name.removeprefix("data."): value for name, value in given.items()})
    recipe = replace(source.recipe, data=replace(data, label=[], findings_from=None, covariates=[]))
    table, images, recipe = _read_images(with_bundled_columns(recipe), display)
    shape = images.array.shape
    encoder = build_encoder(ndim=len(shape) - 2, channels=shape[1], **source.description["encoder"])
    load_encoder(encoder, source.folder)
    encoder.check_size(shape[2:])
    arrays = make_cases(images, np.zeros((len(table), 0)))
    values = frozen_features(encoder, arrays, cache_folder(recipe.data.cache), progress=display.features)
    rows = read_rows(source.folder, "splits.csv", ["picture", "pretrained"])
    known = {row["picture"] for row in rows if row["picture"] and row["pretrained"] == "1"}
    about = {
        "made_by": "pretraining",
        "run": str(source.folder.path),
        "weights_sha256": weights_digest(encoder),
        "settings": {},
        "scope": source.recipe.pretraining.scope,
        "pretrained_with": sum(digest in known for digest in images.digests),
    }
    return Features(str(recipe.data.id or recipe.data.image or recipe.data.index), table.id, values, about)


def _settings(recipe: Recipe) -> dict[str, Any]:
    """What decides the features of an image, by dotted place."""
    encoder = {
        f"model.encoder.{name}": getattr(recipe.model.encoder, name) for name in ("pretrained", "settings", "width")
    }
    image = {f"image.{name}": value for name, value in vars(recipe.image).items()}
    return {"represent.source": recipe.model.encoder.name, **encoder, **image}


def _read_images(recipe: Recipe, display: Display) -> tuple[Table, PreparedImages, Recipe]:
    """The cases of a table without regard to labels, their images, and the recipe with what was decided of these."""
    data = recipe.data
    if data.image is None and data.array is None:
        raise InputError("still needed: the image column (--image path), or an array file with its index column")
    if data.image is None and data.id is None:
        raise InputError("still needed: the id column (--id case), by which features are joined to cases")
    table, problems = open_table(recipe, need_label=False, need_group=False)
    raise_problems([*problems, *missing_files(table)], table.path)
    recipe = decide_image(recipe, table, list(range(len(table))))
    images = prepare_images(
        table.image, prepare_settings(recipe), cache_dir=cache_folder(data.cache), progress=display.images
    )
    raise_problems(image_problems(images.problems, table.id, table.image), table.path)
    return table, images, recipe
