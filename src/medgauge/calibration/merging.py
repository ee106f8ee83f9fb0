"""Neighbouring label regions made one where their calibration groups are too few."""

from collections.abc import Sequence


def merge_regions(groups: Sequence[set[str]], needed: int) -> tuple[int, ...]:
    """For each region the place of the merged region that it is part of; these count up from the most frequent side.

    From the rarest region on, regions are taken together until they have ``needed`` groups. What is left on the frequent
    side joins its neighbour. Only groups are counted: no residual is seen, so what holds of a region given beforehand
    holds of a merged one. With fewer than ``needed`` groups in all there is one region.

    >>> merge_regions([{"a", "b", "c"}, {"c", "d"}, {"e"}], 2)
    (0, 1, 1)

    Args:
        groups: the groups that have a case in each region, most frequent region first.
        needed: how many a region must have.
    """
    found: list[list[int]] = [[]]
    held: set[str] = set()
    for region in reversed(range(len(groups))):
        if len(held) >= needed:
            found.append([])
            held = set()
        found[-1].append(region)
        held |= groups[region]
    if len(held) < needed and len(found) > 1:
        left = found.pop()
        found[-1] += left
    place = {region: at for at, part in enumerate(reversed(found)) for region in part}
    return tuple(place[region] for region in range(len(groups)))


def check_merged(regions: int, groups: Sequence[int], merged: Sequence[int], parts: int) -> None:
    """Raise unless every region has a number of groups and a place, and the places are those of the merged regions.

    Args:
        regions: how many there are.
        groups: of each region.
        merged: for each region the place of the merged region that it is part of.
        parts: how many merged regions there are.
    """
    if not regions == len(groups) == len(merged):
        raise ValueError(f"groups and merged must have one entry for each of the {regions} regions")
    if sorted(set(merged)) != list(range(parts)):
        raise ValueError(f"merged must name the places of {parts} merged regions, got {tuple(merged)}")


def merged_names(names: Sequence[str], merged: Sequence[int]) -> list[str]:
    """The names of the merged regions.

    >>> merged_names(["many", "medium", "few"], (0, 1, 1))
    ['many', 'medium and few']
    """
    parts = [
        [name for name, place in zip(names, merged, strict=True) if place == one] for one in range(max(merged) + 1)
    ]
    return [" and ".join(part) if len(part) < 3 else f"{', '.join(part[:-1])} and {part[-1]}" for part in parts]
