"""Values of a predictor of numbers are kept between 0 and 1; the evidence is what it was."""

import torch

from medgauge.core.batch import Cases
from medgauge.inference import KernelPredictor
from medgauge.inference.clamped import ClampedPredictor


def test_values_beyond_0_and_1_are_clamped() -> None:
    draw = torch.Generator().manual_seed(0)
    embedding, names = torch.randn(40, 2, generator=draw), [str(row) for row in range(40)]
    label = (embedding[:, :1] > 1).double()
    gallery = Cases(embedding, label, names, names)
    asked = Cases(3 * embedding, label, names, [f"new {name}" for name in names])
    plain, clamped = KernelPredictor(constant=0.01), ClampedPredictor(KernelPredictor(constant=0.01))
    one, two = plain.fit(gallery).read(asked), clamped.fit(gallery).read(asked)
    assert (one.value < 0).any()
    assert torch.equal(two.value, one.value.clamp(0, 1))
    assert one.evidence is not None
    assert two.evidence is not None
    assert torch.equal(one.evidence.weights, two.evidence.weights)
    assert clamped.tuned == plain.tuned
    again = ClampedPredictor(KernelPredictor()).restore(gallery, clamped.tuned)
    assert torch.equal(again.read(asked).value, two.value)
