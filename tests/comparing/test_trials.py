from typing import Any

from medgauge.comparing.trials import choose_trial, trial_score


def entry(trial: int, *, said: float, before: float | None) -> dict[str, Any]:
    calibration = {} if before is None else {"uncalibrated": {"log_loss": before}}
    block = {
        "kind": "finding",
        "log_loss": said,
        "calibration": calibration,
        "baselines": {"base_rate": {"log_loss": 0.4}},
    }
    return {"trial": trial, "val": {"Mass": block, "space": {"d5": 0.1}}}


def test_trials_of_findings_are_chosen_by_probabilities_before_calibration() -> None:
    entries = [entry(1, said=0.2, before=0.36), entry(2, said=0.2, before=0.3), entry(3, said=0.1, before=0.5)]
    assert [round(trial_score(one), 6) for one in entries] == [0.9, 0.75, 1.25]
    assert choose_trial("finding", entries, [{}, {"rate": 0.003}, {}]) == {"trial": 2, "changes": {"rate": 0.003}}
    assert trial_score(entry(1, said=0.2, before=None)) == 0.5


def test_a_number_is_judged_by_its_error() -> None:
    block = {"kind": "number", "mae": 3.0, "interval": {"coverage": 0.9}, "baselines": {"median": {"mae": 4.0}}}
    assert trial_score({"trial": 1, "val": {"age": block}}) == 0.75
