"""Expected errors: the equation, what it learns, and that no case has a part in its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from medgauge.core.batch import Cases
from medgauge.core.difficulty import Difficulty
from medgauge.inference import KernelDifficulty, KernelPredictor
from medgauge.models import LabelScaling

NAN = float("nan")


def drawn(count: int = 160, seed: int = 0) -> tuple[Cases, np.ndarray]:
    """Cases, two a group, whose errors grow with the first axis, and the size of their errors."""
    chance = np.random.default_rng(seed)
    place = chance.uniform(-1, 1, (count, 2))
    size = np.exp(1.5 * place[:, 0])
    label = 40 + 8 * place[:, 1] + size * chance.standard_normal(count)
    cases = Cases(
        embedding=torch.tensor(place).float(),
        label=torch.tensor(label)[:, None],
        id=[str(row) for row in range(count)],
        group=[f"g{row // 2}" for row in range(count)],
    )
    return cases, size


def test_it_is_the_exponential_of_a_regression_of_the_logarithms_of_left_out_errors() -> None:
    gallery, other = drawn()[0], drawn(30, 1)[0]
    other = replace(other, group=[f"new{row}" for row in range(30)])
    found = KernelDifficulty().fit(gallery)
    value = KernelPredictor().fit(gallery)
    error = np.abs(value.leave_one_group_out.numpy() - gallery.label.numpy())[:, 0]
    told = np.array([np.log(max(one, 0.1 * np.median(error))) for one in error])
    second = KernelPredictor().fit(replace(gallery, label=torch.tensor(told)[:, None]))
    own = second.leave_one_group_out.numpy()
    wanted = np.exp(np.clip(second.predict(other.embedding).value.numpy(), own.min(), own.max()))
    np.testing.assert_allclose(found.read(other).numpy(), wanted, rtol=1e-10)
    assert found.tuned == {"value": value.tuned["constant"], "error": second.tuned["constant"]}


def test_hard_cases_have_larger_ones() -> None:
    gallery = drawn(400)[0]
    other, size = drawn(200, 1)
    found = KernelDifficulty().fit(gallery).read(replace(other, group=["new"] * 200))[:, 0].numpy()
    assert spearmanr(found, size).statistic > 0.8
    assert np.polyfit(np.log(size), np.log(found), 1)[0] > 0.4  # 1 where nothing is shrunk


def test_they_are_in_the_unit_of_the_label() -> None:
    gallery, other = drawn()[0], drawn(30, 1)[0]
    plain = KernelDifficulty(LabelScaling("zscore").fit(gallery.label)).fit(gallery).read(other)
    longer = replace(gallery, label=1000 * gallery.label)
    scaled = KernelDifficulty(LabelScaling("zscore").fit(longer.label)).fit(longer).read(other)
    torch.testing.assert_close(scaled, 1000 * plain, rtol=1e-6, atol=0)


def test_far_from_all_cases_they_stay_within_the_range_of_training() -> None:
    gallery = drawn()[0]
    found = KernelDifficulty().fit(gallery)
    near = found.read(gallery)
    far = found.read(replace(gallery, embedding=gallery.embedding * 1e6, group=["new"] * len(gallery)))
    assert bool(far.isfinite().all())
    assert float(near.min()) <= float(far.min()) * (1 + 1e-9)
    assert float(far.max()) <= float(near.max()) * (1 + 1e-9)


def test_a_training_case_has_no_part_in_its_own() -> None:
    """Its error moves what is expected of its group by the choice of the floor alone, and that of others."""
    gallery = drawn()[0]
    constants = KernelDifficulty().fit(gallery).tuned
    label = gallery.label.clone()
    label[0] += 50.0
    before = KernelDifficulty().restore(gallery, constants)._learn(gallery, torch.ones_like(label))
    after = (
        KernelDifficulty()
        .restore(gallery, constants)
        ._learn(gallery, torch.ones_like(label).index_fill(0, torch.tensor([0]), 60.0))
    )
    own, others = after.read(gallery) - before.read(gallery), torch.arange(2, 160)
    assert own[:2].abs().max() < 1e-9
    assert own[others].abs().max() > 1e-3


def test_restored_it_says_the_same() -> None:
    gallery, other = drawn()[0], drawn(30, 1)[0]
    found: Difficulty = KernelDifficulty().fit(gallery)
    again: Difficulty = KernelDifficulty().restore(gallery, found.tuned)
    torch.testing.assert_close(again.read(other), found.read(other))


def test_missing_labels_of_one_target_leave_the_other_alone() -> None:
    gallery, other = drawn()[0], drawn(30, 1)[0]
    label = torch.cat([gallery.label, gallery.label.clone()], 1)
    label[:40, 1] = NAN
    constants = {"value": 1.0, "error": 1.0}
    both = KernelDifficulty().restore(replace(gallery, label=label), constants).read(other)
    alone = KernelDifficulty().restore(gallery, constants).read(other)
    torch.testing.assert_close(both[:, :1], alone)
    assert bool(both[:, 1].isfinite().all())
    assert not torch.allclose(both[:, 0], both[:, 1])


def test_without_any_error_all_cases_are_alike() -> None:
    gallery = drawn()[0]
    found = KernelDifficulty()._learn(gallery, torch.zeros(160, 1).double()).read(drawn(30, 1)[0])
    assert found.flatten().tolist() == pytest.approx([1.0] * 30)
