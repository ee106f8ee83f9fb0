"""What the numbers of a DICOM file with one frame mean: rescale, dose, units (PS3.3)."""

from typing import Any

import numpy as np

from medgauge.data.images.dicom_header import HeaderError, from_groups, groups_of_frame

SLOPE_ONE = "Rescale Intercept without Rescale Slope, for which 1 is taken"
INTERCEPT_ZERO = "Rescale Slope without Rescale Intercept, for which 0 is taken"
NO_RESCALE = "CT without Rescale Slope and Intercept: the stored numbers are taken as CT numbers"
NOT_MAPPED = "Real World Value Mapping of the header not followed: the numbers are those before it"
NO_PET_UNIT = "PET without a unit that is known (Units)"
SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
"""The Presentation LUT Shape that goes with each photometric interpretation of grey."""
HOUNSFIELD = "HU"  # code of Rescale Type and Modality LUT Type
NO_UNIT = ("", "US", "NONE", "NORMALIZED")
"""What Rescale Type and Modality LUT Type have, in capitals, where numbers are of no unit that is told."""
ACTIVITY = "BQML"
COUNTS = ("CNTS", "NONE", "PROPCNTS", "CPS", "PROPCPS")
"""Codes of Units of PET whose numbers mean the same in no two scans."""
PET_UNITS = (
    ACTIVITY, *COUNTS, "CM2", "CM2ML", "PCNT", "MGMINML", "UMOLMINML", "MLMING", "MLG", "1CM", "UMOLML", "MLMINML", "MLML",
    "GML", "STDDEV",
)  # fmt: skip


def rescale(dataset: Any) -> tuple[float, float]:
    """Slope and intercept, (1, 0) where there is none; of a dose without them the scaling of its grid is the slope.

    - Raises: HeaderError for a slope of 0 and for what is not finite.
    - Source: PS3.3 C.11.1 and C.8.8.3 (Dose Grid Scaling).
    """
    found = [
        from_groups(dataset, "PixelValueTransformationSequence", f"Rescale{name}") for name in ("Slope", "Intercept")
    ]
    if found == [None, None]:
        found[0] = dataset.get("DoseGridScaling")
    try:
        slope, intercept = (
            other if value is None else float(value) for value, other in zip(found, (1.0, 0.0), strict=True)
        )
    except (TypeError, ValueError):
        raise HeaderError("a rescale slope or intercept that is no number") from None
    if slope == 0:
        raise HeaderError("a rescale slope of 0, with which all pixels would be the same")
    if not np.isfinite([slope, intercept]).all():
        raise HeaderError("a rescale slope or intercept that is not a finite number")
    return slope, intercept


def header_notes(dataset: Any) -> tuple[str, ...]:
    """What is to be said of a header of grey pixels that lacks half of what it needs, or says two things.

    - Source: PS3.3 C.11.1.1.2 (slope and intercept go together), C.8.2.1 (a CT image has both), C.11.6 and C.8.11.3
      (Presentation LUT Shape is about display, and INVERSE goes with MONOCHROME1).
    """
    slope, intercept = (
        from_groups(dataset, "PixelValueTransformationSequence", f"Rescale{name}") for name in ("Slope", "Intercept")
    )
    notes = [*_pet_notes(dataset), *_mapping_notes(dataset)]
    if not dataset.get("ModalityLUTSequence"):
        if slope is None and intercept is None and dataset.get("Modality") == "CT":
            notes.append(NO_RESCALE)
        elif slope is None and intercept is not None:
            notes.append(SLOPE_ONE)
        elif intercept is None and slope is not None:
            notes.append(INTERCEPT_ZERO)
    photometric, shape = dataset.get("PhotometricInterpretation"), dataset.get("PresentationLUTShape")
    if shape in SHAPES.values() and photometric in SHAPES and shape != SHAPES[photometric]:
        notes.append(
            f"Presentation LUT Shape {shape} does not fit {photometric}, which is followed: the shape is about display alone"
        )
    return tuple(notes)


def _pet_notes(dataset: Any) -> list[str]:
    """What is said of PET whose numbers are not activities, as other files of a set may have them."""
    unit = dataset.get("Units")
    if dataset.get("Modality") != "PT" or unit == ACTIVITY:
        return []
    return [f"PET in {unit} (Units), and not in {ACTIVITY}," if unit in PET_UNITS else NO_PET_UNIT]


def _mapping_notes(dataset: Any) -> list[str]:
    """What is said of real-world values that the header maps numbers to, where no rescale gives values.

    - Source: PS3.3 C.7.6.16.2.11 (Real World Value Mapping).
    """
    items = [item for group in groups_of_frame(dataset) for item in group.get("RealWorldValueMappingSequence") or []]
    changed = [
        item for item in items if (item.get("RealWorldValueSlope"), item.get("RealWorldValueIntercept")) != (1, 0)
    ]
    return [NOT_MAPPED] if changed and rescale(dataset) == (1.0, 0.0) else []


def _unit(dataset: Any) -> str:
    """The unit that a rescale or a Modality LUT says that its numbers have, "" where it says none."""
    kind = from_groups(dataset, "PixelValueTransformationSequence", "RescaleType")
    tables = dataset.get("ModalityLUTSequence")
    if tables:
        kind = tables[0].get("ModalityLUTType")
    return "" if kind is None or str(kind).strip().upper() in NO_UNIT else str(kind)


def has_unit(dataset: Any) -> bool:
    """Whether values mean the same in every such file: CT numbers, or what a rescale or a Modality LUT gives.

    Of MR these must name a unit, as scanners rescale each series by a slope of its own.
    """
    if dataset.get("Modality") == "PT" and dataset.get("Units") in COUNTS:
        return False
    changed = rescale(dataset) != (1.0, 0.0) or bool(dataset.get("ModalityLUTSequence"))
    return dataset.get("Modality") == "CT" or bool(_unit(dataset)) or (changed and dataset.get("Modality") != "MR")


def names_unit(dataset: Any) -> bool:
    """Whether values are CT numbers or activities, whose sign is no matter of display."""
    return dataset.get("Modality") in ("CT", "PT") or _unit(dataset) == HOUNSFIELD
