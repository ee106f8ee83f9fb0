"""The candidates that are trained: as many steps as there is time for, measured on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts
from medgauge.planning.candidates import QUICK, SCRATCH, TUNED, WORDS, Candidate, Decision
from medgauge.planning.cost import Cost, measure
from medgauge.planning.given import refuse_given
from medgauge.recipes.schema import Recipe
from medgauge.study import Study, load_study
from medgauge.study.folds import fold_study
from medgauge.training.loop import Stopped

LEAST_STEPS = 200
"""Fewer steps teach a network nothing."""
SHORTER = 8
"""A short fit has one step for so many of the candidate's."""
SMALLER = (128, 96)
"""Pixels of the longest side that training falls back to where there is little time."""
LARGER = "timm/convnext_tiny.fb_in22k"
"""The pretrained network that is trained on where there is a GPU, if the hub or its cache has the weights."""


def trained(
    name: str,
    study: Study,
    fixed: Mapping[str, Any],
    given: Mapping[str, Any],
    seconds: float,
    display: Display,
    *,
    column: str | None = None,
) -> tuple[Candidate, list[Decision]]:
    """A candidate that is trained, with as many steps as there is time for; where these are few, on smaller images.

    On a GPU with mixed precision, and a pretrained network is a larger one, on larger images, if its weights can be had.

    Args:
        name: scratch or tuned.
        study: all cases, as the quick candidate reads them.
        fixed: settings that all candidates share.
        given: settings by dotted place, as given.
        seconds: that there are.
        display: progress and lines.
        column: the size of a pixel, where it is to be found out whether labels are divided by it; None: nothing is.

    Returns:
        The candidate, and what was decided for it.

    Raises:
        InputError: a setting of training that was given is wrong.
    """
    image, folds = study.recipe.image, max(1, study.recipe.data.folds)
    changes = {**fixed, "represent.name": name, "image.size": list(image.size), "image.fit": image.fit}
    if image.spacing is not None:
        changes["image.spacing"] = list(image.spacing)
    larger: list[Decision] = []
    if torch.cuda.is_available():
        changes["training.precision"] = "bf16-mixed"
    refuse_given(Candidate(name, changes, 0.0, ""), given)
    try:
        display.say(f"measuring what {WORDS[name]} takes")
        if name == TUNED and torch.cuda.is_available() and not _says_which(given):
            changes, larger = _on_gpu(changes, given, display)
        wanted, cost = _measured(Candidate(name, changes, 0.0, "").recipe(given), display)
        settled = "image.size" in given or "image.size" not in changes or image.around == "mask"
        smaller = None if settled else _smaller(image.size, wanted, cost, seconds / folds)
        if smaller is not None:
            changes["image.size"] = smaller
            wanted, cost = _measured(Candidate(name, changes, 0.0, "").recipe(given), display)
    except Stopped as error:
        raise Stopped(
            f"stopped while what {WORDS[name]} takes was measured; the same command measures it again"
        ) from error
    except InputError as error:
        if name == SCRATCH:  # what has no stored weights to begin with leaves tuned out alone
            refuse_given(Candidate(name, changes, 0.0, ""), given, lambda recipe: build_parts(_part(recipe, display)))
        return Candidate(name, {}, 0.0, str(error), tried=False), []
    steps = min(wanted, cost.steps(seconds / folds))
    if "training.steps" in given:
        steps = wanted
    least = min(wanted, LEAST_STEPS)
    if steps < least:
        needed = cost.seconds(least) * folds / 60
        why = f"{least} steps a fold take {needed:.0f} minutes here, and {max(seconds, 0) / 60:.0f} are left"
        return Candidate(name, {}, 0.0, why, tried=False), []
    said = [*larger, Decision(f"steps of {name}", steps, cost.why(steps, wanted, folds, "training.steps" in given))]
    if smaller is not None:
        shape = " x ".join(map(str, smaller))
        said.append(
            Decision(f"image size of {name}", shape, "larger ones leave time for less than half of the usual steps")
        )
    changes["training.steps"] = steps
    each, short = cost.seconds(steps), None
    if column is not None:
        short, more = _short(column, steps, cost, seconds / folds, given=steps if "training.steps" in given else None)
        said.append(_said(short, column))
        each = each if short is None else max(each, more)
    return Candidate(name, changes, each * folds / 60, WORDS[name], short=short), said


def _short(
    column: str, steps: int, cost: Cost, seconds: float, *, given: int | None
) -> tuple[dict[str, Any] | None, float]:
    """Short fits of a candidate, and the seconds that a fold takes with them; None where they leave it too few steps.

    Args:
        column: that labels may be divided by.
        steps: of the candidate without them.
        cost: of training.
        seconds: that a fold has.
        given: steps that were given, which stay.
    """
    each = max(1, steps // SHORTER)
    taken = 2 * cost.seconds(each)
    left = given or min(steps, cost.steps(seconds - taken))
    short = {"column": column, "steps": each, "left": left}
    return (short if left >= min(steps, LEAST_STEPS) else None), taken + cost.seconds(left)


def _said(short: Mapping[str, Any] | None, column: str) -> Decision:
    """The short fits in words."""
    if short is None:
        return Decision("short fits", "no", f"no time to find out by {SCRATCH} whether labels are divided by {column}")
    why = (
        f"where {QUICK} is not better than a constant, two fits of {short['steps']} steps in each training part tell whether "
        f"labels are divided by {column}; {SCRATCH} then has {short['left']} steps"
    )
    return Decision("short fits", "if needed", why)


def _says_which(given: Mapping[str, Any]) -> bool:
    """Whether settings name the encoder or the size of the images."""
    return any(place.startswith(("model.encoder", "represent.", "image.size")) for place in given)


def _on_gpu(
    changes: Mapping[str, Any], given: Mapping[str, Any], display: Display
) -> tuple[dict[str, Any], list[Decision]]:
    """The larger network on images of its own size, if its weights can be had and it reads these images."""
    sized = {place: value for place, value in changes.items() if place != "image.size"} | {"represent.source": LARGER}
    try:
        build_parts(_part(Candidate(TUNED, sized, 0.0, "").recipe(given), display))
    except InputError as error:
        return dict(changes), [Decision("encoder of tuned", "lite0", f"{LARGER} cannot be had: {error}")]
    return sized, [Decision("encoder of tuned", LARGER, "there is a GPU; represent.source gives another")]


def _measured(recipe: Recipe, display: Display) -> tuple[int, Cost]:
    """The steps that a recipe usually has, and what they take."""
    part = _part(recipe, display)
    usual = part.recipe.training.steps
    return int(usual) if usual != "auto" else LEAST_STEPS, measure(part, display)


def _part(recipe: Recipe, display: Display) -> Study:
    """The study of a recipe's first fit."""
    study = load_study(recipe, progress=display.images)
    return fold_study(study, 0) if recipe.data.folds else study


def _smaller(size: Sequence[int] | str, wanted: int, cost: Cost, seconds: float) -> list[int] | None:
    """The largest of the smaller sizes that leave time for half of the steps, or the smallest; None: this one does.

    What a step takes is taken to grow with the number of pixels.
    """
    if isinstance(size, str) or len(size) != 2 or cost.steps(seconds) * 2 >= wanted:
        return None
    found = None
    for longest in (one for one in SMALLER if one < max(size)):
        share = longest / max(size)
        found = [max(1, round(side * share)) for side in size]
        if replace(cost, step=cost.step * share**2, reading=cost.reading * share**2).steps(seconds) * 2 >= wanted:
            break
    return found
