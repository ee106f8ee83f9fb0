"""What a file is by its first bytes, whatever its name says."""

import zlib
from pathlib import Path

from medgauge.data.images.image import ARRAY_ENDINGS, DICOM_ENDINGS, ENDINGS, NIFTI_ENDINGS, PICTURE_ENDINGS
from medgauge.data.images.unpack import GZIP, unpacked_start

SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": ("PNG", ".png", PICTURE_ENDINGS),
    b"\xff\xd8\xff": ("JPEG", ".jpg", PICTURE_ENDINGS),
    b"II*\0": ("TIFF", ".tif", PICTURE_ENDINGS),
    b"MM\0*": ("TIFF", ".tif", PICTURE_ENDINGS),
    b"II+\0": ("TIFF", ".tif", PICTURE_ENDINGS),
    b"MM\0+": ("TIFF", ".tif", PICTURE_ENDINGS),
    b"NRRD000": ("NRRD", ".nrrd", (".nrrd",)),
    b"\x93NUMPY": ("NumPy", ".npy", ARRAY_ENDINGS),
}
START = 4096
"""Bytes that are looked at; so many of a gzip file hold the header of what is packed."""
HEADER = 548
NIFTI_MAGIC = {348: (344, b"n+1\0"), 540: (4, b"n+2\0")}


def other_content(path: Path, suffix: str) -> str:
    """What a file is that is not what its ending ``suffix`` says, and the ending that it needs; "" where they agree.

    Only what the first bytes tell for certain. DICOM may have any ending that is none of another format.
    """
    with path.open("rb") as file:
        start = file.read(START)
    if start[128:132] == b"DICM" and (suffix in DICOM_ENDINGS or suffix not in ENDINGS):
        return ""  # some are a TIFF file too
    for signature, (name, own, endings) in SIGNATURES.items():
        if start.startswith(signature):
            return "" if suffix in endings else _words(name, own)
    if start[128:132] == b"DICM":
        return _words("DICOM", ".dcm")
    packed = start[:2] == GZIP
    if _is_nifti(_unpacked(start) if packed else start):
        return "" if suffix in NIFTI_ENDINGS else _words("NIfTI", ".nii.gz" if packed else ".nii")
    return ""


def _words(name: str, own: str) -> str:
    return f"is a {name} file by its content; give it the ending {own}"


def _unpacked(start: bytes) -> bytes:
    try:
        return unpacked_start(start, HEADER)
    except zlib.error:  # what is wrong with it is told by its reader
        return b""


def _is_nifti(start: bytes) -> bool:
    for order in ("little", "big"):
        place, magic = NIFTI_MAGIC.get(int.from_bytes(start[:4], order), (0, b"none"))
        if start[place : place + 4] == magic:
            return True
    return False
