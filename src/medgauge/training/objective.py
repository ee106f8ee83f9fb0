"""The objective: named terms, each with a factor, fed from a step by the names of their parameters."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from torch import Tensor, nn

from medgauge.core.batch import Part, Step
from medgauge.core.checks import check_number
from medgauge.core.words import nearest
from medgauge.training.gather import gather, shard_sizes, world_size

FIELDS = tuple(field.name for field in fields(Step))
SHARED = ("prototypes", "semantics", "progress")  # not a row a case: the same in every process
RESERVED = ("total", "epoch", "step", "seconds", "lr")  # columns of the log


class Objective(nn.Module):
    """Sum of factor times term; returns every term's value as well.

    A term is any module whose ``forward`` names fields of :class:`~medgauge.core.batch.Step` and returns a scalar.
    A parameter with a default is left out where the step has None. A term with a method ``log()`` tells further scalars
    of its last batch, which are logged as ``<name>_<key>`` and are no part of the sum; NaN is one that the batch could not
    tell, and is left out of the log's means. A term with a method ``fit_labels(label)`` is told the training labels
    once (:meth:`fit_labels`). With several processes, the fields that terms
    name are gathered first, with gradient, so that each process computes the loss of the whole batch: every process
    must call the objective, with the same fields.

    - Shape: a step of n cases -> {term's name: (), ..., "total": ()}.
    - Raises: ValueError when built, if a term names what is no field, a name is reserved or a factor is not finite;
      when called, if a field that a term requires is None or a term returns no scalar.

    Args:
        terms: for each name, the term and its factor.
        parts: for each name of a term the columns of its task; a term that is not named sees all of them.
    """

    def __init__(self, terms: Mapping[str, tuple[nn.Module, float]], parts: Mapping[str, Part] | None = None) -> None:
        super().__init__()
        self.parts = dict(parts or {})
        if not terms:
            raise ValueError("terms must name at least one term, got none")
        self.terms = nn.ModuleDict()
        self.factors: dict[str, float] = {}
        self._required: dict[str, tuple[str, ...]] = {}
        self._optional: dict[str, tuple[str, ...]] = {}
        for name, (term, factor) in terms.items():
            check_term_name(name)
            check_number(f"factor of term {name}", factor)
            self._required[name], self._optional[name] = _asked(name, term)
            self.terms[name] = term
            self.factors[name] = float(factor)
        asked = [*self._required.values(), *self._optional.values()]
        self.needs: frozenset[str] = frozenset(field for names in asked for field in names)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Every term's value, without its factor, and ``total``, the sum with factors."""
        for name, field in self.lacking(step):
            raise ValueError(f"term {name} ({_kind(self.terms[name])}) needs {field}, but the step has none")
        step = self._gathered(step)
        values: dict[str, Tensor] = {}
        logged: dict[str, Tensor] = {}
        for name, term in self.terms.items():
            own = step.of(self.parts[name]) if name in self.parts else step
            given = {field: getattr(own, field) for field in self._required[name]}
            optional = {field: getattr(own, field) for field in self._optional[name]}
            value = term(**given, **{field: value for field, value in optional.items() if value is not None})
            if value.ndim != 0:
                raise ValueError(f"term {name} ({_kind(term)}) must return a scalar, got shape {tuple(value.shape)}")
            values[name] = value
            logged |= {f"{name}_{key}": figure for key, figure in _log(term).items()}
        weighted = [self.factors[name] * value for name, value in values.items()]
        return {**values, **logged, "total": sum(weighted[1:], start=weighted[0])}

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a step that the loss is computed from."""
        return self.needs

    def learned(self) -> list[nn.Parameter]:
        """What has a gradient beside the outputs that are read."""
        return [one for one in self.parameters() if one.requires_grad]

    def fit_labels(self, label: Tensor) -> None:
        """Tell terms that ask for it the training labels (n, t) of their task, in normalised units; before any step."""
        for name, term in self.terms.items():
            fit = getattr(term, "fit_labels", None)
            if callable(fit):
                fit(label[:, self.parts[name].columns] if name in self.parts else label)

    def lacking(self, step: Step) -> list[tuple[str, str]]:
        """The fields that terms need and the step lacks, each with the name of the term."""
        asked = [(name, field) for name, required in self._required.items() for field in required]
        return [(name, field) for name, field in asked if getattr(step, field) is None]

    def _gathered(self, step: Step) -> Step:
        """The step of all processes, in the fields that are needed."""
        if world_size() == 1:
            return step
        sizes = shard_sizes(len(step.label), step.label.device)
        needed = sorted(self.needs.difference(SHARED))
        gathered: dict[str, Any] = {field: gather(getattr(step, field), sizes) for field in needed}
        return replace(step, **gathered)


def _log(term: nn.Module) -> dict[str, Tensor]:
    """What a term tells of its last batch beside its value."""
    told = getattr(term, "log", None)
    return dict(told()) if callable(told) else {}


def _kind(term: nn.Module) -> str:
    return type(term).__name__


def check_term_name(name: str) -> None:
    """Raise ValueError unless it can be the name of a term."""
    if name in RESERVED or not name.isidentifier() or hasattr(nn.ModuleDict, name):
        raise ValueError(
            f"name of a term must be a word that modules and the log ({', '.join(RESERVED)}) do not use, got {name}"
        )


def _asked(name: str, term: nn.Module) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields that a term's ``forward`` requires, and those that it takes where they are there."""
    required: list[str] = []
    optional: list[str] = []
    for parameter in inspect.signature(term.forward).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ValueError(f"term {name} ({_kind(term)}) must name its fields, but its forward takes {parameter}")
        if parameter.name not in FIELDS:
            near = nearest(parameter.name, FIELDS, likeness=0.0)
            raise ValueError(
                f"term {name} ({_kind(term)}) asks for {parameter.name}, which is no field of a step; nearest: {near}"
            )
        (required if parameter.default is parameter.empty else optional).append(parameter.name)
    return tuple(required), tuple(optional)


def required_fields(term: nn.Module) -> tuple[str, ...]:
    """The fields of a step that a term cannot do without."""
    return _asked("term", term)[0]
