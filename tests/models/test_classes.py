"""The softmax head and the coding of classes."""

import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models.classes import NO_CLASS, ClassPlaces, SoftmaxHead
from medgauge.models.description import check_description
from medgauge.models.model import build_model


def test_logits_are_linear_and_the_prediction_is_the_largest() -> None:
    head = SoftmaxHead(5, [3, 2])
    embedding = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    prediction, logits = head(embedding)
    expected = (embedding @ head.linear.weight.T + head.linear.bias).reshape(4, 2, 3)
    torch.testing.assert_close(logits[:, 0], expected[:, 0])
    torch.testing.assert_close(logits[:, 1, :2], expected[:, 1, :2])
    assert bool((logits[:, 1, 2] == NO_CLASS).all())
    assert prediction.tolist() == [[float(one[0].argmax()), float(one[1, :2].argmax())] for one in expected]
    assert not prediction.requires_grad
    logits.logsumexp(-1).sum().backward()
    assert embedding.grad is not None
    assert bool(embedding.grad.isfinite().all())


@pytest.mark.parametrize(("embedding", "classes"), [(0, [2]), (3, []), (3, [1])])
def test_sizes_that_cannot_be_are_refused(embedding: int, classes: list[int]) -> None:
    with pytest.raises(ValueError, match="classes >= 2 of each target"):
        SoftmaxHead(embedding, classes)


def test_a_model_with_it_is_built_again() -> None:
    encoder = {"name": "small", "width": 4, "norm": "group", "pretrained": False, "settings": {}}
    neck = {"name": "covariate", "embedding": 6, "covariate_width": 4}
    said = {"ndim": 2, "channels": 1, "covariates": 0, "targets": 2, "encoder": encoder, "neck": neck}
    made = build_model({**said, "head": SoftmaxHead(6, [3, 2]).describe()})
    description = made.describe()
    check_description(description)
    again = build_model(description)
    again.load_state_dict(made.state_dict())
    image = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(again.eval()(image).logits, made.eval()(image).logits)
    with pytest.raises(InputError, match=r"head\.classes must be a list"):
        check_description({**description, "head": {"name": "softmax", "classes": [1]}})


def test_places_are_left_as_they_are_and_their_number_is_kept() -> None:
    coding, label = ClassPlaces([3, 2]), torch.tensor([[2.0, 1.0], [torch.nan, 0.0]])
    assert coding.encode(label) is label
    assert coding.decode(label) is label
    assert not coding.divides
    again = ClassPlaces()
    again.load_state_dict(coding.state_dict())
    assert again.counts.tolist() == [3, 2]
