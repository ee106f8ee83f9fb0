"""Settings of training that were given and that no candidate can be trained with: they are refused, and leave none out."""

from collections.abc import Callable, Mapping
from typing import Any

from medgauge.core.errors import InputError
from medgauge.fitting.trial import check_devices
from medgauge.models.encoders import check_encoder_name
from medgauge.planning.candidates import Candidate, says_how
from medgauge.recipes.represent_settings import RUN, TABLE
from medgauge.recipes.schema import Recipe


def no_more(_: Recipe) -> None:
    """Nothing beside what reading a recipe checks."""


def refuse_given(candidate: Candidate, given: Mapping[str, Any], check: Callable[[Recipe], object] = no_more) -> None:
    """Raise where a candidate could be tried but for a setting of training that was given.

    Args:
        candidate: that is trained.
        given: settings by dotted place, as given.
        check: raises InputError for a recipe that cannot be trained.

    Raises:
        InputError: what reading the recipe or ``check`` says.
    """
    how = says_how(given)
    try:
        check(candidate.recipe({place: value for place, value in given.items() if place not in how}))
    except InputError:  # not what was given is at fault
        return
    check(candidate.recipe(given))


def refuse_training(budget: str, given: Mapping[str, Any]) -> None:
    """Raise where settings say how to train, or name another network, beside a budget that trains nothing.

    Raises:
        InputError: with these settings, and what to do.
    """
    places = says_how(given)
    if places and all(place.startswith(("represent.", "model.encoder.")) for place in places):
        raise InputError(
            f"{', '.join(places)} {'names' if len(places) == 1 else 'name'} a network, and the budget {budget} reads features of the "
            "one that comes with medgauge; for those of another give the recipe frozen and no budget (medgauge fit frozen "
            "--represent.source …), or leave that out"
        )
    if places:
        raise InputError(
            f"{', '.join(places)} {'says' if len(places) == 1 else 'say'} how to train, and the budget {budget} trains nothing; "
            "leave one of the two out"
        )


def check_machine(recipe: Recipe) -> None:
    """Raise InputError for devices that the machine does not have or that candidates cannot use, and for no encoder's name."""
    check_devices(recipe.training)
    if recipe.training.devices > 1:
        raise InputError(
            f"training.devices is {recipe.training.devices}, and several devices train one recipe; give one (medgauge list "
            "recipes), or leave training.devices out"
        )
    name = recipe.model.encoder.name
    if name != "auto" and not name.startswith("timm/"):
        check_encoder_name(name)


def refuse_table(given: Mapping[str, Any]) -> None:
    """Raise InputError where features are those of a table or a run, and there are no ways of reading images to choose from."""
    name = given.get("represent.name")
    if name in (RUN, TABLE):
        raise InputError(
            f"a plan, or a budget, is for ways of reading images, and represent.name {name} leaves none to choose; fit it without a budget"
        )
