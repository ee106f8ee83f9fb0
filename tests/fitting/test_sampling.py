"""How training cases count and are drawn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts, fit_tasks
from medgauge.fitting.sampling import build_sampler, case_regions, case_weights, weighting_notes
from tests.fitting.test_train import small_study
from tests.study.small import recipe_of, study_of, table_of

NAN = float("nan")
LABEL = [1.0] * 8 + [2.0] * 2 + [50.0, NAN, 1.5]
SPLITS = ["train"] * 10 + ["val", "test", "val"]


def test_without_a_scheme_nothing_is_weighted() -> None:
    assert case_weights(study_of(table_of(LABEL), SPLITS, recipe_of())) is None


def test_a_rare_label_weighs_by_the_inverse_of_its_count() -> None:
    recipe = recipe_of(weights={"scheme": "inverse", "smoothing": "none", "bin_width": 1.0})
    table = table_of([1.0] * 18 + [2.0] * 6 + [50.0, NAN])
    weight = case_weights(study_of(table, ["train"] * 24 + ["val"] * 2, recipe))
    assert weight is not None
    assert weight[18] / weight[0] == pytest.approx(18 / 6)
    assert weight[:24].mean() == pytest.approx(1)
    assert weight[24:].tolist() == [1, 1]


def test_regions_are_those_of_the_training_labels() -> None:
    study = study_of(table_of(LABEL), SPLITS, recipe_of())
    found = case_regions(study, fit_tasks(study))
    assert found[:8].tolist() == [0] * 8
    assert found[10:].tolist()[:2] == [2, -1]  # beyond the training labels; missing
    assert found[8] == found[9] > 0


def test_the_sampler_draws_training_positions_only_and_its_batch_must_fit() -> None:
    recipe = recipe_of(training={"batch_size": 5})
    sampler = build_sampler(study_of(table_of(LABEL), SPLITS, recipe))
    drawn = [place for step in range(2) for place in sampler.batch(step)]
    assert sorted(drawn) == list(range(10))
    with pytest.raises(InputError, match="batch"):
        build_sampler(
            study_of(table_of(LABEL), SPLITS, recipe_of(training={"batch_size": 99}, sampler={"name": "balanced"}))
        )


def test_weights_and_balanced_batches_know_one_target() -> None:
    table = replace(table_of(LABEL), label=np.tile(np.array(LABEL)[:, None], 2), target=["age", "bmi"])
    for changes, setting in (
        ({"weights": {"scheme": "inverse"}}, "weights.scheme"),
        ({"sampler": {"name": "balanced"}, "training": {"batch_size": 4}}, "sampler.name balanced"),
    ):
        study = study_of(table, SPLITS, recipe_of(**changes))
        with pytest.raises(InputError, match=f"{setting} knows one target, and data.label names 2"):
            case_weights(study) if "weights" in changes else build_sampler(study)


def test_batches_by_the_rarest_label_are_drawn_from_all_findings_of_training_cases() -> None:
    findings = np.array([[1.0, 0.0]] * 6 + [[1.0, 1.0]] + [[0.0, NAN]] * 3 + [[1.0, 1.0]] * 3)
    table = replace(table_of(LABEL), label=findings, target=["nodule", "mass"])
    kinds = {"label": ["nodule", "mass"], "kind": {"nodule": "finding", "mass": "finding"}}
    recipe = recipe_of(data=kinds, sampler={"name": "rarest_label", "one_per_group": True}, training={"batch_size": 4})
    study = study_of(table, SPLITS, recipe)
    sampler = build_sampler(study)
    drawn = [place for step in range(50) for place in sampler.batch(step)]
    assert set(drawn) == set(range(10))
    assert drawn.count(6) > 40  # a chance of 1 over 1 / 7 of each with the nodule alone, 1 / 3 of each with neither
    expected = (6 / 7 + 1 + 1) ** 2 / (6 / 49 + 1 + 3 / 9)
    told = f"batches by the rarest label leave the 10 training cases an effective size of {expected:.0f}"
    assert weighting_notes(study, None, sampler) == [told]
    without = recipe_of(sampler={"name": "rarest_label"}, training={"batch_size": 4})
    with pytest.raises(InputError, match=r"^sampler.name rarest_label draws by findings, and no label is one; take "):
        build_sampler(study_of(table_of(LABEL), SPLITS, without))


def test_batches_by_the_rarest_label_know_the_findings_beside_a_number_alone() -> None:
    """The number is 1 in many cases, and no finding for that; one case has a number and no finding known."""
    finding = np.array([0.0] * 7 + [1.0, 1.0, NAN, 0.0, 1.0, 0.0])
    table = replace(table_of(LABEL), label=np.stack([LABEL, finding], 1), target=["age", "mass"])
    data = {"label": ["age", "mass"], "kind": {"mass": "finding"}}
    recipe = recipe_of(data=data, sampler={"name": "rarest_label"}, training={"batch_size": 4})
    study = study_of(table, SPLITS, recipe)
    sampler = build_sampler(study)
    drawn = [place for step in range(50) for place in sampler.batch(step)]
    assert set(drawn) == set(range(9))
    assert drawn.count(7) > 2 * drawn.count(0)  # a chance of 1 / 2 over 1 / 7
    assert weighting_notes(study, None, sampler)[1:] == [
        "1 training case has no label of a finding, and is in no batch by the rarest label"
    ]


def test_the_effective_size_is_told_where_cases_count_unequally() -> None:
    def told(**changes: object) -> list[str]:
        study = study_of(
            table_of([1.0] * 18 + [2.0] * 6 + [50.0, NAN]), ["train"] * 24 + ["val"] * 2, recipe_of(**changes)
        )
        return weighting_notes(study, case_weights(study), build_sampler(study))

    assert told(training={"batch_size": 3}) == []
    assert told(sampler={"name": "balanced", "by": "region"}, training={"batch_size": 3}) == []
    weights = {
        "scheme": "inverse",
        "smoothing": "none",
        "bin_width": 1.0,
    }  # 1/18 and 1/6: (1 + 1)^2 / (1/18 + 1/6) = 18
    assert told(weights=weights, training={"batch_size": 3}) == [
        "weights by the density of labels leave the 24 training cases an effective size of 18; the largest weight is 2 "
        "times the mean"
    ]
    parts = build_parts(small_study(weights={"scheme": "inverse"}))
    assert any(note.startswith("weights by the density of labels leave the 8 training cases") for note in parts.notes)
    assert not any("no term" in note for note in parts.notes)
    alone = {"isometry": {"term": {"class_path": "RMLoss"}}}  # it takes no weights
    parts = build_parts(small_study(weights={"scheme": "inverse"}, objective=alone))
    assert parts.notes[-1] == "weights.scheme inverse has no effect: no term of the objective takes weights"
    (line,) = told(sampler={"name": "balanced", "by": "density"}, training={"batch_size": 3})
    assert line.startswith("batches by the density of labels leave the 24 training cases an effective size of ")


def test_terms_are_told_the_labels_of_training_cases_alone() -> None:
    findings = np.array([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 5 + [[0.0, NAN]] + [[1.0, 1.0]] * 4)
    study = small_study(
        data={"label": ["nodule", "mass"], "kind": {"nodule": "finding", "mass": "finding"}},
        objective={
            "finding": {"term": {"class_path": "BinaryCrossEntropyLoss", "init_args": {"positive_weight": "auto"}}}
        },
    )
    table = replace(study.table, label=findings, target=["nodule", "mass"], covariate=[])
    objective = build_parts(replace(study, table=table)).objective
    assert objective is not None
    assert objective.terms["finding"].present_weight.tolist() == [6 / 2, 2 / 5]


def test_what_a_run_is_too_short_for_is_told() -> None:
    """Eight training cases in batches of four: three steps are two passes, the second one half."""

    def told(**changes: Any) -> list[str]:
        return [
            note for note in build_parts(small_study(**changes)).notes if "optimiser" in note or "smoothing" in note
        ]

    smoothed = {"embedding": 4, "neck": "feature_smoothing"}
    assert told() == told(optimiser={"warmup": 2}) == told(model=smoothed) == []
    assert told(optimiser={"warmup": 3}) == [
        "optimiser.warmup 3 is not over after 3 steps, so the learning rate stays below its peak; give fewer"
    ]
    assert told(model={**smoothed, "smoothing": {"start_epoch": 2}}) == [
        "model.smoothing.start_epoch 2 is not reached in 2 passes over the training cases, so nothing is smoothed; give an "
        "earlier one, or more training.steps"
    ]


@pytest.mark.parametrize("ends", [{"low": 5.0}, {"high": -5.0}, {"low": 5.0, "high": 6.0}])
def test_nodes_of_smoothing_lie_among_the_labels(ends: dict[str, float]) -> None:
    """Twelve normal labels, scaled to a deviation of one, are within five of their mean."""
    with pytest.raises(InputError, match=r"model\.smoothing has no training label between its ends, "):
        build_parts(small_study(model={"embedding": 4, "neck": "feature_smoothing", "smoothing": ends}))
