import pytest

from medgauge.data.tables.missing import is_no_name, trim
from medgauge.data.tables.names import (
    SHORTENED,
    alike_ids,
    alike_sets,
    in_words,
    nobody_notes,
    rounded_notes,
    settle_groups,
    spelled_as,
    spelling_key,
    trimmed,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P001", "p001"), ("P 001", "P001"), ("17", "17.0"), ("007", "7"), ("P07", "P7"), ("STRASSE", "Straße"),
        ("Mu\u0308ller", "Müller"), ("A\u20131", "A-1"), ("P\u200b1", "P1"), ("A-01", "A-1"), ("Ａ1", "A1"),
        ("P-0", "P0"), ("P_0", "P 0"), ("P-007", "P7"), ("Doe^Jane", "Doe, Jane"), ("Doe^Jane^^", "DOE JANE"),
        ("doe.jane", "doe_jane"), ("O’Brien", "O'Brien"), ("O'Brien", "OBrien"), ("S1-P1", "S1P1"), ("1-1", "1_1"),
        ("1 - 1", "1/1"), ("2024-001", "2024.001"), ("LIDC-IDRI-0001", "lidc_idri_1"), ("3a", "3-A"), ("P1.", "P1"),
        ("\u0420\u041e1", "PO1"), ("\u03a11", "P1"), ("\u0440\u0435\u0442\u0435", "Pete"), ("\u0391\u039d", "AN"),
        ("P\uff11", "P1"), ("P\u0663", "P3"), ("\u2163-1", "IV1"), ("#007", "#7"), ('P008"', "P008"), ('"P008', "p-008"),
        ('Jane "Joy" Doe', "Jane Joy Doe"),
    ],
)  # fmt: skip
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert one != other
    assert spelling_key(one) == spelling_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P1", "P10"), ("1.2", "12"), ("10.5", "10.05"), ("a1", "b1"), ("0", "00a"), ("1.0.1", "1.1"),
        ("17.5", "17"), ("024e7871", "24e7871"), ("1-1", "11"), ("P1-1", "P11"), ("P1_1", "P11"), ("1,234", "1234"),
        ("P1-01", "P1-1"), ("1.05", "1.5"), ("A-", "A+"), ("A-", "A"), ("-1", "1"), ("ER-PR+", "ER+PR-"), ("\xb5m", "mm"),
        ("\u03bcA", "mA"), ("\u0418\u0432\u0430\u043d", "\u0418\u0432\u0430\u043c"), ("\u0434", "d"), ("O1", "01"),
        ("Doe, Jane", "Jane Doe"), ("M\xfcller", "Muller"), ("a2b", "ab2"), ("---", "--"), ("^", "_"),
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


def test_no_two_letters_of_one_script_become_one() -> None:
    for first, last in ((0x430, 0x52F), (0x3B1, 0x3C9)):
        letters = {chr(code).casefold() for code in range(first, last + 1) if chr(code).isalpha()}
        keys = [spelling_key("z" + letter) for letter in letters - {"\u03c2"}]  # the final sigma is a sigma
        assert len(keys) > 20
        assert len(set(keys)) == len(keys)


def test_blanks_between_digits_are_nothing_or_a_separator() -> None:
    assert alike_sets(["943 476", "943476"]) == [["943 476", "943476"]]
    assert alike_sets(["943 476", "943-476"]) == [["943 476", "943-476"]]
    assert alike_sets(["943-476", "943476"]) == []
    assert alike_sets(["943-476", "943 476", "943476"]) == [["943 476", "943476"]]
    assert alike_sets(["943 476", "943  476"]) == [["943 476", "943  476"]]


def test_known_names_are_found_in_any_spelling() -> None:
    known = ["Doe^Jane", "1-1", "P 7"]
    found = spelled_as(["Doe, Jane", "1 1", "11", "P_7", "P7", "P 7", "Roe"], known)
    assert found == {"Doe, Jane": "Doe^Jane", "P_7": "P 7", "P7": "P 7"}  # 1 1 is 11, which is there too
    assert spelled_as(["1 1"], known) == {"1 1": "1-1"}


def test_letters_that_only_look_alike_are_named() -> None:
    told = in_words([["P1", "\u04201"]])
    assert told == "'P1' = '\u04201' (with cyrillic capital letter er)"
    assert in_words([["\uff211", "A1"]]) == "'\uff211' (with fullwidth latin capital letter a) = 'A1'"
    assert in_words([["\u0410\u043d\u0434", "\u0430\u043d\u0434"]]) == "'\u0410\u043d\u0434' = '\u0430\u043d\u0434'"


def test_ids_of_different_groups_that_differ_in_spelling_alone() -> None:
    ids = ["P-1", "P1", "Q", "R 2", "R2"]
    (alone,) = alike_ids(ids, ids, "exam", None)
    assert alone == (
        "ids in exam that differ in spelling alone are cases of different groups (2: 'P-1' = 'P1', 'R 2' = 'R2'); if each of "
        "these is one patient, name the column of patients with --group (the same one: --group exam --merge-groups)"
    )
    (grouped,) = alike_ids(ids, ["a", "a", "b", "c", "d"], "exam", "patient")
    assert grouped.endswith("(1: 'R 2' = 'R2'); if each of these is one patient, give them one group in patient")


def test_a_name_of_nobody_that_many_cases_have_is_noted() -> None:
    names = ["p1", "Unknown", "unknown", "unknown", "anonymous", "p1"]
    assert nobody_notes(names, "pid") == [
        "2 cases have the pid 'unknown' and are taken for one; if they are not, name each apart, or leave them out"
    ]
    assert nobody_notes(["p1", "p1", "unknown"], "pid") == []


def test_long_numbers_that_a_spreadsheet_has_rounded_are_noted() -> None:
    (note,) = rounded_notes(["p1", "1234567890123450", "9876543210987650", "1111111111111110", "12"], "pid")
    assert note.startswith(
        "the numbers of more than 15 figures in pid all end in 0 from the 16th on (3, the first '1234567"
    )
    assert rounded_notes(["1234567890123450", "9876543210987650"], "pid") == []  # one in a hundred by chance
    assert rounded_notes(["123456789012345000", "123456789012345001"], "pid") == []
    assert rounded_notes(["123456789012345000"] * 5, "pid")[0].endswith("as text from its source")


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("1.23457E+11", True), ("1,23457e+11", True), ("1.23457E11", True), ("1E+11", True), ("1E11", False),
        ("12.3E4", False), ("1.5", False), ("1.2E-5", False),
    ],
)  # fmt: skip
def test_numbers_that_are_shortened(name: str, cut: bool) -> None:
    assert bool(SHORTENED.fullmatch(name)) is cut


@pytest.mark.parametrize(
    "name", ["Anonymous^Patient", "ANON", "unknown", "Patient, Unknown", "no_name", "ANONYMOUS", "anonym"]
)
def test_names_of_nobody_in_other_words(name: str) -> None:
    (note,) = nobody_notes(["p1", name, "p2", name], "patient")
    assert note.startswith(f"2 cases have the patient {name!r} and are taken for one")


def test_numbers_that_stand_for_nobody_have_many_cases() -> None:
    some = [f"{row}" for row in range(1, 20)] * 2
    for name in ("0", "000", "-1", "9999"):
        assert len(nobody_notes([*some, *[name] * 6], "patient")) == 1
        assert nobody_notes([*some, *[name] * 2], "patient") == []
    assert nobody_notes(["Patient 1", "Patient 1", "Anna", "Anna"], "patient") == []


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["100e3", "100000", "7"], "'100e3' = '100000'"),
        (["1200", "1.200"], "'1200' = '1.200'"),
        (["1,234,567", "1234567"], "'1,234,567' = '1234567'"),
    ],
)
def test_spellings_of_one_number_are_refused_and_both_ways_are_told(names: list[str], pair: str) -> None:
    (problem,) = settle_groups(names, "alike", list(range(2, 9)), "line").problems
    assert pair in problem.what
    assert "--merge-groups" in problem.what
    assert "--groups-are-exact" in problem.what
    assert settle_groups(names, "exact", [], "line").problems == []


@pytest.mark.parametrize(
    "names", [["1.200", "1.300"], ["1e3", "1e4"], ["1.20", "120"], ["1-200", "1200"], ["1.200", "1.201"]]
)
def test_numbers_by_themselves_are_as_they_are(names: list[str]) -> None:
    assert alike_sets(names) == []
