"""What is said for certain of several label columns."""

from types import SimpleNamespace
from typing import Any

from medgauge.runs.run import Run


def promised(*notes: dict[str, str]) -> str:
    """Of a run with a task for each group of columns and their sentences."""
    readers = []
    for of in notes:
        said = SimpleNamespace(note=list(of.values()).__getitem__)
        task = SimpleNamespace(columns=tuple(of))
        readers.append(SimpleNamespace(calibrated=SimpleNamespace(cases=said, groups=said), task=task))
    fake: Any = SimpleNamespace(finished=SimpleNamespace(readers=readers))
    return Run.promise(fake)


def test_one_sentence_for_all_columns_stands_alone() -> None:
    assert promised({"age": "90 % intervals."}) == "90 % intervals."
    assert promised({"age": "90 % intervals.", "size": "90 % intervals."}) == "90 % intervals."


def test_different_sentences_stand_after_the_names_of_their_columns() -> None:
    assert promised({"mass": "Few.", "edema": "Many.", "hernia": "Few."}, {"age": "Wide."}) == (
        "mass, hernia: Few. edema: Many. age: Wide."
    )
