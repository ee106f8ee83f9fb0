"""Cases from outside the run: tables and image files for predict and evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from medgauge.core.batch import Cases
from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_lists
from medgauge.core.problem import aside_notes, of_finished
from medgauge.core.words import counted, nearest, plural
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.data.images.cache import PreparedImages, prepare_images
from medgauge.data.tables.files import missing_files
from medgauge.data.tables.missing import trim
from medgauge.data.tables.names import Spelling, in_words, spelled_as
from medgauge.data.tables.notes import table_notes
from medgauge.data.tables.numbers import Mark
from medgauge.data.tables.problems import image_problems, raise_problems
from medgauge.data.tables.sources import image_source
from medgauge.data.tables.table import Table
from medgauge.data.tables.words import coded, coded_names, model_covariates
from medgauge.models import Encoder
from medgauge.recipes.schema import Recipe
from medgauge.runfolder.tables import read_rows
from medgauge.runs.ensemble import Finished
from medgauge.runs.fitted import Fit
from medgauge.runs.new_features import features_of
from medgauge.runs.notes import covariate_notes
from medgauge.runs.reading import check_embedded
from medgauge.study.decide import prepare_settings
from medgauge.study.embedding import embed
from medgauge.study.image_notes import new_image_notes
from medgauge.study.seen import unlike_notes
from medgauge.study.spacing_notes import spacing_notes
from medgauge.study.study import divisor_of
from medgauge.study.table import (
    columns_of,
    correct_sizes,
    has_column,
    open_table,
    spelling_of,
    with_array,
    without_image,
)


def read_table_of(
    run: Finished,
    path: str | Path,
    *,
    need_label: bool,
    array: str | Path | None = None,
    index: str | None = None,
    local: bool = False,
    spelling: Spelling | None = None,
    decimal: Mark | None = None,
) -> tuple[Table, bool]:
    """Read a table with the run's columns; also whether it has the group column.

    Args:
        run: whose columns, and whose groups the table's may be.
        path: the table.
        need_label: whether labels and groups must be there.
        array: the table's array file; never the run's own one by itself.
        index: its column of rows in the array; None: called as the run's.
        local: whether groups are others than the run's, whatever they are called.
        spelling: of groups that differ in spelling alone, among one another and from the run's; None: as the recipe says.
        decimal: the mark of decimals, for columns that do not tell it; None: as the recipe says.
    """
    recipe = without_image(with_array(run.recipe, path, array, index), path)
    if decimal is not None:
        recipe = replace(recipe, data=replace(recipe.data, decimal=decimal))
    group = recipe.data.group
    known = has_column(path, group)
    if need_label and group is not None and not known:
        raise InputError(f"{path} has no group column {group!r}, by which intervals are drawn; add it")
    table, problems = open_table(recipe, path=path, need_label=need_label, need_group=known, spelling=spelling)
    label = torch.from_numpy(
        table.label
    )  # a column of which only the whole is wrong (constant, all missing) can be scored
    problems += [found for found in run.tasks.problems(label, table.id) if found.row is not None]
    if not need_label:
        aside = aside_notes(of_finished([found for found in problems if found.kind == "label"]))
        table = replace(table, notes=(*table.notes, *aside))
        problems = [found for found in problems if found.kind != "label"]
    problems += [] if recipe.represent.is_table else missing_files(table)
    raise_problems(of_finished(problems), table.path)
    if known and not local:
        table = _spelled_as_the_runs(run, table, spelling or spelling_of(recipe))
    return table, known


def _spelled_as_the_runs(run: Finished, table: Table, spelling: Spelling) -> Table:
    """Groups of the run under the run's names, where they differ from these in spelling alone."""
    own = [line["group"] for line in read_rows(run.folder, "splits.csv", ["group"])]
    unlike = {} if spelling == "exact" else spelled_as(table.group, own)
    if not unlike:
        return table
    shown = in_words(list(map(list, unlike.items())))
    if spelling == "alike":
        raise InputError(
            f"{counted(len(unlike), 'group')} of {table.path.name} {plural(len(unlike), 'is', 'are')} spelled otherwise "
            f"than the run's: {shown}; write them alike, or "
            "say --merge-groups if each of these is one group, --groups-are-exact if they are different groups"
        )
    note = f"groups that differ from the run's in spelling alone are these ({len(unlike)}: {shown})"
    return replace(table, group=[unlike.get(name, name) for name in table.group], notes=(*table.notes, note))


def say_notes(table: Table, terminal: bool) -> list[str]:
    """What was read otherwise than it stands in the table, and what is odd in it; written on the terminal too."""
    return say_all([*table.notes, *table_notes(table, missing=False)], terminal)


def say_all(notes: Sequence[str], terminal: bool) -> list[str]:
    """Write notes on the terminal, if it is wanted, and give them back."""
    with Display(terminal) as display:
        for note in notes:
            display.say(note)
    return list(notes)


def image_table(
    run: Finished, images: Sequence[str | Path], covariates: Sequence[str] | Mapping[str, float | str]
) -> Table:
    """Image files as a table without labels."""
    if not images:
        raise InputError("give image files or --table")
    if run.recipe.image.around == "mask" and not run.recipe.represent.is_table:
        raise InputError(
            f"the run cuts images around their masks: give them in a table with --table, its column {run.recipe.data.mask!r} naming "
            "the mask of each"
        )
    values = _covariates(run, covariates)
    names = list(values)
    texts = [str(image) for image in images]
    twice = {text for text in texts if texts.count(text) > 1}
    if twice:
        raise InputError(f"{sorted(twice)[0]} is given more than once")
    n = len(texts)
    table = Table(
        id=texts,
        group=list(texts),
        image=[image_source(text, Path()) for text in texts],
        label=np.full((n, len(run.tasks.targets)), np.nan),
        covariates=np.tile(np.array(list(values.values()), dtype=np.float64), (n, 1)).reshape(n, len(names)),
        target=run.tasks.targets,
        covariate=names,
        split=None,
        line=list(range(1, n + 1)),
        path=Path("images"),
        digest="",
    )
    raise_problems(missing_files(table), "the images given")
    return table


def _covariates(run: Finished, given: Sequence[str] | Mapping[str, float | str]) -> dict[str, float]:
    """The covariates as the model reads them, by column, from what was given by name."""
    wanted, pairs = columns_of(run.recipe), dict[str, Any]()
    if not isinstance(given, Mapping):
        check_lists(covariates=given)
        given = _pairs([str(text) for text in given])
    pairs |= given
    missing = [name for name in wanted if name not in pairs]
    if missing:
        raise InputError(
            f"the run needs the covariate {', '.join(missing)}: give --covariate {missing[0]}=VALUE, or a table with --table"
        )
    unknown = [name for name in pairs if name not in wanted]
    if unknown:
        raise InputError(f"the run has no covariate {unknown[0]}; it has {', '.join(wanted) or 'none'}")
    values: dict[str, float] = {}
    for name in wanted:
        words = run.recipe.data.covariate_words.get(name)
        if words is not None:
            values |= dict(zip(coded_names(name, words), _coded(name, trim(str(pairs[name])), words), strict=True))
            continue
        try:
            values[name] = float(pairs[name])
        except (ValueError, TypeError) as error:
            raise InputError(f"a covariate is not a number: {name} is {pairs[name]!r}") from error
    if not all(np.isfinite(list(values.values()))):
        raise InputError("covariates must be finite numbers")
    times = run.recipe.data.label_times
    if times is not None and values[times] <= 0:
        raise InputError(
            f"the covariate {times} is {values[times]:g}, and values are multiplied by it: give a number > 0"
        )
    return values


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    """Values by name, from ``name=value`` texts.

    Raises:
        InputError: one name has two values.
    """
    pairs = dict[str, str]()
    for name, _, value in (text.partition("=") for text in texts):
        if pairs.setdefault(name, value) != value:
            raise InputError(f"the covariate {name} is given twice, as {pairs[name]!r} and {value!r}; give it once")
    return pairs


def _coded(name: str, word: str, words: Sequence[str]) -> list[float]:
    if word not in words:
        near = nearest(word, words, likeness=0.5)
        hint = f" (did you mean {near}?)" if near else ""
        raise InputError(f"covariate {name} is {word!r}{hint}; the words of the training cases are {', '.join(words)}")
    return [float(number) for number in coded([word], words)[0]]


def embed_table(
    run: Finished, table: Table, *, sources: Sequence[str] = (), terminal: bool = False
) -> tuple[list[Cases], list[str], list[str]]:
    """The cases of a table as the model of each of the run's fits embeds them, digests of their pictures, and notes.

    Images are read once for all fits that read them alike. The notes say what was changed in them, or is odd in them; they
    are written on the terminal too.

    Args:
        run: whose models.
        table: the cases.
        sources: their features, of a run that reads a table of features.
        terminal: write the notes.
    """
    found, notes, digests = dict[int, Cases](), dict[str, None](), list[str]()
    for recipe, places in _alike(run):
        fits = [run.fits[place] for place in places]
        images = features_of(fits[0], table, sources) if recipe.represent.is_table else _decode(recipe, table)
        digests = digests or images.digests
        _check_channels(fits[0], images.array)
        own, data = correct_sizes(table, images.zoom, recipe), recipe.data
        said = covariate_notes(recipe, fits, own)
        if not recipe.represent.is_table:
            seen = [fit.results["images"] for fit in fits if "images" in fit.results]
            said = [
                *new_image_notes(images, table.id, recipe.image),
                *said,
                *spacing_notes(recipe, table, images.facts),
            ]
            said += unlike_notes(images, table.id, recipe, seen)
        notes |= dict.fromkeys(said)
        covariates = own.covariates[:, : len(model_covariates(data.covariates, data.covariate_words))]
        arrays = make_cases(images, own.label, covariates, divisor_of(own, recipe))
        found |= dict(zip(places, embed_each(fits, arrays, table, range(len(table))), strict=True))
    return [found[place] for place in range(len(run.fits))], digests, say_all(list(notes), terminal)


def _alike(run: Finished) -> list[tuple[Recipe, list[int]]]:
    """The places of fits by how images, covariates and what labels are divided by are read for them."""
    found: dict[str, tuple[Recipe, list[int]]] = {}
    for place, recipe in enumerate(run.recipes):
        read = recipe.represent.sources if recipe.represent.is_table else prepare_settings(recipe)
        key = repr((read, columns_of(recipe), recipe.data.label_times, recipe.augmentation))
        found.setdefault(key, (recipe, []))[1].append(place)
    return list(found.values())


def embed_each(fits: Sequence[Fit], arrays: CaseArrays, table: Table, rows: Sequence[int]) -> list[Cases]:
    """Some rows as the model of each fit embeds them.

    Raises:
        InputError: a model's outputs are not finite or do not fit its gallery.
    """
    found = [embed(fit.model, arrays, table, rows, recipe=fit.recipe) for fit in fits]
    for fit, cases in zip(fits, found, strict=True):
        check_embedded(fit.folder / "model.safetensors", fit.gallery, cases)
    return found


def _decode(recipe: Recipe, table: Table) -> PreparedImages:
    """The images, prepared as the run's were."""
    images = prepare_images(table.image, prepare_settings(recipe), cache_dir=None)
    raise_problems(image_problems(images.problems, table.id, table.image), table.path)
    return images


def _check_channels(fit: Fit, array: np.ndarray[Any, Any]) -> None:
    encoder = cast(Encoder, fit.model.encoder)
    wanted = (encoder.ndim, encoder.channels)
    if (array.ndim - 2, array.shape[1]) != wanted:
        raise InputError(
            f"the run reads {wanted[0]}-D images with {counted(wanted[1], 'channel')}, these are {array.ndim - 2}-D with {array.shape[1]}"
        )


def without_groups(cases: Sequence[Cases]) -> list[Cases]:
    """The cases with group names that no training case has."""
    return [replace(of, group=[f"\x00{place}" for place in range(len(of))]) for of in cases]
