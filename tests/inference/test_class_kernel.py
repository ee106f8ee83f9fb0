"""Chances of classes by kernel regression: indicators read by hand."""

import pytest
import torch

from medgauge.core.batch import Cases
from medgauge.functional.classes import class_log_loss
from medgauge.inference.class_kernel import ClassKernel, chances
from medgauge.inference.kernel_ridge import CONSTANTS, KernelPredictor


def cases(count: int, seed: int, prefix: str) -> Cases:
    chance = torch.Generator().manual_seed(seed)
    points = torch.randn(count, 4, generator=chance, dtype=torch.float64)
    label = (points[:, :1] + 0.5 * torch.randn(count, 1, generator=chance, dtype=torch.float64)).round().clamp(
        -1, 1
    ) + 1
    label[3] = torch.nan
    names = [f"{prefix}{row}" for row in range(count)]
    return Cases(points, label, names, names)


def test_values_are_regressions_of_indicators_made_chances() -> None:
    gallery, queries = cases(60, 0, "t"), cases(20, 1, "q")
    model = ClassKernel(3).fit(gallery, queries, class_log_loss)
    columns = []
    for place in range(3):
        label = (gallery.label == place).double().where(~gallery.label.isnan(), torch.nan)
        own = Cases(gallery.embedding, label, gallery.id, gallery.group)
        columns.append(KernelPredictor(constant=model.tuned["constant"]).fit(own).read(queries).value[:, 0])
    value = torch.stack(columns, dim=1)
    found = model.read(queries).value
    torch.testing.assert_close(
        found[:, 0], value.clamp(min=0) / value.clamp(min=0).sum(1, keepdim=True), rtol=1e-8, atol=1e-10
    )
    known = ~queries.label[:, 0].isnan()
    wanted = -found[known, 0].gather(1, queries.label[known].long()).clamp(min=1e-3).log().mean()
    assert model.validation.tolist() == pytest.approx([float(wanted)])
    again = ClassKernel(3).restore(gallery, model.tuned).read(queries).value
    assert torch.equal(again, found)


def test_the_constant_has_the_smallest_log_loss_without_the_own_group() -> None:
    gallery = cases(60, 0, "t")
    model = ClassKernel(3).fit(gallery)
    hot = torch.nn.functional.one_hot(gallery.label[:, 0].nan_to_num(0.0).long(), 3).double()
    hot[3] = torch.nan
    losses = {}
    for constant in CONSTANTS:
        single = KernelPredictor(constant=constant).fit(Cases(gallery.embedding, hot, gallery.id, gallery.group))
        left_out = chances(single.leave_one_group_out)
        losses[constant] = float(class_log_loss(left_out[:, None], gallery.label).nanmean())
    assert model.tuned["constant"] == pytest.approx(min(losses, key=losses.__getitem__))


def test_nothing_above_0_is_no_knowledge_and_missing_stays_missing() -> None:
    found = chances(torch.tensor([[-1.0, -2.0], [torch.nan, 1.0]]))
    assert found[0].tolist() == [0.5, 0.5]
    assert found[1].isnan().all()
