"""Distances against SciPy and differences in float64, where a plain matrix product is wrong by tens of percent."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, pdist
from torch import Tensor

from medgauge.functional.distances import pair_distances, pairwise_distances, square_form


def draw(n: int, d: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def exact(a: Tensor, b: Tensor) -> Tensor:
    """By differences of the very same numbers, in float64."""
    gap: Tensor = torch.linalg.vector_norm(a.double()[:, None] - b.double()[None], dim=-1)
    return gap


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
@pytest.mark.parametrize("d", [1, 3, 40])
def test_equals_scipy(d: int, dtype: torch.dtype, tolerance: float) -> None:
    a, b = draw(17, d, dtype=dtype), draw(9, d, 1, dtype)
    np.testing.assert_allclose(pair_distances(a), pdist(a.double()), rtol=tolerance)
    np.testing.assert_allclose(pairwise_distances(a), cdist(a.double(), a.double()), rtol=tolerance)
    np.testing.assert_allclose(pairwise_distances(a, b), cdist(a.double(), b.double()), rtol=tolerance)
    assert pairwise_distances(a, b).dtype == dtype


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
@pytest.mark.parametrize("apart", [1e-6, 1e-3, 1.0])
def test_close_rows_far_from_the_origin_keep_their_distance(apart: float, offset: float) -> None:
    a = draw(40, 64, dtype=torch.float32) + offset
    b = torch.cat([a[:20] + apart * draw(20, 64, 1, torch.float32), draw(20, 64, 2, torch.float32) + offset])
    for found, expected in [
        (pairwise_distances(a, b), exact(a, b)),
        (pairwise_distances(torch.cat([a, b]))[:40, 40:], exact(a, b)),
    ]:
        same = expected == 0  # what float32 cannot tell apart
        assert found[same].eq(0).all()
        assert ((found - expected).abs() / expected)[~same].max() < 1e-6


def test_a_plain_product_would_fail_the_test_before() -> None:
    a = draw(40, 64, dtype=torch.float32) + 100
    b = a + 1e-3 * draw(40, 64, 1, torch.float32)
    plain = torch.cdist(a, b, compute_mode="use_mm_for_euclid_dist")
    assert ((plain - exact(a, b)).abs() / exact(a, b)).max() > 0.1


def test_rows_along_a_line_are_exact() -> None:
    """What a perfect embedding of one label looks like: many close pairs."""
    a = torch.linspace(-2, 2, 500)[:, None] * draw(1, 96, dtype=torch.float32) + 3
    expected = exact(a, a)
    for found in (pairwise_distances(a), pairwise_distances(a, a.clone())):
        torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)


def test_is_symmetric_with_a_zero_diagonal() -> None:
    a = draw(30, 50, dtype=torch.float32) * 1e3
    found = pairwise_distances(a)
    assert torch.equal(found, found.T)
    assert found.diagonal().eq(0).all()


def test_labels_far_from_zero_are_exact_in_float64() -> None:
    label = torch.arange(12, dtype=torch.float64)[:, None] / 8
    assert torch.equal(pairwise_distances(label + 1e9), (label - label.T).abs())
    assert torch.equal(pairwise_distances(label + 1e9, label[:5] + 1e9), (label - label[:5].T).abs())


def test_gradient_is_the_numerical_one() -> None:
    a, b = draw(7, 12).requires_grad_(), draw(4, 12, 1).requires_grad_()
    assert torch.autograd.gradcheck(pair_distances, (a,))
    assert torch.autograd.gradcheck(pairwise_distances, (a,))
    assert torch.autograd.gradcheck(pairwise_distances, (a, b))
    assert torch.autograd.gradcheck(lambda rows: pairwise_distances(a.detach(), rows), (b,))


@pytest.mark.parametrize("apart", [1e-5, 1e-3, 1.0])
def test_gradient_of_close_rows_far_from_the_origin_is_exact(apart: float) -> None:
    near = draw(10, 32, dtype=torch.float32) + 100
    a = torch.cat([near, near + apart * draw(10, 32, 1, torch.float32)]).requires_grad_()
    wide = a.detach().double().requires_grad_()
    pull = draw(20, 20, 2)
    torch.autograd.backward((pairwise_distances(a) * pull.float()).sum())
    torch.autograd.backward((torch.cdist(wide, wide, compute_mode="donot_use_mm_for_euclid_dist") * pull).sum())
    assert a.grad is not None
    assert wide.grad is not None
    torch.testing.assert_close(a.grad.double(), wide.grad, rtol=1e-5, atol=1e-5)


def test_gradient_is_zero_at_coincident_rows() -> None:
    a = (draw(1, 20).expand(6, 20) * 1e3).clone().requires_grad_()
    other = a.detach()[:2].clone().requires_grad_()
    total = pair_distances(a).sum() + pairwise_distances(a).sum() + pairwise_distances(a, other).sum()
    torch.autograd.backward(total)
    assert a.grad is not None
    assert other.grad is not None
    assert a.grad.eq(0).all()
    assert other.grad.eq(0).all()


@pytest.mark.parametrize("between", [False, True])
def test_gradient_of_nearly_coincident_rows_is_no_longer_than_its_pairs(between: bool) -> None:
    """Rows 1e-20 apart at 1e3 from the centre: sums of factors near 1e20 meet the rounding of 1e3."""
    a = draw(6, 20) * 1e3
    a[:, 0] = 0
    a[1:4] = a[0]
    a[1:4, 0] = torch.tensor([1.0, 3.3, 7.1]) * 1e-20
    a.requires_grad_()
    found = pairwise_distances(a, a.detach().clone()) if between else pairwise_distances(a)
    assert 0 < found[0, 1] < 1e-19
    (gradient,) = torch.autograd.grad(found.sum(), a)
    assert gradient.norm(dim=1).max() <= (1 if between else 2) * 5 + 1e-6  # one for each pair a row is in


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_under_autocast(dtype: torch.dtype) -> None:
    a = (6 * draw(9, 2048)).to(dtype).requires_grad_()  # squared norms overflow float16
    with torch.autocast("cpu", dtype=dtype):
        found, between = pairwise_distances(a), pairwise_distances(a, a.detach()[:4].clone())
    assert found.dtype == between.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact(a, a), rtol=1e-6, atol=0)
    torch.testing.assert_close(between.double(), exact(a, a[:4]), rtol=1e-6, atol=0)
    torch.autograd.backward(found.sum() + between.sum())
    assert a.grad is not None
    assert a.grad.dtype == dtype
    assert a.grad.isfinite().all()


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_have_no_pairs(rows: int) -> None:
    a = torch.ones(rows, 3, requires_grad=True)
    assert pair_distances(a).shape == (0,)
    total = pair_distances(a).sum() + pairwise_distances(a).sum() + pairwise_distances(a, a.detach()).sum()
    torch.autograd.backward(total)
    assert a.grad is not None
    assert a.grad.eq(0).all()


@pytest.mark.parametrize("d", [40, 400])
def test_saves_rows_and_one_square_for_backward(d: int) -> None:
    a, b, saved = draw(120, d, dtype=torch.float32).requires_grad_(), draw(130, d, 1, torch.float32), []

    def keep(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        pairwise_distances(a, b)
    assert sum(saved) == 120 * 130 + 250 * d


def test_square_form_follows_scipys_order() -> None:
    from scipy.spatial.distance import squareform

    pairs = torch.arange(1.0, 11)
    np.testing.assert_array_equal(square_form(pairs, 5), squareform(pairs))


def test_refuses_rows_that_differ() -> None:
    with pytest.raises(ValueError, match="columns and dtype in common"):
        pairwise_distances(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="columns and dtype in common"):
        pairwise_distances(torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="2-D float tensor"):
        pairwise_distances(torch.zeros(2))
    with pytest.raises(ValueError, match="2-D float tensor"):
        pair_distances(torch.zeros(2, 3, dtype=torch.int64))
