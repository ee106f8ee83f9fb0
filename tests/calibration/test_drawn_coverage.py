"""Coverage in every region of drawn skewed labels, over 200 draws."""

import numpy as np
import pytest
import torch

from medgauge.calibration import CrossFitted, LabelConditionalConformal, LabelPartition, SplitConformal

DRAWS, LEVEL, GROUPS, NEW = 200, 0.9, 300, 300
REGIONS = LabelPartition((2.0, 12.0, 20.0), (1, 0, 1, 2), ("many", "medium", "few"))  # 65, 25 and 9 % of the labels


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with a long tail, what is seen of them, and how hard each case is: errors grow with that and with the label."""
    chance = np.random.default_rng(seed)
    label = chance.gamma(2.0, 5.0, GROUPS + NEW)
    hard = np.exp(0.6 * chance.standard_normal(GROUPS + NEW))
    return label, label + hard * (1 + label / 20) * chance.standard_normal(GROUPS + NEW), hard


def shares(held: np.ndarray, label: np.ndarray) -> list[float]:
    code = REGIONS.of(torch.tensor(label)).numpy()
    return [float(held[code == one].mean()) for one in range(3)] + [float(held.mean())]


@pytest.fixture(scope="module")
def coverage() -> dict[str, np.ndarray]:
    """The share of covered new cases of each draw and way (draw, region), the last column of all regions together."""
    found: dict[str, list[list[float]]] = {}
    names = [f"g{row}" for row in range(GROUPS)]
    fold = np.arange(GROUPS) % 5
    for seed in range(DRAWS):
        label, seen, hard = drawn(seed)
        truth, guess = torch.tensor(label)[:, None], torch.tensor(hard)[:, None]
        value = torch.tensor(seen)[:, None]
        old, new = slice(None, GROUPS), slice(GROUPS, None)
        for name, scale in (("absolute", None), ("scaled", guess)):
            own, other = (None, None) if scale is None else (scale[old], scale[new])
            given = value[old], truth[old], names
            split = SplitConformal.fit(*given, level=LEVEL, seed=seed, scale=own)
            local = LabelConditionalConformal.fit(*given, [REGIONS], level=LEVEL, seed=seed, scale=own)
            for kind, one in (("split", split), ("local", local)):
                held = one.contains(value[new], truth[new], other)[:, 0].numpy()
                found.setdefault(f"{kind} {name}", []).append(shares(held, label[new]))
        lines = [np.polyfit(seen[old][fold != one], label[old][fold != one], 1) for one in range(5)]
        left = np.array([np.polyval(lines[of], at) for of, at in zip(fold, seen[old], strict=True)])
        fits = torch.tensor(np.stack([np.polyval(line, seen[new]) for line in lines]))[:, :, None]
        cross = CrossFitted.fit(
            torch.tensor(left)[:, None], truth[old], names, torch.tensor(fold), [REGIONS], level=LEVEL, seed=seed,
            scale=guess[old],
        )  # fmt: skip
        held = cross.contains(fits, truth[new], guess[new].expand(5, -1, -1))[:, 0].numpy()
        found.setdefault("cross-fitted", []).append(shares(held, label[new]))
    return {name: np.array(of) for name, of in found.items()}


@pytest.mark.parametrize("name", ["local absolute", "local scaled"])
def test_each_region_is_covered_to_one_and_a_half_points(coverage: dict[str, np.ndarray], name: str) -> None:
    mean = np.nanmean(coverage[name], axis=0)
    # about 27 groups are in region few, so that its exact mean lies in .90 to .93; the standard error of a mean is 0.005
    assert np.abs(mean[:3] - LEVEL).max() < 0.015, mean


@pytest.mark.parametrize("name", ["split absolute", "split scaled"])
def test_plain_intervals_hold_on_average_alone(coverage: dict[str, np.ndarray], name: str) -> None:
    mean = np.nanmean(coverage[name], axis=0)
    assert mean[3] == pytest.approx(271 / 301, abs=0.005)  # ceil(301 x 0.9) / 301
    assert mean[2] < LEVEL - 0.05


def test_cross_fitted_sets_hold_what_is_guaranteed(coverage: dict[str, np.ndarray]) -> None:
    mean = np.nanmean(coverage["cross-fitted"], axis=0)
    assert mean[3] > 0.8
    assert mean[3] == pytest.approx(LEVEL, abs=0.02)  # what it aims at; a line through 240 cases hardly changes
