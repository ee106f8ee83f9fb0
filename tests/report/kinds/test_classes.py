"""What the page says of classes."""

import math

from medgauge.metrics.catalogue import FIGURES
from medgauge.report.kinds.classes import on_card
from medgauge.report.kinds.levels import bar, confusion_rows, set_words
from medgauge.report.look import Look
from medgauge.report.parts import group_words

NAMES = ["AP", "LL", "PA"]
LOOK = Look(FIGURES["class"], "", "", 3, whole=True, names=NAMES)


def test_a_card_has_set_chances_and_votes_by_name() -> None:
    case = {
        "label_view": 2.0,
        "value_view": 0.0,
        "set_view": "AP | PA",
        "probability_AP_view": 0.6,
        "probability_LL_view": 0.1,
        "probability_PA_view": 0.3,
        "neighbours": [7, 8, 9],
        "weights_view": [0.5, 0.25, 0.25],
    }
    card = on_card(case, "view", NAMES, {7: 2.0, 8: 0.0, 9: 2.0})
    assert card["set"] == "AP, PA"
    assert card["inside"]
    assert [(one["grade"], one["share"], one["true"], one["within"]) for one in card["chances"]] == [
        ("AP", "60\u00a0%", False, True),
        ("LL", "10\u00a0%", False, False),
        ("PA", "30\u00a0%", True, True),
    ]
    assert [(one["grade"], one["share"]) for one in card["votes"]] == [("AP", "25\u00a0%"), ("PA", "75\u00a0%")]


def test_a_case_without_a_set_or_a_label() -> None:
    card = on_card({"label_view": math.nan, "set_view": ""}, "view", NAMES, {})
    assert card["set"] == "none"
    assert not card["inside"]
    assert on_card({"label_view": 0.0}, "view", NAMES, {})["set"] == "–"


def test_labels_values_and_errors_stand_in_words() -> None:
    assert (LOOK.label(1.0), LOOK.value(2.0), LOOK.value(math.nan), LOOK.label(7.0)) == ("LL", "PA", "–", "–")
    assert LOOK.missed(2.0, 2.0, 0.25) == "none, the true class has 75\u00a0%"
    assert LOOK.missed(2.0, 1.0, 0.9) == "another class, the true class has 10\u00a0%"
    assert LOOK.missed(2.0, 1.0, None) == "another class"


def test_the_confusion_table_names_its_rows() -> None:
    rows = confusion_rows({"levels": ["AP", "PA"], "counts": [[9, 1], [0, 0]]})
    assert [row["grade"] for row in rows] == ["AP", "PA"]
    assert [cell["share"] for cell in rows[0]["cells"]] == ["90\u00a0%", "10\u00a0%"]
    assert rows[0]["cells"][0]["exact"]
    assert rows[1]["cells"][0]["share"] == "–"


def test_sets_are_told_by_true_class() -> None:
    part = {"n": 4, "coverage": 0.75, "size": 1.5, "calibration_groups": 9}
    sets = {"n": 4, "coverage": 0.75, "size": 1.5, "n_groups": 9, "by_class": {"all": part}}
    told = set_words(sets, "by_class", 0.9, {"all": 3}, 10)
    assert [(row["grade"], row["training"], row["calibration"]) for row in told["rows"]] == [
        ("all", "3", "9"),
        ("all", "10", "9"),
    ]
    assert told["coverage"] == "75\u00a0%"
    assert bar("AP", None, true=False) == {"grade": "AP", "share": "–", "width": "0.0", "true": False, "within": False}


def test_groups_of_several_classes_are_told() -> None:
    part = {
        "n": 9,
        "log_loss": 0.25,
        "set": {"coverage": 0.9},
        "labels_within_groups": {"differ": 2, "largest_range": 1},
    }
    told = group_words({"by_group_mean": part}, LOOK, "set")
    assert told.endswith(
        "There are 2 groups with labels that differ from image to image, which are of no class then and take no part."
    )
    assert "log loss of 0.250" in told
