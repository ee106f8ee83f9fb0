"""Finds all mistakes of a recipe at once, before any data is read, and names the nearest valid names."""

import dataclasses
import importlib
import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_type_hints

from medgauge.core.settings import read_as
from medgauge.core.words import did_you_mean, nearest, shown
from medgauge.recipes.entries import ENTRY, ObjectiveEntry, read_entries

if TYPE_CHECKING:
    from torch import nn


def resolve_class(path: str) -> "type[nn.Module]":
    """The class named by ``class_path``: a name in ``medgauge.losses``, or module.Class from anywhere that can be imported."""
    from torch import nn

    module, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")):
        raise ValueError(f"must be a name, or module.Class, got {shown(path)}")
    try:
        home = importlib.import_module(module or "medgauge.losses")
    except Exception as error:  # whatever the user's module raises while it is imported
        raise ValueError(f"the module {module} cannot be imported ({error})") from error
    found = getattr(home, name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise ValueError(f"{path} is not a loss{_hint(name, home)}")
    return found


def _hint(name: str, home: ModuleType) -> str:
    """The losses of a module that may be meant; of a module of other code only what could be one."""
    from torch import nn

    own = home.__name__ == "medgauge.losses"
    known = loss_names() if own else [
        other for other, found in vars(home).items() if inspect.isclass(found) and issubclass(found, nn.Module)
    ]  # fmt: skip
    return f" ({did_you_mean(name, known)})" if own or nearest(name, known, likeness=0.5) else ""


def foreign_code(objective: Mapping[str, Any]) -> list[str]:
    """A line for each term of a checked objective whose class is not medgauge's.

    >>> foreign_code({"mine": {"term": {"class_path": "mine.losses.Mine"}}, "error": {"term": {"class_path": "RMLoss"}}})
    ['objective.mine: code of the module mine.losses runs']
    """
    modules = {name: entry.class_path.rpartition(".")[0] for name, entry in read_entries(objective).items()}
    return [
        f"objective.{name}: code of the module {module} runs"
        for name, module in modules.items()
        if module and module.partition(".")[0] != "medgauge"
    ]


def loss_names() -> list[str]:
    """Names of the terms in ``medgauge.losses``."""
    from torch import nn

    home = importlib.import_module("medgauge.losses")
    return sorted(
        name
        for name in dir(home)
        if inspect.isclass(getattr(home, name)) and issubclass(getattr(home, name), nn.Module)
    )


def objective_mistakes(objective: Mapping[str, Any]) -> list[str]:
    """Mistakes in the terms: names, unknown keys, classes, arguments and values."""
    if not objective:
        return [
            "objective has no term; give at least one, for instance error: {term: {class_path: PointwiseLoss, init_args: {kind: l1}}}"
        ]
    whole = [str(name) for name, entry in objective.items() if _has_term(entry)]
    found = [mistake for name, entry in objective.items() for mistake in _entry_mistakes(str(name), entry, whole)]
    if not found and all(entry.factor == 0 for entry in read_entries(objective).values()):
        found.append("objective: every factor is 0, so that nothing is learned; give one above 0")
    return found


def _has_term(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("term"), Mapping)


def _entry_mistakes(name: str, entry: Any, others: Sequence[str]) -> list[str]:
    from medgauge.training.objective import check_term_name

    where = f"objective.{name}"
    if not _has_term(entry):
        near = nearest(name, others)
        hint = f" (did you mean objective.{near}?)" if near else ""
        return [
            f"{where} must have the form {{factor: 1.0, term: {{class_path: …, init_args: {{…}}}}}}, got {shown(entry)}{hint}"
        ]
    found, term = _unknown(where, entry, ENTRY), entry["term"]
    found += _unknown(f"{where}.term", term, ("class_path", "init_args"))
    try:
        check_term_name(name)
    except ValueError as error:
        found.append(f"{where}: {error}")
    kinds = get_type_hints(ObjectiveEntry, include_extras=True)
    given = {key: entry[key] for key in ("factor", "task") if key in entry}
    for place, value, kind in [(f"{where}.{key}", value, kinds[key]) for key, value in given.items()]:
        try:
            read_as(place, value, kind)
        except ValueError as error:
            found.append(str(error))
    return found + _term_mistakes(f"{where}.term", term)


def _unknown(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    return [f"{where}.{key} is not a setting ({did_you_mean(str(key), known)})" for key in given if key not in known]


def _term_mistakes(where: str, term: Mapping[str, Any]) -> list[str]:
    path, arguments = term.get("class_path"), term.get("init_args")
    if not isinstance(path, str):
        told = f" that is a text, got {shown(path)}" if "class_path" in term else ""
        return [f"{where} has no class_path{told}"]
    if arguments is not None and not isinstance(arguments, Mapping):
        return [f"{where}.init_args must be a group of settings by name, got {shown(arguments)}"]
    try:
        kind = resolve_class(path)
    except ValueError as error:
        return [f"{where}.class_path: {error}"]
    return _argument_mistakes(where, kind, {str(key): value for key, value in (arguments or {}).items()})


def _argument_mistakes(where: str, kind: "type[nn.Module]", arguments: Mapping[str, Any]) -> list[str]:
    from medgauge.core.batch import Step

    known = list(inspect.signature(kind).parameters)
    found = [
        f"{where}.init_args.{key} is not an argument of {kind.__name__} ({did_you_mean(key, known)})"
        for key in arguments
        if key not in known
    ]
    found += (
        [
            f"{where}.init_args.{key} must be true or false, got {shown(value)}"
            for key, value in arguments.items()
            if not isinstance(value, bool) and inspect.signature(kind).parameters[key].annotation in (bool, "bool")
        ]
        if not found
        else []
    )
    if found:
        return found
    try:
        asked = inspect.signature(kind(**arguments).forward).parameters
    except Exception as error:  # whatever the constructor raises for an argument that is none
        return [f"{where}.init_args: {error}"]
    steps = {field.name for field in dataclasses.fields(Step)}
    return [
        f"{where}: {kind.__name__}.forward asks for {name}, which a step does not have ({did_you_mean(name, steps)})"
        for name in asked
        if name not in steps
    ]
