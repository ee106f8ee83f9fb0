"""Whether labels are divided for what is trained: by a loop over folds by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.planning.candidates import QUICK, SCRATCH, TIMES, TUNED, Candidate
from medgauge.planning.stored import as_tried
from medgauge.planning.times import as_quick_tells, divides, settled
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import CANDIDATES, write_own
from tests.planning.test_outcomes import COUNT, judge, outcome


def by_hand(times: torch.Tensor, quick: torch.Tensor) -> bool:
    """In each part without a fold: the mean gain against its standard error, group by group."""
    cases = judge()
    for fold in range(5):
        rows = [row for row in range(COUNT) if cases.fold[row] != fold]
        gains = [float(quick[row] - times[row]) for row in rows]
        mean = sum(gains) / len(gains)
        groups: dict[str, float] = {}
        for row, one in zip(rows, gains, strict=True):
            groups[cases.group[row]] = groups.get(cases.group[row], 0.0) + one - mean
        square = sum(value**2 for value in groups.values()) * len(groups) / (len(groups) - 1)
        if mean <= math.sqrt(square) / len(rows):
            return False
    return True


@pytest.mark.parametrize("seed", range(12))
def test_labels_are_divided_where_every_training_part_says_so(seed: int) -> None:
    draw = np.random.default_rng(seed)
    quick = torch.from_numpy(draw.gamma(4.0, 1.0, COUNT))
    times = quick - torch.from_numpy(draw.normal(0.25, 1.0, COUNT))
    assert divides(times, quick, judge().constant, judge()) == by_hand(times, quick)
    assert not divides(
        times, quick, torch.zeros(COUNT).double(), judge()
    )  # what is worse than a constant tells nothing


def test_both_answers_occur_above() -> None:
    draws = [np.random.default_rng(seed) for seed in range(12)]
    found = set()
    for draw in draws:
        quick = torch.from_numpy(draw.gamma(4.0, 1.0, COUNT))
        found.add(by_hand(quick - torch.from_numpy(draw.normal(0.25, 1.0, COUNT)), quick))
    assert found == {True, False}


def test_only_what_is_trained_follows_and_one_partition_is_one_part() -> None:
    quick, better = torch.full((COUNT,), 5.0).double(), torch.full((COUNT,), 3.0).double()
    divided = outcome(TIMES, better)
    divided = replace(divided, candidate=replace(divided.candidate, changes={"data.label_times": "mm"}))
    before, scratch = [outcome(QUICK, quick), divided], Candidate(SCRATCH, {"seed": 1}, 1.0, "because")
    for cases in (judge(), judge(folds=0, fold=list(range(COUNT)))):
        found = as_quick_tells(scratch, before, cases)
        assert dict(found.changes) == {"seed": 1, "data.label_times": "mm"}
        assert found.why.startswith("because; its labels are divided by mm")
    assert as_quick_tells(before[0].candidate, before, judge()) is before[0].candidate
    assert as_quick_tells(scratch, before[:1], judge()) is scratch
    assert as_quick_tells(scratch, [outcome(QUICK, better), outcome(TIMES, quick)], judge()) is scratch


def test_a_folder_says_how_its_candidates_were_tried(tmp_path: Path) -> None:
    folder, scratch = RunFolder(tmp_path), Candidate(SCRATCH, {"seed": 1}, 1.0, "because")
    write_own(folder, CANDIDATES, {"candidates": [{"name": SCRATCH, "settings": {"data.label_times": "mm"}}]})
    assert as_tried([scratch], folder) == [replace(scratch, changes={"data.label_times": "mm"})]
    write_own(folder, CANDIDATES, {"candidates": [{"name": SCRATCH}]})
    with pytest.raises(InputError, match="it does not say how the candidates were tried"):
        as_tried([scratch], folder)


SHORT = {"column": "mm", "steps": 25, "left": 150}


@pytest.mark.parametrize("answer", [True, False])
def test_short_fits_tell_where_quick_is_not_better_than_the_baseline(answer: bool) -> None:
    asked, cases = list[str](), judge()
    nothing = torch.full((COUNT,), 1.0).double() + cases.constant

    def tried(candidate: Candidate) -> Candidate:
        asked.append(candidate.name)
        return replace(candidate, short={**SHORT, "divided": answer, "why": "told so"})

    before = [outcome(QUICK, nothing), outcome(TIMES, nothing)]
    scratch = Candidate(SCRATCH, {"training.steps": 200}, 1.0, "because", short=SHORT)
    divided = {"data.label_times": "mm"} if answer else {}
    first = settled(scratch, before, cases, tried)
    assert dict(first.changes) == {"training.steps": 150, **divided}
    assert first.why == "because; told so"
    before.append(replace(outcome(SCRATCH, nothing), candidate=first))
    again = settled(replace(scratch, name="scratch_2"), before, cases, tried)
    assert dict(again.changes) == dict(first.changes)
    tuned = settled(Candidate(TUNED, {"training.steps": 90}, 1.0, "because"), before, cases, tried)
    assert dict(tuned.changes) == {"training.steps": 90, **divided}
    assert asked == [SCRATCH]  # once for all


def test_no_short_fit_is_made_where_quick_tells_or_nothing_is_trained() -> None:
    def tried(candidate: Candidate) -> Candidate:
        raise AssertionError(candidate.name)

    good, cases = outcome(QUICK, judge().constant * 0.1), judge()
    scratch = Candidate(SCRATCH, {"training.steps": 200}, 1.0, "because", short=SHORT)
    assert settled(scratch, [good], cases, tried) is scratch
    assert settled(good.candidate, [], cases, tried) is good.candidate
    plain = replace(scratch, short=None)
    assert settled(plain, [], cases, tried) is plain
