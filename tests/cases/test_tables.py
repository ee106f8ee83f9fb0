"""Tables as hospitals send them: each case is a folder beside this file, siblings are written here."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgauge.cli.main import main
from tests.cli.small import SETTINGS, in_place, refuse

HERE = Path(__file__).parent
COLUMNS = ["--image", "path", "--label", "mm", "--group", "patient"]
Rewrite = Callable[[str], str]


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a case's folder, its table as text or bytes rewritten; the path of the table."""

    def make(name: str, rewrite: Callable[[str], str | bytes] = str) -> Path:
        folder = Path(shutil.copytree(HERE / name, tmp_path / name))
        text = rewrite((folder / "cases.csv").read_text())
        (folder / "cases.csv").write_bytes(text.encode() if isinstance(text, str) else text)
        return folder / "cases.csv"

    return make


def check(table: Path, *more: str) -> int:
    return main(["check", "--table", str(table), *COLUMNS, *more])


def test_thousands_points_that_could_be_decimals_are_refused(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    table = case("thousands_point")
    assert "1.234" in table.read_text()
    words = ["label mm: on line 2 1.234 could be 1234 or 1.234", "--decimal point or --decimal comma"]
    refuse(capsys, check(table), *words)
    refuse(capsys, check(table, "--skip-bad"), *words)
    assert check(table, "--decimal", "comma") == 0
    assert "label mm: thousands marks in" in capsys.readouterr().out
    assert check(table, "--decimal", "point") == 0


@pytest.mark.parametrize("name", ["group_trailing_space", "group_letter_case"])
def test_spellings_of_one_patient_are_one_group(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    more = ["--merge-groups"] if name == "group_letter_case" else []
    assert check(case(name), *more) == 0
    out = capsys.readouterr().out
    assert "40 cases of 20 groups" in out
    said = {
        "group_trailing_space": "blanks at the ends of 20 groups are left out (the first: 'P000 ' on line 3)",
        "group_letter_case": "groups that differ in spelling alone are one (20: 'P000' = 'p000', ",
    }
    assert said[name] in out


@pytest.mark.parametrize("spelled", ["p{}", "P {}", "P0{}", "P\u2009{}", "P{}.0", "P-{}", "P_{}", "p^{}"])
def test_spellings_that_are_nearly_one_are_refused(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str], spelled: str
) -> None:
    other = spelled.format("003")

    def rewrite(text: str) -> str:
        header, rest = text.split("\n", 1)
        return f"{header}\n{rest.replace(',p', ',P').replace(',P003,', f',{other},', 1)}"

    table = case("group_letter_case", rewrite)
    words = [f"groups: 1 are spelled in more than one way: {other!r} = 'P003'", "--merge-groups", "--groups-are-exact"]
    refuse(capsys, check(table), *words)
    assert check(table, "--groups-are-exact") == 0
    assert "40 cases of 21 groups" in capsys.readouterr().out
    assert check(table, "--merge-groups") == 0
    assert "40 cases of 20 groups" in capsys.readouterr().out
    refuse(capsys, check(table, "--merge-groups", "--groups-are-exact"), "contradict one another")


def test_look_alike_letters_and_kinds_of_separators_are_told(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def rewrite(text: str) -> str:
        lines = text.replace(",p0", ",P0").splitlines()
        lines[1] = lines[1].replace(",P000,", ",\u0420000,")  # a Cyrillic letter
        words = ["site", *(["A-1", "A 1", "B", "B"] * 10)]
        return "\n".join(f"{line},{word}" for line, word in zip(lines, words, strict=True))

    table = case("group_letter_case", rewrite)
    refuse(capsys, check(table), "'\u0420000' (with cyrillic capital letter er) = 'P000', the first on line 2 and 3")
    assert check(table, "--merge-groups", "--subgroups", "site") == 0
    out = capsys.readouterr().out
    assert "40 cases of 20 groups" in out
    assert (
        "subgroups of site differ in spelling alone ('A-1' = 'A 1') and have figures of their own; write them alike"
        in out
    )


def test_ids_that_name_patients_are_looked_at_too(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def rewrite(text: str) -> str:
        for row in range(20):
            text = text.replace(f",p{row:03d},", f",P-{row:03d},")
        return text

    table = case("group_letter_case", rewrite)
    words = ["check", "--table", str(table), "--image", "path", "--label", "mm", "--id", "patient"]
    assert main([*words, "--no-groups"]) == 0
    out = capsys.readouterr().out
    assert "ids in patient that differ in spelling alone are cases of different groups (20: 'P000' = 'P-000', " in out
    assert "(the same one: --group patient --merge-groups)" in out
    assert main([*words, "--group", "patient", "--merge-groups"]) == 0
    out = capsys.readouterr().out
    assert "40 cases of 20 groups" in out
    assert "ids in patient" not in out


@pytest.mark.parametrize("word", ["NA", "nan", "NaN", "null", "None", "N/A", "n/a", "-", "?", ".", "", "#N/A", "#REF!"])
def test_a_word_for_nothing_is_no_patient(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str], word: str
) -> None:
    table = case("group_missing_words", lambda text: text.replace(",NA,", f",{word},"))
    text = refuse(capsys, check(table), "14 problems in cases.csv", "case i00.png: has no group on line 2")
    assert text.count("has no group on line") == 14


def test_a_word_for_an_unknown_patient_is_noted(case: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    table = case("group_missing_words", lambda text: text.replace(",NA,", ",unknown,"))
    assert check(table) == 0
    assert "14 cases have the patient 'unknown' and are taken for one" in capsys.readouterr().out


def test_labels_that_cannot_be_read_are_one_problem(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def with_units(text: str) -> str:
        head, *lines = text.splitlines()
        place = head.split(",").index("mm")
        cells = [line.split(",") for line in lines]
        return (
            "\n".join([head, *(",".join([*one[:place], one[place] + " mm", *one[place + 1 :]]) for one in cells)])
            + "\n"
        )

    text = refuse(
        capsys, check(case("group_missing_words", lambda text: with_units(text.replace(",NA,", ",p0,")))), "label mm"
    )
    assert "labelled case" not in text


def test_a_patient_number_that_a_spreadsheet_has_shortened_is_refused(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    table = case("group_missing_words", lambda text: text.replace(",NA,", ",1.23457E+12,"))
    refuse(capsys, check(table), "; the first has a group on line 2 that a spreadsheet has shortened (1.23457E+12)")
    assert check(table, "--groups-are-exact") == 0


def test_missing_patients_of_parquet(case: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = case("group_missing_words").parent
    n, nothing = 40, [float("nan"), None]
    columns = {
        "path": [f"i{row:02d}.png" for row in range(n)],
        "mm": pa.array([1.5, 2, None, float("nan"), *range(n - 4)], pa.float64()),
        "patient": pa.array([*nothing, *range(n - 2)], pa.float64()),
    }
    pq.write_table(pa.table(columns), folder / "t.parquet")
    text = refuse(capsys, check(folder / "t.parquet"), "2 problems", "case i00.png: has no group on row 1", "on row 2")
    assert text.count("has no group") == 2


def test_a_german_spreadsheet_of_old(case: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """``sep=``, Windows-1252, decimal commas, blanks around names and cells, numbers as they stand elsewhere."""

    def german(text: str) -> bytes:
        header, *rows = (line.split(",") for line in text.splitlines())
        lines = [" ; ".join([*header[:2], "Länge"]), *(f"{a} ; {b} ; {c.replace('.', ',')}" for a, b, c in rows)]
        return "\r\n".join(["sep=;", *lines, ""]).encode("cp1252")

    table = case("group_trailing_space", german)
    assert main(["check", "--table", str(table), "--image", "path", "--label", "Länge", "--group", "patient"]) == 0
    out = capsys.readouterr().out
    assert "40 cases of 20 groups" in out
    assert "read as Windows-1252 ('Länge' on line 2)" in out
    assert "blanks at the ends of column names are left out: ' Länge', 'path ', ' patient '" in out
    assert "blanks at the ends of 40 image paths are left out" in out


def test_a_column_with_a_comma_in_its_name(case: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    table = case("label_comma_in_name")
    words = ["check", "--table", str(table), "--image", "path", "--group", "patient"]
    assert main([*words, "--label", "HC, mm"]) == 0
    assert "read as: HC, mm a number" in capsys.readouterr().out
    assert main([*words, "--label", "HC, mm", "--kind", "HC, mm=number"]) == 0
    refuse(capsys, main([*words, "--label", "HC, cm"]), "no column 'HC'")


def test_commas_in_lists_of_columns_and_in_what_is_held_out(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def rewrite(text: str) -> str:
        header, *rows = text.splitlines()
        lines = [f'{header},"size, px",w,"site, town"']
        lines += [
            f'{row},{at % 7},{at % 3},"{("Berlin, Mitte", "Bonn", "Ulm", "Ulm", "Ulm", "Ulm")[at // 2 % 6]}"'
            for at, row in enumerate(rows)
        ]
        return "\n".join(lines)

    table = case("label_comma_in_name", rewrite)
    words = ["check", "--table", str(table), "--image", "path", "--group", "patient", "--label", "HC, mm"]
    words += ["--covariates", "w,size, px", "--subgroups", "site, town"]
    assert main([*words, "--augmentation.size_covariates", "size, px"]) == 0
    assert "subgroups by site, town: Berlin, Mitte 4, Bonn 4, Ulm 16" in capsys.readouterr().out
    for held, cases in (("Berlin, Mitte", 4), ("Bonn,Berlin, Mitte", 8)):
        assert main([*words, "--holdout", f"site, town={held}"]) == 0
        assert f"test {cases}" in capsys.readouterr().out
    table.write_text(table.read_text().replace("Ulm", "bonn", 1))
    text = "column 'site, town' holds 'bonn' (1 case) beside the held-out 'Bonn'; write them alike, or hold both out"
    refuse(capsys, main([*words, "--holdout", "site, town=Bonn"]), text)


def test_a_label_far_from_the_others_is_noted(case: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    table = case("label_outlier")
    assert check(table) == 0
    (note,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("label mm")]
    row = next(line for line in table.read_text().splitlines() if ",1000000" in line)
    assert note.startswith(
        f"label mm: 1 case is far outside the others (case {row.split(',')[0]}): 1e+06 where the others are "
    )


def test_numbers_for_nothing_are_noted_and_can_be_said(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def rewrite(text: str) -> str:
        header, *rows = text.replace(",1000000", ",5").splitlines()
        lines = [
            f"{row.rpartition(',')[0]},-999,3" if at % 9 == 0 else f"{row},{at % 4}" for at, row in enumerate(rows)
        ]
        return "\n".join([f"{header},size", *lines])

    table = case("label_outlier", rewrite)
    assert check(table, "--covariates", "size") == 0
    out = capsys.readouterr().out
    assert "label mm: 5 cases are -999, apart from the others (" in out
    assert "if it means missing, give --missing -999" in out
    assert check(table, "--missing", "-999") == 0
    assert "-999" not in capsys.readouterr().out


def test_merged_groups_are_in_the_recipe_the_folds_and_new_cases(
    case: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table, out = case("group_letter_case"), tmp_path / "run"
    assert check(table, "--folds", "4", "--merge-groups") == 0
    assert "40 cases of 20 groups: " in capsys.readouterr().out
    small = in_place(SETTINGS, ["--training.steps=2", "--training.batch_size=4"])
    assert main(["fit", "--table", str(table), *COLUMNS, "--out", str(out), "--merge-groups", *small]) == 0
    assert "  merge_groups: true" in (out / "recipe.yaml").read_text().splitlines()
    lines = [line.split(",") for line in (out / "splits.csv").read_text().splitlines()]
    group, split = lines[0].index("group"), lines[0].index("split")
    sides = {line[group]: {other[split] for other in lines[1:] if other[group] == line[group]} for line in lines[1:]}
    assert len(sides) == 20
    assert all(len(on) == 1 for on in sides.values())
    new = table.with_name("new.csv")
    new.write_text(table.read_text().replace("P0", "P 0"))
    refuse(capsys, main(["evaluate", str(out), "--table", str(new)]), "are groups of the run's own cases")
    words = ["predict", str(out), "--table", str(new)]
    assert main([*words, "--groups-are-exact", "--merge-groups"]) == 2
    assert main(words) == 0
    assert "groups that differ from the run's in spelling alone are these (" in capsys.readouterr().err
