"""D5: how far the labels of a case and of its nearest training cases lie apart."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.core.checks import check_number, check_rows
from medgauge.functional.graphs import Neighbours, nearest_rows
from medgauge.metrics.groups import group_codes


def neighbour_difference(
    embedding: Float[Tensor, "n d"],
    label: Float[Tensor, "n t"],
    gallery_embedding: Float[Tensor, "m d"],
    gallery_label: Float[Tensor, "m t"],
    *,
    neighbours: int = 5,
    group: Sequence[str] | None = None,
    gallery_group: Sequence[str] | None = None,
    within: bool = False,
) -> Float[Tensor, " t"]:
    """D5: mean absolute label difference to the 5 nearest training cases, of each target in label units; 0 is best.

    Missing labels are left out of each target on both sides. A case with fewer than 5 neighbours counts with those it
    has, one with none not at all; no case left: NaN. Ties in distance go by row.

    - Raises: ValueError if shapes do not fit, ``neighbours`` < 1, or only one of the two group lists is given.
    - Source: Chao et al., MICCAI 2022, section 3 (training cases).
    - Departs: none; ``within`` gives the reading of the authors' code.

    Args:
        embedding: the evaluated cases.
        label: their labels; NaN = missing.
        gallery_embedding: the training cases.
        gallery_label: their labels.
        neighbours: how many.
        group: groups of the evaluated cases: a neighbour is never of the case's own group.
        gallery_group: groups of the training cases.
        within: the gallery is the evaluated set itself, and a case is not its own neighbour.

    >>> place = torch.tensor([[0.0], [1.0], [2.0]])
    >>> neighbour_difference(place[:1], 10 * place[:1], place, 10 * place, neighbours=2)
    tensor([5.], dtype=torch.float64)
    """
    check_rows(embedding=embedding, label=label)
    check_rows(gallery_embedding=gallery_embedding, gallery_label=gallery_label)
    if label.shape[1] != gallery_label.shape[1]:
        raise ValueError(f"targets must be equal, got {label.shape[1]} and {gallery_label.shape[1]}")
    check_number("neighbours", neighbours, least=1, whole=True)
    codes = _codes(len(label), len(gallery_label), group, gallery_group, within)
    truth, known = label.detach().cpu().double(), gallery_label.detach().cpu().double()
    place, gallery = embedding.detach().cpu(), gallery_embedding.detach().cpu()
    found: dict[bytes, Neighbours] = {}  # targets that are observed in the same cases share one search
    value = torch.full((label.shape[1],), torch.nan, dtype=torch.float64)
    for target in range(label.shape[1]):
        seen, there = ~torch.isnan(truth[:, target]), ~torch.isnan(known[:, target])
        if seen.any() and there.any():
            key = torch.cat([seen, there]).numpy().tobytes()
            if key not in found:
                found[key] = nearest_rows(
                    place[seen], gallery[there], neighbours, query_code=codes[0][seen], point_code=codes[1][there]
                )
            value[target] = _mean_difference(truth[seen, target], known[there, target], found[key].row)
    return value


def _codes(
    count: int, gallery_count: int, group: Sequence[str] | None, gallery_group: Sequence[str] | None, within: bool
) -> list[Int[Tensor, " n"]]:
    """Numbers of the cases and of the gallery: equal ones are never neighbours."""
    if within and count != gallery_count:
        raise ValueError(f"within needs the evaluated set itself as gallery, got {count} and {gallery_count} cases")
    if group is None and gallery_group is None:
        rows = torch.arange(count + gallery_count)
        return [rows[:count], rows[:gallery_count] if within else rows[count:]]
    if group is None or gallery_group is None:
        raise ValueError("group and gallery_group must be given together")
    if (len(group), len(gallery_group)) != (count, gallery_count):
        got = f"{len(group)} for {count} and {len(gallery_group)} for {gallery_count}"
        raise ValueError(f"groups must be one a case, got {got} cases")
    return group_codes(group, gallery_group)


def _mean_difference(truth: Float[Tensor, " n"], known: Float[Tensor, " m"], row: Int[Tensor, "n k"]) -> Tensor:
    """Mean over cases of the mean over their neighbours; -1 is no neighbour."""
    there = row >= 0
    gap = (truth[:, None] - known[row.clamp(min=0)]).abs().masked_fill(~there, 0.0)
    count = there.sum(1)
    return (gap.sum(1)[count > 0] / count[count > 0]).mean()
