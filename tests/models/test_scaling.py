import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.models import LabelScaling
from medgauge.models.scaling import ScalingKind

KINDS = ("zscore", "min_max", "log2", "none")
LABEL = torch.tensor([[1.0, 400.0], [7.0, 0.0], [2.5, float("nan")], [9.0, 31.0]], dtype=torch.float64)


def same(left: Tensor, right: Tensor, relative: float = 1e-12) -> None:
    torch.testing.assert_close(left, right, rtol=relative, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("divisor", [None, torch.tensor([0.1, 0.2, 0.15, 3.0], dtype=torch.float64)])
def test_decode_undoes_encode(kind: ScalingKind, divisor: Tensor | None) -> None:
    scaling = LabelScaling(kind).fit(LABEL, divisor)
    same(scaling.decode(scaling.encode(LABEL, divisor), divisor), LABEL)


@pytest.mark.parametrize("kind", ["zscore", "min_max"])
def test_labels_far_from_zero_survive(kind: ScalingKind) -> None:
    label = 1e9 + torch.arange(5, dtype=torch.float64).unsqueeze(1) / 8
    encoded = LabelScaling(kind).fit(label).encode(label)
    same(encoded.diff(dim=0), (encoded[-1:] - encoded[:1]).expand(4, 1) / 4, 1e-6)
    same(LabelScaling(kind).fit(label).decode(encoded), label, 1e-15)


def test_numbers_are_those_of_numpy() -> None:
    label = LABEL.numpy()
    zscore = (label - np.nanmean(label, axis=0)) / np.nanstd(label, axis=0)
    same(LabelScaling("zscore").fit(LABEL).encode(LABEL), torch.from_numpy(zscore))
    lowest, highest = np.nanmin(label, axis=0), np.nanmax(label, axis=0)
    same(LabelScaling("min_max").fit(LABEL).encode(LABEL), torch.from_numpy((label - lowest) / (highest - lowest)))
    log = np.log2(1 + label)
    zscore = (log - np.nanmean(log, axis=0)) / np.nanstd(log, axis=0)
    same(LabelScaling("log2").fit(LABEL).encode(LABEL), torch.from_numpy(zscore))
    assert torch.equal(LabelScaling("none").fit(LABEL).encode(LABEL)[0], LABEL[0])


def test_times_divide_before_anything_and_multiply_last() -> None:
    divisor = torch.tensor([0.5, 2.0, 1.0, 4.0], dtype=torch.float64)
    scaling = LabelScaling("log2").fit(LABEL, divisor)
    ratio = torch.log2(1 + LABEL / divisor.unsqueeze(1))
    same(scaling.encode(LABEL, divisor), LabelScaling("zscore").fit(ratio).encode(ratio))
    same(scaling.transformed(LABEL, divisor), ratio)


def test_transformed_is_log2_for_log2_only() -> None:
    same(LabelScaling("log2").transformed(LABEL), torch.log2(1 + LABEL))
    same(LabelScaling("zscore").transformed(LABEL), LABEL)
    decoded = torch.tensor([[-0.5]], dtype=torch.float64)  # a prediction may fall between -1 and 0
    assert LabelScaling("log2").transformed(decoded).item() == pytest.approx(-1.0)


def test_dtype_of_the_input_is_kept() -> None:
    scaling = LabelScaling().fit(LABEL)
    assert scaling.encode(LABEL.float()).dtype == torch.float32
    assert scaling.decode(LABEL.float()).dtype == torch.float32


def test_decode_has_a_gradient() -> None:
    value = torch.zeros(3, 2, requires_grad=True)
    LabelScaling("log2").fit(LABEL).decode(value).sum().backward()  # type: ignore[no-untyped-call]
    assert value.grad is not None
    assert bool(torch.isfinite(value.grad).all())


def test_state_dict_carries_targets_and_precision() -> None:
    fitted = LabelScaling("zscore").fit(LABEL * math.pi)
    fresh = LabelScaling("zscore")
    fresh.load_state_dict(fitted.state_dict())
    assert fresh.targets == 2
    torch.testing.assert_close(fresh.encode(LABEL), fitted.encode(LABEL), rtol=0, atol=0, equal_nan=True)


def test_half_does_not_round_the_scale() -> None:
    fitted = LabelScaling().fit(LABEL)
    before = fitted.encode(LABEL)
    torch.testing.assert_close(fitted.half().encode(LABEL), before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", ["zscore", "min_max", "none"])
def test_a_step_reads_nothing_off_a_device(kind: ScalingKind) -> None:
    """A read of a tensor without values raises, as one of an accelerator's waits for it."""
    moved = LabelScaling(kind).fit(LABEL).to("meta")
    assert moved.centre.device.type == "meta"
    assert moved.encode(torch.empty_like(LABEL, device="meta")).shape == LABEL.shape
    assert moved.decode(torch.empty_like(LABEL, device="meta")).shape == LABEL.shape


def test_constant_label_is_named() -> None:
    label = torch.full((40, 2), 0.1, dtype=torch.float64)
    label[0, 0] = 1
    with pytest.raises(InputError, match=r"the label hc_mm is constant \(0\.1 in all 40 training cases"):
        LabelScaling().fit(label, names=["age", "hc_mm"])


@pytest.mark.parametrize(
    ("label", "message"),
    [([[math.nan], [math.nan]], "is missing in all 2"), ([[1.0], [math.inf]], "is infinite"), ([[1.0]], "is constant")],
)
def test_labels_that_cannot_be_scaled_are_refused(label: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LabelScaling("min_max").fit(torch.tensor(label))


def test_negative_label_and_log2_are_refused() -> None:
    label = torch.tensor([[1.0], [-2.0]])
    with pytest.raises(InputError, match=r"labels >= 0, and -2 is among them"):
        LabelScaling("log2").fit(label)
    with pytest.raises(InputError, match="labels >= 0"):
        LabelScaling("log2").fit(label.abs()).encode(label)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_times_that_are_no_positive_number_are_refused(wrong: float) -> None:
    with pytest.raises(InputError, match=r"must be a number > 0 in every case.*at place 1"):
        LabelScaling().fit(torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, wrong]))


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of"):
        LabelScaling("minmax")  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ValueError, match="not fitted"):
        LabelScaling().encode(LABEL)
    fitted = LabelScaling().fit(LABEL)
    with pytest.raises(ValueError, match=r"must have shape \(n, 2\)"):
        fitted.decode(LABEL[:, :1])
    with pytest.raises(ValueError, match="fitted without divisor"):
        fitted.decode(LABEL, torch.ones(4))
    with pytest.raises(ValueError, match="2-D float tensor"):
        LabelScaling().fit(LABEL[:, 0])
    with pytest.raises(ValueError, match=r"divisor must have shape \(4,\)"):
        LabelScaling().fit(LABEL, torch.ones(3))
