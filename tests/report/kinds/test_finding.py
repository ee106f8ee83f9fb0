"""The section of a finding: its words, from a block of results.json."""

import pandas

from medgauge.report.kinds.finding import calibration_words, on_card


def test_threshold_and_share_are_told() -> None:
    told = calibration_words({"threshold": 0.25, "share_positive": 0.1, "note": "So it is."})
    assert told == {"there": True, "threshold": "0.25", "share": "10\xa0%", "note": "So it is."}
    assert not calibration_words({})["there"]


def test_a_card_tells_what_the_finding_is_called() -> None:
    case = pandas.Series({"positive_a": 1.0, "label_a": 0.0})
    assert on_card(case, "a") == {"called": "present", "right": False}
    assert on_card(pandas.Series({"label_a": 0.0}), "a")["called"] == "–"
