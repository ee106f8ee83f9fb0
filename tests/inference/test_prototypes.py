import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score
from torch import Tensor

from medgauge.core.batch import Cases
from medgauge.inference.prototypes import PrototypePredictor, offsets, score_by_name
from medgauge.metrics.findings import case_log_loss
from medgauge.models.prototypes import PrototypeHead

NAN = float("nan")


def cases(n: int, seed: int, sharpness: float = 1.0) -> Cases:
    """Logits of two findings of which the labels are drawn at ``sharpness`` times the logit less 2."""
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, 2, generator=draw)
    label = (torch.rand(n, 2, generator=draw) < (sharpness * logits - 2).sigmoid()).double()
    label[::7, 1] = NAN
    names = [str(row) for row in range(n)]
    return Cases(torch.zeros(n, 3), label, names, names, logits=logits[:, :, None])


def error(value: Tensor, label: Tensor) -> Tensor:
    return case_log_loss(value, label)


def test_offsets_give_each_column_its_rate_as_scipy_finds_them() -> None:
    logits = cases(50, 0).logits[:, :, 0].double()  # type: ignore[index]
    found = offsets(logits, torch.tensor([0.02, 0.7], dtype=torch.float64))
    for column, rate in enumerate((0.02, 0.7)):
        mine = logits[:, column].numpy()
        slow = brentq(lambda moved: (1 / (1 + np.exp(-(mine + moved)))).mean() - rate, -50, 50, xtol=1e-12)  # noqa: B023
        assert float(found[column]) == pytest.approx(slow, abs=1e-9)


def test_chances_are_scaled_to_the_validation_cases_and_moved_to_the_training_rates() -> None:
    gallery, validation = cases(2000, 1, sharpness=4), cases(2000, 2, sharpness=4)
    fitted = PrototypePredictor().fit(gallery, validation, error)
    assert fitted.tuned == {"scale": 4.0}
    value = fitted.read(validation).value
    assert torch.allclose(value.mean(0), gallery.label.nanmean(0), atol=1e-9)
    unscaled = validation.logits[:, :, 0].sigmoid().double()  # type: ignore[index]
    assert bool((fitted.validation < error(unscaled, validation.label).nanmean(0)).all())
    new = cases(300, 3)
    score = roc_auc_score(new.label[:, 0], new.logits[:, 0, 0])  # type: ignore[index]
    assert roc_auc_score(new.label[:, 0], fitted.read(new).value[:, 0]) == pytest.approx(score)


def test_it_is_restored_as_it_was_and_fits_without_validation_cases() -> None:
    gallery = cases(200, 1)
    fitted = PrototypePredictor().fit(gallery)
    assert bool(fitted.validation.isnan().all())
    again = PrototypePredictor().restore(gallery, fitted.tuned).take_learned(fitted.learned())
    assert torch.equal(again.read(gallery).value, fitted.read(gallery).value)
    assert fitted.read(gallery).evidence is None
    with pytest.raises(ValueError, match="the scale must be fitted"):
        PrototypePredictor().read(gallery)
    with pytest.raises(ValueError, match="logits must be given"):
        PrototypePredictor().fit(Cases(torch.zeros(1, 3), torch.zeros(1, 2), ["a"], ["a"]))


def test_a_finding_is_scored_by_its_name_alone() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(3, 5)
    head = PrototypeHead(4, 2, 5, 6, semantics=vectors[:2])
    embedding = torch.randn(10, 4)
    known = score_by_name(head, embedding, vectors)
    plain = (head(embedding)[1][:, :, 0] - head.offset) / head.log_scale.exp()
    assert torch.allclose(known[:, :2], plain, atol=1e-5)
    whole = PrototypeHead(4, 3, 5, 6, semantics=vectors)
    whole.projection.load_state_dict(head.projection.state_dict())
    assert torch.allclose(
        known[:, 2], (whole(embedding)[1][:, 2, 0] - whole.offset[2]) / whole.log_scale.exp(), atol=1e-5
    )
    with pytest.raises(ValueError, match=r"vectors must have 5 numbers each, as the head's, got shape \(3, 4\)"):
        score_by_name(head, embedding, vectors[:, :4])
