"""Groups side by side in the table that are alike far more often than by chance."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from medgauge.evaluation import side_by_side as module
from medgauge.evaluation.side_by_side import side_by_side, side_by_side_notes

Made = tuple[NDArray[np.float64], NDArray[np.float64]]


def ask(
    embedding: NDArray[np.float64], known: NDArray[np.float64], group: Sequence[str] | None = None, seed: int = 0
) -> list[str]:
    """Notes on a table, six in ten of its groups fitted."""
    names = list(group or [f"g{row}" for row in range(len(embedding))])
    drawn = np.random.default_rng(seed).random(len(set(names))) < 0.6
    fitted = drawn[np.unique(names, return_inverse=True)[1]]
    return side_by_side_notes(torch.tensor(embedding, dtype=torch.float32), known, names, range(len(names)), fitted)


def label_and_noise(random: np.random.Generator, label: NDArray[np.float64], error: float) -> NDArray[np.float64]:
    embedding = random.normal(size=(len(label), 8)) * error
    embedding[:, :1] += label
    return embedding


def shuffled(random: np.random.Generator, n: int) -> Made:
    label = random.normal(size=(n, 1))
    return label_and_noise(random, label, 1.0), label


def by_label(error: float, random: np.random.Generator, n: int) -> Made:
    label = np.sort(random.normal(size=(n, 1)), axis=0)
    return label_and_noise(random, label, error), label


def precise(random: np.random.Generator, n: int) -> Made:
    return by_label(0.01, random, n)


def fair(random: np.random.Generator, n: int) -> Made:
    return by_label(0.2, random, n)


def poor(random: np.random.Generator, n: int) -> Made:
    return by_label(1.0, random, n)


def by_grade(random: np.random.Generator, n: int) -> Made:
    label = np.sort(random.integers(0, 5, (n, 1)).astype(float), axis=0)
    return label_and_noise(random, label, 0.5), label


def by_covariate(random: np.random.Generator, n: int) -> Made:
    """A covariate that the model was given, and a label that it tells badly."""
    covariate, label = np.sort(random.normal(size=(n, 1)), axis=0), random.normal(size=(n, 1))
    return label_and_noise(random, covariate + 0.3 * label, 0.05), np.hstack([label, covariate])


def of_four_sites(random: np.random.Generator, n: int) -> Made:
    embedding, label = shuffled(random, n)
    return embedding + 8 * random.normal(size=(4, 8))[np.arange(n) * 4 // n], label


def collapsed(random: np.random.Generator, n: int) -> Made:
    return np.zeros((n, 8)), random.normal(size=(n, 1))


def few_points(random: np.random.Generator, n: int) -> Made:
    return random.integers(0, 3, (n, 2)).astype(float), random.normal(size=(n, 1))


@pytest.mark.parametrize(
    "make", [shuffled, precise, fair, poor, by_grade, by_covariate, of_four_sites, collapsed, few_points]
)
def test_tables_without_unnamed_patients_give_no_note(make: Callable[[np.random.Generator, int], Made]) -> None:
    for seed in range(25):
        embedding, known = make(np.random.default_rng(seed), 150)
        assert ask(embedding, known, seed=seed) == []


def repeats(random: np.random.Generator, n: int, run: int, *, same_label: bool) -> Made:
    """Patients of so many rows each, who differ by as much as two pictures of one do."""
    patient = np.arange(n) // run
    label = random.normal(size=(n, 1))
    label = label[patient] if same_label else label
    return label_and_noise(random, label, 1.0) + 2 * random.normal(size=(n, 8))[patient], label


@pytest.mark.parametrize("run", [2, 3, 5])
@pytest.mark.parametrize("same_label", [True, False])
def test_repeats_of_patients_give_a_note(run: int, same_label: bool) -> None:
    for seed in range(5):
        embedding, known = repeats(np.random.default_rng(seed), 150, run, same_label=same_label)
        assert len(ask(embedding, known, seed=seed)) == 1


def test_one_group_for_each_patient_takes_the_note_away() -> None:
    embedding, known = repeats(np.random.default_rng(0), 300, 3, same_label=True)
    assert ask(embedding, known) != []
    assert ask(embedding, known, [f"p{row // 3}" for row in range(300)]) == []


def test_frames_of_films_give_a_note() -> None:
    """Twelve films of twenty frames, each frame nearest to those before and after it."""
    random = np.random.default_rng(0)
    film, time_ = np.arange(240) // 20, np.arange(240) % 20
    embedding = 3 * random.normal(size=(12, 8))[film] + random.normal(size=(240, 8)) * 0.02
    embedding[:, 1] += time_ * 0.1
    assert len(ask(embedding, random.normal(size=(240, 1)))) == 1


def test_the_note_says_how_many_and_what_to_do() -> None:
    """By hand: 50 patients of two rows, twins nearest of all: each pair counts, and the step to the next patient does not."""
    random = np.random.default_rng(0)
    patient = np.arange(100) // 2
    embedding = random.normal(size=(50, 8))[patient] + 1e-3 * random.normal(size=(100, 8))
    assert ask(embedding, random.normal(size=(100, 1))) == [
        "50 of 99 groups are nearer in the embedding to the group after them in the table than their labels tell (the first: g0 "
        "to g1), where chance gives 1; if such rows are of one patient (two eyes, repeats, frames of a video), splits share "
        "patients and errors look too small: give --group a column that names the patient, or one name to all rows that belong "
        "together"
    ]


def slow(embedding: NDArray[np.float64], share: float) -> tuple[int, float]:
    """Pairs side by side among the nearest share, and their number by chance, where the embedding tells no label."""
    n, near, further, far = len(embedding), 0, 0, 0
    for one in range(n):
        order = sorted(
            (float(np.linalg.norm(embedding[one] - embedding[other])), other) for other in range(n) if other != one
        )
        first = [other for _, other in order[: max(1, int(share * (n - 1)))]]
        near += one + 1 in first
        for lag in (5, 6, 7, 8):
            further += one + lag in first
            far += one + lag < n
    by_share = max(1, int(share * (n - 1))) / (n - 1)
    return near, (n - 1) * max(by_share, further / far)


@pytest.mark.parametrize("place", [0, 1])
def test_counts_are_those_of_a_slow_loop(place: int) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        embedding = random.normal(size=(90, 3)) + random.normal(size=(90, 3))[np.arange(90) // 2]
        known = random.permutation(90)[:, None].astype(float)
        found = side_by_side(
            torch.tensor(embedding), known, [str(row) for row in range(90)], range(90), np.zeros(90, dtype=bool)
        )[place]
        near, expected = slow(embedding, module.NEAREST[place])
        assert (found.pairs, len(found.near)) == (89, near)
        assert found.expected == pytest.approx(expected)


def test_order_is_that_of_the_table_and_not_of_the_splits() -> None:
    embedding, known = repeats(np.random.default_rng(0), 200, 2, same_label=True)
    order = np.random.default_rng(1).permutation(200)
    group = [f"g{row}" for row in order]
    points = torch.tensor(embedding[order], dtype=torch.float32)
    none = np.zeros(200, dtype=bool)
    assert len(side_by_side_notes(points, known[order], group, order.tolist(), none)) == 1
    assert side_by_side_notes(points, known[order], group, range(200), none) == []


def test_what_cannot_be_judged_gives_no_note() -> None:
    embedding, known = repeats(np.random.default_rng(0), 200, 2, same_label=True)
    assert ask(embedding[:12], known[:12]) == []
    assert ask(np.full_like(embedding, np.nan), known) == []
    assert ask(embedding, np.full_like(known, np.nan)) == []
    assert ask(embedding, known, ["one"] * 200) == []
    half = np.where(np.arange(200)[:, None] % 3 == 0, np.nan, known)
    assert len(ask(embedding, np.hstack([half, known]))) == 1


def test_large_tables_are_sampled() -> None:
    embedding, known = repeats(np.random.default_rng(0), 40_000, 2, same_label=True)
    points, group = torch.tensor(embedding, dtype=torch.float32), [str(row) for row in range(40_000)]
    found = side_by_side(points, known, group, range(40_000), np.zeros(40_000, dtype=bool))
    assert [len(one.notes()) for one in found].count(1) >= 1
    assert all(0 < one.pairs <= module.MOST for one in found)
