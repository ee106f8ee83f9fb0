"""Rare names that may be frequent ones."""

import pytest

from medgauge.data.tables.misspelt import misspelt_words


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
