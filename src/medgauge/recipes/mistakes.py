"""Finds all mistakes of a recipe at once, before any data is read, and names the nearest valid names."""

import dataclasses
import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from medgauge.core.words import did_you_mean, nearest
from medgauge.recipes.entries import DEFAULT_KIND, ENTRY, KindName, read_entries

if TYPE_CHECKING:
    from torch import nn


def unknown_keys(values: Mapping[str, Any], settings: type, where: str = "") -> list[str]:
    """Keys that ``settings`` (a dataclass) does not have, at any depth."""
    fields = {field.name: field for field in dataclasses.fields(settings)}
    found = []
    for key, value in values.items():
        place = f"{where}{key}"
        if key not in fields:
            found.append(f"{place} is not a setting ({did_you_mean(str(key), fields)})")
            continue
        kind = fields[key].type
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            if isinstance(value, Mapping):
                found += unknown_keys(value, kind, f"{place}.")
            else:
                found.append(f"{place} must be a group of settings, got {value!r}")
    return found


def choice_mistakes(values: Mapping[str, Any], settings: type, where: str = "") -> dict[str, str]:
    """By place: what is not among the choices of a setting, alone, in a list or by name. The keys must be known."""
    found: dict[str, str] = {}
    for field in dataclasses.fields(settings):
        place, value, kind = f"{where}{field.name}", values.get(field.name), field.type
        if field.name not in values:
            continue
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            found |= choice_mistakes(value, kind, f"{place}.") if isinstance(value, Mapping) else {}
            continue
        parts: Mapping[str, Any] = {"": value}
        if get_origin(kind) is dict and isinstance(value, Mapping):
            kind, parts = get_args(kind)[1], {f".{name}": part for name, part in value.items()}
        elif get_origin(kind) is list and isinstance(value, list):
            kind, parts = get_args(kind)[0], {f"[{at}]": part for at, part in enumerate(value)}
        if get_origin(kind) is Literal:
            lines = [_choice_mistake(f"{place}{at}", part, get_args(kind)) for at, part in parts.items()]
            found |= {place: "; ".join(filter(None, lines))} if any(lines) else {}
    return found


def _choice_mistake(place: str, value: Any, choices: tuple[Any, ...]) -> str:
    if value in choices:
        return ""
    near = nearest(str(value), map(str, choices), likeness=0.5)
    hint = f" (did you mean {near}?)" if near else ""
    return f"{place} has the value {value!r}, and must be one of {', '.join(map(str, choices))}{hint}"


def resolve_class(path: str) -> "type[nn.Module]":
    """The class named by ``class_path``: a name in ``medgauge.losses``, or module.Class from anywhere that can be imported."""
    from torch import nn

    module, _, name = path.rpartition(".")
    try:
        home = importlib.import_module(module or "medgauge.losses")
    except ImportError as error:
        raise ValueError(f"the module {module} cannot be imported ({error})") from error
    found = getattr(home, name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise ValueError(f"{path} is not a loss ({did_you_mean(name, loss_names() if not module else dir(home))})")
    return found


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
    """Mistakes in the terms: unknown keys, classes, arguments and values."""
    if not objective:
        return [
            "objective has no term; give at least one, for instance error: {term: {class_path: PointwiseLoss, init_args: {kind: l1}}}"
        ]
    return [mistake for name, entry in objective.items() for mistake in _term_mistakes(f"objective.{name}", entry)]


def _term_mistakes(where: str, entry: Any) -> list[str]:
    if not isinstance(entry, Mapping) or "term" not in entry or not isinstance(entry["term"], Mapping):
        return [f"{where} must have the form {{factor: 1.0, term: {{class_path: …, init_args: {{…}}}}}}, got {entry!r}"]
    found = [
        f"{where}.{key} is not a setting ({did_you_mean(str(key), ('factor', 'term'))})"
        for key in entry
        if key not in ENTRY
    ]
    term = entry["term"]
    found += [
        f"{where}.term.{key} is not a setting ({did_you_mean(str(key), ('class_path', 'init_args'))})"
        for key in term
        if key not in ("class_path", "init_args")
    ]
    factor = entry.get("factor", 1.0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor >= 0:
        found.append(f"{where}.factor must be a number >= 0, got {factor!r}")
    kinds = get_args(KindName)
    if entry.get("task", DEFAULT_KIND) not in kinds:
        found.append(
            f"{where}.task must be a kind of label, got {entry['task']!r} ({did_you_mean(str(entry['task']), kinds)})"
        )
    if "class_path" not in term:
        return [*found, f"{where}.term has no class_path"]
    try:
        kind = resolve_class(str(term["class_path"]))
    except ValueError as error:
        return [*found, f"{where}.term.class_path: {error}"]
    return found + _argument_mistakes(where, kind, term.get("init_args") or {})


def _argument_mistakes(where: str, kind: "type[nn.Module]", arguments: Mapping[str, Any]) -> list[str]:
    from medgauge.core.batch import Step

    known = list(inspect.signature(kind).parameters)
    found = [
        f"{where}.term.init_args.{key} is not an argument of {kind.__name__} ({did_you_mean(key, known)})"
        for key in arguments
        if key not in known
    ]
    if not found:
        try:
            asked = inspect.signature(kind(**arguments).forward).parameters
        except (TypeError, ValueError) as error:
            return [f"{where}.term.init_args: {error}"]
        steps = {field.name for field in dataclasses.fields(Step)}
        found += [
            f"{where}: {kind.__name__}.forward asks for {name}, which a step does not have ({did_you_mean(name, steps)})"
            for name in asked
            if name not in steps
        ]
    return found
