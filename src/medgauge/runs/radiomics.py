"""Classical features of a table's cases, within a mask each, as a file that a fit reads."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from medgauge.core.display import Display
from medgauge.core.errors import InputError, check_counts, check_path, check_switches, check_texts
from medgauge.core.problem import name_cases
from medgauge.core.words import counted
from medgauge.data.images.image import ImageSource
from medgauge.data.radiomics.cases import CaseFeatures, CaseWork, case_features, placed_features
from medgauge.data.radiomics.extractor import RadiomicsSettings, library_versions
from medgauge.data.tables.columns import Wanted, read_columns
from medgauge.data.tables.masks import shared_mask_notes
from medgauge.data.tables.missing import trim
from medgauge.data.tables.problems import raise_problems
from medgauge.data.tables.sources import NPZ, image_source, picture_cell
from medgauge.data.tables.table import Table, read_table
from medgauge.recipes.doors import door
from medgauge.runs.feature_file import Features, check_feature_file, write_named
from medgauge.study.loading import cache_folder
from medgauge.study.spacing_notes import two_units

FEW_GREYS, MANY_GREYS, USUAL = 8, 256, 64
UNLIKE = 2.0
"""Factor between the shortest sides of voxels from which on it is told."""
"""Grey levels of the middle case below and above which their width is remarked, and how many are usual."""


class RadiomicsFile(NamedTuple):
    """What was written.

    Args:
        names: of the features.
        cases: how many cases have them.
        failed: of each case without any its id, and why.
    """

    names: list[str]
    cases: int
    failed: dict[str, str]


@door
def radiomics(
    table: str | Path,
    *,
    mask: str,
    out: str | Path,
    image: str | None = None,
    id: str | None = None,
    array: str | None = None,
    index: str | None = None,
    mask_label: int | None = None,
    bin_width: float = 25.0,
    spacing: Sequence[float] = (),
    nan: float | None = None,
    workers: int = 1,
    cache: str = "auto",
    terminal: bool = False,
) -> RadiomicsFile:
    """Write the classical features of the cases of a table (107 of a volume, 102 of a picture) as Parquet.

    >>> medgauge.radiomics("cases.csv", image="ct", mask="tumour", id="case", out="radiomics.parquet")  # doctest: +SKIP

    A case of which there are none is left out and told; the rest is written. Processes are joblib's own, or within
    ``joblib.parallel_config`` those of a cluster.

    Args:
        table: CSV or Parquet file; it needs no labels.
        mask: column of mask files, or with ``array`` an array file of masks with the same rows (volumes.npz#masks).
        out: Parquet file to write.
        image: column of image files.
        id: column of case ids, by which features are joined later; None: the image column.
        array: array file that holds all images, with ``index``.
        index: column of rows in it.
        mask_label: the label of the masks that counts; None: all above 0.
        bin_width: width of a grey level, in the images' own intensities.
        spacing: millimetres an axis (z, y, x) to resample to; empty: as they are.
        nan: what pixels that are no numbers are read as; None: they are refused.
        workers: cases at a time.
        cache: folder in which features are kept by content; auto = the user's cache folder.
        terminal: show progress and notes.

    Raises:
        InputError: for anything wrong in table or settings, the library that is not installed, or no case with features.
    """
    check_switches(terminal=terminal)
    check_counts(workers=workers)
    check_texts(image=image, mask=mask, id=id, array=array, index=index, cache=cache)
    check_path("the table", table)
    if id is None and image is None:
        raise InputError("still needed: the id column (--id case), by which features are joined to cases")
    settings = RadiomicsSettings(bin_width, tuple(spacing), mask_label)
    versions = library_versions()
    path = check_feature_file(out, [table])
    cases, masks = _read(table, image, mask, id, array, index)
    folder = cache_folder(cache) / "radiomics"
    work = [CaseWork(*both, settings, nan, versions, folder) for both in zip(cases.image, masks, strict=True)]
    found = [CaseFeatures({})] * len(work)
    with Display(terminal) as display:
        for done, (row, one) in enumerate(_each(work, workers), start=1):
            found[row] = one
            display.radiomics(done, len(work))
        shared = shared_mask_notes(masks, cases.image, cases.id, cases.id)
        for note in [*cases.notes, *shared, *_notes(found, settings, cases.id)]:
            display.say(note)
    names, failed = _sorted_out(found, cases.id)
    kept = [row for row, one in enumerate(found) if cases.id[row] not in failed]
    values = np.array([[found[row].values[name] for name in names] for row in kept])
    library = next(iter(versions))
    about = {
        "made_by": f"{library} {versions[library]}",
        "versions": versions,
        "settings": {"bin_width": bin_width, "spacing": list(spacing), "mask_label": mask_label, "nan": nan},
        "kurtosis": "not excess: 3 for a normal distribution",
        "failed": failed,
    }
    write_named(path, names, Features(str(id or image), [cases.id[row] for row in kept], values, about))
    return RadiomicsFile(names, len(kept), failed)


def _read(
    path: str | Path, image: str | None, mask: str, id: str | None, array: str | None, index: str | None
) -> tuple[Table, list[ImageSource | None]]:
    """The cases of a table without regard to labels, and where the mask of each is.

    Raises:
        InputError: for anything wrong in the table.
    """
    if mask in (image, index, id):
        raise InputError(f"column {mask!r} is given as the mask and as something else; give the column of each")
    rows = array is not None and bool(NPZ.fullmatch(mask) or mask.lower().endswith(".npy"))
    rows = rows and mask not in read_columns(path, [Wanted(mask, "column", needed=False)]).text
    table, problems = read_table(
        path,
        image=image,
        label=[],
        group=None,
        id=id,
        array=array,
        index=index,
        need_label=False,
        extra={} if rows else {mask: "mask"},
    )
    raise_problems(problems, table.path)
    folder = table.path.parent
    if rows:
        return table, [image_source(f"{mask}[{source.index}]", folder) for source in table.image]
    cells = [picture_cell(cell, folder) for cell in table.extra[mask]]
    return table, [image_source(cell, folder) if trim(cell) else None for cell in cells]


def _each(work: Sequence[CaseWork], workers: int) -> Iterator[tuple[int, CaseFeatures]]:
    """The place and the features of each case, in this process or as they come from others.

    Raises:
        InputError: a process ended by itself.
    """
    if workers == 1 or len(work) == 1:
        yield from ((row, case_features(one)) for row, one in enumerate(work))
        return
    from joblib import Parallel, delayed

    parallel = Parallel(
        n_jobs=min(workers, len(work)), prefer="processes", return_as="generator_unordered", batch_size=1
    )
    try:
        yield from parallel(delayed(placed_features)(row, one) for row, one in enumerate(work))
    except BrokenProcessPool as error:
        raise InputError(
            "a process ended by itself (out of memory?); the same command goes on, with fewer --workers perhaps"
        ) from error


def _sorted_out(found: Sequence[CaseFeatures], ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The names of the features that most cases have, and why the others have none, by id.

    Raises:
        InputError: no case has features.
    """
    names = Counter(tuple(one.values) for one in found if one.values)
    failed = {id: one.reason for id, one in zip(ids, found, strict=True) if one.reason}
    if not names:
        lines = [f"  case {id}: {reason}" for id, reason in list(failed.items())[:20]]
        raise InputError(
            f"none of {counted(len(ids), 'case')} has features, and nothing is written:\n" + "\n".join(lines)
        )
    usual = names.most_common(1)[0][0]
    what = "a picture among volumes" if len(usual) > min(map(len, names)) else "a volume among pictures"
    for id, one in zip(ids, found, strict=True):
        if one.values and tuple(one.values) != usual:
            failed[id] = f"it is {what}, which has other features; give it a table of its own"
    return list(usual), failed


def _notes(found: Sequence[CaseFeatures], settings: RadiomicsSettings, ids: Sequence[str]) -> list[str]:
    """What was read otherwise than it stands in the files, with counts, unlike voxels, and grey levels unusually few or many."""
    said = Counter(note for one in found for note in one.notes)
    notes = [f"{note} in {counted(many, 'case')}" for note, many in said.items()]
    notes += size_notes(np.array([one.size for one in found]), settings, ids)
    greys = [one.greys for one in found if one.values]
    if flat := greys.count(1):
        notes.append(
            f"intensities within the mask fall into one grey level in {counted(flat, 'case')}, whose textures say nothing"
        )
    if greys and not FEW_GREYS <= (middle := median(greys)) <= MANY_GREYS:
        width = f"{settings.bin_width * middle / USUAL:.1g}"
        notes.append(
            f"intensities within the mask of the middle case fall into {counted(int(middle), 'grey level')} of {settings.bin_width:g}, and "
            f"16 to 128 are usual, so that textures say little; --bin-width {width} would give some {USUAL}"
        )
    return notes


def size_notes(sizes: Float64[np.ndarray, " n"], settings: RadiomicsSettings, ids: Sequence[str]) -> list[str]:
    """Voxels in two units, or so unlike that features of them are not of one thing, in at most one sentence.

    Args:
        sizes: millimetres of the shortest side of each case's voxels, NaN where unknown.
        settings: whether voxels are resampled.
        ids: of the cases.
    """
    units = two_units(
        "sizes of voxels that the files give, in mm,", "correct the files, or leave such cases out", sizes, ids
    )
    known = sizes[np.isfinite(sizes)]
    if units or settings.spacing or not len(known) or known.max() < UNLIKE * known.min():
        return [units] if units else []
    return [
        f"the shortest side of a voxel is {known.min():.3g} to {known.max():.3g} mm, and textures hang on it: --spacing brings all cases "
        "to one"
    ]


def failure_lines(failed: dict[str, str], *, limit: int = 20) -> list[str]:
    """A line for each case without features, at most ``limit``, and one that counts the others.

    >>> failure_lines({"a": "no mask", "b": "no mask"}, limit=1)
    ['case a: no mask', 'and 1 more: case b']
    """
    lines = [f"case {id}: {reason}" for id, reason in list(failed.items())[:limit]]
    more = list(failed)[limit:]
    return lines + ([f"and {len(more)} more: {name_cases(more)}"] if more else [])
