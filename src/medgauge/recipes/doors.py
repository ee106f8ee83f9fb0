"""The functions of the Python interface: a keyword that one does not take is told as a wrong setting is, with the nearest."""

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import fields
from functools import wraps
from typing import ParamSpec, TypeVar

from medgauge.core.errors import InputError
from medgauge.core.words import nearest
from medgauge.recipes.data_settings import DataSettings
from medgauge.recipes.schema import Recipe
from medgauge.recipes.settings import settings

P = ParamSpec("P")
R = TypeVar("R")


def door(function: Callable[P, R]) -> Callable[P, R]:
    """A function of the Python interface that refuses a keyword which it does not take.

    Where it takes any keyword, those are settings of the data section.

    >>> door(lambda table, *, out=None: table)("a.csv", ot="b")
    Traceback (most recent call last):
    medgauge.core.errors.InputError: medgauge.<lambda> takes no ot (did you mean out?)
    """

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        check_keywords(function, kwargs)
        return function(*args, **kwargs)

    return called


def check_keywords(function: Callable[..., object], given: Iterable[str]) -> None:
    """Raise where a keyword is none that a function takes.

    Raises:
        InputError: with the nearest, or the place of the setting that is called so.
    """
    parameters = inspect.signature(function).parameters.values()
    own = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD and one.name != "self"]
    further = any(one.kind is one.VAR_KEYWORD for one in parameters)
    known = dict.fromkeys([*own, *(field.name for field in fields(DataSettings) if further)])
    for name in given:
        if name not in known:
            raise InputError(f"medgauge.{function.__qualname__} takes no {name} ({_hint(name, own, known)})")


def _hint(name: str, own: Sequence[str], known: Collection[str]) -> str:
    near = nearest(name, known, likeness=0.8)
    places = [repr(one.place) for one in settings(Recipe) if one.place.rpartition(".")[2] == name]
    if near is None and places and "changes" in own:
        return f"a setting is given by its place: changes={{{' or '.join(places)}: ...}}"
    near = near or nearest(name, known)
    further = " and settings of the data section" if len(known) > len(own) else ""
    return f"did you mean {near}?" if near else f"it takes {', '.join(own)}{further}"
