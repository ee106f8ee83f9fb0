"""Kernel ridge regression against refitting, a direct solution and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.functional import kernel_ridge as functional
from medgauge.functional.kernel_ridge import Columns, Spectrum, group_blocks, median_distance, mixed_kernel
from medgauge.inference import KernelPredictor, kernel_ridge


def cases(count: int = 40, seed: int = 0, targets: int = 2, groups: int = 14) -> Cases:
    draw = np.random.default_rng(seed)
    embedding = draw.normal(size=(count, 5)) * [1, 2, 30, 0.1, 1] + [0, 5, 0, 1, 0]
    label = np.sin(embedding[:, :1]) + 0.1 * embedding[:, 2:3] + draw.normal(0, 0.1, (count, targets))
    return Cases(
        torch.tensor(embedding, dtype=torch.float32), torch.tensor(label), [f"c{row}" for row in range(count)],
        [f"g{name}" for name in draw.integers(0, groups, count)],
    )  # fmt: skip


def kernel_by_hand(a: np.ndarray, b: np.ndarray, train: np.ndarray) -> np.ndarray:
    mean, deviation = train.mean(0), train.std(0)
    a, b, own = (((x - mean) / deviation).clip(-8, 8) for x in (a, b, train))
    pairs = [((own[i] - own[j]) ** 2).sum() for i in range(len(own)) for j in range(i)]
    return np.array([[np.exp(-((x - y) ** 2).sum() / np.median(pairs)) + 0.2 * x @ y / 5 for y in b] for x in a])


def refitted(
    kernel: np.ndarray, label: np.ndarray, rows: np.ndarray, asked: np.ndarray, constant: float, weight: np.ndarray
) -> np.ndarray:
    """The regression of some rows, solved as one system with its offset."""
    n = len(rows)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = kernel[np.ix_(rows, rows)] + constant * np.diag(1 / weight[rows])
    system[n, :n] = system[:n, n] = 1
    solution = np.linalg.solve(system, np.append(label[rows], 0))
    return kernel[np.ix_(asked, rows)] @ solution[:n] + solution[n]


@pytest.mark.parametrize("weighted", [False, True])
def test_leaving_groups_out_equals_refitting(weighted: bool) -> None:
    train = cases()
    weight = np.random.default_rng(5).random(40) + 0.2 if weighted else np.ones(40)
    model = KernelPredictor().fit(train, weight=torch.from_numpy(weight) if weighted else None)
    points = train.embedding.double().numpy()
    kernel, group = kernel_by_hand(points, points, points), np.array(train.group)
    for target in range(2):
        for name in set(train.group):
            rows, asked = np.flatnonzero(group != name), np.flatnonzero(group == name)
            wanted = refitted(
                kernel, train.label[:, target].numpy(), rows, asked, model.constant, weight / weight.mean()
            )
            np.testing.assert_allclose(model.leave_one_group_out[asked, target].numpy(), wanted, rtol=1e-6, atol=1e-6)
    # and so does reading the training cases, whose own groups are left out
    np.testing.assert_allclose(model.read(train).value.numpy(), model.leave_one_group_out.numpy(), rtol=1e-6, atol=1e-6)


def test_values_are_sums_of_weights_times_labels() -> None:
    train, new = cases(), cases(7, seed=1)
    new = replace(new, group=["g0", "g1", *(f"new{row}" for row in range(5))])
    model = KernelPredictor().fit(train)
    reading = model.read(new)
    assert reading.evidence is not None
    for query in range(7):
        support = reading.evidence.of(query)
        np.testing.assert_allclose(support.weights.sum(0).numpy(), 1, atol=1e-9)
        value = (support.weights * train.label[support.rows]).sum(0)
        torch.testing.assert_close(value, reading.value[query], rtol=1e-9, atol=1e-9)
        own = [train.group[int(row)] == new.group[query] for row in support.rows]
        assert (support.weights[torch.tensor(own)] == 0).all()
        assert (support.distances.diff() >= 0).all()
    assert reading.evidence.leading(3).found.tolist() == [3] * 7


def test_equals_scikit_learn_on_centred_labels_with_a_huge_offset_free() -> None:
    """Without an offset of its own scikit-learn's needs labels whose offset is known: that of the solution here."""
    train = cases(targets=1)
    model = KernelPredictor(constant=0.3).fit(train)
    points = train.embedding.double().numpy()
    kernel = kernel_by_hand(points, points, points)
    label = train.label[:, 0].numpy()
    ones = np.linalg.solve(kernel + 0.3 * np.eye(40), np.ones(40))
    offset = ones @ label / ones.sum()
    theirs = KernelRidge(alpha=0.3, kernel="precomputed").fit(kernel, label - offset)
    new = cases(9, seed=2, targets=1)
    wanted = theirs.predict(kernel_by_hand(new.embedding.double().numpy(), points, points)) + offset
    found = model.predict(new.embedding).value[:, 0].numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_the_constant_is_that_of_the_smallest_error_without_the_own_group() -> None:
    train = cases(60, targets=1)
    model = KernelPredictor().fit(train)
    errors = {
        constant: float((KernelPredictor(constant=constant).fit(train).leave_one_group_out - train.label).abs().mean())
        for constant in kernel_ridge.CONSTANTS
    }
    assert model.constant == min(errors, key=lambda constant: errors[constant])
    assert errors[model.constant] < 0.8 * max(errors.values())
    again = KernelPredictor().restore(train, model.tuned)
    torch.testing.assert_close(again.leave_one_group_out, model.leave_one_group_out)


def test_missing_labels_have_no_weight_for_their_target() -> None:
    train = cases()
    label = train.label.clone()
    label[::3, 1] = torch.nan
    model, new = KernelPredictor(constant=0.1).fit(replace(train, label=label)), cases(5, seed=3)
    value = model.predict(new.embedding).value
    whole = KernelPredictor(constant=0.1).fit(train).predict(new.embedding).value
    torch.testing.assert_close(value[:, 0], whole[:, 0])
    points, seen = train.embedding.double().numpy(), np.flatnonzero(~label[:, 1].isnan().numpy())
    kernel = kernel_by_hand(np.concatenate([points, new.embedding.double().numpy()]), points, points)
    square = np.concatenate([kernel, np.zeros((45, 5))], axis=1)
    wanted = refitted(square, label[:, 1].numpy(), seen, np.arange(40, 45), 0.1, np.ones(40))
    np.testing.assert_allclose(value[:, 1].numpy(), wanted, rtol=1e-6, atol=1e-6)


def test_many_cases_are_read_by_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    train, new = cases(300, targets=1, groups=60), cases(30, seed=4, targets=1)
    exact = KernelPredictor(constant=0.1).fit(train)
    monkeypatch.setattr(kernel_ridge, "MOST_EXACT", 100)
    all_of_them = KernelPredictor(constant=0.1).fit(train)
    torch.testing.assert_close(
        all_of_them.predict(new.embedding).value, exact.predict(new.embedding).value, rtol=1e-5, atol=1e-5
    )
    monkeypatch.setattr(kernel_ridge, "LANDMARKS", 120)
    some = KernelPredictor(constant=0.1).fit(train)
    gap = (some.predict(new.embedding).value - exact.predict(new.embedding).value).abs()
    assert 1e-4 < gap.mean() < 0.05 * train.label.std()
    torch.testing.assert_close(some.read(train).value, some.leave_one_group_out, rtol=1e-6, atol=1e-6)
    assert (some.predict(new.embedding).evidence.of(0).weights.sum() - 1).abs() < 1e-9  # type: ignore[union-attr]


def test_blocks_of_groups_need_not_fit_in_memory_together(monkeypatch: pytest.MonkeyPatch) -> None:
    train = cases()
    whole = KernelPredictor(constant=0.1).fit(train).leave_one_group_out
    monkeypatch.setattr(functional, "BLOCK", 1)
    torch.testing.assert_close(KernelPredictor(constant=0.1).fit(train).leave_one_group_out, whole)


def test_columns_without_spread_and_far_values_do_no_harm() -> None:
    train = cases(targets=1)
    flat = torch.cat([train.embedding, torch.full((40, 1), 7.3)], dim=1)
    model = KernelPredictor(constant=0.1).fit(replace(train, embedding=flat))
    far = flat[:1].clone()
    far[0, 5], far[0, 2] = 1e6, 1e12
    assert model.predict(far).value.isfinite().all()
    assert Columns.fit(flat).standardised(far)[0, [2, 5]].tolist() == [8.0, 0.0]
    constant = KernelPredictor().fit(replace(train, embedding=torch.ones(40, 3)))
    torch.testing.assert_close(
        constant.predict(torch.zeros(1, 3)).value[0, 0], train.label.mean(), rtol=1e-6, atol=1e-6
    )


def test_of_many_training_cases_the_largest_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    train, new = cases(), cases(7, seed=1)
    whole = KernelPredictor().fit(train).read(new)
    monkeypatch.setattr("medgauge.inference.kernel_ridge.MOST_NAMED", 39)
    monkeypatch.setattr("medgauge.inference.kernel_ridge.NAMED", 6)
    monkeypatch.setattr("medgauge.inference.kernel_ridge.ASKED", 240)  # three queries at a time
    some = KernelPredictor().fit(train).read(new)
    torch.testing.assert_close(some.value, whole.value)
    assert some.evidence is not None
    assert whole.evidence is not None
    for query in range(7):
        own, of = some.evidence.of(query), whole.evidence.of(query)
        sizes = of.weights.abs().mean(1)
        largest = sorted(range(40), key=lambda place: -float(sizes[place]))[:6]
        assert set(own.rows.tolist()) == {int(of.rows[place]) for place in largest}
        assert (own.distances.diff() >= 0).all()
        part = of.weights[largest].abs().sum(0) / of.weights.abs().sum(0)
        torch.testing.assert_close(own.share, part)
        torch.testing.assert_close(of.share, torch.ones(2).double())


def test_every_distance_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []

    def told(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        taken.append((len(a), len(b)))
        return torch.cdist(a, b).square()

    for module in (kernel_ridge, functional):
        monkeypatch.setattr(module, "squared_distances", told)
    train = cases()
    model = KernelPredictor().fit(train)
    assert taken == [(40, 40)]
    model.predict(train.embedding[:7])
    assert taken == [(40, 40), (7, 40)]


def test_distances_and_blocks() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    assert median_distance(points) == 4.0  # 1, 4 and 9
    assert median_distance(points[:1]) == median_distance(torch.zeros(4, 2, dtype=torch.float64)) == 1.0
    assert [rows.tolist() for rows in group_blocks(torch.tensor([5, 3, 5, 4]))] == [[[1], [3]], [[0, 2]]]
    assert mixed_kernel(points[1:2], points[2:], 4.0).item() == pytest.approx(np.exp(-1) + 0.6)
    spectrum = Spectrum.of_features(points, torch.ones(3, dtype=torch.float64))
    assert spectrum.values.tolist() == pytest.approx([10.0])
    train = cases(targets=1)
    model = KernelPredictor(constant=1.0).fit(train)
    assert model.nearest_distance(train.embedding[:2]).tolist() == pytest.approx([0.0, 0.0], abs=1e-4)
    assert (model.nearest_distance(train.embedding[:2], group=train.group[:2]) > 0.01).all()


def test_what_it_refuses() -> None:
    train = cases()
    with pytest.raises(InputError, match="values that are not finite numbers"):
        KernelPredictor().fit(replace(train, embedding=train.embedding * float("nan")))
    with pytest.raises(InputError, match="target 0 has labels in fewer than two groups"):
        KernelPredictor().fit(replace(train, group=["a"] * 40))
    with pytest.raises(ValueError, match="weight must be 40 numbers above 0"):
        KernelPredictor().fit(train, weight=torch.zeros(40))
    with pytest.raises(ValueError, match="call fit"):
        KernelPredictor().predict(train.embedding)
    with pytest.raises(ValueError, match="constant must be"):
        KernelPredictor(constant=0)
