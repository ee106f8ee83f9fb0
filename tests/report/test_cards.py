import numpy as np
import pandas
import pytest

from medgauge.report import choose_cards, thumbnails_needed
from medgauge.report.cards import SHOWN_NEIGHBOURS, seen_rows, shown_split


def table(errors: list[float], regions: list[str] | None = None, split: str = "test") -> pandas.DataFrame:
    n = len(errors)
    label = np.arange(n, dtype=float) * 10
    return pandas.DataFrame(
        {
            "row": np.arange(n) + 100,
            "id": [f"case {place}" for place in range(n)],
            "split": split,
            "label_age": label,
            "value_age": label + np.array(errors),
            "region_age": regions or ["many"] * n,
            "neighbours": [
                str([place, place + 1, place + 2, place + 3, place + 4, place + 5, 99]) for place in range(n)
            ],
        }
    )


def of_kind(cards: list[tuple[str, int]], kind: str) -> list[int]:
    return [row for name, row in cards if name == kind]


def test_best_median_and_worst_go_by_absolute_error() -> None:
    errors = [5.0, -1.0, 3.0, -9.0, 2.0, 7.0, -4.0, 6.0, 0.5]
    cards = choose_cards(table(errors), "age", count=2)
    assert of_kind(cards, "best") == [108, 101]
    assert of_kind(cards, "worst") == [103, 105]
    assert set(of_kind(cards, "median")) == {102, 106}  # |error| 3 and 4 of 0.5 1 2 3 4 5 6 7 9
    assert of_kind(cards, "rare") == []


def test_rare_cases_are_of_region_few_and_do_not_depend_on_the_error() -> None:
    regions = ["few", "few", "many", "many", "few", "few", "few", "medium"]
    one = choose_cards(table([1.0] * 8, regions), "age", count=3)
    other = choose_cards(table([9.0, 0.0, 3.0, 1.0, 2.0, 7.0, 5.0, 4.0], regions), "age", count=3)
    assert of_kind(one, "rare") == of_kind(other, "rare") == [100, 104, 106]


def test_order_of_the_table_does_not_matter() -> None:
    cases = table([3.0, -3.0, 3.0, 1.0, 1.0, 2.0, 8.0, 8.0], ["few"] * 4 + ["many"] * 4)
    assert choose_cards(cases.iloc[::-1], "age") == choose_cards(cases, "age")


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_few_cases_are_shown_once_by_error(n: int) -> None:
    cards = choose_cards(table([float(place) for place in range(n)]), "age")
    rows = [row for kind, row in cards if kind != "rare"]
    assert len(rows) == len(set(rows)) >= 1


def test_cases_without_label_or_of_other_splits_are_left_out() -> None:
    cases = table([1.0, 2.0, 3.0, 4.0])
    cases.loc[0, "label_age"] = np.nan
    cases.loc[1, "split"] = "calibration"
    assert {row for _, row in choose_cards(cases, "age")} == {102, 103}


def test_validation_cases_are_shown_until_test_is_looked_at() -> None:
    assert shown_split(table([1.0], split="val")) == "val"
    both = pandas.concat([table([1.0], split="val"), table([1.0], split="test")])
    assert shown_split(both) == "test"


def test_no_case_gives_no_card() -> None:
    assert choose_cards(table([1.0]).iloc[:0], "age") == []
    assert choose_cards(table([float("nan")]), "age") == []


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="count must be >= 1, got 0"):
        choose_cards(table([1.0]), "age", count=0)
    with pytest.raises(ValueError, match=r"target must be one of \['age'\], got weight"):
        choose_cards(table([1.0]), "weight")


def test_training_cases_are_shown_from_the_smallest_label_to_the_largest() -> None:
    gallery = pandas.DataFrame({"row": np.arange(11) + 50, "label_age": [9.0, 1, 5, 3, 7, 2, 8, 4, 6, 0, np.nan]})
    assert seen_rows(gallery, 4) == [59, 53, 58, 50]  # labels 0, 3, 6 and 9
    assert seen_rows(gallery.iloc[:1]) == [50]
    assert seen_rows(gallery.iloc[10:]) == seen_rows(gallery[["row"]]) == []


def test_thumbnails_are_those_of_the_cards_and_of_their_shown_neighbours() -> None:
    cases = table([1.0, 2.0, 3.0])
    cards = {row for _, row in choose_cards(cases, "age")}
    assert cards == {100, 101, 102}
    neighbours = set(range(2 + SHOWN_NEIGHBOURS))
    assert thumbnails_needed(cases) == cards | neighbours
    lists = cases.assign(neighbours=[[1, 2], [], [2]])
    assert thumbnails_needed(lists) == cards | {1, 2}
