"""Sets of grades: thresholds beside a slow loop, coverage in every true grade, and exact cases."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from medgauge.calibration import GradeSets
from medgauge.core.seeding import derive_seed
from medgauge.core.task import Certainty, Observed
from tests.calibration.graded import LEVELS, drawn, fitted, seen, strata

NAN, INF = math.nan, math.inf
NINETY, HALF = SimpleNamespace(level=0.9), SimpleNamespace(level=0.5)


def slow_threshold(observed: Observed, level: float, grade: float, place: int, seed: int) -> float:
    members: dict[str, list[float]] = {}
    assert observed.probability is not None
    for row, name in enumerate(observed.group):
        if float(observed.label[row, 0]) == grade:
            members.setdefault(name, []).append(1 - float(observed.probability[row, 0, place]))
    scores = []
    for name, of in members.items():
        scores.append(sorted(of)[derive_seed(seed, "conformal", 0, name) % len(of)] if len(of) > 1 else of[0])
    rank = math.ceil(round((len(scores) + 1) * level, 9))
    return sorted(scores)[rank - 1] if rank <= len(scores) else INF


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_thresholds_and_sets_equal_a_slow_loop(level: float, pair: bool) -> None:
    observed = drawn(np.random.default_rng(3), [60, 25, 7], pair=pair)
    sets = GradeSets.fit(observed, strata(list(LEVELS)), SimpleNamespace(level=level), seed=5, cross=False)
    slow = [slow_threshold(observed, level, grade, place, 5) for place, grade in enumerate(LEVELS)]
    assert list(sets.threshold[0]) == slow
    assert sets.groups == ((60, 25, 7),)
    assert sets.n_groups == (92,)
    new = drawn(np.random.default_rng(4), [9, 9, 9])
    stated = sets.apply(new)
    assert new.probability is not None
    for row in range(27):
        inside = [1 - float(new.probability[row, 0, place]) <= slow[place] for place in range(3)]
        assert stated["set"][row, 0].tolist() == inside
        assert stated["covered"][row, 0] == inside[LEVELS.index(float(new.label[row, 0]))]
    assert torch.equal(stated["value"], new.value)
    assert torch.equal(stated["probability"], new.probability)


@pytest.mark.parametrize("pair", [False, True])
def test_every_true_grade_is_covered_at_its_exact_rate(pair: bool) -> None:
    """Given g groups the coverage is Beta(r, g + 1 - r), so that the covered of m new cases are Beta-binomial."""
    draws, new, counts, level = 150, 60, [80, 40, 19], 0.9
    covered, pooled = np.zeros((draws, 3)), np.zeros((draws, 3))
    for seed in range(draws):
        random = np.random.default_rng(seed)
        observed, other = drawn(random, counts, pair=pair), drawn(random, [new] * 3)
        sets = GradeSets.fit(observed, strata(list(LEVELS)), SimpleNamespace(level=level), seed=seed, cross=False)
        covered[seed] = sets.apply(other)["covered"][:, 0].view(3, new).sum(1).numpy()
        assert observed.probability is not None
        places = torch.tensor([LEVELS.index(one) for one in observed.label[:, 0].tolist()])
        scores = 1 - observed.probability[:, 0].gather(1, places[:, None])[:, 0]
        one = (scores.quantile(level),) * 3
        covering = replace(sets, threshold=(tuple(map(float, one)),)).apply(other)["covered"]
        pooled[seed] = covering[:, 0].view(3, new).sum(1).numpy()
    for place, groups in enumerate(counts):
        rank = math.ceil(round((groups + 1) * level, 9))
        law = scipy.stats.betabinom(new, rank, groups + 1 - rank)
        assert abs(covered[:, place].mean() - law.mean()) < 4 * law.std() / math.sqrt(draws)
        assert law.mean() / new >= level
        assert covered[:, place].min() >= law.ppf(1e-6)
        assert scipy.stats.cramervonmises(covered[:, place] + random.random(draws) - 0.5, law_smooth(law)).pvalue > 1e-4
    assert pooled[:, 2].mean() / new < 0.8  # one threshold for all grades does not hold in the rare one


def law_smooth(law: "scipy.stats.rv_discrete") -> "object":
    """The distribution of a draw of the law plus one uniform in (-0.5, 0.5)."""

    def cdf(place: np.ndarray) -> np.ndarray:
        whole = np.floor(place + 0.5)
        return law.cdf(whole - 1) + (place + 0.5 - whole) * law.pmf(whole)

    return cdf


def test_sets_are_smaller_than_those_of_summed_chances_and_rarely_have_holes() -> None:
    random, cuts, level = np.random.default_rng(0), np.array([0.8, 1.3, 2.0, 2.8]), 0.9

    def cases(size: int) -> Observed:
        latent = random.normal(0.3, 1.2, size)
        above = 1 / (1 + np.exp(-(latent[:, None] - cuts) / 0.4))
        chance = -np.diff(np.pad(above, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0))), axis=1)
        label = (random.random(size)[:, None] < above).sum(1).astype(float)
        probability = torch.tensor(chance)[:, None]
        truth = torch.tensor(label)[:, None]
        return Observed(truth, truth, [str(row) for row in range(size)], probability)

    def summed(observed: Observed) -> Observed:
        """Scores of Romano et al. in place of chances: 1 - the sum down to the level's own."""
        assert observed.probability is not None
        chance = observed.probability
        higher = (chance[..., None, :] > chance[..., :, None]).double()
        return replace(observed, probability=1 - (higher * chance[..., None, :]).sum(-1) - chance)

    old, new, of = cases(3000), cases(3000), strata([0.0, 1.0, 2.0, 3.0, 4.0])
    size, holes = [], []
    for change in (lambda one: one, summed):
        sets = GradeSets.fit(change(old), of, SimpleNamespace(level=level), seed=0, cross=False)
        inside = sets.apply(change(new))["set"][:, 0].int()
        size.append(inside.sum(1).double().mean().item())
        holes.append(((inside.diff(dim=1) == 1).sum(1) + inside[:, 0] > 1).double().mean().item())
    assert size[0] < 0.8 * size[1]
    assert holes[0] < 0.02
    assert holes[1] > 0.2


def test_too_few_groups_ties_and_levels_never_seen() -> None:
    label = [0.0] * 9 + [1.0] * 8
    chance = [[0.75, 0.25, 0.0]] * 9 + [[0.5, 0.5, 0.0]] * 8
    sets = GradeSets.fit(seen(label, chance), strata(list(LEVELS)), NINETY, seed=0, cross=False)
    assert sets.threshold == ((0.25, INF, INF),)
    assert sets.groups == ((9, 8, 0),)
    stated = sets.apply(seen([0.0, 0.0, 3.0], [[0.75, 0.25, 0.0], [0.74, 0.26, 0.0], [0.0, 0.0, 1.0]]))
    assert stated["set"][:, 0].tolist() == [[True, True, True], [False, True, True], [False, True, True]]
    assert stated["covered"][:, 0].tolist() == [True, False, True]
    assert sets.note(0) == (
        "A 90 % set needs 9 calibration groups of each grade, and grade 1 has 8, grade 3 has 0: they are in every set."
    )
    one = replace(sets, groups=((9, 9, 0),)).note(0)
    assert one.endswith("grade 3 has 0: it is in every set.")
    nothing = GradeSets.fit(Observed(*empty()), strata(list(LEVELS)), NINETY, seed=0)
    assert nothing.threshold == ((INF, INF, INF),)
    assert nothing.n_groups == (0,)


def empty() -> tuple[Tensor, Tensor, list[str], Tensor]:
    return torch.zeros(0, 1), torch.zeros(0, 1), [], torch.zeros(0, 1, 3)


def test_missing_labels_missing_chances_and_labels_off_the_levels() -> None:
    label = [0.0, 0.0, 0.0, NAN, 2.0, 1.0, 1.0]
    chance = [[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [NAN, NAN, NAN], *([[0.9, 0.1, 0.0]] * 2), *([[0.0, 0.5, 0.5]] * 2)]
    sets = GradeSets.fit(seen(label, chance), strata(list(LEVELS)), HALF, seed=0, cross=False)
    assert sets.groups == ((2, 2, 0),)
    assert sets.n_groups == (4,)
    assert sets.threshold == ((0.5, 0.5, INF),)
    stated = sets.apply(seen(label, chance))
    assert stated["covered"][:, 0].tolist() == [True, True, False, False, False, True, True]
    assert stated["set"][2, 0].tolist() == [False, False, False]
    cells = sets.cells(stated, 0)
    assert cells[0] == ["0 3", 0.9, 0.1, 0]
    assert cells[2] == ["", "", "", ""]


def test_two_targets_of_different_levels_share_columns() -> None:
    label = torch.tensor([[0.0, 1.0], [1.0, 4.0], [3.0, NAN]], dtype=torch.float64)
    chance = torch.tensor(
        [[[1 / 3, 2 / 3, 0], [0.5, 0.5, 0.7]], [[0, 1, 0], [0, 1, 0.7]], [[0, 0.5, 0.5], [1, 0, 0.7]]],
        dtype=torch.float64,
    )
    observed = Observed(label, label, list("abc"), chance)
    sets = GradeSets.fit(observed, strata(list(LEVELS), [1.0, 4.0]), HALF, seed=0, cross=False)
    assert sets.levels == (LEVELS, (1.0, 4.0))
    assert sets.groups == ((1, 1, 1), (1, 1))
    stated = sets.apply(observed)
    assert stated["set"].shape == (3, 2, 3)
    assert not stated["set"][:, 1, 2].any()
    assert stated["probability"][:, 1, 2].tolist() == [0, 0, 0]
    assert sets.columns("dr", 0) == ["set_dr", *(f"probability_{level}_dr" for level in "013")]
    assert sets.columns("dme", 1) == ["set_dme", "probability_1_dme", "probability_4_dme"]
    assert sets.cells(stated, 0)[0] == ["0", 0.333333, 0.666667, 0]
    assert [len(row) for target in range(2) for row in sets.cells(stated, target)] == [4] * 3 + [3] * 3
    assert sets.cells(stated, 0)[1] == ["1", 0, 1, 0]
    assert sets.cells(stated, 1)[1] == ["4", 0, 1]


def test_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    observed = drawn(np.random.default_rng(0), [30, 20, 12], pair=True)
    assert observed.probability is not None
    order = torch.randperm(124, generator=torch.Generator().manual_seed(1))
    mixed = Observed(
        observed.value[order],
        observed.label[order],
        [observed.group[int(row)] for row in order],
        observed.probability[order],
    )
    of = strata(list(LEVELS))
    one, other = (GradeSets.fit(each, of, NINETY, seed=7, cross=False) for each in (observed, mixed))
    assert one == other
    assert GradeSets.fit(observed, of, NINETY, seed=8, cross=False) != one
    first, second = (one.figures(one.apply(each), each, of, 0, seed=3) for each in (observed, mixed))
    assert json.dumps(first) == json.dumps(second)  # as text, since a region without cases is NaN


def test_notes() -> None:
    full = replace(fitted(), threshold=((0.5, 0.7, 0.9),), groups=((40, 20, 9),))
    assert full.note(0) == (
        "90 % sets from calibration groups by true grade (40 of grade 0, 20 of grade 1, 9 of grade 3), one case each: they "
        "hold whatever the true grade, for cases like the calibration cases, not for another site."
    )
    assert "guaranteed" not in full.note(0)
    assert replace(full, cross=True).note(0).endswith("so that the level is not guaranteed exactly.")
    assert "guaranteed" in GradeSets.fit(Observed(*empty()), strata(list(LEVELS)), NINETY, seed=0, cross=True).note(0)


def test_to_dict_and_back() -> None:
    sets = GradeSets(0.9, (LEVELS, (1.0, 2.0)), ((1 / 3, 0.1, INF), (0.0, 1.0)), ((9, 30, 3), (9, 9)), (40, 17), True)
    saved = json.loads(json.dumps(sets.to_dict(), allow_nan=False))
    again = GradeSets.from_dict(saved)
    assert again == sets
    assert saved["kind"] == "label_conditional_set"
    kept: Certainty = again
    observed = drawn(np.random.default_rng(2), [3, 3, 3])
    one = GradeSets(0.9, (LEVELS,), (sets.threshold[0],), (sets.groups[0],), (40,))
    back = GradeSets.from_dict(json.loads(json.dumps(one.to_dict())))
    assert torch.equal(one.apply(observed)["set"], back.apply(observed)["set"])
    assert kept.note(0) == sets.note(0)


@pytest.mark.parametrize("level", [0.0, 1.0, 90, NAN])
def test_a_level_outside_zero_and_one_raises(level: float) -> None:
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\), got"):
        GradeSets.fit(Observed(*empty()), strata(list(LEVELS)), SimpleNamespace(level=level), seed=0)


def test_what_does_not_fit_raises() -> None:
    observed = seen([0.0], [[1.0, 0.0, 0.0]])
    for wrong in (replace(observed, probability=None), seen([0.0], [[1.0, 0.0]])):
        with pytest.raises(ValueError, match=r"probability must be of shape \(1, 1, 3\)"):
            fitted().apply(wrong)
    with pytest.raises(ValueError, match="each of the 1 cases, got 2 names"):
        fitted().apply(replace(observed, group=["a", "b"]))
    with pytest.raises(ValueError, match="one entry for each target and level"):
        GradeSets(0.9, (LEVELS,), ((0.5, 0.5),), ((9, 9, 9),), (9,))
    with pytest.raises(ValueError, match="one entry for each target and level"):
        GradeSets(0.9, (LEVELS,), ((0.5, 0.5, 0.5),), ((9, 9, 9),), ())
    with pytest.raises(ValueError, match="threshold must be >= 0"):
        GradeSets(0.9, (LEVELS,), ((0.5, NAN, 0.5),), ((9, 9, 9),), (9,))
