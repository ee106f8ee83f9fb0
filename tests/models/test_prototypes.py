"""Label vectors mapped into the embedding, and the head that reads by the distance to them."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from medgauge.core.batch import Part, Step
from medgauge.core.errors import InputError
from medgauge.losses import DualWeightedMetricLoss
from medgauge.models import CovariateNeck, LinearHead, Model, build_encoder
from medgauge.models.description import check_description
from medgauge.models.joint import JointHead
from medgauge.models.prototypes import PrototypeHead, find_prototypes
from medgauge.models.stored import build_stored


def vectors() -> Tensor:
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(1))


def seeded(similarity: str = "distance", hidden: int = 7) -> PrototypeHead:
    torch.manual_seed(0)
    head = PrototypeHead(4, 3, 5, hidden, similarity, vectors())  # type: ignore[arg-type]
    with torch.no_grad():
        head.offset.copy_(torch.tensor([1.0, 2.0, -0.5]))
    return head


@pytest.mark.parametrize("similarity", ["distance", "cosine"])
def test_logits_equal_a_slow_loop_over_unit_vectors(similarity: str) -> None:
    head, embedding = seeded(similarity), torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    first, last = head.projection[0], head.projection[2]
    prediction, logits = head(embedding)
    assert logits.shape == (6, 3, 1)
    for finding, vector in enumerate(vectors().double().numpy()):
        same = vector / np.linalg.norm(vector) * np.sqrt(5)
        inner = np.maximum(0, first.weight.detach().double().numpy() @ same + first.bias.detach().double().numpy())
        mapped = last.weight.detach().double().numpy() @ inner + last.bias.detach().double().numpy()
        assert np.allclose(head.prototypes()[finding].detach(), mapped, atol=1e-5)
        mapped /= np.linalg.norm(mapped)
        for image, row in enumerate(embedding.double().numpy()):
            unit = row / np.linalg.norm(row)
            near = unit @ mapped if similarity == "cosine" else -np.linalg.norm(unit - mapped)
            slow = 5.0 * near + float(head.offset[finding].detach())
            assert float(logits[image, finding, 0].detach()) == pytest.approx(slow, abs=1e-5)
            assert float(prediction[image, finding].detach()) == pytest.approx(1 / (1 + np.exp(-slow)), abs=1e-5)


@pytest.mark.parametrize("similarity", ["distance", "cosine"])
def test_a_fresh_head_says_half_at_a_distance_of_1(similarity: str) -> None:
    torch.manual_seed(0)
    head = PrototypeHead(2, 1, 5, 0, similarity, vectors()[:1])  # type: ignore[arg-type]
    unit = torch.nn.functional.normalize(head.prototypes().detach(), dim=1)
    third = torch.tensor(torch.pi / 3)  # unit vectors at 60 degrees are 1 apart
    turned = unit @ torch.tensor([[third.cos(), third.sin()], [-third.sin(), third.cos()]])
    assert float(head(turned)[0].detach()) == pytest.approx(0.5, abs=1e-4)


def test_lengths_do_not_count_and_label_vectors_are_frozen_and_saved() -> None:
    head, embedding = seeded(), torch.randn(6, 4, generator=torch.Generator().manual_seed(2))
    longer = PrototypeHead(4, 3, 5, 7, "distance", vectors() * 9)
    longer.load_state_dict({**head.state_dict(), "semantics": vectors() * 9})
    assert torch.allclose(longer(embedding * 3)[0], head(embedding)[0], atol=1e-5)
    assert "semantics" in head.state_dict()
    assert "semantics" not in dict(head.named_parameters())


def model(head: torch.nn.Module) -> Model:
    torch.manual_seed(0)
    encoder = build_encoder(name="small", ndim=2, channels=1, width=0.25, norm="batch", settings={})
    return Model(encoder, CovariateNeck(encoder.features, 0, 4), head)


def test_a_stored_model_reads_alike_and_gives_prototypes() -> None:
    whole = model(seeded()).eval()
    check_description(whole.describe())
    description = json.loads(json.dumps(whole.describe()))
    again = build_stored(description, {name: tuple(one.shape) for name, one in whole.state_dict().items()})
    again.load_state_dict(whole.state_dict())
    image = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    out, other = whole(image), again.eval()(image)
    assert torch.equal(out.prediction, other.prediction)
    assert torch.equal(out.prototypes, whole.head.prototypes())  # type: ignore[union-attr, operator]
    assert torch.equal(out.semantics, vectors())
    for key, value in (("dimension", 0), ("hidden", 1.5), ("similarity", "angle")):
        wrong = {**description, "head": {**description["head"], key: value}}
        with pytest.raises(InputError, match=f"head.{key} must be"):
            check_description(wrong)


def test_beside_another_kind_the_prototypes_are_those_of_the_findings() -> None:
    joint = JointHead([LinearHead(4, 2), seeded()])
    assert find_prototypes(joint) is joint.heads[1]
    assert find_prototypes(LinearHead(4, 2)) is None
    assert find_prototypes(None) is None
    out = model(joint).eval()(torch.randn(2, 1, 16, 16))
    assert out.prediction.shape == (2, 5)
    step = Step(label=torch.zeros(2, 5), embedding=out.embedding, prototypes=out.prototypes, semantics=out.semantics)
    assert step.of(Part(0, 2)).prototypes is None
    own = step.of(Part(2, 5, 1, semantic=True))
    assert own.prototypes is out.prototypes
    assert own.semantics is out.semantics
    assert own.label.shape == (2, 3)


def test_the_metric_loss_reaches_projection_and_neck() -> None:
    whole = model(seeded())
    out = whole(torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(3)))
    label = torch.tensor([[1, 0, 0], [0, 1, torch.nan], [0, 0, 1], [0, 0, 0]])
    DualWeightedMetricLoss()(out.embedding, out.prototypes, label, out.semantics).backward()
    for part in (whole.head.projection[0], whole.neck.second):  # type: ignore[union-attr, index]
        assert float(part.weight.grad.abs().sum()) > 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((0, 3, 5, 7, "distance"), "must be >= 1 and hidden >= 0, got 0, 3, 5 and 7"),
        ((4, 3, 5, 7, "angle"), "similarity must be distance or cosine, got angle"),
        ((4, 3, 6, 7, "distance", vectors()), r"semantics must be of shape \(3, 6\), got \(3, 5\)"),
    ],
)
def test_wrong_sizes_are_refused(sizes: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PrototypeHead(*sizes)  # type: ignore[arg-type]
