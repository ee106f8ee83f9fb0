"""Values without weights are those with weights: missing labels, training groups, landmarks."""

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.inference import kernel_ridge, kernel_sums
from medgauge.inference.clamped import ClampedPredictor
from medgauge.inference.finding_logistic import FindingLogistic
from medgauge.inference.kernel_ridge import KernelPredictor
from medgauge.inference.kernel_sums import KernelSums
from medgauge.inference.predictor import values_of


def cases(count: int, seed: int, *, prefix: str = "t") -> Cases:
    """Three findings of five columns; the labels of the second and third are missing in some cases."""
    chance = torch.Generator().manual_seed(seed)
    points = torch.randn(count, 5, generator=chance, dtype=torch.float64)
    label = (points[:, :3] + torch.randn(count, 3, generator=chance, dtype=torch.float64) > 0.5).double()
    label[::4, 1:] = torch.nan
    names = [f"{prefix}{row}" for row in range(count)]
    return Cases(points, label, names, [f"{prefix}{row // 2}" for row in range(count)])


@pytest.mark.parametrize("most", [10_000, 50])
def test_values_are_those_of_a_reading(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(kernel_ridge, "MOST_EXACT", most)
    monkeypatch.setattr(kernel_ridge, "LANDMARKS", 30)
    monkeypatch.setattr(kernel_sums, "HELD", 500)  # a few rows at a time
    model = KernelPredictor().fit(cases(80, 0))
    others, own = cases(33, 1, prefix="q"), cases(80, 0).take(torch.arange(7))
    mixed = Cases(
        torch.cat([others.embedding, own.embedding]), torch.cat([others.label, own.label]),
        [*others.id, *own.id], [*others.group, *own.group],
    )  # fmt: skip
    torch.testing.assert_close(model.values(mixed), model.read(mixed).value, rtol=1e-8, atol=1e-9)
    assert model.values(mixed.take(torch.arange(0))).shape == (0, 3)


def test_weights_of_a_target_are_those_of_its_labelled_cases() -> None:
    gallery, queries = cases(60, 0), cases(9, 1, prefix="q")
    reading = KernelPredictor(constant=0.5).fit(gallery).read(queries)
    assert reading.evidence is not None
    for target in range(3):
        seen = torch.nonzero(~gallery.label[:, target].isnan()).flatten()
        alone = Cases(gallery.embedding, gallery.label[:, [target]], gallery.id, gallery.group)
        single = KernelPredictor(constant=0.5).fit(alone).read(queries)
        torch.testing.assert_close(reading.value[:, [target]], single.value, rtol=1e-9, atol=1e-12)
        made = torch.zeros(9, 60, dtype=torch.float64)
        for query in range(9):
            of = reading.evidence.of(query)
            made[query, of.rows] = of.weights[:, target]
        torch.testing.assert_close(made.sum(1), torch.ones(9, dtype=torch.float64))
        sums = made[:, seen] @ gallery.label[seen, target]
        torch.testing.assert_close(sums, reading.value[:, target], rtol=1e-9, atol=1e-12)


def test_chances_stay_between_0_and_1_and_other_predictors_are_read() -> None:
    gallery, queries = cases(60, 0), cases(200, 1, prefix="q")
    model = ClampedPredictor(KernelPredictor()).fit(gallery)
    torch.testing.assert_close(values_of(model, queries), model.read(queries).value, rtol=1e-9, atol=1e-12)
    assert float(values_of(model, queries).min()) == 0.0
    logistic = FindingLogistic(3).fit(gallery)
    assert torch.equal(values_of(logistic, queries), logistic.read(queries).value)


def test_sums_are_a_loop_over_centres() -> None:
    chance = torch.Generator().manual_seed(2)
    centres, duals, points = (
        torch.randn(*shape, generator=chance, dtype=torch.float64) for shape in ((6, 3), (6, 2), (4, 3))
    )
    offset = torch.tensor([1.0, -2.0], dtype=torch.float64)
    found = KernelSums(centres, duals, centres.T @ duals * (0.2 / 3), offset, 1.7).read(points)
    for row, point in enumerate(points):
        wanted = offset.clone()
        for centre, dual in zip(centres, duals, strict=True):
            kernel = torch.exp(-(point - centre).square().sum() / 1.7) + 0.2 * (point * centre).sum() / 3
            wanted += kernel * dual
        torch.testing.assert_close(found[row], wanted, rtol=1e-12, atol=1e-12)
