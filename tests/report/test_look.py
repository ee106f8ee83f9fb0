import pytest

from medgauge.metrics.catalogue import FIGURES
from medgauge.report.look import Look
from medgauge.report.words import finite

NUMBER = Look(FIGURES["number"], "mm", "mm", 1)
GRADE = Look(FIGURES["grade"], "", "", 1, whole=True)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("−", "-")


def test_labels_values_and_errors() -> None:
    assert [plain(NUMBER.label(2.0)), plain(NUMBER.value(2.04)), plain(NUMBER.error(0.5, sign=True))] == [
        "2.0 mm", "2.0 mm", "+0.5 mm",
    ]  # fmt: skip
    assert [GRADE.label(2.0), GRADE.value(2.04), GRADE.error(0.5)] == ["2", "2.0", "0.5"]
    assert plain(NUMBER.labels(1.0, 2.0)) == "1.0 to 2.0 mm"
    assert GRADE.labels(0.0, 4.0) == "0 to 4"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("mae", 1.234, "1.23 mm"), ("bias", 0.5, "+0.50 mm"), ("bias", -0.5, "-0.50 mm"), ("r2", 0.98765, "0.988"),
     ("r2", None, "–"), ("calibration_intercept", 1.0, "+1.00 mm")],
)  # fmt: skip
def test_a_figure_has_its_unit_and_sign(name: str, value: float | None, words: str) -> None:
    assert plain(NUMBER.figure(name, value)) == words
    assert not plain(NUMBER.figure(name, value, sign=False)).startswith("+")


def test_ends_are_two_numbers_or_a_reason() -> None:
    assert plain(NUMBER.ends("mae", [1.0, 2.0])) == "1.00 to 2.00 mm"
    assert NUMBER.ends("r2", [0.1, 0.2]) == "0.100 to 0.200"
    assert NUMBER.ends("mae", "too few groups") == "too few groups"
    assert NUMBER.ends("mae", None) == "–"


def test_only_a_number_is_finite() -> None:
    assert [finite(value) for value in (1, float("inf"), "1", None)] == [1.0, None, None, None]
