"""What is compared: methods that are equal in all but the method itself, their tuning trials, seeds and the reference."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from medgauge.comparing.state import PICTURES
from medgauge.comparing.trials import RATE, factors, parse_grid
from medgauge.core.errors import InputError
from medgauge.core.version import __version__
from medgauge.core.words import did_you_mean
from medgauge.functional.regions import AnyRegions, label_regions
from medgauge.recipes.idle import idle_settings, is_idle, refuse_idle
from medgauge.recipes.label_columns import label_changes
from medgauge.recipes.read import build_recipe, default_values, load_values, override, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.recipes.whole_names import whole_names
from medgauge.runfolder.seal import text_digest
from medgauge.study import Study
from medgauge.study.decide import decide_training
from medgauge.study.representation import decide_representation

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
        study: the cases, with the first seed's splits; with folds those of the first partition.
        partitions: seeds of the partitions into folds; none: the cases have splits.
        unseeded: methods that every seed makes the same.
    """

    methods: dict[str, Recipe]
    trials: dict[str, list[dict[str, Any]]]
    seeds: list[int]
    reference: str
    study: Study
    partitions: list[int] = field(default_factory=list)
    unseeded: list[str] = field(default_factory=list)

    @property
    def folds(self) -> int:
        """Parts that are left out in turn; 0: none."""
        return self.study.recipe.data.folds

    @property
    def tuning_seed(self) -> int:
        """Seed of every tuning trial: its validation cases are cut by a seed that no run has."""
        return self.seeds[0] + TUNING

    @property
    def regions(self) -> dict[str, AnyRegions]:
        """Label regions of each target, by all labels that are not test cases': the same for every seed."""
        rows = [row for row, split in enumerate(self.study.splits) if split != "test"]
        label = torch.from_numpy(self.study.table.label[rows])
        table = self.study.table
        return {
            name: label_regions(label[:, at], classes=name in table.classes) for at, name in enumerate(table.target)
        }

    @property
    def test_groups(self) -> dict[str, int]:
        """Number of groups with a label among the test cases, for each target."""
        table, rows = self.study.table, self.study.rows("test")
        return {
            name: len({table.group[row] for row in rows if table.label[row, place] == table.label[row, place]})
            for place, name in enumerate(table.target)
        }

    @property
    def whole(self) -> dict[str, list[Any]]:
        """Id, group and labels of every case that is in a fold; nothing where there are no folds."""
        table = self.study.table
        rows = [row for row, split in enumerate(self.study.splits) if split != "test"] if self.folds else []
        labels = {f"label_{name}": table.label[rows, place].tolist() for place, name in enumerate(table.target)}
        return {"id": [table.id[row] for row in rows], "group": [table.group[row] for row in rows], **labels}

    def stamp(self) -> dict[str, Any]:
        """What makes a comparison the same comparison."""
        crossed = (
            {"folds": self.folds, "partitions": self.partitions, "unseeded": sorted(self.unseeded)}
            if self.folds
            else {}
        )
        return crossed | {
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
        wanted = override(wanted, label_changes(wanted))
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
    if recipes[first].data.fold is not None:
        raise InputError("compare leaves every fold out in turn: leave data.fold out")
    if training.devices != 1:
        raise InputError(f"compare trains every run on one device, got training.devices {training.devices}")
    return recipes


def unlike(one: Recipe, other: Recipe, name: str, other_name: str) -> list[str]:
    """In words, what two recipes must have in common and have not, but for what decides nothing in either."""
    flat, other_flat = (dict(_flat(recipe_values(recipe))) for recipe in (one, other))
    places = [
        place
        for place in dict.fromkeys([*flat, *other_flat])
        if any(place == part or place.startswith(f"{part}.") for part in EQUAL) and place not in FREE
    ]
    return [
        f"{place} is {flat.get(place)} in {name} and {other_flat.get(place)} in {other_name}"
        for place in places
        if flat.get(place) != other_flat.get(place) and not (is_idle(one, place) and is_idle(other, place))
    ]


def _flat(values: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", list(value) if isinstance(value, tuple) else value


def make_plan(
    recipes: Mapping[str, Recipe],
    study: Study,
    *,
    seeds: int,
    trials: int,
    grid: Sequence[str],
    reference: str | None,
    partitions: int = 1,
) -> Plan:
    """Settle every method on the cases and lay out its trials.

    Raises:
        InputError: no test cases and no folds, an unknown reference, or a grid that does not fit.
    """
    folds = study.recipe.data.folds
    if not study.rows("test") and not folds:
        raise InputError(
            "compare needs test cases: give data.shares.test a share, a split column with test, or --folds"
        )
    reference = next(iter(recipes)) if reference is None else reference
    if reference not in recipes:
        raise InputError(f"the reference {reference!r} is none of the methods ({did_you_mean(reference, recipes)})")
    methods = {name: _settled(recipe, study) for name, recipe in recipes.items()}
    first = study.recipe.seed
    laid = _trials(methods, trials, grid)
    if not folds:
        return Plan(methods, laid, list(range(first, first + seeds)), reference, study)
    cut = first if study.recipe.data.test_seed is None else study.recipe.data.test_seed
    unseeded = [name for name, recipe in methods.items() if recipe.model.neck == "standardised"]
    laid |= {name: [{}] for name in unseeded}  # there is no learning rate to tune
    parts = list(range(cut, cut + partitions))
    return Plan(methods, laid, list(range(first, first + seeds)), reference, study, parts, unseeded)


def _settled(recipe: Recipe, study: Study) -> Recipe:
    """The recipe with all that the data decide, the same for each method and seed."""
    decided = study.recipe
    own = decided.data
    names = ("image", "id", "label", "kind", "classes", "covariate_words")
    data = replace(recipe.data, **{name: getattr(own, name) for name in names})
    laid = decide_representation(replace(recipe, data=data, image=decided.image, augmentation=decided.augmentation))
    rows = [row for row, split in enumerate(study.splits) if split == "train" or (own.folds and split != "test")]
    settled = decide_training(laid, study.images.array.ndim - 2, study.table.label[rows])
    return replace(settled, weights=laid.weights) if own.folds else settled  # bins are of a fold's training cases


def _trials(methods: Mapping[str, Recipe], trials: int, grid: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each method ``trials`` sets of changes: its own grid times as many learning rates."""
    grids: dict[str, dict[str, list[Any]]] = {name: {} for name in methods}
    for text in grid:
        method, place, values = parse_grid(text, methods)
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
