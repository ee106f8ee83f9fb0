"""Readers of classes: the head's softmax, the neighbours' vote, multinomial logistic regression."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from medgauge.core.batch import Cases
from medgauge.core.errors import InputError
from medgauge.functional.classes import class_log_loss
from medgauge.inference.class_head import SoftmaxReader
from medgauge.inference.class_logistic import MultinomialPredictor
from medgauge.inference.class_vote import ClassVote

NAN = math.nan


def cases(count: int, seed: int, *, classes: int = 3, groups: int | None = None, prefix: str = "g") -> Cases:
    """Classes around different points of a plane, one label missing."""
    draw = np.random.default_rng(seed)
    place = np.arange(count) % classes
    points = np.stack([np.cos(2 * place), np.sin(2 * place)], 1) * 1.5 + draw.normal(size=(count, 2))
    label = torch.tensor(place, dtype=torch.float64)[:, None]
    label[1] = NAN
    names = [f"{prefix}{row % (groups or count)}" for row in range(count)]
    return Cases(torch.tensor(points).float(), label, names, names)


def test_the_vote_is_the_weight_of_each_class() -> None:
    gallery, query = cases(40, 0), cases(5, 1, prefix="q")
    vote = ClassVote([3]).fit(gallery, cases(20, 2, prefix="v"), class_log_loss)
    reading = vote.read(query)
    assert reading.evidence is not None
    for row in range(5):
        support = reading.evidence.of(row)
        for place in range(3):
            own = [
                float(w) for r, w in zip(support.rows, support.weights[:, 0], strict=True) if gallery.label[r] == place
            ]
            assert reading.value[row, 0, place].item() == pytest.approx(sum(own), abs=1e-12)
        assert support.weights[:, 0].sum().item() == pytest.approx(1, abs=1e-12)
        assert 1 not in support.rows[support.weights[:, 0] > 0].tolist()  # its label is missing


def test_the_radius_is_that_of_the_smallest_log_loss() -> None:
    gallery, validation = cases(40, 0), cases(20, 2, prefix="v")
    vote = ClassVote([3]).fit(gallery, validation, class_log_loss)
    own = vote.validation.item()
    for factor in (0.5, 0.8, 1.25, 2.0):
        other = ClassVote([3]).restore(gallery, {"radius": vote.tuned["radius"] * factor})
        loss = class_log_loss(other.read(validation).value, validation.label).nanmean().item()
        assert loss >= own - 1e-9


def test_several_columns_have_a_vote_each() -> None:
    one = cases(40, 0)
    both = Cases(one.embedding, torch.cat([one.label, (one.label == 2).double()], 1), one.id, one.group)
    value = ClassVote([3, 2]).restore(both, {"radius": 1.0}).read(cases(5, 1, prefix="q")).value
    assert value.shape == (5, 2, 3)
    assert bool((value[:, 1, 2] == 0).all())
    alone = ClassVote([3]).restore(one, {"radius": 1.0}).read(cases(5, 1, prefix="q")).value
    torch.testing.assert_close(value[:, 0], alone[:, 0])


def test_a_head_with_more_logits_than_classes_gives_the_rest_no_chance() -> None:
    given = Cases(torch.zeros(1, 2), torch.zeros(1, 1), ["a"], ["a"], logits=torch.tensor([[[1.0, 2.0, 9.0]]]))
    chance = SoftmaxReader([2]).read(given).value[0, 0]
    assert chance[2] == 0
    assert chance[1].item() == pytest.approx(1 / (1 + math.exp(-1)))
    with pytest.raises(ValueError, match="logits must be given"):
        SoftmaxReader([2]).read(cases(3, 0))


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_chances_are_those_of_scikit_learn(classes: int) -> None:
    gallery, query = cases(60, 3, classes=classes), cases(10, 4, classes=classes, prefix="q")
    made = MultinomialPredictor([classes]).fit(gallery)
    points, known = gallery.embedding.double().numpy(), ~gallery.label[:, 0].isnan().numpy()
    mean, deviation = points.mean(0), points.std(0)
    model = LogisticRegression(C=1 / made.tuned["constant"], max_iter=5000, tol=1e-8)
    model.fit(((points - mean) / deviation)[known], gallery.label[:, 0].numpy()[known])
    expected = model.predict_proba((query.embedding.double().numpy() - mean) / deviation)
    np.testing.assert_allclose(made.read(query).value[:, 0].numpy(), expected, atol=1e-4)


def test_a_training_case_is_read_without_the_fold_of_its_group() -> None:
    gallery = cases(60, 3, groups=20)
    made = MultinomialPredictor([3]).fit(gallery)
    learned = made.learned()
    fold = learned["fold"]
    assert len({int(fold[row]) for row in range(60) if gallery.group[row] == "g7"}) == 1
    row = 7
    points = ((gallery.embedding[row].double() - learned["mean"]) / learned["deviation"]).clamp(-8, 8)
    logits = (
        torch.einsum("p,ptk->tk", points, learned["weight"][int(fold[row]) + 1]) + learned["bias"][int(fold[row]) + 1]
    )
    torch.testing.assert_close(made.read(gallery).value[row], logits.softmax(-1))


def test_what_was_learned_is_kept_as_numbers() -> None:
    gallery, query = cases(60, 3), cases(10, 4, prefix="q")
    made = MultinomialPredictor([3]).fit(gallery)
    again = MultinomialPredictor([3]).restore(gallery, made.tuned).take_learned(made.learned())
    assert torch.equal(again.read(query).value, made.read(query).value)
    with pytest.raises(ValueError, match="weight must be of shape"):
        MultinomialPredictor([4]).restore(gallery, made.tuned).take_learned(made.learned())


def test_a_class_without_training_cases_has_no_chance() -> None:
    chance = MultinomialPredictor([4]).fit(cases(60, 3)).read(cases(10, 4, prefix="q")).value
    assert float(chance[..., 3].max()) < 1e-12


def test_one_group_and_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="two groups or more"):
        MultinomialPredictor([3]).fit(cases(10, 0, groups=1))
    broken = cases(10, 0)
    broken.embedding[0] = NAN
    with pytest.raises(InputError, match="the network diverged"):
        MultinomialPredictor([3]).fit(broken)
    with pytest.raises(ValueError, match="call fit"):
        MultinomialPredictor([3]).read(cases(3, 0))
