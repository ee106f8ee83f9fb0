"""Values off embedded cases, with what is said of them."""

import math
from dataclasses import replace
from statistics import fmean
from types import SimpleNamespace

import pytest
import torch

from medgauge.core.task import Observed
from medgauge.inference import KernelDifficulty
from medgauge.inference.reader import Reader, pooled
from medgauge.metrics.groups import grouping
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings
from tests.inference.small import SETTINGS, drawn, number_reader

NAN = float("nan")


def test_the_interval_has_the_width_of_the_ranked_group_residual() -> None:
    reader, calibration, cases = number_reader(), drawn(30, 2, prefix="k"), drawn(9, 5)
    found = reader.read([cases])
    assert cases.prediction is not None
    torch.testing.assert_close(found.value, cases.prediction)
    half = (found.stated["upper"] - found.stated["lower"]).flatten() / 2
    assert calibration.prediction is not None
    residual = (calibration.prediction - calibration.label).abs().flatten().tolist()
    assert half.tolist() == pytest.approx([float(half[0])] * 9)
    assert min(abs(float(half[0]) - one) for one in residual) < 1e-9  # that of a drawn case
    gap = (calibration.prediction - calibration.label).flatten().tolist()
    means = sorted(abs(fmean(gap[2 * place : 2 * place + 2])) for place in range(15))
    groups = reader.calibrated.groups.apply(Observed(found.value, cases.label, cases.group))
    by_group = (groups["upper"] - groups["lower"]).flatten()[0] / 2
    assert float(by_group) == pytest.approx(means[math.ceil(16 * 0.8) - 1])


def test_without_calibration_cases_an_interval_is_endless() -> None:
    reader = Reader.fit(number_reader().tuned, None, SETTINGS, seed=0)
    stated = reader.read([drawn(4, 5)]).stated
    assert bool((stated["upper"] - stated["lower"]).isinf().all())


def test_far_cases_are_flagged() -> None:
    reader, cases = number_reader(), drawn(4, 5)
    cases.embedding[0] = 500.0
    found = reader.read([cases])
    assert found.far.tolist()[0] is True
    assert float(found.nearest[0]) == pytest.approx(500 - float(reader.gallery.embedding.max()), rel=1e-5)


def test_it_is_one_fit() -> None:
    reader = number_reader()
    assert (reader.gallery_fold, reader.origins(2)) == ([], [[], []])
    assert reader.predictors == ["neighbours", "head"]
    assert reader.grouped(torch.tensor([0])) is reader.calibrated.groups
    assert reader.certainty is reader.calibrated.cases


def test_groups_are_the_means_of_their_cases() -> None:
    observed = Observed(
        torch.tensor([[1.0], [3.0], [8.0]]).double(), torch.tensor([[2.0], [NAN], [5.0]]).double(), ["b", "b", "a"],
        torch.tensor([[[0.5, 0.5]], [[0.0, 1.0]], [[1.0, 0.0]]]).double(),
    )  # fmt: skip
    names, code = grouping(observed.group)
    found = pooled(number_reader().task, observed, code, names)
    assert found.group == ["b", "a"]
    assert found.value.flatten().tolist() == [2.0, 8.0]
    assert found.label.flatten().tolist() == [2.0, 5.0]
    assert found.probability is not None
    assert found.probability.tolist() == [[[0.25, 0.75]], [[1.0, 0.0]]]


def test_labels_are_brought_to_the_scale_of_a_case() -> None:
    gallery = replace(drawn(6, 0), divisor=torch.tensor([1.0, 2, 4, 1, 1, 1]).double())
    task = Numbers.make(["age"], HeadSettings(), "none").fit(gallery.label, gallery.divisor)
    tuned = replace(number_reader().tuned, task=task, gallery=gallery)
    found = Reader(tuned, number_reader().calibrated).rescaled(torch.tensor([1, 2]), torch.full((2,), 10.0).double())
    label = gallery.label.flatten().tolist()
    assert found.flatten().tolist() == pytest.approx([label[1] / 2 * 10, label[2] / 4 * 10])


def test_scaled_scores_make_widths_follow_what_is_expected_of_each_case() -> None:
    tuned, calibration, cases = number_reader().tuned, drawn(30, 2, prefix="k"), drawn(9, 5)
    settings = SimpleNamespace(**{**vars(SETTINGS), "scores": "scaled"})
    reader = Reader.fit(tuned, calibration, settings, seed=0)
    expected = KernelDifficulty(tuned.task.coding).fit(tuned.gallery)
    found = reader.read([cases])
    half = (found.stated["upper"] - found.stated["lower"]) / 2
    factor = (half / expected.read(cases)).flatten().tolist()
    assert factor == pytest.approx([factor[0]] * 9)
    assert len({round(one, 6) for one in half.flatten().tolist()}) > 1
    assert calibration.prediction is not None
    scores = (calibration.prediction - calibration.label).abs() / expected.read(calibration)
    assert min(abs(factor[0] - one) for one in scores.flatten().tolist()) < 1e-9  # that of a drawn case
    assert number_reader().difficulty is None
    assert number_reader().read([cases]).observed.scale is None


def test_a_group_is_as_hard_as_its_cases_on_average() -> None:
    observed = Observed(
        torch.zeros(3, 1), torch.zeros(3, 1), ["b", "b", "a"], scale=torch.tensor([[1.0], [3.0], [8.0]])
    )
    names, code = grouping(observed.group)
    found = pooled(number_reader().task, observed, code, names)
    assert found.scale is not None
    assert found.scale.flatten().tolist() == [2.0, 8.0]
