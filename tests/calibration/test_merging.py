"""Which label regions are taken together, by hand."""

import pytest

from medgauge.calibration.merging import check_merged, merge_regions, merged_names


def sets(*counts: int) -> list[set[str]]:
    """So many groups in each region, none in two."""
    return [{f"{region}-{place}" for place in range(count)} for region, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("counts", "merged"),
    [
        ((30, 20, 9), (0, 1, 2)),
        ((30, 20, 8), (0, 1, 1)),
        ((30, 4, 4), (0, 0, 0)),
        ((30, 5, 4), (0, 1, 1)),
        ((30, 4, 9), (0, 0, 1)),
        ((8, 20, 9), (0, 0, 1)),
        ((8, 8, 9), (0, 0, 1)),
        ((4, 4, 9), (0, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((3, 2, 1), (0, 0, 0)),
        ((50, 3, 3, 3, 9, 2, 8), (0, 1, 1, 1, 2, 3, 3)),
        ((9,), (0,)),
    ],
)  # (4, 4, 9): the 8 that are left on the frequent side join few
def test_from_the_rarest_region_on_until_there_are_nine(counts: tuple[int, ...], merged: tuple[int, ...]) -> None:
    assert merge_regions(sets(*counts), 9) == merged


def test_a_group_in_two_regions_counts_once() -> None:
    same = {f"g{place}" for place in range(5)}
    assert merge_regions([{f"m{place}" for place in range(20)}, same, same], 9) == (0, 0, 0)
    assert merge_regions([{f"m{place}" for place in range(20)}, same, {f"f{place}" for place in range(5)}], 9) == (
        0,
        1,
        1,
    )


def test_names_of_merged_regions() -> None:
    assert merged_names(["many", "medium", "few"], (0, 0, 0)) == ["many, medium and few"]
    assert merged_names(["many", "medium", "few"], (0, 1, 2)) == ["many", "medium", "few"]


def test_places_of_other_merged_regions_raise() -> None:
    check_merged(3, (30, 5, 4), (0, 1, 1), 2)
    with pytest.raises(ValueError, match=r"merged must name the places of 2 merged regions, got \(0, 2, 2\)"):
        check_merged(3, (30, 5, 4), (0, 2, 2), 2)
    with pytest.raises(ValueError, match="one entry for each of the 3 regions"):
        check_merged(3, (30, 5), (0, 1, 1), 2)
