"""Plans and outcomes in lines."""

from pathlib import Path

from medgauge.planning.candidates import QUICK, SCRATCH, Candidate
from medgauge.planning.plan import Decision, Plan
from medgauge.planning.words import choice_line, outcome_lines, plan_lines


def test_a_plan_tells_cases_decisions_and_minutes() -> None:
    candidates = [Candidate(QUICK, {}, 1.0, "the first answer"), Candidate(SCRATCH, {}, 0.0, "no\ttime", tried=False)]
    plan = Plan({}, {"cases": 30, "groups": 12}, [Decision("label_times", None, "no covariate")], candidates)
    assert plan_lines(plan) == [
        "30 cases of 12 groups; expected to take 60 s in all",
        "  label_times: no (no covariate)",
        "  quick: about 60 s (features of a pretrained network as they are, and a predictor on them)",
        "  scratch: not tried (no\\ttime)",
    ]


def test_an_outcome_tells_error_minutes_and_who_answers() -> None:
    done = {"name": "quick", "state": "done", "why": "", "error": 4.56789, "minutes": 12.0}
    over = {"name": "scratch", "state": "given up", "why": "worse", "error": None, "minutes": 1.0}
    values = {"candidates": [done, over], "chosen": "quick", "read": "out of fold"}
    folder = Path("runs") / "age"
    first, second = outcome_lines(values, "quick", folder)
    assert first == "quick: error 4.568 out of fold, 12 minutes; quick answers now"
    assert second == f"report: {folder / 'quick' / 'report.html'}"
    assert outcome_lines(values, "scratch", folder) == ["scratch: given up; worse"]


def test_a_choice_is_told_with_its_corrected_error_where_there_was_one() -> None:
    choice = {"among": ["quick", "scratch"], "corrected": 4.5678, "ci95": [4.0, 5.25], "baseline_error": 45.6}
    assert choice_line({"chosen": "quick", "choice": choice}) == (
        "quick answers, chosen among quick, scratch; the error of a choice so made, corrected for the choosing: 4.568 "
        "(95 % interval 4 to 5.25); baseline 45.6"
    )
    assert "interval" not in choice_line({"chosen": "quick", "choice": {**choice, "ci95": [None, None]}})
    assert choice_line({"chosen": "quick", "choice": {**choice, "among": ["quick"]}}) == choice_line({}) == ""
