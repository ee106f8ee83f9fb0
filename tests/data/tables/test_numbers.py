import numpy as np
import pytest

from medgauge.data.tables.numbers import number_hint, parse_numbers

NOTHING = float("nan")


@pytest.mark.parametrize(
    ("cells", "decimal_comma", "values"),
    [
        (["1.234", "987.5", "3"], True, [1.234, 987.5, 3]),  # 987.5 tells that points are decimals
        (["0.512", "1.234"], True, [0.512, 1.234]),  # no thousands begin with 0
        (["1.234", "2"], False, [1.234, 2]),  # a comma table has no thousands points
        (["12,5", ",5", "7"], True, [12.5, 0.5, 7]),
        (["0,123", "1,000"], True, [0.123, 1]),
        (["-1,25e2", "1e3"], True, [-125, 1000]),
        (["1.234.567", "987", "1.234"], True, [1234567, 987, 1234]),
        (["1.234.567", "12,5"], True, [1234567, 12.5]),
        (["1.234,5", "1.234", "12"], True, [1234.5, 1234, 12]),
        (["1.234.567", "987"], False, [1234567, 987]),
        (["1,234,567", "1,234", "5"], False, [1234567, 1234, 5]),
        (["1,234.5", "1,234", "0.25"], True, [1234.5, 1234, 0.25]),
        (["1'234.5", "1’234", "12.5"], False, [1234.5, 1234, 12.5]),
        (["1\xa0234,5", "12\u202f345", "1\u2009000\u2009000"], True, [1234.5, 12345, 1000000]),
        (["-1.234.567", "+2.345.678,5"], True, [-1234567, 2345678.5]),
        ([" 5 ", "\u200b6", "1.5\xa0"], False, [5, 6, 1.5]),
        (["1", "NA", "null", "None", "-", "?", ".", "#N/A", "n/a", "<NA>", "NaT", ""], False, [1, *[NOTHING] * 11]),
    ],
)
def test_what_is_clear_is_read(cells: list[str], decimal_comma: bool, values: list[float]) -> None:
    found = parse_numbers(cells, decimal_comma=decimal_comma)
    assert (found.wrong, found.unclear) == ([], None)
    np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    ("cells", "decimal_comma", "unclear"),
    [
        (["987", "1.234", "2.345"], True, (1, "1.234 could be 1234 or 1.234")),
        (["-1.234"], True, (0, "-1.234 could be -1234 or -1.234")),
        (["1.234", "NA", "987"], True, (0, "1.234 could be 1234 or 1.234")),
        (["1,234", "950"], True, (0, "1,234 could be 1234 or 1.234")),
        (["1,234", "950"], False, (0, "1,234 could be 1234 or 1.234")),
        (["12,5", "1.234"], True, (1, "1.234 could be 1234 or 1.234")),  # a point among decimal commas
        (["12.5", "1,234"], True, (1, "1,234 could be 1234 or 1.234")),
    ],
)
def test_what_could_be_two_numbers_is_not_read(cells: list[str], decimal_comma: bool, unclear: tuple[int, str]) -> None:
    found = parse_numbers(cells, decimal_comma=decimal_comma)
    assert (found.wrong, found.unclear) == ([], unclear)
    assert np.isnan(found.values[unclear[0]])


@pytest.mark.parametrize(("mark", "values"), [("point", [1.234, 987]), ("comma", [1234, 987])])
def test_a_mark_tells_what_the_column_does_not(mark: str, values: list[float]) -> None:
    found = parse_numbers(["1.234", "987"], decimal_comma=True, mark=mark)  # type: ignore[arg-type]
    assert found.values.tolist() == values
    found = parse_numbers(["1,234", "987"], decimal_comma=False, mark=mark)  # type: ignore[arg-type]
    assert found.values.tolist() == [{"point": 1234, "comma": 1.234}[mark], 987]


def test_a_mark_changes_no_column_that_is_clear() -> None:
    assert parse_numbers(["12,5", "1,234"], decimal_comma=True, mark="point").values.tolist() == [12.5, 1.234]
    assert parse_numbers(["12.5", "1.234"], decimal_comma=True, mark="comma").values.tolist() == [12.5, 1.234]
    assert parse_numbers(["1.234", "987"], decimal_comma=False, mark="comma").values.tolist() == [1.234, 987]
    quoted = parse_numbers(["12,5", "7"], decimal_comma=False, mark="comma")  # in a comma table only where it is said
    assert quoted.values.tolist() == [12.5, 7]


@pytest.mark.parametrize(
    ("cells", "decimal_comma", "wrong"),
    [
        (["12,5", "1"], False, [0]),  # a comma table
        (["12,5", "1.5"], True, [0]),  # a point beside a comma
        (["1,234,567", "12,5"], True, [0, 1]),
        (["1.234.567", "1,234,567"], True, [0, 1]),
        (["1.23.456"], True, [0]),
        (["1 23", "12 34", "1 2345"], False, [0, 1, 2]),
        (["1'23"], False, [0]),
    ],
)
def test_marks_of_two_minds_are_wrong(cells: list[str], decimal_comma: bool, wrong: list[int]) -> None:
    found = parse_numbers(cells, decimal_comma=decimal_comma)
    assert [position for position, _ in found.wrong] == wrong
    assert np.isnan(found.values[wrong]).all()
    assert all("write decimals with a point" in what for _, what in found.wrong if "," in what or what.count(".") > 1)


def test_what_is_left_out_is_said() -> None:
    found = parse_numbers(["1.234.567", "NA", "-", "", "NA"], decimal_comma=True)
    assert found.notes == (
        "thousands marks in 1 cell are left out ('1.234.567' is 1234567)",
        "3 cells are missing, written 'NA', '-'",
    )
    assert parse_numbers(["12,5", ""], decimal_comma=True).notes == ()


@pytest.mark.parametrize("blank", [" ", "\xa0", "\u2007", "\u2009", "\u202f"])
def test_blanks_between_thousands(blank: str) -> None:
    found = parse_numbers([f"1{blank}234,5", f"12{blank}345{blank}678", "7"], decimal_comma=True)
    assert found.values.tolist() == [1234.5, 12345678, 7]
    assert found.notes == (f"thousands marks in 2 cells are left out ({f'1{blank}234,5'!r} is 1234.5)",)


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (["1,5", "2", "2,5", "x"], ([0, 2], 0, None)),
        (["1.5", "2,5"], ([1], 1, 0)),
        (["1.5", "1,234"], None),  # unclear, which is told otherwise
        (["x", "2"], None),
    ],
)
def test_marks_of_decimals_that_do_not_fit_are_of_the_column(cells: list[str], marks: object) -> None:
    assert parse_numbers(cells, decimal_comma=False).marks == marks


@pytest.mark.parametrize(
    ("word", "start"),
    [
        ("01.03.2024", "a date"), ("3/1/24", "a date"), ("2024-03-01", "a date"), ("2024-03-01 10:30:00", "a date"),
        ("1 Mar 2024", "a date"), ("12-March-2024", "a date"), ("1.5±0.2", "write the value"), ("1,5 +/- 0,2", "write the value"),
        ("-3+-1", "write the value"), ("1.2.3", "write decimals"), ("1,x", "write decimals"), ("tall", "write a number; a label"),
        ("n.d.", "write a number; a label"), ("5 mm", "write numbers alone"), ("45%", "write numbers alone"),
        ("018Y", "write numbers alone"),
        ("<60", "a bound"), (">= 2.5", "a bound"), ("89+", "a bound"), ("1-2-3", ""), ("(null)", ""),
        ("20-30", ""),
    ],
)  # fmt: skip
def test_what_is_to_be_done_with_a_cell_that_is_no_number(word: str, start: str) -> None:
    hint = number_hint(word)
    assert hint.startswith(start)
    assert bool(hint) == bool(start)
    (wrong,) = parse_numbers(["1", word], decimal_comma=False).wrong
    assert wrong == (1, f"is not a number: {word!r}" + (f" ({hint})" if hint else ""))
