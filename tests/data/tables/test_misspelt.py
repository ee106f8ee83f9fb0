"""Rare names that may be frequent ones."""

import numpy as np
import pytest

from medgauge.data.tables.misspelt import misspelt_classes, misspelt_words


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"Effusion": 200, "Efusion": 1}, 1),
        ({"Effusion": 200, "Efusion": 10, "Effusoin": 1}, 2),
        ({"Effusion": 200, "Efusion": 11}, 0),
        ({"Edema": 200, "Emphysema": 1}, 0),
        ({"BRVO": 200, "CRVO": 1}, 0),
        ({"Stage 1": 200, "Stage 2": 1, "stage 1": 1}, 1),
        ({}, 0),
    ],
)
def test_names_that_are_rare_and_alike_are_told(counts: dict[str, int], told: int) -> None:
    assert len(misspelt_words(counts)) == told


def test_a_rare_class_that_is_spelled_much_like_a_frequent_one_is_told_with_its_column() -> None:
    classes = {"lesion": ["benign", "malignant", "malignnat", "malignants"]}  # the last one is in no case
    label = np.array([[60.0, place] for place in [0.0] * 80 + [1.0] * 120 + [2.0] * 2 + [np.nan]])
    assert misspelt_classes(["age", "lesion"], classes, label) == [
        "label lesion: 'malignnat' (2) is spelled much like 'malignant' (120); write them alike if they are one"
    ]
