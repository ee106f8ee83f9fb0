"""A DICOM series: the files of one volume in a folder, a slice each. No header value but numbers of pixels goes out."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgauge.core.errors import InputError
from medgauge.core.words import counted
from medgauge.data.images.dicom import read_dicom, says_dicom
from medgauge.data.images.image import ImageSource, RawImage
from medgauge.data.images.volumes import turned_image

TAGS = ("SeriesInstanceUID", "Rows", "ImageOrientationPatient", "ImagePositionPatient", "ImageType")
EVEN = 0.02
"""Share of the usual distance of slices that others may be away from it: positions are rounded."""
TURNED = 1e-3
"""Cosines that directions of slices may differ by."""
SHIFTED = 0.1
"""Share of a pixel by which a slice may be shifted along rows or columns against the one before it."""
LOST = 1.5
"""Times the usual distance from where a slice is missing between two."""
NOT_DICOM = "files that are not DICOM in the folder of a series left aside"
LOCALIZER = "localizers (scouts) in the folder of a series left aside"
REMEDY = "save the volume as NIfTI or NRRD, or leave the case out"


class _Slice(NamedTuple):
    """Where a slice is: directions of a row and of a column (2, 3), and its first pixel (3,) in mm along DICOM's axes."""

    path: Path
    directions: NDArray[np.float64]
    position: NDArray[np.float64]


def read_series(source: ImageSource) -> RawImage:
    """Read the one DICOM series of a folder, or that of the SeriesInstanceUID that is the source's ``key``.

    Values are those of :func:`~medgauge.data.images.dicom.read_dicom`. Slices are put in order by where they are, whatever
    the files are called, and turned as other volumes are. A series of one slice is a 2-D image. Folders in it are not read.

    - Raises: InputError with one sentence: no series, several, or slices that make no even volume.
    - Source: DICOM PS3.3 C.7.6.2.1.1 (Image Position and Image Orientation).
    """
    paths, notes = _files(source)
    if len(paths) == 1:
        image = read_dicom(ImageSource(paths[0]))
        return image._replace(notes=(*image.notes, *notes))
    slices = [_slice(path, source) for path in paths]
    first = slices[0].directions
    if any(np.abs(one.directions - first).max() > TURNED for one in slices):
        raise _refusal(source, "slices in several directions, as of a localizer")
    normal = np.cross(*first)
    slices.sort(key=lambda one: float(one.position @ normal))
    images = [read_dicom(ImageSource(one.path)) for one in slices]
    if len({image.array.shape for image in images}) > 1:
        raise _refusal(source, "slices of several sizes")
    spacing = images[0].spacing
    if any(image.spacing != spacing for image in images):
        raise _refusal(source, "slices with pixels of several sizes")
    positions = np.array([one.position for one in slices])
    _check_distances(positions @ normal, source)
    _check_shear(positions, first, spacing, source)
    across = (positions[-1] - positions[0]) / (len(slices) - 1)
    return _volume(images, first, positions[0], across, notes, source)


def _files(source: ImageSource) -> tuple[list[Path], tuple[str, ...]]:
    """The files of the series, and what is said of others."""
    import pydicom

    every = sorted(path for path in source.path.iterdir() if path.is_file() and not path.name.startswith("."))
    every = [path for path in every if path.name.upper() != "DICOMDIR"]
    found = [path for path in every if path.stat().st_size > 0 and says_dicom(path)]
    if not found:
        deeper = any(path.is_dir() for path in source.path.iterdir())
        more = "; name the folder in it that has them" if deeper else ""
        raise InputError(f"{source.path} is a folder without DICOM files, and no image file{more}")
    series: dict[str, list[Path]] = {}
    scouts: dict[str, list[Path]] = {}
    for path in found:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS), force=True)
            uid, image = str(header.get("SeriesInstanceUID", "")), "Rows" in header
            scout = "LOCALIZER" in (header.get("ImageType") or ())
        except Exception:  # noqa: BLE001 - a damaged header fails in many ways, and its text stays inside
            raise InputError(f"{path} is a damaged DICOM file; replace it or leave the case out") from None
        if image:
            (scouts if scout else series).setdefault(uid, []).append(path)
    aside = (LOCALIZER,) if series and scouts else ()
    series = series or scouts
    if not series:
        raise InputError(f"{source.path} holds DICOM files without pixels alone; name the folder of the images")
    if source.key is not None and source.key not in series:
        raise InputError(
            f"{source.text} names a SeriesInstanceUID that none of the {counted(len(series), 'series', 'series')} of the folder "
            "has; correct it"
        )
    if source.key is None and len(series) > 1:
        counts = ", ".join(str(len(files)) for files in series.values())
        raise InputError(
            f"{source.path} holds {len(series)} DICOM series (of {counts} slices); keep one a folder, or name one as "
            "FOLDER#SeriesInstanceUID"
        )
    chosen = series[source.key] if source.key is not None else next(iter(series.values()))
    return chosen, (*((NOT_DICOM,) if len(found) < len(every) else ()), *aside)


def _slice(path: Path, source: ImageSource) -> _Slice:
    """Where the slice of a file is."""
    import pydicom

    header: Any = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS), force=True)
    try:
        directions = np.array([float(part) for part in header.ImageOrientationPatient]).reshape(2, 3)
        position = np.array([float(part) for part in header.ImagePositionPatient]).reshape(3)
        lengths = np.linalg.norm(directions, axis=1)
        whole = (
            np.isfinite(position).all()
            and np.allclose(lengths, 1, atol=0.01)
            and abs(directions[0] @ directions[1]) < 0.01
        )
    except (AttributeError, TypeError, ValueError):
        whole = False
    if not whole:
        raise _refusal(
            source, f"a slice ({path.name}) that does not say where it is (Image Position and Image Orientation)"
        )
    return _Slice(path, directions, position)


def _check_distances(places: NDArray[np.float64], source: ImageSource) -> None:
    """Raise unless slices, at these places (n,) in order, in mm, have the same distance between all of them."""
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    same = int((gaps <= EVEN * max(usual, gaps.max())).sum())
    if same:
        raise _refusal(
            source, f"{counted(same, 'slice')} more at a place that another one has, as of several phases or a copy"
        )
    off = np.abs(gaps - usual) > EVEN * usual
    if not off.any():
        return
    multiples = gaps / usual
    lost = off & (gaps > LOST * usual)
    if (np.abs(multiples - np.round(multiples)) <= EVEN * np.round(multiples))[off].all() and (lost == off).all():
        missing = int((np.round(multiples[off]) - 1).sum())
        raise _refusal(
            source,
            f"{counted(missing, 'slice')} missing: distances of {gaps[off].max():.4g} mm among those of {usual:.4g} mm",
            "add what is missing, or leave the case out",
        )
    raise _refusal(
        source,
        f"slices at uneven distances, {gaps.min():.4g} to {gaps.max():.4g} mm",
        "resample it to even ones and save it as NIfTI",
    )


def _check_shear(
    positions: NDArray[np.float64],
    directions: NDArray[np.float64],
    spacing: tuple[float, ...] | None,
    source: ImageSource,
) -> None:
    """Raise where slices are shifted against one another, as by a tilted gantry."""
    along = np.diff(positions, axis=0) @ directions.T
    steps = np.array(spacing[::-1]) if spacing is not None else np.ones(2)
    if (np.abs(along) > SHIFTED * steps).any():
        raise _refusal(
            source, "slices that are shifted against one another (a tilted gantry)", "resample it and save it as NIfTI"
        )


def _volume(
    images: list[RawImage],
    directions: NDArray[np.float64],
    origin: NDArray[np.float64],
    across: NDArray[np.float64],
    notes: tuple[str, ...],
    source: ImageSource,
) -> RawImage:
    """The turned volume of slices in order; ``across``: from one to the next, in mm."""
    spacing = images[0].spacing
    rows, columns = spacing or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([directions[0] * columns, directions[1] * rows, across], axis=1)
    affine[:3, 3] = origin
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    stacked = np.stack([image.array for image in images])  # slices, channels, rows, columns
    field = "Image Orientation Patient"
    volume = turned_image(stacked.transpose(3, 2, 0, 1), affine, source, field)
    counts = Counter(note for image in images for note in dict.fromkeys(image.notes))
    said = tuple(note if count == len(images) else f"{note} in some slices" for note, count in counts.items())
    padding = None
    if any(image.padding is not None for image in images):
        empty = np.zeros(images[0].array.shape[1:], bool)
        marks = np.stack([empty if image.padding is None else image.padding for image in images]).transpose(2, 1, 0)
        padding = turned_image(marks[..., None].astype(np.uint8), affine, source, field).array[0].astype(bool)
    return volume._replace(
        spacing=volume.spacing if spacing is not None else None,
        affine=volume.affine if spacing is not None else None,
        notes=(*said, *notes, *volume.notes),
        padding=padding,
        has_unit=all(image.has_unit for image in images),
        kind=images[0].kind,
    )


def _refusal(source: ImageSource, what: str, remedy: str = REMEDY) -> InputError:
    return InputError(f"{source.path} is a DICOM series with {what}; {remedy}")
