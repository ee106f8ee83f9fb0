"""Settings of a pretraining: what contradicts what, also beside the cases of a step."""

import pytest

from medgauge.core.errors import InputError
from medgauge.recipes.pretraining_settings import PretrainingSettings
from medgauge.recipes.read import build_recipe, load_values, override


def test_an_odd_size_is_refused() -> None:
    values = override(load_values("siamese_se"), {"pretraining.size": 5})
    with pytest.raises(InputError, match="pretraining.size must be even, half for each of two centroids, got 5"):
        build_recipe(values)


def test_clusters_and_size_must_fit_a_batch() -> None:
    balanced = PretrainingSettings(method="siamese", selection="balanced", clusters=9, size=8)
    many, large = balanced.batch_conflicts(6)
    assert (
        many == "pretraining.clusters 9 is more than the 6 cases of a step; give fewer, or a larger training.batch_size"
    )
    assert large.startswith("pretraining.size 8 is more than the 6 cases of a step that it chooses from")
    assert balanced.batch_conflicts(9) == []
    assert PretrainingSettings(method="siamese", clusters=9).batch_conflicts(6) == []


def test_a_size_that_the_paper_rules_out_is_noted() -> None:
    balanced = PretrainingSettings(method="siamese", selection="balanced", clusters=3, size=6)
    assert balanced.batch_notes(30) == balanced.batch_notes(19) == []
    (said,) = balanced.batch_notes(18)
    assert said.startswith("pretraining.size 6 is not below the 6 cases that a cluster has on average")
    assert PretrainingSettings(method="siamese", selection="reweight").batch_notes(9) == []


def test_it_is_off_by_default() -> None:
    assert not PretrainingSettings().is_on
    assert build_recipe(load_values("siamese_re")).pretraining.is_on
