"""What kind of image a DICOM header says it is: modality, localizer or not, for processing or not."""

from typing import Any

MODALITIES = (
    "BI", "CT", "DMS", "ECG", "EPS", "ES", "GM", "IO", "IVOCT", "IVUS", "LS", "MG", "MR", "NM", "OCT", "OP", "OPT", "OPTENF",
    "OT", "PT", "PX", "RF", "RG", "RTDOSE", "RTIMAGE", "SC", "SM", "TG", "US", "XA", "XC",
)  # fmt: skip
RADIOGRAPHS = ("CR", "DX", "DR")
"""Codes that one set of radiographs may have, by the plates that took them."""


def kind_of(dataset: Any) -> str:
    """The kind in words, "" where the header does not say one that is known; no other text of it goes out.

    - Source: PS3.3 C.7.3.1.1.1 (Modality), C.7.6.1.1.2 (Image Type, value 3), C.8.11.1.1.1 (Presentation Intent Type).

    >>> from pydicom.dataset import Dataset
    >>> dataset = Dataset()
    >>> dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    >>> kind_of(dataset)
    'CT localizer'
    """
    modality = dataset.get("Modality")
    if modality not in (*MODALITIES, *RADIOGRAPHS):
        return ""
    words = ["CR or DX" if modality in RADIOGRAPHS else str(modality)]
    if "LOCALIZER" in (dataset.get("ImageType") or ()):
        words.append("localizer")
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":
        words.append("for processing")
    return " ".join(words)
