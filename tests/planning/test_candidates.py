"""Candidates: which settings leave something to choose, and what each candidate makes of them."""

from dataclasses import replace
from typing import Any

from medgauge.planning.candidates import QUICK, SCRATCH, TUNED, Candidate, says_how, what_it_is

GIVEN: dict[str, Any] = {"data.table": "cases.csv", "data.label": ["age"], "image.size": [32, 32], "seed": 3}
HOW = {"training.steps": 7, "optimiser.learning_rate": 0.1, "model.embedding": 9, "prediction.predictor": "head"}


def test_settings_of_data_images_and_intervals_leave_the_choice_open() -> None:
    assert says_how({**GIVEN, "prediction.level": 0.8, "data.folds": 4, "claim.source": "none"}) == []
    assert says_how({**GIVEN, **HOW, "data.fold": 1}) == [*HOW, "data.fold"]


def test_settings_of_training_reach_only_what_is_trained() -> None:
    quick, scratch = (Candidate(name, {"data.folds": 5}, 1.0, "").recipe({**GIVEN, **HOW}) for name in (QUICK, SCRATCH))
    assert (quick.represent.name, quick.training.steps, quick.prediction.predictor) == ("frozen", "auto", "regression")
    assert (scratch.represent.name, scratch.training.steps, scratch.model.embedding) == ("scratch", 7, 9)
    for recipe in (quick, scratch):
        assert (recipe.data.folds, recipe.seed, list(recipe.image.size)) == (5, 3, [32, 32])


def test_what_was_given_stands_above_what_was_decided() -> None:
    tuned = Candidate(TUNED, {"represent.name": "tuned", "training.steps": 500, "image.size": [8, 8]}, 1.0, "")
    recipe = tuned.recipe({**GIVEN, "training.steps": 7})
    assert (recipe.represent.name, recipe.training.steps, list(recipe.image.size)) == ("tuned", 7, [32, 32])


def test_a_further_seed_has_the_same_settings_and_folds() -> None:
    first, second, third = (
        Candidate(name, {"data.folds": 5}, 1.0, "").recipe({**GIVEN, **HOW})
        for name in (SCRATCH, "scratch_2", "scratch_3")
    )
    assert (second.seed, third.seed, second.data.test_seed) == (4, 5, 3)
    assert replace(second, seed=3, data=replace(second.data, test_seed=None)) == first
    kept = Candidate("tuned_2", {}, 1.0, "").recipe({**GIVEN, "data.test_seed": 8})
    assert (kept.seed, kept.data.test_seed) == (4, 8)
    assert Candidate("tuned_2", {}, 1.0, "").trains
    assert what_it_is("tuned_2") == "a pretrained network trained on, with its seed number 2"
