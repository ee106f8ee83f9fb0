"""Settings that do nothing beside the others."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import medgauge.losses
from medgauge.cli.main import main
from medgauge.core.errors import InputError
from medgauge.fitting.stamp import make_recipe
from medgauge.recipes.idle import idle_notes, idle_settings, shared_notes, whole_batch_notes
from medgauge.recipes.read import build_recipe, check_changes, load_values, override, recipe_names
from medgauge.recipes.schema import Recipe
from medgauge.study.decide import decide_training

COLUMNS = {"table": "cases.csv", "image": "path", "label": ["age"], "group": "patient"}
FROZEN = [
    ("augmentation.flip", ["rows"]), ("augmentation.rotation", 10.0), ("augmentation.shift", 0.1), ("augmentation.scale", 0.1),
    ("augmentation.intensity", 0.1), ("augmentation.noise", 0.1), ("augmentation.mixup", True),
    ("augmentation.mixup_width", 0.1), ("augmentation.label_changes_with", ["flip"]), ("optimiser.name", "sgd"),
    ("optimiser.learning_rate", 0.1), ("optimiser.weight_decay", 0.1), ("optimiser.schedule", "constant"),
    ("optimiser.warmup", 3), ("optimiser.clip", 1.0), ("training.steps", 20), ("training.seconds", 5.0),
    ("training.batch_size", 4), ("training.accumulate", 2), ("training.micro_batch", 2),
    ("training.evaluations", 3), ("training.patience", 3),
    ("training.ema", True), ("training.checkpoint_seconds", 1.0), ("training.loggers", ["tensorboard"]),
    ("weights.scheme", "inverse"), ("weights.sigma", 3.0), ("sampler.name", "balanced"), ("sampler.by", "density"),
    ("model.smoothing.sigma", 3.0), ("model.embedding", 7), ("model.covariate_width", 7),
]  # fmt: skip
"""Settings that say how something is learned, with values that are not the defaults."""
ALONE = [
    ("sampler.by", "density", {"sampler.name": "balanced"}),
    ("sampler.one_per_group", True, {"sampler.name": "balanced"}),
    ("weights.smoothing", "none", {"weights.scheme": "inverse"}),
    ("weights.kernel", "gaussian", {"weights.scheme": "inverse", "weights.smoothing": "lds"}),
    ("weights.kernel_size", 7, {"weights.scheme": "inverse", "weights.smoothing": "lds"}),
    ("weights.sigma", 3.0, {"weights.scheme": "inverse", "weights.smoothing": "lds"}),
    ("weights.bin_width", 3.0, {"weights.scheme": "inverse", "weights.smoothing": "none"}),
    ("model.smoothing.momentum", 0.5, {"model.neck": "feature_smoothing"}),
    ("model.smoothing.bin_width", 0.5, {"model.neck": "feature_smoothing"}),
    ("augmentation.mixup_width", 0.1, {"augmentation.mixup": True}),
    ("model.covariate_width", 7, {"data.covariates": ["sex"]}),
    ("training.patience", 10, {"training.evaluations": 11}),
    ("data.resplit", True, {"data.split": "part"}),
]  # fmt: skip
"""Settings that act together with another one alone: place, value, and what they need."""
HALF = [
    ("weights.kernel", "gaussian", {"weights.scheme": "inverse"}, "a weights.smoothing other than lds"),
    ("weights.bin_width", 2.0, {"weights.scheme": "inverse"}, "weights.smoothing kernel_density"),
    ("sampler.one_per_group", True, {"sampler.name": "balanced", "data.group": None, "data.no_groups": True}, "data.no_groups"),
    ("sampler.by", "density", {"sampler.name": "rarest_label"}, "sampler.name rarest_label"),
    ("data.merge_groups", True, {"data.group": None, "data.no_groups": True}, "data.no_groups"),
    ("data.groups_are_exact", True, {"data.group": None, "data.no_groups": True}, "data.no_groups"),
    ("prediction.aggregate", "mean", {"data.group": None, "data.no_groups": True}, "data.no_groups"),
]  # fmt: skip


def recipe(name: str, **changes: Any) -> Recipe:
    return build_recipe(override(load_values(name), changes))


def refused(name: str | None, changes: dict[str, Any]) -> str:
    """What is said of changes over a recipe, early and with the whole of it."""
    with pytest.raises(InputError) as early:
        check_changes(name, {**{f"data.{column}": value for column, value in COLUMNS.items()}, **changes})
    columns = {name: value for name, value in COLUMNS.items() if f"data.{name}" not in changes}
    with pytest.raises(InputError) as late:
        make_recipe(name, columns, changes)
    assert str(early.value) == str(late.value)
    return str(late.value)


@pytest.mark.parametrize(("place", "value"), FROZEN)
def test_how_to_learn_has_no_effect_where_nothing_is_learned(place: str, value: Any) -> None:
    said = refused("frozen", {place: value})
    assert said.startswith(f"{place} has no effect with ")
    assert "standardised, which learns nothing; leave it out" in said or "reads every image once; leave it out" in said


def test_all_of_them_are_told_at_once_and_what_is_left_of_a_section() -> None:
    said = refused(
        "frozen", {"training": {"ema": True, "patience": 3}, "optimiser.clip": 1.0, "augmentation.noise": 0.1}
    )
    assert said == (
        "augmentation.noise has no effect with represent.name frozen, which reads every image once, "
        "optimiser.clip, training.patience, training.ema have no effect with model.neck standardised, which learns nothing; "
        "leave them out"
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("training.accelerator", "cpu"), ("training.precision", "bf16-mixed"), ("augmentation.size_covariates", ["mm"]),
        ("image.size", [96, 96]), ("represent.size", 320), ("prediction.level", 0.8), ("data.folds", 5), ("seed", 3),
        ("optimiser.learning_rate", "auto"), ("training.steps", "auto"), ("augmentation.rotation", 0), ("weights.scheme", "none"),
    ],
)  # fmt: skip
def test_what_has_an_effect_and_what_is_the_default_is_taken(place: str, value: Any) -> None:
    assert idle_settings(make_recipe("frozen", COLUMNS, {place: value})) == {}


@pytest.mark.parametrize("name", [None, "l1"])
@pytest.mark.parametrize(("place", "value", "needs"), ALONE)
def test_settings_that_act_with_another_one_alone(
    name: str | None, place: str, value: Any, needs: dict[str, Any]
) -> None:
    assert refused(name, {place: value}).startswith(f"{place} has no effect with ")
    changes = {f"data.{column}": one for column, one in COLUMNS.items()} | needs
    if place != "augmentation.mixup_width":  # mixup asks for more: no label that it changes, terms that can be mixed
        check_changes(name, {**changes, place: value})
    assert place not in idle_settings(recipe("l1", **changes, **{place: value}))


@pytest.mark.parametrize(("place", "value", "others", "beside"), HALF)
def test_settings_whose_other_one_is_not_enough(place: str, value: Any, others: dict[str, Any], beside: str) -> None:
    assert refused("l1", {place: value, **others}) == f"{place} has no effect with {beside}; leave it out"


def test_a_recipe_that_holds_them_is_taken_with_a_note() -> None:
    given = make_recipe("l1", COLUMNS, {"represent.name": "frozen"})
    assert idle_notes(given) == [
        "of the recipe augmentation.flip, augmentation.rotation, augmentation.shift, augmentation.intensity have no effect with "
        "represent.name frozen, which reads every image once"
    ]
    own = override(load_values("frozen"), {"training.steps": 20, "optimiser.clip": 1.0})
    assert idle_notes(make_recipe(own, COLUMNS)) == [
        "of the recipe optimiser.clip, training.steps have no effect with model.neck standardised, which learns nothing"
    ]
    assert idle_notes(make_recipe("l1", COLUMNS)) == []


def test_no_recipe_that_comes_along_holds_any() -> None:
    assert len(names := recipe_names()) > 20
    assert {name: found for name in names if (found := idle_settings(build_recipe(load_values(name))))} == {}


def test_several_recipes_share_what_acts_in_one_of_them() -> None:
    both = {name: recipe(name, **{"training.ema": True}) for name in ("frozen", "l1")}
    assert shared_notes(both, ["training.ema"]) == [
        "of the recipe frozen training.ema has no effect with model.neck standardised, which learns nothing"
    ]
    with pytest.raises(InputError, match=r"^training\.ema has no effect with model\.neck standardised"):
        shared_notes({"frozen": both["frozen"], "another": both["frozen"]}, ["training.ema"])


def test_a_comparison_refuses_what_acts_in_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--out", str(tmp_path / "out"), "--training.steps", "2", "--sampler.by", "density"]
    assert main(["compare", "hc18_l1", "--losses", "l1,mse", *words]) == 1
    assert "sampler.by has no effect with sampler.name random; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


ARGUMENTS = [
    ("RMLoss", "momentum", 0.5, {"mining": False}, "mining false"),
    ("RobustPearsonLoss", "outlier_fraction", 0.3, {"outlier_rule": "none"}, "outlier_rule none"),
    ("RobustPearsonLoss", "outlier_fraction", 0.3, {"outlier_rule": "mad"}, "outlier_rule mad"),
    ("RobustPearsonLoss", "neighbourhood", 0.02, {"outlier_rule": "quantile"}, "outlier_rule quantile"),
    ("RobustPearsonLoss", "agreement", "concordance", {"agreement_weight": 0}, "agreement_weight 0"),
    (
        "RobustPearsonLoss", "distribution", "absolute", {"mean_weight": 0.0, "spread_weight": 0.0},
        "mean_weight 0 and spread_weight 0",
    ),
    ("RobustPearsonLoss", "beta", 9.0, {"outlier_weight": 0}, "outlier_weight 0"),
    ("JoCoRankLoss", "individual", "mse", {"individual_weight": 0}, "individual_weight 0"),
    ("JoCoRankLoss", "peer", "rank", {"peer_weight": 0}, "peer_weight 0"),
    ("JoCoRankLoss", "outlier_rule", "none", {"peer_weight": 0, "global_weight": 0}, "global_weight 0 and peer_weight 0"),
    ("JoCoRankLoss", "outlier_fraction", 0.3, {"peer_weight": 0, "global_weight": 0}, "global_weight 0 and peer_weight 0"),
    ("JoCoRankLoss", "outlier_fraction", 0.3, {"outlier_rule": "none"}, "outlier_rule none"),
    ("JoCoRankLoss", "temperature", 0.1, {"peer": "difference"}, "peer difference"),
    ("JoCoRankLoss", "interpolation", 5.0, {"ranking_weight": 0}, "ranking_weight 0"),
    ("JoCoRankLoss", "ties", "unique", {"ranking_weight": 0}, "ranking_weight 0"),
    ("JoCoRankLoss", "distribution", "absolute", {"global_weight": 0}, "global_weight 0"),
]  # fmt: skip
"""An argument of a term, a value that is not its default, what makes it do nothing, and that in words."""
ACTING: dict[tuple[str, str], dict[str, Any]] = {
    ("JoCoRankLoss", "temperature"): {"peer": "rank"}, ("RobustPearsonLoss", "outlier_fraction"): {"outlier_rule": "quantile"},
}  # fmt: skip
"""Arguments that act beside others only."""


def of_term(kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"objective": {"one": {"term": {"class_path": kind, "init_args": arguments}}}}


def gradients(kind: str, arguments: dict[str, Any]) -> list[torch.Tensor]:
    """Of two batches one after the other, for predictions and embeddings of drawn cases with tied labels."""
    loss = getattr(medgauge.losses, kind)(**arguments).train()
    draw = np.random.default_rng(3)
    found = []
    for _ in range(2):
        label = torch.from_numpy(draw.integers(0, 9, (24, 1)).astype(float))
        given = {"prediction": label + torch.from_numpy(draw.standard_t(2, (24, 1))), "label": label}
        given["embedding"] = torch.from_numpy(draw.normal(size=(24, 3)))
        asked = {name: given[name] for name in inspect.signature(loss.forward).parameters if name in given}
        free = [value.requires_grad_() for name, value in asked.items() if name != "label"]
        loss(**asked).backward()
        found += [value.grad if value.grad is not None else torch.zeros_like(value) for value in free]
    return found


@pytest.mark.parametrize(("kind", "argument", "value", "beside", "told"), ARGUMENTS)
def test_an_argument_of_a_term_that_does_nothing_beside_its_others_is_refused(
    kind: str, argument: str, value: Any, beside: dict[str, Any], told: str
) -> None:
    changes = of_term(kind, {**beside, argument: value})
    said = refused("l1", {**changes, "model.head": "linear"})
    assert said == f"objective.one.term.init_args.{argument} has no effect with {told}; leave it out"
    for idle, without in zip(gradients(kind, {**beside, argument: value}), gradients(kind, beside), strict=True):
        assert torch.equal(idle, without)
    acting = ACTING.get((kind, argument), {})
    assert not idle_settings(recipe("l1", **of_term(kind, {**acting, argument: value})))
    pairs = zip(gradients(kind, {**acting, argument: value}), gradients(kind, acting), strict=True)
    assert not all(torch.equal(one, other) for one, other in pairs)


def test_the_default_of_an_argument_says_nothing_and_a_recipe_that_holds_an_idle_one_is_noted() -> None:
    assert not idle_settings(recipe("l1", **of_term("RMLoss", {"mining": False, "momentum": 0.9})))
    (note,) = idle_notes(recipe("l1", **of_term("RMLoss", {"mining": False, "momentum": 0.5})))
    assert note == "of the recipe objective.one.term.init_args.momentum has no effect with mining false"


def test_parts_as_large_as_the_batch_that_was_decided_are_noted_and_leave_the_norm_alone() -> None:
    asked = make_recipe("rm_l1", COLUMNS, {"training.micro_batch": 32})
    decided = decide_training(asked, 2, np.zeros((400, 1)))
    assert (decided.training.batch_size, decided.model.encoder.norm) == (32, "batch")
    (note,) = whole_batch_notes(asked, decided)
    assert note.startswith(
        "training.micro_batch 32 has no effect, as the training.batch_size that was decided, 32, is no"
    )
    split = make_recipe("rm_l1", COLUMNS, {"training.micro_batch": 31})
    assert decide_training(split, 2, np.zeros((400, 1))).model.encoder.norm == "group"
    assert whole_batch_notes(split, decide_training(split, 2, np.zeros((400, 1)))) == []
