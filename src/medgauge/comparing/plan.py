"""What is compared: methods that are equal in all but the method itself, their tuning trials, seeds and the reference."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from medgauge.comparing.state import PICTURES
from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.core.words import did_you_mean
from medgauge.fitting.parts import build_parts
from medgauge.metrics import LabelRegions
from medgauge.recipes.idle import idle_settings, refuse_idle
from medgauge.recipes.read import build_recipe, default_values, load_values, override, parse_value, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.recipes.whole_names import whole_names
from medgauge.runfolder.seal import text_digest
from medgauge.study import Study
from medgauge.study.decide import decide_training
from medgauge.study.representation import decide_representation

RATE = "optimiser.learning_rate"
TUNING = 1000  # the tuning seed is the first run's seed plus this
EQUAL = ("seed", "data", "image", "augmentation", "model.encoder", "training", "prediction.level")
FREE = ("data.label_scaling",)
METHOD = ("objective", "weights", "sampler")  # sections that a method brings whole


@dataclass(frozen=True)
class Plan:
    """All that is decided before any run.

    Args:
        methods: the settled recipe of each method, by name; they differ in the method alone.
        trials: for each method, the changes of each tuning trial; one trial: no tuning.
        seeds: of the runs.
        reference: the method that the others are compared with.
        study: the cases, with the first seed's splits.
    """

    methods: dict[str, Recipe]
    trials: dict[str, list[dict[str, Any]]]
    seeds: list[int]
    reference: str
    study: Study

    @property
    def tuning_seed(self) -> int:
        """Seed of every tuning trial: its validation cases are cut by a seed that no run has."""
        return self.seeds[0] + TUNING

    @property
    def regions(self) -> dict[str, LabelRegions]:
        """Label regions of each target, by all labels that are not test cases': the same for every seed."""
        rows = [row for row, split in enumerate(self.study.splits) if split != "test"]
        label = torch.from_numpy(self.study.table.label[rows])
        return {name: LabelRegions.fit(label[:, place]) for place, name in enumerate(self.study.table.target)}

    @property
    def test_groups(self) -> dict[str, int]:
        """Number of groups with a label among the test cases, for each target."""
        table, rows = self.study.table, self.study.rows("test")
        return {
            name: len({table.group[row] for row in rows if table.label[row, place] == table.label[row, place]})
            for place, name in enumerate(table.target)
        }

    def stamp(self) -> dict[str, Any]:
        """What makes a comparison the same comparison."""
        return {
            "medgauge": __version__,
            "table_sha256": self.study.table.digest,
            PICTURES: _pictures(self.study),
            "seeds": self.seeds,
            "tuning_seed": self.tuning_seed,
            "reference": self.reference,
            "targets": self.study.table.target,
            "trials": self.trials,
            "methods": {name: recipe_values(recipe) for name, recipe in self.methods.items()},
        }


def _pictures(study: Study) -> str:
    """Digest of the pictures of all cases."""
    pairs = zip(study.table.id, study.images.digests, strict=True)
    return text_digest("\n".join(f"{name}\t{picture}" for name, picture in pairs))


def method_values(
    recipes: Sequence[str | Path], losses: Sequence[str | Path], changes: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The values of each method by name: recipes as they are, or with ``losses`` each method laid over the one recipe.

    Raises:
        InputError: an unknown name, one name twice, or fewer than two methods.
    """
    if losses and len(recipes) > 1:
        raise InputError(f"with --losses there is one base recipe, got {len(recipes)}: {', '.join(map(str, recipes))}")
    given = list(losses or recipes)
    names = [Path(one).name.removesuffix(".yaml") for one in given]
    if len(names) < 2:
        raise InputError(f"compare needs at least two methods, got {', '.join(names) or 'none'}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two methods are called {twice[0]}; give each recipe file a name of its own")
    base = load_values(recipes[0] if recipes else "default") if losses else {}
    found = {}
    for name, one in zip(names, given, strict=True):
        values = laid_over(base, load_values(one)) if losses else load_values(one)
        wanted = override(values, changes)
        wanted = override(wanted, whole_names(wanted))
        found[name] = {"objective": default_values(wanted)["objective"], **wanted}
    return found


def laid_over(base: Mapping[str, Any], method: Mapping[str, Any]) -> dict[str, Any]:
    """The base recipe with what makes the method: objective, weights, sampler, neck and head, predictor, label scaling."""
    values = {key: value for key, value in base.items() if key not in (*METHOD, "claim")}
    values |= {key: method[key] for key in (*METHOD, "claim") if key in method}
    own = {key: value for key, value in (base.get("model") or {}).items() if key not in ("neck", "head")}
    brought = {key: value for key, value in (method.get("model") or {}).items() if key != "encoder"}
    values["model"] = {**own, **brought}
    predictor = (method.get("prediction") or {}).get("predictor", "auto")
    values["prediction"] = {**(base.get("prediction") or {}), "predictor": predictor}
    scaling = (method.get("data") or {}).get("label_scaling")
    if scaling is not None:
        values["data"] = {**(base.get("data") or {}), "label_scaling": scaling}
    return values


def build_methods(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Recipe]:
    """The checked recipes; they must be equal in all but the method.

    Raises:
        InputError: a recipe is wrong, or two differ in data, images, augmentation, encoder or training.
    """
    recipes = {}
    for name, one in values.items():
        try:
            recipe = build_recipe(one)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        test_seed = recipe.seed if recipe.data.test_seed is None else recipe.data.test_seed
        recipes[name] = replace(recipe, data=replace(recipe.data, test_seed=test_seed))
    first, *others = recipes
    for other in others:
        found = unlike(recipes[first], recipes[other], first, other)
        if found:
            raise InputError(
                f"{first} and {other} cannot be compared: {'; '.join(found)}; make them equal, or use --losses"
            )
    training = recipes[first].training
    if training.seconds:
        raise InputError("compare needs equal steps: give --training.steps, and no training.seconds")
    if recipes[first].data.folds:
        raise InputError("compare trains each method over seeds, not over folds: leave data.folds out")
    if training.devices != 1:
        raise InputError(f"compare trains every run on one device, got training.devices {training.devices}")
    return recipes


def unlike(one: Recipe, other: Recipe, name: str, other_name: str) -> list[str]:
    """In words, what two recipes must have in common and have not."""
    flat, other_flat = (dict(_flat(recipe_values(recipe))) for recipe in (one, other))
    places = [
        place
        for place in dict.fromkeys([*flat, *other_flat])
        if any(place == part or place.startswith(f"{part}.") for part in EQUAL) and place not in FREE
    ]
    return [
        f"{place} is {flat.get(place)} in {name} and {other_flat.get(place)} in {other_name}"
        for place in places
        if flat.get(place) != other_flat.get(place)
    ]


def _flat(values: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", list(value) if isinstance(value, tuple) else value


def make_plan(
    recipes: Mapping[str, Recipe], study: Study, *, seeds: int, trials: int, grid: Sequence[str], reference: str | None
) -> Plan:
    """Settle every method on the cases and lay out its trials.

    Raises:
        InputError: no test cases, an unknown reference, or a grid that does not fit.
    """
    if not study.rows("test"):
        raise InputError("compare needs test cases: give data.shares.test a share, or a split column with test")
    reference = next(iter(recipes)) if reference is None else reference
    if reference not in recipes:
        raise InputError(f"the reference {reference!r} is none of the methods ({did_you_mean(reference, recipes)})")
    methods = {name: _settled(recipe, study) for name, recipe in recipes.items()}
    first = study.recipe.seed
    laid = _trials(methods, trials, grid)
    return Plan(methods, laid, list(range(first, first + seeds)), reference, study)


def _settled(recipe: Recipe, study: Study) -> Recipe:
    """The recipe with all that the data decide, the same for each method and seed."""
    decided = study.recipe
    own = decided.data
    data = replace(
        recipe.data, image=own.image, id=own.id, label=own.label, kind=own.kind, covariate_words=own.covariate_words
    )
    laid = decide_representation(replace(recipe, data=data, image=decided.image, augmentation=decided.augmentation))
    return decide_training(laid, study.images.array.ndim - 2, study.table.label[study.rows("train")])


def _trials(methods: Mapping[str, Recipe], trials: int, grid: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each method ``trials`` sets of changes: its own grid times as many learning rates."""
    grids: dict[str, dict[str, list[Any]]] = {name: {} for name in methods}
    for text in grid:
        method, place, values = _grid(text, methods)
        for name in [method] if method else methods:
            grids[name][place] = values
    laid = {}
    for name, recipe in methods.items():
        places = grids[name]
        combined = [dict(zip(places, values, strict=True)) for values in itertools.product(*places.values())]
        if trials % len(combined):
            raise InputError(
                f"--trials must be a multiple of the {len(combined)} values of {name}'s --grid, got {trials}; each "
                "learning rate is tried with each of them"
            )
        laid[name] = [rate | changes for rate in _rates(recipe, trials // len(combined)) for changes in combined]
        for changes in combined:
            _check_grid(name, recipe, changes)
    return laid


def _rates(recipe: Recipe, count: int) -> list[dict[str, Any]]:
    """Learning rates to try, as changes; none where nothing is learned."""
    rate = recipe.optimiser.learning_rate
    return [{}] if rate == "auto" else [{RATE: float(f"{rate * factor:.4g}")} for factor in factors(count)]


def factors(count: int) -> list[float]:
    """Factors of the learning rate: 1, 1/3, 3, 1/9, 9 and so on.

    >>> [round(factor, 3) for factor in factors(4)]
    [1.0, 0.333, 3.0, 0.111]
    """
    return [1.0, *(3.0**power for step in range(1, count) for power in (-step, step))][:count]


def _grid(text: str, methods: Mapping[str, Recipe]) -> tuple[str | None, str, list[Any]]:
    """The parts of METHOD:place=value,value (METHOD: may be left out)."""
    where, _, words = text.partition("=")
    method, colon, place = where.rpartition(":")
    if colon and method not in methods:
        raise InputError(f"--grid {text}: {method!r} is none of the methods ({did_you_mean(method, methods)})")
    values = [parse_value(word) for word in words.split(",") if word]
    if "." not in place or len(values) < 2 or place == RATE:
        raise InputError(
            f"--grid needs a setting and two values or more (--grid optimiser.weight_decay=0.01,0.1), got {text!r}; "
            "learning rates are tried in any case"
        )
    return (method if colon else None), place, values


def _check_grid(name: str, recipe: Recipe, changes: Mapping[str, Any]) -> None:
    if not changes:
        return
    try:
        changed = build_recipe(override(recipe_values(recipe), changes))
        refuse_idle(idle_settings(changed), changes)
    except InputError as error:
        raise InputError(f"--grid for {name}: {error} (METHOD:setting=… is for one method alone)") from error
    found = unlike(recipe, changed, "the others", name)
    if found:
        raise InputError(f"--grid may not change what must be equal: {'; '.join(found)}")


def try_methods(plan: Plan) -> None:
    """Build every method, which tries its first batch, so that what one cannot do is told before any run.

    Raises:
        InputError: with the method's name.
    """
    for name, recipe in plan.methods.items():
        try:
            build_parts(replace(plan.study, recipe=recipe))
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{name} cannot be trained on these cases: {error}") from error
