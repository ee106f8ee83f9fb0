"""Outcomes: who answers, what gives hope, and what candidates.json says, beside loops by hand."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medgauge.planning.candidates import QUICK, SCRATCH, TUNED, Candidate
from medgauge.planning.judge import Judge
from medgauge.planning.outcomes import Outcome, chosen_of, promising, write_candidates
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import fit_digest
from medgauge.tasks.values import distance

COUNT = 60


def judge(**more: Any) -> Judge:
    group = [f"p{row // 2:02d}" for row in range(COUNT)]
    given: dict[str, Any] = {
        "id": [f"c{row}" for row in range(COUNT)],
        "group": group,
        "fold": [row // 2 % 5 for row in range(COUNT)],
        "label": torch.zeros(COUNT, 1),
        "targets": ["age"],
        "scale": [1.0],
        "baseline": torch.full((COUNT,), 10.0).double(),
        "constant": torch.full((COUNT,), 10.0).double(),
        "names": ["median"],
        "error": [distance],
        "folds": 5,
    }
    return Judge(**{**given, **more})


def outcome(name: str, error: torch.Tensor | None, state: Any = "done") -> Outcome:
    return Outcome(Candidate(name, {}, 1.0, "because"), state, "because", error)


def drawn(mean: float, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).gamma(4.0, mean / 4, COUNT))


def test_a_dearer_candidate_answers_only_if_it_is_clearly_better() -> None:
    quick = drawn(5.0, 0)
    noise = drawn(2.0, 1)
    near, far = quick + noise - noise.mean() - 0.01, quick - 2.0
    for better, wanted in ((near.abs(), QUICK), (far.abs(), SCRATCH)):
        found = chosen_of([outcome(QUICK, quick), outcome(SCRATCH, better)], judge(), seed=0)
        assert found is not None
        assert found[0].candidate.name == wanted


def test_candidates_that_are_not_done_do_not_answer() -> None:
    assert chosen_of([outcome(QUICK, None, "left out")], judge(), seed=0) is None
    given = [outcome(QUICK, None, "left out"), outcome(SCRATCH, drawn(4.0, 0)), outcome(TUNED, None, "diverged")]
    found = chosen_of(given, judge(), seed=0)
    assert found is not None
    assert found[0].candidate.name == SCRATCH


def test_one_group_alone_leaves_the_cheapest() -> None:
    found = chosen_of(
        [outcome(QUICK, drawn(5.0, 0)), outcome(SCRATCH, drawn(1.0, 1))], judge(group=["p"] * COUNT), seed=0
    )
    assert found is not None
    assert (found[0].candidate.name, found[1]) == (QUICK, None)


@pytest.mark.parametrize("seed", range(4))
def test_hope_is_a_mean_difference_of_at_most_a_standard_error_of_groups(seed: int) -> None:
    error, other = drawn(5.0 + 0.2 * seed, seed), drawn(5.0, seed + 10)
    group = judge().group
    sums = dict.fromkeys(group, 0.0)
    mean = float((error - other).mean())
    for row, name in enumerate(group):
        sums[name] += float(error[row] - other[row]) - mean
    spread = math.sqrt(sum(one**2 for one in sums.values()) * len(sums) / (len(sums) - 1)) / COUNT
    assert promising(error, other, group)[0] == (mean <= spread)
    assert promising(other + 1.0, other, group)[0] is False  # worse by one everywhere: no doubt
    assert promising(other - 1.0, other, group)[0] is True


def test_cases_outside_the_first_fold_have_no_say_in_hope() -> None:
    error, other = torch.full((COUNT,), torch.nan).double(), drawn(5.0, 0)
    error[:10] = other[:10] - 1
    hope, said = promising(error, other, judge().group)
    assert hope
    assert f"{float(error[:10].mean()):.3g}" in said
    assert f"{float(other[:10].mean()):.3g}" in said


def test_candidates_json_says_what_each_came_to(tmp_path: Path) -> None:
    quick, scratch = drawn(5.0, 0), drawn(2.0, 1)
    given = [outcome(QUICK, quick), outcome(SCRATCH, scratch), outcome(TUNED, None, "given up")]
    write_candidates(RunFolder(tmp_path), given, judge(), seed=0, minutes={QUICK: 1.5})
    values = json.loads((tmp_path / "candidates.json").read_text())
    assert (values["finished"], values["chosen"], values["cases"], values["groups"]) == (True, SCRATCH, COUNT, 30)
    assert [one["state"] for one in values["candidates"]] == ["done", "done", "given up"]
    assert values["candidates"][0]["error"] == pytest.approx(float(quick.mean()))
    fits = [one["fit"] for one in values["candidates"]]
    assert fits == [fit_digest(RunFolder(tmp_path / QUICK)), fit_digest(RunFolder(tmp_path / SCRATCH)), None]
    assert values["plan"] is None
    assert [one["minutes"] for one in values["candidates"]] == [1.5, None, None]
    choice = values["choice"]
    assert choice["among"] == [QUICK, SCRATCH]
    assert choice["baseline_error"] == 10.0
    assert choice["nested"] == pytest.approx(float(scratch.mean()))
    assert choice["skill"] == pytest.approx(1 - choice["corrected"] / 10, abs=1e-6)
    assert "picked" not in choice


def test_a_candidate_that_waits_leaves_the_file_unfinished(tmp_path: Path) -> None:
    given = [outcome(QUICK, drawn(5.0, 0)), outcome(SCRATCH, None, "waiting")]
    assert write_candidates(RunFolder(tmp_path), given, judge(), seed=0, minutes={})["finished"] is False
