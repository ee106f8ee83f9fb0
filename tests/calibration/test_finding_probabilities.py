"""Calibrated probabilities of findings: on drawn data whose true probability is known, in words, and in JSON."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import torch

from medgauge.calibration.finding_figures import finding_figures
from medgauge.calibration.finding_probabilities import FindingProbabilities
from medgauge.core.asked import Asked
from medgauge.core.task import Observed
from medgauge.functional.findings import FindingStrata
from medgauge.inference.pooled import LeftOut
from medgauge.metrics.decisions import f1
from medgauge.metrics.reliability import calibration_error
from medgauge.recipes.prediction_settings import PredictionSettings

NAN = float("nan")
ASKED: Asked = PredictionSettings()


def drawn(rows: int, seed: int = 0, *, shift: float = -1.0, sharp: float = 2.5, each: int = 1) -> Observed:
    """Two findings with probabilities that are too sure, ``each`` cases a group; the true logit is normal."""
    chance = torch.Generator().manual_seed(seed)
    logit = torch.randn(rows, 2, generator=chance, dtype=torch.float64) + shift
    label = (torch.rand(rows, 2, generator=chance, dtype=torch.float64) < logit.sigmoid()).double()
    return Observed((sharp * logit).sigmoid(), label, [f"g{row // each}" for row in range(rows)])


def fitted(observed: Observed, **asked: object) -> FindingProbabilities:
    settings: Any = replace(PredictionSettings(), **asked)  # type: ignore[arg-type]  # names of its fields
    return FindingProbabilities.fit(observed, FindingStrata.fit(observed.label), settings, seed=0)


def test_probabilities_of_new_cases_come_true() -> None:
    sure, fresh = fitted(drawn(1500)), drawn(20_000, 1)
    stated = sure.apply(fresh)
    before, after = (calibration_error(one, fresh.label) for one in (fresh.value, stated["value"]))
    assert bool((before > 0.1).all())
    assert bool((after < 0.03).all())
    assert torch.equal(stated["uncalibrated"], fresh.value)


def test_figures_equal_scikit_learns_of_labelled_cases() -> None:
    sure, fresh = fitted(drawn(600)), drawn(500, 1, each=2)
    fresh.label[::7, 1] = NAN
    fresh.value[5, 1] = NAN
    stated = sure.apply(fresh)
    block: Any = sure.figures(stated, fresh, FindingStrata.fit(fresh.label), 1, seed=0)["calibration"]
    seen = (~fresh.label[:, 1].isnan() & ~fresh.value[:, 1].isnan()).numpy()
    truth, said = fresh.label[seen, 1].numpy(), stated["positive"][seen, 1].numpy()
    assert block["n"] == seen.sum()
    assert block["f1"] == pytest.approx(sklearn.metrics.f1_score(truth, said))
    assert block["sensitivity"] == pytest.approx(sklearn.metrics.recall_score(truth, said))
    assert block["specificity"] == pytest.approx(sklearn.metrics.recall_score(1 - truth, ~said))
    assert block["coverage"] == pytest.approx(sklearn.metrics.accuracy_score(truth, said))
    assert block["share_positive"] == pytest.approx(said.mean())
    parts = block["by_region"]
    assert parts["present"]["coverage"] == pytest.approx(block["sensitivity"])
    assert parts["absent"]["coverage"] == pytest.approx(block["specificity"])
    assert parts["present"]["n"] + parts["absent"]["n"] == block["n"]
    alone = finding_figures(stated, fresh, FindingStrata.fit(fresh.label), 1, seed=0)
    assert alone == {name: block[name] for name in alone}
    low, high = block["calibration_error_ci95"]
    assert 0 <= low <= block["calibration_error"] <= high
    assert block["uncalibrated"]["calibration_error"] > block["calibration_error"]
    assert "roc_auc" not in block["uncalibrated"]  # it would order the cases of all folds together
    assert sum(block["reliability"]["cases"]) == block["n"]
    assert 0.3 * block["calibration_error"] < block["calibration_error_by_chance"] < 3 * block["calibration_error"]


def test_a_threshold_serves_the_rule_that_was_asked_for() -> None:
    observed = drawn(800)
    by = {rule: fitted(observed, threshold=rule) for rule in ("f1", "youden", "sensitivity")}
    assert by["sensitivity"].threshold[0] < by["f1"].threshold[0]
    found = by["sensitivity"].apply(observed)["positive"][observed.label[:, 0] == 1, 0]
    assert 0.9 <= float(found.double().mean()) < 0.91
    assert "finds 95 % of the cases with it" in fitted(observed, threshold="sensitivity", sensitivity=0.95).note(0)
    assert "largest sensitivity + specificity" in by["youden"].note(0)


def test_the_rarer_state_decides_and_the_note_says_so() -> None:
    observed = drawn(400)
    rare = observed.label.clone()
    rare[torch.nonzero(rare[:, 0] == 1)[8:, 0], 0] = 0
    few = torch.nonzero(rare[:, 1] == 1)[30:, 0]
    rare[few, 1] = 0
    sure = fitted(Observed(observed.value, rare, observed.group))
    assert [one.calibrator.kind for one in sure.choices] == ["rate", "logistic"]
    stated = sure.apply(observed)
    assert stated["value"][:, 0].unique().tolist() == [pytest.approx(8.5 / 401)]
    assert sure.threshold[0] == 0.5
    assert stated["threshold"][:, 0].isnan().all()
    assert not stated["positive"][:, 0].any()
    said: Any = sure.figures(stated, observed, FindingStrata.fit(rare), 0, seed=0)["calibration"]
    assert (said["threshold"], said["thresholds_of_cases"]) == (None, "no threshold")
    assert said["rate"] == pytest.approx(8.5 / 401)
    assert sure.note(0) == (
        "There are 8 calibration groups with the finding and 392 without, and 10 of both are needed: every case is given one "
        "probability, the share of calibration cases with the finding (one more case counted half), and no threshold is chosen; "
        "with data.folds all development cases calibrate."
    )
    assert replace(sure, cross=True).note(0).endswith("and no threshold is chosen.")  # these are all development cases
    losses = sure.choices[1].losses
    assert sure.note(1).startswith(
        "Probabilities are calibrated (logistic) on 30 calibration groups with the finding and 370 without (log loss of cases "
        f"left out {losses['none']:.3f} as read, logistic {losses['logistic']:.3f}; others need 50 groups of both), and "
    )
    assert "others need" not in fitted(observed).note(0)


def test_no_threshold_is_chosen_where_all_cases_have_one_probability() -> None:
    observed = drawn(300)
    turned = Observed(1 - observed.value, observed.label, observed.group)
    sure = fitted(turned)
    stated = sure.apply(drawn(60, 1))
    assert sure.threshold == (0.5, 0.5)
    assert stated["value"][:, 0].unique().tolist() == [pytest.approx((float(observed.label[:, 0].sum()) + 0.5) / 301)]
    assert not stated["positive"].any()
    present = int(observed.label[:, 0].sum())
    assert sure.note(0) == (
        "The probabilities that were read do not rise with the share of cases with the finding on "
        f"{present} calibration groups with the finding and {300 - present} without: every case is given one probability, the "
        "share of calibration cases with the finding (one more case counted half), and no threshold is chosen."
    )


def test_probabilities_that_no_calibrator_makes_better_stay_with_a_threshold_of_their_own() -> None:
    observed = drawn(300, sharp=1.0)
    sure = fitted(observed)
    assert [one.calibrator.kind for one in sure.choices] == ["none", "none"]
    stated = sure.apply(observed)
    assert torch.equal(stated["value"], observed.value)
    cuts = [float(f1((observed.value[:, :1] >= cut), observed.label[:, :1])[0]) for cut in observed.value[:, 0]]
    assert float(f1(stated["positive"], observed.label)[0]) == pytest.approx(max(cuts))
    assert sure.note(0).startswith("Probabilities are as they were read, since no calibrator was better on ")


def test_a_larger_log_loss_than_before_is_told() -> None:
    sure, fresh = fitted(drawn(300)), drawn(300, 1, sharp=1.0)
    strata = FindingStrata.fit(fresh.label)
    block: Any = sure.figures(sure.apply(fresh), fresh, strata, 0, seed=0)["calibration"]
    before, after = (
        sklearn.metrics.log_loss(fresh.label[:, 0], one[:, 0]) for one in (fresh.value, sure.apply(fresh)["value"])
    )
    assert block["note"].endswith(
        f" On the cases judged here calibrated probabilities have the larger log loss: {after:.3f}, and {before:.3f} as read."
    )
    folds: Any = replace(sure, cross=True).figures(sure.apply(fresh), fresh, strata, 0, seed=0)["calibration"]
    assert "judged here (out of fold each by a calibrator chosen without its fold) calibrated" in folds["note"]
    better: Any = sure.figures(sure.apply(drawn(300, 2)), drawn(300, 2), strata, 0, seed=0)["calibration"]
    assert better["note"] == sure.note(0)


def test_groups_count_and_not_their_cases() -> None:
    observed = drawn(400, each=20)
    kinds = [one.calibrator.kind for one in fitted(observed).choices]
    assert kinds == ["logistic", "logistic"]
    assert [one.present_groups for one in fitted(observed).choices] == [20, 20]


def test_without_calibration_cases_probabilities_stay_as_they_were_read() -> None:
    value, label = (
        torch.tensor([[0.5], [0.25], [0.75], [NAN]]).double(),
        torch.tensor([[1.0], [1.0], [NAN], [0.0]]).double(),
    )
    sure = fitted(Observed(value[:0], label[:0], []))
    stated = sure.apply(Observed(value, label, list("abcd")))
    assert stated["value"][:3].tolist() == value[:3].tolist()
    assert stated["positive"].flatten().tolist() == [True, False, True, False]
    assert stated["covered"].flatten().tolist() == [True, False, False, False]
    assert sure.columns("mass", 0) == ["positive_mass", "uncalibrated_mass"]
    assert sure.cells(stated, 0) == [[1, 0.5], [0, 0.25], [1, 0.75], ["", ""]]
    assert "as they were read" in sure.note(0)
    block: Any = sure.figures(stated, Observed(value, label * NAN, list("abcd")), FindingStrata((1,), (1,)), 0, seed=0)
    assert block["calibration"]["n"] == 0
    assert math.isnan(block["calibration"]["calibration_error"])
    assert block["calibration"]["calibration_error_ci95"] == "too few groups"


def test_the_thresholds_that_decided_out_of_fold_cases_are_told() -> None:
    observed = drawn(200)
    places = [torch.arange(start, 200, 2) for start in range(2)]
    parts = [fitted(without(observed, places[1 - start])) for start in range(2)]
    folds = LeftOut(places, parts, fitted(observed))
    strata = FindingStrata.fit(observed.label)
    block: Any = folds.figures(folds.apply(observed), observed, strata, 0, seed=0)["calibration"]
    assert block["thresholds_of_cases"] == sorted(part.threshold[0] for part in parts)
    assert block["threshold"] == folds.whole.threshold[0]  # type: ignore[attr-defined]
    whole: Any = folds.whole.figures(folds.whole.apply(observed), observed, strata, 0, seed=0)["calibration"]
    assert whole["thresholds_of_cases"] == [block["threshold"]] * 2
    assert f"new cases are called present from {block['threshold']:.3g} on" in block["note"]


def without(observed: Observed, rows: torch.Tensor) -> Observed:
    return Observed(observed.value[rows], observed.label[rows], [observed.group[row] for row in rows.tolist()])


def f1_of(stated: Any, observed: Observed) -> float:
    return float(f1(stated["positive"], observed.label)[0])


def test_what_is_observed_of_a_folds_cases_is_not_optimistic() -> None:
    """Over 200 draws: F1 out of fold is that of new cases; on the cases that chose the threshold it is higher."""
    inside, outside, new = [], [], []
    fresh = drawn(1500, 10_000)
    for seed in range(200):
        observed = drawn(80, seed)
        places = [torch.arange(start, 80, 5) for start in range(5)]
        whole = fitted(observed)
        kept = [torch.tensor([row for row in range(80) if row % 5 != start]) for start in range(5)]
        parts = [fitted(without(observed, rows)) for rows in kept]
        inside.append(f1_of(whole.apply(observed), observed))
        outside.append(f1_of(LeftOut(places, parts, whole).apply(observed), observed))
        new.append(np.mean([f1_of(part.apply(fresh), fresh) for part in parts]))
    gap = np.array(outside) - np.array(new)
    assert gap.mean() < 2 * gap.std() / 200**0.5
    assert np.mean(inside) - np.mean(new) > 0.03


def test_json_gives_the_same_back() -> None:
    observed = drawn(300)
    sure = fitted(observed, threshold="youden")
    back = FindingProbabilities.from_dict(json.loads(json.dumps(sure.to_dict(), allow_nan=False)))
    assert back == sure
    for name, tensor in sure.apply(observed).items():
        assert torch.equal(back.apply(observed)[name], tensor), name


@pytest.mark.parametrize(
    ("change", "words"),
    [({"rule": "best"}, "rule must be one of f1"), ({"level": 2}, "level"), ({"targets": [{}]}, "targets"),
     ({"sensitivity": 0.0}, "sensitivity must be")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FindingProbabilities.from_dict(fitted(drawn(100)).to_dict() | change)


def test_labels_that_are_no_findings_are_refused() -> None:
    observed = drawn(50)
    with pytest.raises(ValueError, match="label must be 0"):
        FindingProbabilities.fit(Observed(observed.value, observed.label + 1, observed.group), None, ASKED, seed=0)  # type: ignore[arg-type]
