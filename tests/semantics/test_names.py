import pytest

from medgauge.core.errors import InputError
from medgauge.semantics.names import check_labels, find_names, name_key

KNOWN = ["Edema", "Pleural_Thickening", "Hernia"]


def test_names_are_found_as_written_and_else_in_other_letters_with_a_note() -> None:
    found = find_names(["Hernia", "pleural thickening"], KNOWN, "chest14")
    assert found.places == [2, 1]
    assert found.notes == ("the label pleural thickening is read as Pleural_Thickening of chest14",)
    assert find_names(["a_b"], ["A B", "a_b"], "x").places == [1]
    assert name_key("T-1") == name_key("t 1")


@pytest.mark.parametrize(
    ("labels", "known", "sentence"),
    [
        (
            ["Oedema", "Hernia"],
            KNOWN,
            r"chest14 does not have Oedema \(did you mean Edema\?\); it has Edema, Pleural_Thick",
        ),
        (["Edema"], [*KNOWN, "Edema"], "chest14 has Edema more than once"),
        (["ab"], ["A_b", "a-B"], "chest14 has A_b and a-B for the label ab"),
    ],
)
def test_what_is_missing_or_doubled_is_one_sentence(labels: list[str], known: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        find_names(labels, known, "chest14")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([], "there are no labels"),
        (["a", " "], "a label has an empty name"),
        (["a", "b", "a"], "a is there twice"),
        (["A b", "a_B"], "A b and a_B are one name in other letters"),
    ],
)
def test_labels_are_names_each_once(labels: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_labels(labels)
