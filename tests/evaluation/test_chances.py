"""Chances of classes where tables want one thing a case."""

import math

import torch

from medgauge.evaluation.chances import named, of_read, places, raised, shares_words
from medgauge.functional.classes import ClassStrata

STRATA = ClassStrata((("AP", "PA"), ("F", "M", "X")))
CHANCE = torch.tensor([[[0.2, 0.8, 0.0], [0.5, 0.3, 0.2]], [[0.9, 0.1, 0.0], [0.1, 0.1, 0.8]]])
NAN = math.nan


def test_the_likeliest_class_stands_by_its_name() -> None:
    assert named(CHANCE, STRATA, of_chances=True) == [["PA", "F"], ["AP", "X"]]
    assert named(torch.tensor([[1.0, NAN]]), STRATA, of_chances=True) == [["PA", ""]]
    assert named(torch.tensor([[1.5, NAN]]), STRATA, of_chances=False) == [[1.5, ""]]
    assert places(CHANCE).tolist() == [[1.0, 0.0], [0.0, 2.0]]
    torch.testing.assert_close(of_read(CHANCE, CHANCE), torch.tensor([[0.8, 0.5], [0.9, 0.8]]).double())


def test_a_neighbour_raises_the_class_that_is_read_where_it_is_of_it() -> None:
    label = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[1.0, NAN], [0.0, 2.0]]]).double()
    lifted, supported = raised(label, CHANCE, CHANCE)
    assert lifted[0].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert lifted[1, 1].tolist() == [1.0, 1.0]
    assert lifted[1, 0, 1].isnan()
    torch.testing.assert_close(supported, of_read(CHANCE, CHANCE))
    same = raised(label, label[:, 0], label[:, 1])
    assert same[0] is label


def test_shares_are_told_by_the_names_of_their_target() -> None:
    assert shares_words(CHANCE[:, 1], STRATA, 1, 2) == "always saying the training shares (F: 30 %, M: 20 %, X: 50 %)"
