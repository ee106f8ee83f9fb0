"""The section of a finding: its words, from a block of results.json."""

import pandas

from medgauge.metrics.catalogue import FIGURES
from medgauge.report.cards import with_nearest
from medgauge.report.evidence import sides_by_state, state_sides
from medgauge.report.kinds.finding import SIDES, STATES, calibration_words, on_card, prototype_words, with_raw
from medgauge.report.look import Look

NAN = float("nan")


def test_threshold_and_share_are_told() -> None:
    told = calibration_words(
        {"threshold": 0.25, "share_positive": 0.1, "note": "So it is.", "sensitivity": 0.5, "f1": 0.25}, "test"
    )
    assert told["note"] == "So it is."
    assert told["decisions"] == (
        "The finding is called present from a probability of 0.25 on, in 10\xa0% of the test cases: sensitivity 50\xa0%, F1 0.25."
    )
    assert told["error"] == "–"
    assert not calibration_words({}, "test")["there"]
    errors = {"calibration_error": 0.05, "calibration_error_ci95": [0.04, 0.1]}
    assert calibration_words(errors, "test")["error"] == "0.050 (95 % interval 0.040 to 0.100)"
    assert calibration_words(errors | {"calibration_error_ci95": "too few groups"}, "test")["error"] == "0.050"


def test_the_threshold_of_new_cases_is_told_apart_from_those_of_the_folds() -> None:
    part = {"threshold": 0.04, "thresholds_of_cases": [0.117, 0.121], "share_positive": 0.6, "sensitivity": 0.28}
    assert calibration_words(part, "out-of-fold")["decisions"] == (
        "New cases are called present from a probability of 0.04 on; with thresholds chosen without each fold’s own cases "
        "(0.117 to 0.121) 60\xa0% of the out-of-fold cases are: sensitivity 28\xa0%."
    )
    alike = calibration_words(part | {"thresholds_of_cases": [0.04, 0.04]}, "test")["decisions"]
    assert alike.startswith(
        "The finding is called present from a probability of 0.04 on, in 60\xa0% of the test cases:"
    )


def test_a_base_rate_has_no_threshold() -> None:
    part = {
        "kind": "rate",
        "threshold": None,
        "rate": 0.0125,
        "thresholds_of_cases": "no threshold",
        "sensitivity": 0.0,
    }
    told = calibration_words(part, "test")
    assert told["decisions"] == (
        "There is no threshold: the probability of every new case is the base rate, 0.0125, so each is called absent, the "
        "likelier state."
    )
    assert not told["decided"]
    assert "called present, the likelier" in calibration_words(part | {"rate": 0.75}, "test")["decisions"]
    older = {"kind": "rate", "threshold": 0.5, "share_positive": 0.0}
    assert calibration_words(older, "test")["decisions"] == (
        "There is no threshold: the probability of every new case is the base rate."
    )
    folds = part | {"thresholds_of_cases": [0.25, 0.5], "share_positive": 0.125, "sensitivity": 0.5}
    assert calibration_words(folds, "out-of-fold")["decisions"].endswith(
        "; with thresholds chosen without each fold’s own cases (0.25 to 0.5) 12\xa0% of the out-of-fold cases are called "
        "present: sensitivity 50\xa0%."
    )
    whole = {"kind": "logistic", "threshold": 0.25, "thresholds_of_cases": "no threshold"}
    assert calibration_words(whole, "out-of-fold")["decisions"] == (
        "New cases are called present from a probability of 0.25 on; the out-of-fold cases have base rates, and no threshold."
    )


def test_a_card_tells_what_the_finding_is_called() -> None:
    case = {"positive_a": 1.0, "label_a": 0.0, "neighbours_a": 0.25, "uncalibrated_a": 0.5, "value_a": 0.5}
    assert on_card(case, "a") == {"vote": "25\xa0%", "raw": "", "prototype": {}, "called": "present", "right": False}
    assert on_card(case | {"value_a": 0.75}, "a")["raw"] == "0.500"
    assert on_card(pandas.Series({"label_a": 0.0}), "a")["called"] == "–"


def test_a_card_tells_how_near_the_prototype_is() -> None:
    shares = {"nearer_than_present_a": 0.125, "nearer_than_absent_a": 0.75}
    assert prototype_words({"prototype_distance_a": 0.25, **shares}, "a") == {
        "value": "distance 0.250",
        "shares": "nearer than 12\xa0% of the training cases with the finding and 75\xa0% of the training cases without the finding",
    }
    alone = prototype_words({"prototype_cosine_a": 0.5, "nearer_than_present_a": NAN, "nearer_than_absent_a": 0.5}, "a")
    assert alone == {"value": "cosine 0.500", "shares": "nearer than 50\xa0% of the training cases without the finding"}


def test_training_cases_are_told_apart_by_their_state_with_their_share() -> None:
    shown = [
        {"own": 1.0, "size": 0.25},
        {"own": 0.0, "size": 0.5},
        {"own": 1.0, "size": 0.25},
        {"own": None, "size": 0.0},
    ]
    with_it, without = sides_by_state(shown, SIDES)
    assert with_it["title"] == "With the finding: 50\xa0% of the weight shown"
    assert [one["size"] for one in with_it["cases"]] == [0.25, 0.25]
    assert without["title"] == "Without the finding: 50\xa0% of the weight shown"
    assert sides_by_state(shown[1:2], SIDES)[0]["title"].startswith("Without the finding: 100")


def test_the_nearest_cases_of_either_state_stand_on_a_card_with_their_share_of_all_weights() -> None:
    look = Look(FIGURES["finding"], "", "", 3, whole=True, states=STATES, sides=SIDES)
    assert [look.label(one) for one in (1.0, 0.0, None)] == ["present", "absent", "–"]
    listed = {"weights_a": [0.5, -0.25], "shown_share_a": 0.75, "neighbours": [7, 8], "effects_a": [0.1, 0.1]}
    nearest = {"nearest_present_a": [["p", 2.0, 0.125]], "nearest_absent_a": '[["q", 1.0, -0.25], ["r", 3.0, 0]]'}
    near = with_nearest(listed | nearest, "a", {"p": 1, "q": 2, "r": 3})
    assert near is not None
    assert (near["neighbours"], near["distances"], near["weights_a"]) == ([1, 2, 3], [2, 1, 3], [0.125, -0.25, 0])
    assert near["shown_share_a"] == 0.375  # of all: (0.5 + 0.25) / 0.75
    shown = [{"own": 1.0, "size": 0.125}, {"own": 0.0, "size": 0.25}, {"own": 0.0, "size": 0.0}]
    assert [(one["title"], len(one["cases"])) for one in state_sides(shown, near, "a", look)] == [
        ("With the finding: the 1 nearest case, 12\xa0% of the weight", 1),
        ("Without the finding: the 2 nearest cases, 25\xa0% of the weight", 2),
    ]
    assert state_sides(shown[1:], near, "a", look)[0]["title"] == "With the finding: no training case of another group"
    assert with_nearest(listed, "a", {}) is None  # older runs


def test_the_value_before_calibration_stands_beside_that_of_record() -> None:
    look = Look(FIGURES["finding"], "", "", 3)
    rows = [{"name": "logistic", "note": "predictor of record", "error": 0.25, "width": "50.0", "value": "0.250"}]
    found = with_raw(rows, {"uncalibrated": {"log_loss": 0.5}}, look)
    assert [(row["name"], row["error"], row["width"]) for row in found] == [
        ("logistic", 0.25, "50.0"),
        ("logistic", 0.5, "100.0"),
    ]
    assert with_raw(rows, {}, look) == rows
    assert with_raw([], {"uncalibrated": {"log_loss": 0.5}}, look) == []
