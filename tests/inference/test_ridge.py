"""Ridge regression on columns against scikit-learn and refitting; its weights on labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from medgauge.core.batch import Cases
from medgauge.inference.ridge import RidgePredictor
from medgauge.models import LabelScaling
from tests.inference.test_kernel_ridge import cases


def standardised(train: Cases, asked: Cases) -> tuple[np.ndarray, np.ndarray]:
    own = train.embedding.double().numpy()
    mean, deviation = own.mean(0), own.std(0)
    return tuple(((one.embedding.double().numpy() - mean) / deviation).clip(-8, 8) for one in (train, asked))


def wide(one: Cases, columns: int) -> Cases:
    draw = torch.Generator().manual_seed(columns)
    return replace(
        one, embedding=one.embedding @ torch.randn(5, columns, generator=draw) / 5 + one.embedding[:, :1].sin()
    )


@pytest.mark.parametrize("columns", [3, 90])
def test_values_are_those_of_scikit_learn_also_for_groups_left_out(columns: int) -> None:
    train, new = wide(cases(), columns), wide(cases(7, seed=1), columns)
    new = replace(new, group=[f"new{row}" for row in range(7)])
    model = RidgePredictor().fit(train)
    own, asked = standardised(train, new)
    other = Ridge(alpha=model.constant * columns).fit(own, train.label.numpy())
    np.testing.assert_allclose(model.read(new).value.numpy(), other.predict(asked), rtol=1e-6, atol=1e-8)
    group = np.array(train.group)
    for name in ("g0", "g5"):
        kept = Ridge(alpha=model.constant * columns).fit(own[group != name], train.label.numpy()[group != name])
        found = model.leave_one_group_out.numpy()[group == name]
        np.testing.assert_allclose(found, kept.predict(own[group == name]), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(model.read(train).value.numpy()[group == name], found, rtol=1e-6, atol=1e-8)


def test_values_are_sums_of_weights_times_labels_and_linear_in_the_columns() -> None:
    train, new = cases(), replace(cases(7, seed=1), group=[f"new{row}" for row in range(7)])
    model = RidgePredictor().fit(train)
    reading = model.read(new)
    assert reading.evidence is not None
    for query in range(7):
        support = reading.evidence.of(query)
        torch.testing.assert_close(support.weights.sum(0), torch.ones(2, dtype=torch.float64))
        torch.testing.assert_close((support.weights * train.label[support.rows]).sum(0), reading.value[query])
    between = replace(new, embedding=(new.embedding[:1] + new.embedding[1:2]).expand(7, -1) / 2)
    torch.testing.assert_close(model.read(between).value[0], reading.value[:2].mean(0), rtol=1e-5, atol=1e-6)


def test_missing_labels_have_no_weight_and_labels_are_summed_as_they_are_coded() -> None:
    train, new = cases(), replace(cases(7, seed=1), group=[f"new{row}" for row in range(7)])
    label = train.label.abs() + 1
    label[3, 1] = torch.nan
    train = replace(train, label=label)
    model = RidgePredictor(LabelScaling("log2").fit(label, None, ["a", "b"])).fit(train)
    own, asked = standardised(train, new)
    known = ~label[:, 1].isnan().numpy()
    other = Ridge(alpha=model.constant * 5).fit(own[known], np.log2(1 + label.numpy()[known, 1]))
    np.testing.assert_allclose(model.read(new).value[:, 1].numpy(), 2 ** other.predict(asked) - 1, rtol=1e-5)


def test_the_constant_is_that_of_the_smallest_error_without_the_own_group_and_is_kept() -> None:
    train = cases()
    model = RidgePredictor().fit(train)
    own = (model.leave_one_group_out - train.label).abs().mean()
    for factor in (0.1, 10.0):
        other = RidgePredictor(constant=model.constant * factor).fit(train)
        assert (other.leave_one_group_out - train.label).abs().mean() >= own - 1e-9
    again = RidgePredictor().restore(train, model.tuned)
    torch.testing.assert_close(again.read(train).value, model.read(train).value)
