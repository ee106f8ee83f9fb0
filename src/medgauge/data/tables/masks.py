"""Masks that a table names for images of several groups, as a slip of the pen does."""

from collections.abc import Sequence
from pathlib import Path

from medgauge.core.problem import name_cases
from medgauge.core.words import counted
from medgauge.data.images.image import ImageSource


def shared_mask_notes(
    masks: Sequence[ImageSource | None], images: Sequence[ImageSource], groups: Sequence[str], ids: Sequence[str]
) -> list[str]:
    """A note on masks that several images have, in several groups: a mask of the neighbour lies on any image of its geometry.

    >>> a, b, mask = (ImageSource(Path(name)) for name in ("a.nii", "b.nii", "mask.nii"))
    >>> shared_mask_notes([mask, mask], [a, b], ["one", "one"], ["1", "2"])
    []
    >>> shared_mask_notes([mask, mask], [a, b], ["one", "two"], ["1", "2"])
    ['1 mask is named for images of several groups (mask.nii: cases 1, 2); if that is a slip, correct the mask column']
    """
    rows: dict[ImageSource, list[int]] = {}
    for row, mask in enumerate(masks):
        if mask is not None:
            rows.setdefault(mask, []).append(row)
    shared = {
        mask: found
        for mask, found in rows.items()
        if len({groups[row] for row in found}) > 1 and len({images[row][:3] for row in found}) > 1
    }
    if not shared:
        return []
    first = next(iter(shared))
    named = first._replace(path=Path(first.path.name)).text
    return [
        f"{counted(len(shared), 'mask')} {'is' if len(shared) == 1 else 'are'} named for images of several groups "
        f"({'' if len(shared) == 1 else 'the first, '}{named}: {name_cases([ids[row] for row in shared[first]])}); "
        "if that is a slip, correct the mask column"
    ]
