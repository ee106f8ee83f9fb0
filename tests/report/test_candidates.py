"""The page of a folder of candidates."""

import json
from pathlib import Path
from typing import Any

import pytest

from medgauge.core.errors import InputError
from medgauge.report.candidates import PAGE, choice_sentence, describe_candidates, write_candidates_page
from medgauge.runfolder.chosen import CANDIDATES, PLAN


def one(name: str, error: float | None, state: str = "done", minutes: float | None = 2.0) -> dict[str, Any]:
    what, why = f"what {name} is", "<b>because"
    return {
        "name": name, "what": what, "state": state, "why": why, "error": error, "minutes": minutes,
        "expected_minutes": 3.0, "settings": {},
    }  # fmt: skip


CHOICE: dict[str, Any] = {
    "among": ["quick", "scratch"], "baselines": ["median"], "error": [5.0, 4.0], "nested": 4.1, "corrected": 4.25,
    "ci95": [3.5, 5.0], "skill": 0.575, "skill_ci95": [0.5, 0.625], "share": [0.25, 0.75], "baseline_error": 10.0,
}  # fmt: skip
TRIED: dict[str, Any] = {
    "medgauge": "1", "finished": True, "chosen": "scratch", "targets": ["hc_mm"], "unit": "that of the labels", "cases": 1200,
    "groups": 300, "read": "out of fold", "choice": CHOICE,
    "candidates": [one("quick", 5.0), one("scratch", 4.0), one("tuned", None, "left out", None)],
}  # fmt: skip
PLANNED = {"made": {"budget": "standard"}, "decisions": [{"what": "folds", "value": 5, "why": "<i>why"}]}


def written(folder: Path, tried: object = TRIED, plan: object = PLANNED) -> Path:
    (folder / CANDIDATES).write_text(json.dumps(tried), encoding="utf-8")
    (folder / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    return folder


def test_the_first_sentence_has_the_skill_that_is_corrected_for_the_choosing() -> None:
    assert choice_sentence(TRIED) == (
        "hc_mm is shown better than always saying the training median (skill 0.57, corrected for the choice among 2 "
        "candidates, 95 % interval 0.50 to 0.62; 1,200 out-of-fold cases of 300 groups)."
    )
    worse = TRIED | {"choice": CHOICE | {"skill": 0.1, "skill_ci95": [-0.1, 0.3]}}
    assert "hc_mm is not shown better than" in choice_sentence(worse)
    few = TRIED | {"choice": CHOICE | {"skill_ci95": [None, None]}}
    assert "hc_mm is not shown better than" in choice_sentence(few)
    assert "no 95 % interval: too few groups" in choice_sentence(few)
    both = TRIED | {"targets": ["age", "hc_mm"], "choice": CHOICE | {"baselines": ["median", "covariates_only"]}}
    assert choice_sentence(both).startswith(
        "The mean over age, hc_mm is shown better than always saying the training median and the covariates alone ("
    )
    many = TRIED | {"targets": list("abcdefg")}
    assert choice_sentence(many).startswith("The mean over 7 labels is shown better than always saying ")
    assert choice_sentence(TRIED | {"choice": None}) == "hc_mm: of one group nothing can be told."


def test_rows_tell_errors_shares_and_who_answers() -> None:
    page = describe_candidates(TRIED, PLANNED, {"quick": True}, "age")
    quick, scratch, tuned = page["rows"]
    assert [row["error"].replace("\N{NO-BREAK SPACE}", " ") for row in page["rows"]] == ["5.00 mm", "4.00 mm", "–"]
    assert (quick["answers"], scratch["answers"], quick["page"], scratch["page"]) == (False, True, True, False)
    assert (scratch["share"], tuned["share"], tuned["minutes"]) == ("75\N{NO-BREAK SPACE}%", "–", "–")
    assert page["corrected"].startswith("4.25")


def test_the_page_escapes_what_it_shows_and_links_the_pages_there_are(tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / PAGE).write_text("")
    text = write_candidates_page(written(tmp_path)).read_text(encoding="utf-8")
    assert "<b>because" not in text
    assert "<i>why" not in text
    assert '<a href="quick/report.html">' in text
    assert "scratch/report.html" not in text
    assert "<script" not in text
    assert "Not all candidates" not in text
    text = write_candidates_page(written(tmp_path, TRIED | {"finished": False})).read_text(encoding="utf-8")
    assert "Not all candidates have been tried" in text


@pytest.mark.parametrize("tried", [{}, [], {"candidates": 3}, TRIED | {"choice": {}}, TRIED | {"candidates": [1]}])
def test_damaged_candidates_are_one_sentence(tmp_path: Path, tried: object) -> None:
    with pytest.raises(InputError, match="same `medgauge fit` command|candidates.json"):
        write_candidates_page(written(tmp_path, tried))
    assert not (tmp_path / PAGE).exists()


def test_a_damaged_plan_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="plan.json"):
        write_candidates_page(written(tmp_path, TRIED, {"made": 1}))
