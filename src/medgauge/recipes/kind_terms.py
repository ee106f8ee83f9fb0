"""Terms of an objective and the kinds of label of a run: entries that say no kind, kinds without a term, findings taken for numbers."""

import inspect
from collections.abc import Mapping, Sequence

from medgauge.recipes.entries import DEFAULT_KIND, FINDING, ObjectiveEntry, read_entries
from medgauge.recipes.mistakes import resolve_class
from medgauge.recipes.read import load_values
from medgauge.recipes.schema import Recipe
from medgauge.tasks import KINDS

PROPER = ("mse", "huber")
"""Kinds of a pointwise loss of 0 and 1 that are least at the chance."""


def unnamed_words(entries: Mapping[str, ObjectiveEntry], kinds: Sequence[str]) -> str:
    """That entries say no kind where a run has several, and what to write: the kind of each, and a term of those that have none.

    Args:
        entries: of the objective, by name.
        kinds: of the run, two or more.
    """
    unnamed = {name: _kind_of(name, entry, kinds) for name, entry in entries.items() if entry.task is None}
    told = "names no task" if len(unnamed) == 1 else "name no task"
    flags = [f"--objective.{name}.task {kind}" for name, kind in unnamed.items()]
    having = {*unnamed.values(), *(entry.task for entry in entries.values())}
    flags += [
        f"--objective.{kind} '{{task: {kind}, term: {{class_path: {_usual(kind)}}}}}'"
        for kind in kinds
        if kind not in having
    ]
    return f"{' and '.join(f'objective.{name}' for name in unnamed)} {told}; this run has {', '.join(kinds)}: give {' '.join(flags)}"


def kind_term_notes(recipe: Recipe) -> list[str]:
    """Kinds of label of which no term learns, and terms that take findings for numbers, a line each."""
    kinds = {name: recipe.data.kind.get(name, DEFAULT_KIND) for name in recipe.data.label}
    entries = read_entries(recipe.objective)
    if recipe.model.neck == "standardised" or recipe.pretraining.is_on:
        return []
    taught = {entry.task for entry in entries.values() if entry.factor > 0}
    notes = [
        f"no term of the objective is of the {kind} {', '.join(name for name, own in kinds.items() if own == kind)}: what is learned "
        f"does not see it (--objective.{kind} '{{task: {kind}, term: {{class_path: {_usual(kind)}}}}}')"
        for kind in dict.fromkeys(kinds.values())
        if taught and None not in taught and kind not in taught
    ]
    findings = [name for name, kind in kinds.items() if kind == FINDING]
    return notes + [
        f"objective.{name} ({_called(entry)}) takes the chance of {', '.join(findings[:3])}{', …' * (len(findings) > 3)} for a number, so "
        f"that it need not be a probability before calibration; the usual loss of findings is {_usual(FINDING)}"
        for name, entry in entries.items()
        if findings and entry.task in (None, FINDING) and _takes_numbers(entry)
    ]


def _kind_of(name: str, entry: ObjectiveEntry, kinds: Sequence[str]) -> str:
    """The kind of label that an entry is of, by what its term reads and by its name; else the first of the run."""
    reads = getattr(resolve_class(entry.class_path), "reads", name)
    return reads if reads in kinds else kinds[0]


def _usual(kind: str) -> str:
    """The last term of the recipe that a kind has where none is named: that of its head."""
    return list(read_entries(load_values(KINDS[kind].recipe)["objective"]).values())[-1].class_path


def _called(entry: ObjectiveEntry) -> str:
    return " ".join(filter(None, [entry.class_path.rpartition(".")[2], str(entry.init_args.get("kind", ""))]))


def _takes_numbers(entry: ObjectiveEntry) -> bool:
    """Whether a term of ours asks for predictions as numbers and is not least at the chance."""
    if entry.class_path.rpartition(".")[0] not in ("", "medgauge.losses") or entry.init_args.get("kind") in PROPER:
        return False
    term = resolve_class(entry.class_path)
    return "prediction" in inspect.signature(term.forward).parameters and not hasattr(term, "reads")
