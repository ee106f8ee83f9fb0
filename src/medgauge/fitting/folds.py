"""Plans the fits of all folds: what each trains on, and what they share."""

import os
from collections.abc import Mapping, Sequence

from medgauge.core.errors import InputError
from medgauge.data.tables.folds import fold_name
from medgauge.fitting.parts import build_parts
from medgauge.fitting.sampling import build_sampler, case_weights
from medgauge.recipes.read import build_recipe, recipe_values
from medgauge.recipes.schema import Recipe
from medgauge.runfolder import RunFolder
from medgauge.runfolder.whole import is_whole
from medgauge.study import Study
from medgauge.study.folds import fold_study


def plan_folds(study: Study) -> list[Study]:
    """The study of each fold, with all that can be wrong in it found.

    Raises:
        InputError: a fold cannot be fitted.
    """
    studies = [fold_study(study, fold) for fold in range(study.recipe.data.folds)]
    for fold, part in enumerate(studies):
        try:
            if part.recipe.training.steps:
                build_sampler(part)
                case_weights(part)
            if fold == 0:  # what does not depend on the cases is the same in all
                build_parts(part)
        except InputError as error:
            raise InputError(f"fold {fold + 1} of {len(studies)} ({fold_name(fold)}): {error}") from error
    return studies


def shared_recipe(study: Study, studies: Sequence[Study]) -> Recipe:
    """The settings that all folds share; where they differ (a width of bins, the fold itself) what was asked for."""
    whole, parts = recipe_values(study.recipe), [recipe_values(part.recipe) for part in studies]
    return build_recipe(_shared(whole, parts))


def _shared(wanted: Mapping[str, object], found: Sequence[Mapping[str, object]]) -> dict[str, object]:
    shared: dict[str, object] = {}
    for key, inner in wanted.items():
        own = [one[key] for one in found]
        mappings = [one for one in own if isinstance(one, Mapping)]
        if isinstance(inner, Mapping) and len(mappings) == len(own):
            shared[key] = _shared(inner, mappings)
        else:
            shared[key] = own[0] if all(one == own[0] for one in own) else inner
    return shared


def untrained_fold(folder: RunFolder, studies: Sequence[Study]) -> None:
    """Refuse several processes while a fold is still to be trained.

    Raises:
        InputError: with the command that trains one fold on several devices.
    """
    several = studies[0].recipe.training.devices > 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1
    waiting = [fold for fold in range(len(studies)) if not is_whole(RunFolder(folder / fold_name(fold)))]
    if several and waiting:
        name = fold_name(waiting[0])
        raise InputError(
            "folds are trained one after the other on one device; on several train each by itself "
            f"(--data.fold {waiting[0]} --out {folder / name}), then give this command again to pool them"
        )
