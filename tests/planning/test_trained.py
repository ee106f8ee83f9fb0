"""Candidates that are trained: the size that there is time for, and what a GPU adds."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.planning import trained as module
from medgauge.planning.candidates import QUICK, SCRATCH, TUNED, Candidate
from medgauge.planning.cost import Cost
from medgauge.planning.trained import LARGER, _smaller, trained
from medgauge.study import load_study
from medgauge.training.loop import Stopped, Trainer
from tests.fitting.small_study import make_table


def test_the_largest_size_that_leaves_time_for_half_of_the_steps() -> None:
    def by_hand(seconds: float) -> list[int] | None:
        if int((seconds - 8) / 1.0) * 2 >= 400:  # evaluations cost nothing here; 8 seconds are those of a fit
            return None
        for side in (128, 96):
            if int((seconds - 8) / (side / 160) ** 2) * 2 >= 400:
                return [side // 2, side]
        return [48, 96]

    for seconds in (50.0, 90.0, 120.0, 150.0, 190.0, 220.0):
        assert _smaller([80, 160], 400, Cost(1.0, 0.0, 1), seconds) == by_hand(seconds)


@pytest.fixture
def with_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a small table, on a machine that says that it has a GPU and measures nothing."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(module, "_measured", lambda *_: (300, Cost(0.1, 0.1, 4)))
    return {
        "data.table": str(make_table(tmp_path / "data", groups=18)), "data.image": "path", "data.label": ["age"],
        "data.group": "patient", "data.cache": str(tmp_path / "cache"), "training.accelerator": "cpu",
    }  # fmt: skip


def candidate(name: str, given: dict[str, Any]) -> tuple[Candidate, dict[str, Any]]:
    fixed = {"data.folds": 2}
    study = load_study(Candidate(QUICK, fixed, 0.0, "").recipe(given))
    found, decisions = trained(name, study, fixed, given, 1e4, Display(False))
    return found, {one.what: (one.value, one.why) for one in decisions}


def test_a_gpu_has_a_larger_network_where_its_weights_can_be_had(
    with_gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(module, "build_parts", lambda study: asked.append(study.recipe.represent.source))
    found, said = candidate(TUNED, with_gpu)
    assert found.changes["represent.source"] == LARGER == said["encoder of tuned"][0]
    assert "image.size" not in found.changes
    assert asked == [LARGER]
    assert found.changes["training.precision"] == "bf16-mixed"

    def no_hub(study: object) -> None:
        raise InputError("the hub cannot be reached")

    monkeypatch.setattr(module, "build_parts", no_hub)
    found, said = candidate(TUNED, with_gpu)
    assert said["encoder of tuned"] == ("lite0", f"{LARGER} cannot be had: the hub cannot be reached")
    assert "represent.source" not in found.changes
    assert list(found.changes["image.size"]) == [20, 24]


@pytest.mark.parametrize(
    ("name", "more"),
    [(SCRATCH, {}), (TUNED, {"image.size": [24, 24]}), (TUNED, {"represent.source": "lite0"})],
    ids=["scratch", "size", "source"],
)
def test_what_is_given_and_what_begins_from_nothing_stay(
    with_gpu: dict[str, Any], name: str, more: dict[str, Any]
) -> None:
    found, said = candidate(name, {**with_gpu, **more})
    assert "encoder of tuned" not in said
    assert "represent.source" not in found.changes


def test_where_the_larger_network_cannot_be_had_images_shrink_as_without_a_gpu(
    with_gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_hub(study: object) -> None:
        raise InputError("the hub cannot be reached")

    monkeypatch.setattr(module, "build_parts", no_hub)
    monkeypatch.setattr(module, "SMALLER", (12,))
    monkeypatch.setattr(module, "_measured", lambda *_: (300, Cost(99.0, 0.1, 4)))
    found, said = candidate(TUNED, {**with_gpu, "training.steps": 300})
    assert list(found.changes["image.size"]) == [10, 12]
    assert said["image size of tuned"][0] == "10 x 12"


def test_a_trained_candidate_reads_volumes_at_the_spacing_and_the_box_of_the_quick_one(
    with_gpu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    fixed = {"data.folds": 2}
    study = load_study(Candidate(QUICK, fixed, 0.0, "").recipe(with_gpu))
    boxed = {"size": [30, 40], "spacing": [3.0, 1.0], "fit": "pad_or_crop", "around": "mask"}
    masked = replace(study.recipe, data=replace(study.recipe.data, mask="mask"))
    study = replace(study, recipe=replace(masked, image=replace(masked.image, **boxed)))  # type: ignore[arg-type]
    monkeypatch.setattr(module, "_smaller", lambda *_: pytest.fail("a smaller box would cut masks"))
    found, _ = trained(SCRATCH, study, fixed, with_gpu, 1e4, Display(False))
    told = {name: found.changes[f"image.{name}"] for name in ("size", "spacing", "fit")}
    assert told == {"size": [30, 40], "spacing": [3.0, 1.0], "fit": "pad_or_crop"}


def test_a_stop_while_it_measures_ends_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, steps = Trainer._step, list[int]()

    def stopped(self: Trainer) -> None:
        step(self)
        steps.append(self.progress.step)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "_step", stopped)
    given = {
        "data.table": str(make_table(tmp_path / "data", groups=18)), "data.image": "path", "data.label": ["age"],
        "data.group": "patient", "data.cache": str(tmp_path / "cache"),
    }  # fmt: skip
    with pytest.raises(Stopped, match="stopped while what .* takes was measured; the same command measures it again"):
        candidate(SCRATCH, given)
    assert len(steps) == 3
