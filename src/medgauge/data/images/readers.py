"""Reads one image file, or one row of an array file, with its spacing.

Array conventions, the same for every format:

- 2-D is (c, h, w): rows first, from the top; columns from the left.
- 3-D is (c, d, h, w). NIfTI and NRRD volumes are turned (by whole axes, without interpolation) so that d runs from the
  feet to the head, h from front to back and w from the patient's right to the left: DICOM's axes (LPS) in the order
  z, y, x, so that a slice looks as radiologists hang it. Volumes in array files stay as stored.
- c is 1 (grey) or 3 (colour); an alpha channel is dropped and noted. NIfTI and NRRD files may hold up to 4 channels.
- Values are those of the file: 16-bit stays 16-bit, rescale slope and intercept are applied, nothing is windowed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from warnings import catch_warnings, simplefilter

import numpy as np

from medgauge.core.errors import InputError
from medgauge.data.images.dicom import read_dicom, says_dicom
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


def read_image(source: ImageSource) -> RawImage:
    """Read one image.

    - Raises: InputError with one sentence: no such file, not an image, truncated, no pixels, no such array or row, ...
    """
    _check_file(source)
    read = _reader_of(source)
    with quiet():
        image = read(source)
    return _checked(image, source)


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
        raise InputError(f"{path} is a folder; name one image file (DICOM series are not read yet)")
    if not path.is_file():
        raise InputError(f"{path} does not exist; correct the path in the table")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; replace the file or leave the case out")
    if ending(path) not in ARRAY_ENDINGS and (source.key is not None or source.index is not None):
        raise InputError(f"{source.text} names a row, but only .npy and .npz files have rows")


def _reader_of(source: ImageSource) -> Callable[[ImageSource], RawImage]:
    """The reader for a file's ending; a file without a known ending is DICOM if its first bytes are."""
    suffix = ending(source.path)
    if suffix in PICTURE_ENDINGS:
        from medgauge.data.images.pictures import read_picture as read
    elif suffix in ARRAY_ENDINGS:
        from medgauge.data.images.arrays import read_array as read
    elif suffix in NIFTI_ENDINGS:
        from medgauge.data.images.volumes import read_nifti as read
    elif suffix == ".nrrd":
        from medgauge.data.images.volumes import read_nrrd as read
    elif suffix in DICOM_ENDINGS or says_dicom(source.path):
        read = read_dicom
    else:
        raise InputError(f"{source.path} has an unknown ending; known are {', '.join(ENDINGS)}")
    return read


def _checked(image: RawImage, source: ImageSource) -> RawImage:
    """The image with a plain dtype in native byte order; raises for what is not a picture of finite numbers."""
    array = image.array
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.dtype.kind not in "uif":
        raise InputError(f"{source.text} holds {array.dtype} values, not grey or colour numbers")
    if array.ndim not in (3, 4) or array.size == 0:
        shape = " x ".join(str(side) for side in array.shape)
        raise InputError(f"{source.text} is {shape}, not a 2-D or 3-D image")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{source.text} has pixels that are not finite numbers; replace them or leave the case out")
    single = array.dtype == np.float16  # half precision overflows in sums, and every value of it is exact in single
    array = np.ascontiguousarray(array, dtype=np.float32 if single else array.dtype.newbyteorder("="))
    return image._replace(array=array)
