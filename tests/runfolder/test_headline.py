"""The first sentence of a run, from figures that are written down here."""

from typing import Any

import pytest

from medgauge.runfolder.headline import alarm_words, first_shown, shown_sentence

GOOD = {
    "baseline": "median",
    "skill": 0.5,
    "ci95": [0.4, 0.6],
    "verdict": "shown better than always saying 9",
    "reason": "",
}
BAD = {
    "baseline": "covariates_only", "skill": -0.25, "ci95": "too few groups",
    "verdict": "not shown better than the covariates alone", "reason": "one thing; another",
}  # fmt: skip


def block(shown: dict[str, Any] | None, n: int = 1200, groups: int = 1) -> dict[str, Any]:
    return {"n": n, "groups": groups} | ({} if shown is None else {"shown": shown})


def test_a_sentence_has_verdict_skill_cases_and_reason() -> None:
    assert shown_sentence("age", block(GOOD), "test") == (
        "age is shown better than always saying 9 (skill 0.50, 95 % interval 0.40 to 0.60; 1,200 test cases of 1 group)."
    )
    assert shown_sentence("age", block(BAD, 1, 30), "val") == (
        "age is not shown better than the covariates alone (skill -0.25, no 95 % interval: too few groups; 1 validation case of "
        "30 groups, which selected the model): one thing; another."
    )
    unknown = GOOD | {"skill": None, "ci95": [None, float("nan")]}
    assert "skill –, 95 % interval – to –; 1,200 out-of-fold" in shown_sentence("age", block(unknown), "out_of_fold")
    assert shown_sentence("age", block(None), "test") == ""


@pytest.mark.parametrize(
    ("splits", "speaks"),
    [
        (("val",), "val"),
        (("val", "test"), "test"),
        (("out_of_fold",), "out_of_fold"),
        (("out_of_fold", "test"), "test"),
    ],
)
def test_the_split_that_says_most_of_new_cases_speaks(splits: tuple[str, ...], speaks: str) -> None:
    results: dict[str, Any] = {"cases": {}, "shown": "of an earlier look"}
    results |= {split: {"age": block(GOOD if split == speaks else BAD), "space": {"d5": 1}} for split in splits}
    found = first_shown(results)
    assert next(iter(found)) == "shown"
    assert found["shown"] == {
        "split": speaks, "target": "age", **GOOD, "sentence": shown_sentence("age", block(GOOD), speaks)
    }  # fmt: skip
    assert {key: part for key, part in found.items() if key != "shown"} == {
        key: part for key, part in results.items() if key != "shown"
    }


def test_the_target_that_is_shown_least_stands_for_the_run() -> None:
    part = {"a": block(GOOD), "b": block(BAD), "c": block(BAD | {"skill": 0.1}), "d": block(GOOD | {"skill": 0.1})}
    found = first_shown({"test": part})["shown"]
    assert (found["target"], found["skill"]) == ("b", -0.25)
    assert found["sentence"] == " ".join(shown_sentence(name, part[name], "test") for name in "abcd")
    assert first_shown({"test": {"a": part["a"], "d": part["d"]}})["shown"]["target"] == "d"
    nothing = block(BAD | {"skill": None})
    assert first_shown({"test": {"b": part["b"], "e": nothing}})["shown"]["target"] == "e"


def test_the_rate_of_false_alarms_is_that_of_cases_that_set_nothing() -> None:
    def far(cases: int, drawn: int, share: float | None, ends: list[float | None]) -> dict[str, Any]:
        return {
            "age": {
                "far": {"cases": cases, "flagged": 7, "drawn": drawn, "drawn_flagged": 1, "share": share, "ci95": ends}
            }
        }

    val, fold = far(50, 50, 0.5, [0.4, 0.6]), far(1000, 1000, 0.007, [0.005, 0.02])
    assert alarm_words({"val": val}, "age") == ""
    said = "7 of 1,000 out-of-fold cases are flagged so (0.7 %, 95 % interval 0.5 to 2.0 %)"
    assert alarm_words({"val": val, "out_of_fold": fold}, "age") == said
    several = far(60, 40, 0.025, [0.001, 0.13])
    said = (
        "7 of 60 test cases are flagged so (of one drawn case of each of 40 groups 2.5 %, 95 % interval 0.1 to 13.0 %)"
    )
    assert alarm_words({"out_of_fold": fold, "test": several}, "age") == said
    one = {"age": {"far": {"cases": 1, "flagged": 1, "drawn": 1, "drawn_flagged": 1, "share": 1, "ci95": [None, 1.0]}}}
    said = "1 of 1 test case is flagged so (100.0 %, 95 % interval – to 100.0 %)"
    assert alarm_words({"out_of_fold": fold, "test": one}, "age") == said
    assert alarm_words({"out_of_fold": fold, "test": {"age": {}}}, "other") == ""


def test_of_a_run_whose_share_is_of_all_cases_the_interval_alone_is_told() -> None:
    far = {"cases": 400, "flagged": 5, "share": 0.0125, "ci95": [0.0041, 0.029]}
    said = "5 of 400 test cases are flagged so (of one drawn case a group, 95 % interval 0.4 to 2.9 %)"
    assert alarm_words({"test": {"age": {"far": far}}}, "age") == said


def test_without_baselines_there_is_no_first_sentence() -> None:
    assert first_shown({"val": {"age": block(None), "space": {}}}) == {"val": {"age": block(None), "space": {}}}
    assert first_shown({"cases": {}}) == {"cases": {}}


def test_how_many_groups_finite_intervals_need_stands_in_the_first_sentences() -> None:
    def said(share: float, held: int) -> str:
        interval = {"level": 0.9, "share_infinite": share, "groups_needed": 9, "n_groups": held}
        return shown_sentence("age", block(GOOD) | {"interval": interval}, "out_of_fold")

    plain = shown_sentence("age", block(GOOD), "out_of_fold")
    assert said(0.0, 4) == plain
    assert said(1.0, 4) == f"{plain} Its 90 % intervals are infinite: 9 calibration groups are needed, and there are 4."
    assert said(0.25, 10) == (
        f"{plain} 25 % of its intervals are infinite: 9 calibration groups are needed, and fewer are left without a case's own "
        "fold; those of new cases rest on 10."
    )
