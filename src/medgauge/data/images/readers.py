"""Reads one image file, or one row of an array file, with its spacing.

Array conventions, the same for every format:

- 2-D is (c, h, w): rows first, from the top; columns from the left.
- 3-D is (c, d, h, w). NIfTI and NRRD volumes are turned (by whole axes, without interpolation) so that d runs from the
  feet to the head, h from front to back and w from the patient's right to the left: DICOM's axes (LPS) in the order
  z, y, x, so that a slice looks as radiologists hang it. Volumes in array files stay as stored.
- c is 1 (grey) or 3 (colour); a channel that the format says is alpha is dropped and noted. Arrays, NIfTI and NRRD files
  may hold up to 4 channels, all of which count.
- Values are those of the file: 16-bit stays 16-bit, rescale slope and intercept are applied, nothing is windowed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from warnings import catch_warnings, simplefilter

import numpy as np

from medgauge.core.errors import InputError
from medgauge.core.faults import os_words
from medgauge.core.words import counted
from medgauge.data.images.content import other_content
from medgauge.data.images.dicom import has_preamble, read_dicom, says_dicom
from medgauge.data.images.fills import far_off_notes, without_fills
from medgauge.data.images.image import (
    ARRAY_ENDINGS,
    DICOM_ENDINGS,
    ENDINGS,
    NIFTI_ENDINGS,
    PICTURE_ENDINGS,
    ImageSource,
    RawImage,
    ending,
)

LONG_FLOATS = "floats of more than 64 bits read as 64-bit"
PAIRED = {".nhdr": ".nrrd", ".hdr": ".nii.gz", ".img": ".nii.gz", ".mhd": ".nrrd", ".raw": ".nrrd"}  # and what is one


def read_image(source: ImageSource, *, nan: float | None = None) -> RawImage:
    """Read one image; pixels that are no numbers (NaN) are read as ``nan``, where that is given.

    - Raises: InputError with one sentence: no such file, not an image, truncated, no pixels, no such array or row, ...
    """
    with one_sentence(source):
        return _checked(read_stored(source), source, nan)


def read_stored(source: ImageSource) -> RawImage:
    """Read one image with the numbers of its file, whatever they are: those of a mask may be labels.

    - Raises: as :func:`read_image`, but for what is wrong with the numbers.
    """
    with one_sentence(source):
        _check_file(source)
        read = _reader_of(source)
        with quiet():
            return read(source)


@contextmanager
def one_sentence(source: ImageSource) -> Iterator[None]:
    """Whatever a reader raises becomes an InputError that names the file; its text stays inside, it can quote names.

    A package that is missing is no matter of one file, and is passed on.
    """
    try:
        yield
    except (InputError, ImportError):
        raise
    except MemoryError as error:
        raise InputError(
            f"{source.path} needs more memory than there is; save it smaller or leave the case out"
        ) from error
    except OSError as error:
        what = f"cannot be read: {os_words(error)}" if error.errno else "is truncated or damaged; replace it"
        raise InputError(f"{source.path} {what}, or leave the case out") from error
    except Exception as error:  # readers of other packages have classes of their own
        kind = f"{type(error).__module__.partition('.')[0]}: {type(error).__name__}"
        raise InputError(
            f"{source.path} cannot be read and may be damaged ({kind}); replace it or leave the case out"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of the decoding libraries, which can quote header values.

    Warning filters belong to the whole process, so worker threads leave them alone: who starts them is quiet for them.
    """
    if current_thread() is not main_thread():
        yield
        return
    with catch_warnings():
        simplefilter("ignore")
        yield


def _check_file(source: ImageSource) -> None:
    path = source.path
    if path.is_dir():
        return
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no regular file (a pipe or a device); name an image file")
    if not path.is_file():
        raise InputError(f"{path} does not exist; correct the path in the table")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; replace the file or leave the case out")
    if ending(path) not in ARRAY_ENDINGS and (source.key is not None or source.index is not None):
        raise InputError(f"{source.text} names a row, but only .npy and .npz files have rows")


def _reader_of(source: ImageSource) -> Callable[[ImageSource], RawImage]:
    """The reader for a file's ending; a file without a known ending is DICOM if its first bytes are, a folder a series."""
    if source.path.is_dir():
        from medgauge.data.images.dicom_series import read_series

        return read_series
    suffix = ending(source.path)
    other = "" if suffix in PAIRED else other_content(source.path, suffix)
    if other:
        raise InputError(f"{source.path} {other}")
    if suffix in PICTURE_ENDINGS:
        from medgauge.data.images.pictures import read_picture as read
    elif suffix in ARRAY_ENDINGS:
        from medgauge.data.images.arrays import read_array as read
    elif suffix in NIFTI_ENDINGS:
        from medgauge.data.images.nifti import read_nifti as read
    elif suffix == ".nrrd":
        from medgauge.data.images.nrrd import read_nrrd as read
    elif suffix in PAIRED and not has_preamble(source.path):
        raise InputError(f"{source.path} is one of two files of an image; save it as one {PAIRED[suffix]} file")
    elif suffix in DICOM_ENDINGS or says_dicom(source.path):
        read = read_dicom
    else:
        raise InputError(f"{source.path} has an unknown ending; known are {', '.join(ENDINGS)}")
    return read


def _checked(image: RawImage, source: ImageSource, nan: float | None) -> RawImage:
    """The image with a plain dtype in native byte order; raises for what is not a picture of finite numbers."""
    array = image.array
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.dtype.kind not in "uif":
        raise InputError(f"{source.text} holds {array.dtype} values, not grey or colour numbers")
    if array.ndim not in (3, 4) or array.size == 0:
        shape = " x ".join(str(side) for side in array.shape)
        raise InputError(f"{source.text} is {shape}, not a 2-D or 3-D image")
    single = array.dtype == np.float16  # half precision overflows in sums, and every value of it is exact in single
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 8
    kind = np.float32 if single else np.float64 if wide else array.dtype.newbyteorder("=")
    array = np.ascontiguousarray(array, dtype=kind)
    image = image._replace(array=array, notes=(*image.notes, LONG_FLOATS) if wide else image.notes)
    if array.dtype.kind == "f":
        image = without_fills(_finite(image, source, nan))
    if image.padding is not None and image.padding.all():
        raise InputError(f"{source.text} holds nothing but padding; replace it or leave the case out")
    return image._replace(notes=(*image.notes, *far_off_notes(image)))


def _finite(image: RawImage, source: ImageSource, nan: float | None) -> RawImage:
    """The image with ``nan`` where it is not a number; raises where that is not given, and for infinite values."""
    array = image.array
    if image.padding is not None:
        array = np.where(image.padding & ~np.isfinite(array), array.dtype.type(0), array)
    if np.isfinite(array).all():
        return image._replace(array=array)
    empty = np.isnan(array)
    if empty.any() and nan is None:
        raise InputError(
            f"{source.text} has {counted(int(empty.sum()), 'pixel that is', 'pixels that are')} not a number (NaN), "
            "as some programs write a background; "
            "say what to read there when the run is fitted (image.nan, as --image.nan 0), or leave the case out"
        )
    if np.isinf(array).any():
        raise InputError(f"{source.text} has pixels that are not finite numbers; replace them or leave the case out")
    return image._replace(
        array=np.where(empty, array.dtype.type(nan), array), notes=(*image.notes, f"NaN read as {nan:g}")
    )
