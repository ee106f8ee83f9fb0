"""C-Mixup: chances by a slow loop, mixtures by hand."""

import math
from dataclasses import fields, replace

import numpy as np
import torch
from scipy import stats

from medgauge.core.batch import Batch
from medgauge.data.mixup import draw_mixture, mix_batch, partners
from medgauge.models import LabelScaling

NAN = float("nan")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixed(batch: Batch, coding: LabelScaling, width: float, generator: torch.Generator) -> Batch:
    """The batch, each case with its partner."""
    other, share = draw_mixture(coding.encode(batch.label, batch.divisor), width, generator)
    parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
    partner = replace(batch, **{name: part[other] for name, part in parts.items() if part is not None})
    return mix_batch(batch, partner, share, coding)


def test_partners_are_drawn_by_the_kernel_of_the_labels_and_never_the_case_itself() -> None:
    label = torch.tensor([[0.0], [0.4], [1.0], [3.0]], dtype=torch.float64)
    draws = torch.rand(4, 20_000, generator=seeded(), dtype=torch.float64)
    found = torch.stack([partners(label, 0.5, chance) for chance in draws.T])
    for row, own in enumerate([0.0, 0.4, 1.0, 3.0]):
        chance = [
            0 if other == row else math.exp(-((own - value) ** 2) / (2 * 0.5**2))
            for other, value in enumerate([0.0, 0.4, 1.0, 3.0])
        ]
        wanted = np.array(chance) / sum(chance)
        share = np.bincount(found[:, row].numpy(), minlength=4) / len(found)
        np.testing.assert_allclose(share, wanted, atol=0.015)


def test_far_and_missing_labels() -> None:
    far = torch.tensor([[0.0], [1e4], [NAN], [2.0]], dtype=torch.float64)
    for chance in (0.0, 0.5, 0.999999):
        assert partners(far, 0.001, torch.full((4,), chance)).tolist() == [3, 3, 2, 0]
    assert partners(torch.tensor([[1.0]]), 0.5, torch.tensor([0.3])).tolist() == [0]


def test_a_mixture_is_the_same_share_of_everything() -> None:
    count = 64
    label = torch.linspace(10, 20, count, dtype=torch.float64)[:, None]
    divisor = torch.linspace(1, 2, count, dtype=torch.float64)
    coding = LabelScaling("zscore").fit(label, divisor)
    batch = Batch(
        image=torch.arange(count).float().reshape(-1, 1, 1, 1).expand(-1, 1, 2, 3), label=label, row=torch.arange(count),
        covariates=torch.arange(count).float()[:, None], divisor=divisor, weight=torch.arange(count).float(),
    )  # fmt: skip
    made = mixed(batch, coding, 0.5, seeded(1))
    again = mixed(batch, coding, 0.5, seeded(1))
    assert torch.equal(made.image, again.image)
    place = made.image[:, 0, 0, 0]  # s i + (1 - s) j: images, covariates and weights were their own row
    torch.testing.assert_close(made.covariates, place[:, None])
    torch.testing.assert_close(made.weight, place)
    torch.testing.assert_close(made.divisor, 1 + place.double() / 63, rtol=1e-6, atol=0)
    quotient = label[:, 0] / divisor
    for row in range(count):
        reached = 0
        for other in range(count):
            if other == row:
                continue
            share = (float(place[row]) - other) / (row - other)
            wanted = (share * quotient[row] + (1 - share) * quotient[other]) * made.divisor[row]  # type: ignore[index]
            if 0 < share < 1 and abs(float(wanted - made.label[row, 0])) < 1e-4:
                reached += 1
        assert reached, row
    assert torch.equal(made.row, batch.row)


def test_shares_are_beta_2_2() -> None:
    count = 4000
    label = torch.tensor([[0.0], [1.0]], dtype=torch.float64).repeat(count // 2, 1)
    coding = LabelScaling("none").fit(label)
    image = torch.zeros(count, 1, 1, 1)
    image[1::2] = 1.0
    batch = Batch(image=image, label=label, row=torch.arange(count))
    made = mixed(batch, coding, 1000.0, seeded(2)).label[::2, 0]  # rows of 0: 1 - s where the partner is of 1
    share = (1 - made[made > 0]).numpy()
    assert len(share) > count / 5
    assert stats.kstest(share, stats.beta(2, 2).cdf).pvalue > 0.01
