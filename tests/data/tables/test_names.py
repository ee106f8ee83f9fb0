import pytest

from medgauge.data.tables.missing import is_no_name, trim
from medgauge.data.tables.names import settle_groups, spelling_key, trimmed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P001", "p001"), ("P 001", "P001"), ("17", "17.0"), ("007", "7"), ("P07", "P7"), ("STRASSE", "Straße"),
        ("Mu\u0308ller", "Müller"), ("A\u20131", "A-1"), ("P\u200b1", "P1"), ("A-01", "A-1"), ("Ａ1", "A1"),
    ],
)  # fmt: skip
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert one != other
    assert spelling_key(one) == spelling_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P1", "P10"), ("1.2", "12"), ("10.5", "10.05"), ("a1", "b1"), ("P-1", "P1"), ("0", "00a"), ("1.0.1", "1.1"),
        ("17.5", "17"), ("024e7871", "24e7871"),
    ],
)  # fmt: skip
def test_names_that_are_different(one: str, other: str) -> None:
    assert spelling_key(one) != spelling_key(other)


def test_blanks_at_the_ends_are_no_part_of_a_name() -> None:
    assert trim("\u200b P 1\xa0\t") == "P 1"
    assert trim("\ufeff") == ""
    assert trimmed(["a", "b"], "ids", "line", [2, 3]) == (["a", "b"], [])


def test_words_for_nothing_name_nothing() -> None:
    words = ["", " ", "NA", "NaN", "nan", "null", "None", "N/A", "n/a", "-", "?", ".", "#N/A", "#REF!", "<NA>", "NaT"]
    assert all(map(is_no_name, words))
    assert not any(map(is_no_name, ["0", "N", "Nadia", "-1", "P-", "x"]))


def test_groups_that_differ_in_spelling_alone() -> None:
    names, line = ["P1", "p1", "Q", "P1 ", "07", "7"], [2, 3, 4, 5, 6, 7]
    names = [name.strip() for name in names]
    (problem,) = settle_groups(names, "alike", line, "line").problems
    assert str(problem) == (
        "groups: 2 are spelled in more than one way: 'P1' = 'p1', '07' = '7', the first on line 2 and 3; write them "
        "alike, or say --merge-groups if each of these is one group, --groups-are-exact if they are different groups"
    )
    merged = settle_groups(names, "merge", line, "line")
    assert merged.names == ["P1", "P1", "Q", "P1", "07", "07"]
    assert merged.notes == ["groups that differ in spelling alone are one (2: 'P1' = 'p1', '07' = '7')"]
    exact = settle_groups(names, "exact", line, "line")
    assert exact == (names, [], [])
    assert settle_groups(["a", "b", "a"], "alike", [2, 3, 4], "line") == (["a", "b", "a"], [], [])
