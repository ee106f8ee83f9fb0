"""Finds all mistakes of a recipe at once, before any data is read, and names the nearest valid names."""

import dataclasses
import difflib
import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from medgauge.core.batch import Step


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a wrong name: the nearest known one, else all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def unknown_keys(values: Mapping[str, Any], settings: type, where: str = "") -> list[str]:
    """Keys that ``settings`` (a dataclass) does not have, at any depth."""
    fields = {field.name: field for field in dataclasses.fields(settings)}
    found = []
    for key, value in values.items():
        place = f"{where}{key}"
        if key not in fields:
            found.append(f"{place} is not a setting ({nearest(str(key), fields)})")
            continue
        kind = fields[key].type
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            if isinstance(value, Mapping):
                found += unknown_keys(value, kind, f"{place}.")
            else:
                found.append(f"{place} must be a group of settings, got {value!r}")
    return found


def resolve_class(path: str) -> type[nn.Module]:
    """The class named by ``class_path``: a name in ``medgauge.losses``, or module.Class from anywhere that can be imported."""
    module, _, name = path.rpartition(".")
    try:
        home = importlib.import_module(module or "medgauge.losses")
    except ImportError as error:
        raise ValueError(f"the module {module} cannot be imported ({error})") from error
    found = getattr(home, name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise ValueError(f"{path} is not a loss ({nearest(name, loss_names() if not module else dir(home))})")
    return found


def foreign_code(objective: Mapping[str, Any]) -> list[str]:
    """A line for each term of a checked objective whose class is not medgauge's.

    >>> foreign_code({"mine": {"term": {"class_path": "mine.losses.Mine"}}, "error": {"term": {"class_path": "RMLoss"}}})
    ['objective.mine: code of the module mine.losses runs']
    """
    modules = {name: str(entry["term"]["class_path"]).rpartition(".")[0] for name, entry in objective.items()}
    return [
        f"objective.{name}: code of the module {module} runs"
        for name, module in modules.items()
        if module and module.partition(".")[0] != "medgauge"
    ]


def loss_names() -> list[str]:
    """Names of the terms in ``medgauge.losses``."""
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
        f"{where}.{key} is not a setting ({nearest(str(key), ('factor', 'term'))})"
        for key in entry
        if key not in ("factor", "term")
    ]
    term = entry["term"]
    found += [
        f"{where}.term.{key} is not a setting ({nearest(str(key), ('class_path', 'init_args'))})"
        for key in term
        if key not in ("class_path", "init_args")
    ]
    factor = entry.get("factor", 1.0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor >= 0:
        found.append(f"{where}.factor must be a number >= 0, got {factor!r}")
    if "class_path" not in term:
        return [*found, f"{where}.term has no class_path"]
    try:
        kind = resolve_class(str(term["class_path"]))
    except ValueError as error:
        return [*found, f"{where}.term.class_path: {error}"]
    return found + _argument_mistakes(where, kind, term.get("init_args") or {})


def _argument_mistakes(where: str, kind: type[nn.Module], arguments: Mapping[str, Any]) -> list[str]:
    known = list(inspect.signature(kind).parameters)
    found = [
        f"{where}.term.init_args.{key} is not an argument of {kind.__name__} ({nearest(key, known)})"
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
            f"{where}: {kind.__name__}.forward asks for {name}, which a step does not have ({nearest(name, steps)})"
            for name in asked
            if name not in steps
        ]
    return found
