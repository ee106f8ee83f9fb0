import json
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.core.task import Predictor
from medgauge.inference import NeighbourPredictor, radius_grid
from medgauge.models.scaling import LabelScaling

NAN = float("nan")


def _cases(embedding: Tensor, label: Tensor, group: list[str] | None = None, divisor: Tensor | None = None) -> Cases:
    names = [f"case {row}" for row in range(len(embedding))]
    return Cases(embedding, label.double(), names, names if group is None else group, divisor=divisor)


def _drawn(count: int, seed: int, targets: int = 1, missing: float = 0.0) -> Cases:
    """Cases whose first embedding columns are noisy labels."""
    generator = torch.Generator().manual_seed(seed)
    label = 3 * torch.rand(count, targets, generator=generator).double()
    noise = 0.3 * torch.randn(count, targets + 3, generator=generator)
    embedding = (torch.cat([label, torch.zeros(count, 3)], dim=1) + noise).float()
    label = label.masked_fill(torch.rand(count, targets, generator=generator) < missing, NAN)
    groups = [f"{place:03d}" for place in torch.randint(0, 30, (count,), generator=generator).tolist()]
    return _cases(embedding, 10 + 5 * label, groups, divisor=0.5 + torch.rand(count, generator=generator).double())


def _slow(gallery: Cases, query: Cases, radius: float, *, groups: bool = True, divisor: bool = False) -> np.ndarray:
    """Equation 5 with the nearest observed case as fallback, case by case."""
    points, label = gallery.embedding.double().numpy(), gallery.label.numpy().copy()
    if divisor:
        label /= gallery.divisor.numpy()[:, None]
    value = np.full((len(query), label.shape[1]), np.nan)
    for i, point in enumerate(query.embedding.double().numpy()):
        for target in range(label.shape[1]):
            pairs = [
                (np.sqrt(((points[j] - point) ** 2).sum()), j)
                for j in range(len(points))
                if not np.isnan(label[j, target]) and not (groups and gallery.group[j] == query.group[i])
            ]
            near = [(np.exp(-(d**2) / (2 * (radius / 3) ** 2)), label[j, target]) for d, j in pairs if d <= radius]
            if pairs:
                near = near or [(1.0, label[min(pairs)[1], target])]
                value[i, target] = sum(w * y for w, y in near) / sum(w for w, _ in near)
    return value * query.divisor.numpy()[:, None] if divisor else value


LINE = _cases(torch.tensor([[0, 0.1, 0.25, 0.6]]).T.double(), torch.tensor([[10.0, 12, 15, 30]]).T)


@pytest.mark.parametrize(
    ("radius", "query", "value"),
    [
        (0.3, 0.1, 11.87618786),  # a coincident case, to which the published code gives no weight: 11.74322568
        (0.02, 0.1, 12.0),  # ... and NaN where it is alone
        (0.3, 0.05, 11.28486705),
        (0.3, 0.2, 13.46323227),
        (0.3, 2.0, 30.0),  # nobody near: the nearest case
    ],
)
def test_golden_values_of_equation_5(radius: float, query: float, value: float) -> None:
    reading = NeighbourPredictor(radius=radius).fit(LINE).predict(torch.tensor([[query]], dtype=torch.float64))
    assert reading.value.item() == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize("radius", [1e-6, 0.4, 1.0, 50.0])
@pytest.mark.parametrize("missing", [0.0, 0.6])
@pytest.mark.parametrize("groups", [False, True])
def test_values_and_evidence_equal_the_slow_loop(radius: float, missing: float, groups: bool) -> None:
    gallery = _without_times(_drawn(60, 0, targets=2, missing=missing))
    query = _without_times(_drawn(25, 1, targets=2))
    reading = (
        NeighbourPredictor(radius=radius).fit(gallery).predict(query.embedding, group=query.group if groups else None)
    )
    np.testing.assert_allclose(reading.value.numpy(), _slow(gallery, query, radius, groups=groups), rtol=1e-6)
    assert reading.value.dtype == torch.float64
    evidence = reading.evidence
    assert evidence is not None
    for i in range(len(query)):
        cases = evidence.of(i)
        torch.testing.assert_close(cases.share, torch.ones(2).double())
        assert (cases.weights.sum(1) > 0).all()
        order = sorted(zip(cases.distances.tolist(), cases.rows.tolist(), strict=True))
        assert [row for _, row in order] == cases.rows.tolist()
        assert len(set(cases.rows.tolist())) == len(cases.rows)
        expected = (cases.weights * gallery.label[cases.rows].nan_to_num(0.0)).sum(0)
        torch.testing.assert_close(reading.value[i], expected)
        assert not (groups and any(gallery.group[row] == query.group[i] for row in cases.rows.tolist()))
        torch.testing.assert_close(
            cases.distances,
            (gallery.embedding[cases.rows] - query.embedding[i]).norm(dim=1).double(),
            rtol=1e-5,
            atol=0,
        )


def test_one_fallback_case_may_serve_several_targets() -> None:
    label = torch.tensor([[1.0, NAN, NAN], [NAN, 2.0, 3.0], [7.0, 8.0, 9.0]])
    predictor = NeighbourPredictor(radius=0.1).fit(_cases(torch.tensor([[0.0], [1.0], [2.0]]), label))
    reading = predictor.predict(torch.tensor([[0.05]]))
    assert reading.value.tolist() == [[1.0, 2.0, 3.0]]
    assert reading.evidence is not None
    assert reading.evidence.rows.tolist() == [0, 1]
    assert reading.evidence.weights.tolist() == [[1, 0, 0], [0, 1, 1]]


def test_a_target_that_only_the_own_group_has_is_nan() -> None:
    label = torch.tensor([[1.0, 5.0], [2.0, NAN]])
    predictor = NeighbourPredictor(radius=9.0).fit(_cases(torch.tensor([[0.0], [1.0]]), label, ["007", "8"]))
    reading = predictor.predict(torch.zeros(2, 1), group=["007", "7"])
    assert reading.value[0, 0] == 2.0
    assert reading.value[0, 1].isnan()
    assert reading.value[1, 1] == 5.0  # "7" is not "007"
    assert reading.evidence is not None
    assert reading.evidence.of(0).rows.tolist() == [1]


def test_a_query_whose_group_is_the_whole_gallery_is_nan_without_evidence() -> None:
    predictor = NeighbourPredictor(radius=9.0).fit(_cases(torch.zeros(3, 1), torch.ones(3, 1), ["a"] * 3))
    reading = predictor.predict(torch.zeros(2, 1), group=["a", "b"])
    assert reading.value[:, 0].tolist() == pytest.approx([NAN, 1.0], nan_ok=True)
    assert reading.evidence is not None
    assert reading.evidence.offsets.tolist() == [0, 0, 3]
    assert predictor.nearest_distance(torch.zeros(2, 1), group=["a", "b"]).tolist() == [math.inf, 0.0]


def test_tiny_radii_do_not_underflow() -> None:
    predictor = NeighbourPredictor(radius=1e-200).fit(LINE)
    assert predictor.predict(torch.tensor([[0.1], [0.11]], dtype=torch.float64)).value.flatten().tolist() == [12, 12]


@pytest.mark.parametrize("kind", ["zscore", "min_max", "none"])
def test_linear_label_scalings_change_nothing(kind: str) -> None:
    gallery, query = _drawn(60, 0), _drawn(25, 1)
    coding = LabelScaling(kind).fit(gallery.label)
    value = NeighbourPredictor(coding, radius=0.5).fit(_without_times(gallery)).predict(query.embedding).value
    plain = NeighbourPredictor(radius=0.5).fit(_without_times(gallery)).predict(query.embedding).value
    torch.testing.assert_close(value, plain)


def test_label_times_divides_the_gallery_and_multiplies_the_query() -> None:
    gallery, query = _drawn(60, 0), _drawn(25, 1)
    coding = LabelScaling("zscore").fit(gallery.label, gallery.divisor)
    for predictor in (NeighbourPredictor(coding, radius=0.5), NeighbourPredictor(radius=0.5)):
        value = predictor.fit(gallery).predict(query.embedding, divisor=query.divisor, group=query.group).value
        np.testing.assert_allclose(value.numpy(), _slow(gallery, query, 0.5, divisor=True), rtol=1e-6)
    tuned = NeighbourPredictor(coding).fit(gallery, query)
    value = tuned.predict(query.embedding, divisor=query.divisor, group=query.group).value
    assert tuned.validation.nanmean().item() == pytest.approx((value - query.label).abs().mean().item(), rel=1e-9)


def test_log2_labels_are_averaged_as_logarithms() -> None:
    gallery = _cases(torch.zeros(2, 1), torch.tensor([[1.0], [7.0]]))
    coding = LabelScaling("log2").fit(gallery.label)
    value = NeighbourPredictor(coding, radius=1.0).fit(gallery).predict(torch.zeros(1, 1)).value
    assert value.item() == pytest.approx(3.0)  # log2(1 + 3) lies between log2(2) and log2(8)


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_the_tuned_radius_is_the_best_of_each_evaluated_anew(missing: float) -> None:
    gallery, validation = _drawn(50, 0, targets=2, missing=missing), _drawn(20, 1, targets=2, missing=missing)
    gallery, validation = _without_times(gallery), _without_times(validation)
    predictor = NeighbourPredictor(radii=40).fit(gallery, validation)
    spread = np.nanstd(gallery.label.numpy(), axis=0)
    radii = radius_grid(gallery.embedding, validation.embedding, 40)
    errors = [np.abs(_slow(gallery, validation, radius) - validation.label.numpy()) for radius in radii.tolist()]
    maes = np.array([np.nanmean(error, axis=0) for error in errors])
    assert predictor.curve is not None
    torch.testing.assert_close(predictor.curve.radius, radii)
    np.testing.assert_allclose(predictor.curve.error.numpy(), maes.mean(1), rtol=1e-6)
    np.testing.assert_allclose(predictor.curve.score.numpy(), (maes / spread).mean(1), rtol=1e-6)
    best = int((maes / spread).mean(1).argmin())
    assert predictor.radius == radii[best].item()
    assert predictor.validation.nanmean().item() == pytest.approx(maes[best].mean(), rel=1e-6)
    assert 0 < best < 39
    # ... and that is what predict gives at this radius
    value = predictor.predict(validation.embedding, group=validation.group).value
    assert predictor.validation.nanmean().item() == pytest.approx(
        (value - validation.label).abs().nanmean(0).mean().item()
    )


def test_tuning_does_not_depend_on_chunks_or_order() -> None:
    gallery, validation = _without_times(_drawn(80, 0)), _without_times(_drawn(40, 1))
    whole = NeighbourPredictor().fit(gallery, validation)
    chunked = NeighbourPredictor().fit(gallery)
    chunked._index.memory = 1
    chunked.tune(validation.take(torch.randperm(40)))
    permuted = NeighbourPredictor().fit(gallery.take(torch.randperm(80)), validation)
    for other in (chunked, permuted):
        assert other.curve is not None
        assert whole.curve is not None
        assert other.radius == pytest.approx(whole.radius, rel=1e-12)  # the grid comes from sums over the cases
        torch.testing.assert_close(other.curve.error, whole.curve.error)
    a = whole.predict(validation.embedding, group=validation.group)
    b = chunked.predict(validation.embedding, group=validation.group)
    assert a.evidence is not None
    assert b.evidence is not None
    assert torch.equal(a.evidence.offsets, b.evidence.offsets)
    assert torch.equal(a.evidence.rows, b.evidence.rows)
    torch.testing.assert_close(a.value, b.value)


def test_each_distance_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, validation = _drawn(80, 0), _drawn(40, 1)
    predictor, taken = NeighbourPredictor().fit(gallery), []
    blocks = predictor._index.blocks

    def counted(*args: object, **settings: object) -> object:
        for part, distances in blocks(*args, **settings):
            taken.append(distances.numel())
            yield part, distances

    monkeypatch.setattr(predictor._index, "blocks", counted)
    predictor.tune(validation)
    assert sum(taken) == 80 * 40


def test_equal_scores_give_the_smaller_radius() -> None:
    gallery = _cases(torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [3.0]]))
    predictor = NeighbourPredictor().fit(gallery, _cases(torch.tensor([[0.4]]), torch.tensor([[5.0]]), ["z"]))
    assert predictor.curve is not None
    assert predictor.radius == predictor.curve.radius.min().item()
    assert predictor.validation.tolist() == [2.0]  # labels without spread count as they are


def test_own_group_is_left_out_of_tuning() -> None:
    gallery = _without_times(_drawn(60, 0))
    predictor = NeighbourPredictor().fit(gallery, gallery)  # leave-one-group-out
    assert predictor.radius is not None
    value = _slow(gallery, gallery, predictor.radius)
    assert predictor.validation.nanmean().item() == pytest.approx(
        np.abs(value - gallery.label.numpy()).mean(), rel=1e-6
    )
    assert predictor.validation.nanmean().item() > 0.5


def test_validation_cases_without_any_neighbour_are_left_out() -> None:
    gallery = _cases(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [2.0]]), ["a", "a"])
    validation = _cases(torch.tensor([[0.0], [0.0]]), torch.tensor([[9.0], [4.0]]), ["a", "b"])
    predictor = NeighbourPredictor(maximum_radius=0.5).fit(gallery, validation)
    assert predictor.validation.nanmean().item() == 3.0


def test_a_given_radius_is_scored_not_tuned() -> None:
    gallery, validation = _without_times(_drawn(60, 0)), _without_times(_drawn(25, 1))
    predictor = NeighbourPredictor(radius=0.7).fit(gallery, validation)
    assert predictor.radius == 0.7
    expected = np.abs(_slow(gallery, validation, 0.7) - validation.label.numpy()).mean()
    assert predictor.validation.nanmean().item() == pytest.approx(expected, rel=1e-6)
    assert predictor.tune(validation) == predictor.radius != 0.7
    assert predictor.validation.nanmean().item() < expected


def test_a_kernel_mean_stays_within_the_labels_of_the_gallery() -> None:
    gallery, query = _without_times(_drawn(60, 0)), _drawn(25, 1)
    value = NeighbourPredictor(radius=1.0).fit(gallery).predict(100 * query.embedding).value
    assert gallery.label.min() <= value.min()
    assert value.max() <= gallery.label.max()


def test_radius_grid_spans_the_distances() -> None:
    gallery, query = torch.randn(400, 6) * 4 + 1, torch.randn(300, 6)
    radii = radius_grid(gallery, query, 100)
    rms = torch.cdist(gallery, query).square().mean().sqrt().item()
    assert radii[0].item() == pytest.approx(rms / 1000, rel=1e-4)
    assert radii[-1].item() == pytest.approx(2 * rms, rel=1e-4)
    torch.testing.assert_close(radii[1:] / radii[:-1], (radii[1] / radii[0]).expand(99))
    assert radius_grid(gallery, query, 100, rms).max() <= rms
    assert radius_grid(gallery, query, 100, 1e-9).tolist() == [1e-9]
    assert (radius_grid(torch.zeros(3, 2), torch.zeros(1, 2), 5) > 0).all()


def test_a_collapsed_embedding_predicts_the_mean() -> None:
    gallery = _cases(torch.full((5, 3), 0.1), torch.arange(5.0)[:, None])
    predictor = NeighbourPredictor().fit(gallery, _cases(torch.full((1, 3), 0.1), torch.tensor([[4.0]]), ["z"]))
    assert predictor.validation.nanmean().item() == 2.0
    assert predictor.predict(torch.full((1, 3), 0.1)).value.item() == 2.0


def test_evidence_lists_the_weightiest_cases_and_their_share() -> None:
    evidence = NeighbourPredictor(radius=0.3).fit(LINE).predict(torch.tensor([[2.0], [0.1]]).double()).evidence
    assert evidence is not None
    leading = evidence.leading(2)
    assert leading.found.tolist() == [1, 2]
    assert leading.rows[1].tolist() == [1, 0]
    weights = torch.tensor([1.0, math.exp(-0.5), math.exp(-1.125)])
    assert leading.share[1].item() == pytest.approx((weights[:2].sum() / weights.sum()).item(), rel=1e-6)
    assert leading.rows[0, :1].tolist() == [3]
    with pytest.raises(IndexError, match="query must be from 0 to 1, got 2"):
        evidence.of(2)


def test_nearest_distance_leaves_out_the_own_group() -> None:
    predictor = NeighbourPredictor().fit(LINE)  # made of float32 numbers
    query = torch.tensor([[0.1], [2.0]], dtype=torch.float64)
    assert predictor.nearest_distance(query).tolist() == pytest.approx([0, 1.4], abs=1e-7)
    assert predictor.nearest_distance(query, group=["case 1", "case 9"]).tolist() == pytest.approx([0.1, 1.4], abs=1e-7)


def test_what_was_tuned_can_be_taken_up_again() -> None:
    gallery, validation = _without_times(_drawn(30, 0)), _without_times(_drawn(10, 1))
    fresh: Predictor = NeighbourPredictor(radius=0.5).fit(gallery)
    assert fresh.validation.isnan().all()
    tuned = NeighbourPredictor(radii=7).fit(gallery, validation)
    assert tuned.tuned == {"radius": tuned.radius}
    assert tuned.curve is not None
    assert [len(part) for part in tuned.curve] == [7, 7, 7]
    again = NeighbourPredictor().restore(gallery, json.loads(json.dumps(tuned.tuned)))
    assert torch.equal(again.read(validation).value, tuned.predict(validation.embedding, group=validation.group).value)


def test_inputs_are_unchanged_and_carry_no_gradient() -> None:
    embedding = _drawn(30, 0).embedding.requires_grad_()
    kept = embedding.detach().clone()
    gallery = _cases(embedding, torch.rand(30, 1))
    reading = NeighbourPredictor().fit(gallery, gallery).predict(embedding)
    assert torch.equal(embedding.detach(), kept)
    assert not reading.value.requires_grad


def test_no_query_gives_an_empty_reading() -> None:
    reading = NeighbourPredictor(radius=1.0).fit(LINE).predict(torch.zeros(0, 1).double(), group=[])
    assert reading.value.shape == (0, 1)
    assert reading.evidence is not None
    assert reading.evidence.offsets.tolist() == [0]


def test_wrong_use_raises() -> None:
    with pytest.raises(ValueError, match="radius must be > 0, got 0"):
        NeighbourPredictor(radius=0)
    with pytest.raises(ValueError, match="maximum_radius must be > 0, got -1"):
        NeighbourPredictor(maximum_radius=-1)
    with pytest.raises(ValueError, match="radii must be >= 1, got 0"):
        NeighbourPredictor(radii=0)
    with pytest.raises(ValueError, match="no gallery"):
        NeighbourPredictor(radius=1.0).predict(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="radius must be given or tuned"):
        NeighbourPredictor().fit(LINE).predict(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="each of the 1 cases, got 2 names"):
        NeighbourPredictor(radius=1.0).fit(LINE).predict(torch.zeros(1, 1), group=["a", "b"])
    with pytest.raises(ValueError, match="divisor must be given as in the gallery, which has none"):
        NeighbourPredictor(radius=1.0).fit(LINE).predict(torch.zeros(1, 1), divisor=torch.ones(1))
    with pytest.raises(ValueError, match="divisor must be given as in the gallery, which has them"):
        NeighbourPredictor(radius=1.0).fit(_drawn(9, 0)).predict(torch.zeros(1, 4))
    with pytest.raises(InputError, match="target 1 has no label in any of the 2 training cases"):
        NeighbourPredictor().fit(_cases(torch.zeros(2, 1), torch.tensor([[1.0, NAN], [2.0, NAN]])))
    with pytest.raises(InputError, match="none of the 1 validation cases"):
        NeighbourPredictor().fit(LINE, _cases(torch.zeros(1, 1), torch.tensor([[NAN]])))


def _without_times(cases: Cases) -> Cases:
    return _cases(cases.embedding, cases.label, list(cases.group))
