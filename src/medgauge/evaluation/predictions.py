"""The tables of predictions: their columns, and a row for each case or group."""

import json
from collections.abc import Sequence

from medgauge.core.cells import cell
from medgauge.evaluation.chances import are_chances, named, of_read, raised
from medgauge.evaluation.scored import Scored
from medgauge.functional.findings import STATES, FindingStrata
from medgauge.inference.pooled import PooledReader

LISTED = 10  # neighbours named in predictions.csv
NEAREST = 3  # training cases with a finding and without it that are named
WHERE = ("row", "id", "split", "group")
TEXTS = ("id", "split", "group")
"""Columns of the tables of predictions whose cells may be a user's words; the other texts are numbers and lists of them."""


def user_columns(scored: Sequence[Scored]) -> list[str]:
    """``TEXTS``, and the columns that names of classes are in: also under the name of the target alone."""
    columns = list(TEXTS)
    for one in scored:
        if are_chances(one.readings.value):
            parts = ("label", "value", "region", "set", *one.reader.predictors)
            columns += [
                name for target in one.task.columns for name in (target, *(f"{part}_{target}" for part in parts))
            ]
    return columns


def prediction_columns(scored: Sequence[Scored]) -> list[str]:
    """Columns of predictions.csv: which case it is, then for each task its values and its evidence.

    With several tasks, the columns that are not of one target carry the task's name: ``grade:neighbours``.
    """
    columns = list(WHERE)
    for one in scored:
        before = "" if len(scored) == 1 else f"{one.task.name}:"
        columns += _value_columns(one) + _evidence_columns(one, before)
    return columns


def _value_columns(scored: Scored) -> list[str]:
    columns = []
    for place, target in enumerate(scored.task.columns):
        columns += [f"label_{target}", f"value_{target}"] + [f"{name}_{target}" for name in scored.reader.predictors]
        columns += [*scored.saying.columns(target, place), f"region_{target}"]
        if (near := scored.readings.similarity) is not None:
            columns += [
                f"prototype_{near.measure}_{target}",
                f"nearer_than_present_{target}",
                f"nearer_than_absent_{target}",
            ]
    return columns


def _evidence_columns(scored: Scored, before: str) -> list[str]:
    columns = [f"{before}{name}" for name in ("neighbours", "neighbour_ids", "distances")]
    for target in scored.task.columns:
        columns += [f"weights_{target}", f"effects_{target}", f"shown_share_{target}"]
        columns += [f"neighbour_values_{target}"] * (scored.cases.divisor is not None)
        columns += [f"nearest_{state}_{target}" for state in STATES] * _by_state(scored)
    columns += [f"{before}nearest_distance", f"{before}far"]
    if scored.reader.gallery_fold:
        columns += [f"spread_{target}" for target in scored.task.columns]
        columns += [f"{before}{name}" for name in ("neighbour_folds", "fold", "predictor")]
        columns += [f"predictor_{target}" for target in scored.task.columns] * scored.reader.mixed
    return columns


def _by_state(scored: Scored) -> bool:
    """Whether the nearest training cases of each state are named."""
    return isinstance(scored.task.strata, FindingStrata)


def prediction_rows(
    rows: Sequence[int], split: str, scored: Sequence[Scored], gallery_rows: Sequence[int]
) -> list[list[object]]:
    """One row a case, in the order of ``prediction_columns``."""
    cases = scored[0].cases
    parts = [_Rows(one, gallery_rows) for one in scored]
    return [
        [row, cases.id[place], split, cases.group[place], *(cell for part in parts for cell in part.of(place))]
        for place, row in enumerate(rows)
    ]


def group_columns(scored: Sequence[Scored]) -> list[str]:
    """Columns of predictions_by_group.csv: those of predictions.csv, with the number of cases in place of row and id."""
    return ["split", "group", "cases", *prediction_columns(scored)[len(WHERE) :]]


def group_rows(split: str, scored: Sequence[Scored], gallery_rows: Sequence[int]) -> list[list[object]]:
    """One row a group, in the order of ``group_columns``; ``scored``: groups as cases."""
    groups, sizes = scored[0].cases.group, scored[0].sizes
    lines = prediction_rows(range(len(groups)), split, scored, gallery_rows)
    return [[split, name, size, *line[len(WHERE) :]] for name, size, line in zip(groups, sizes, lines, strict=True)]


class _Rows:
    """The cells of one task."""

    def __init__(self, scored: Scored, gallery_rows: Sequence[int]) -> None:
        self.scored, self.gallery_rows = scored, gallery_rows
        self.gallery, self.folds = scored.reader.gallery, scored.reader.gallery_fold
        self.of_one_fold = isinstance(scored.reader, PooledReader) and scored.reader.left_out is not None
        self.values = _values(scored)
        readings = scored.readings
        self.nearest, self.far = readings.nearest.tolist(), readings.far.tolist()
        spread = readings.spread
        if spread is not None and are_chances(spread):
            spread = of_read(spread, readings.value)
        self.spreads = None if spread is None else spread.tolist()
        self.origins = scored.reader.origins(len(readings), scored.code)
        self.sources = scored.reader.sources(len(readings), scored.code) if scored.reader.mixed else []
        self.evidence = _evidence(scored)

    def of(self, place: int) -> list[object]:
        """All cells of one case."""
        rows, numbers = self.evidence[place]
        line: list[object] = [*self.values[place], json.dumps([self.gallery_rows[row] for row in rows])]
        line += [json.dumps([self.gallery.id[row] for row in rows], ensure_ascii=False), *numbers]
        line += [cell(self.nearest[place]), int(self.far[place])]
        if not self.folds:
            return line
        spreads = [""] * len(self.scored.task.columns) if self.spreads is None else map(cell, self.spreads[place])
        own = [self.folds[row] for row in rows] if self.of_one_fold else []
        return [
            *line,
            *spreads,
            json.dumps(own),
            *self.origins[place],
            *(self.sources[place] if self.scored.reader.mixed else []),
        ]


def _evidence(scored: Scored) -> list[tuple[list[int], list[object]]]:
    """For each case the gallery cases of the largest weights, and their distances, and for each target their weights w and
    effects w (y - v): y their label, at this case's scale where labels are divided, v the value that all weights make.
    Above 0 the case raises the value, below it lowers it; over all training cases they cancel. Of classes it is the chance
    of the class that is read.
    """
    reader, divisor = scored.reader, scored.cases.divisor
    found, rows, distances, weights, share = scored.readings.evidence.leading(LISTED)
    label = reader.gallery.label[rows].double()
    rescaled = None if divisor is None else reader.rescaled(rows.flatten(), divisor.repeat_interleave(rows.shape[1]))
    if rescaled is not None:
        label = rescaled.double().reshape(label.shape)
    lifted, supported = raised(label, scored.readings.value, scored.readings.supported)
    effects = weights * (lifted - supported[:, None]).nan_to_num(0.0)
    lists = [part.movedim(2, 1).tolist() for part in (weights, effects, label)]
    lines, count = [], found.tolist()
    apart = _nearest_of_states(scored) if _by_state(scored) else []
    for place, (row, distance, parts) in enumerate(zip(rows.tolist(), distances.tolist(), share.tolist(), strict=True)):
        held = slice(count[place])
        line: list[object] = [_numbers(distance[held])]
        for target, part in enumerate(parts):
            own = [kind[place][target][held] for kind in lists]
            line += [_numbers(own[0]), _numbers(own[1]), cell(part)]
            line += [] if rescaled is None else [_numbers(own[2])]
            line += apart[target][place] if apart else []
        lines.append((row[held], line))
    return lines


def _nearest_of_states(scored: Scored) -> list[list[list[object]]]:
    """For each target and case the nearest training cases of each state: lists of id, distance and weight, as JSON."""
    evidence, gallery = scored.readings.evidence, scored.reader.gallery
    rows, distances, found = evidence.rows.tolist(), evidence.distances.tolist(), list[list[list[object]]]()
    for target in range(len(scored.task.columns)):
        label, weights = gallery.label[evidence.rows, target], evidence.weights[:, target].tolist()
        sides = [evidence.nearest(label == state, NEAREST) for state in range(len(STATES))]
        found.append(
            [
                [_listed([(gallery.id[rows[at]], distances[at], weights[at]) for at in side]) for side in both]
                for both in zip(*sides, strict=True)
            ]
        )
    return found


def _values(scored: Scored) -> list[list[object]]:
    """For each case and target: label, values, what is said of it and region."""
    readings, task = scored.readings, scored.task
    names, code = task.strata.names, task.strata.of(scored.cases.label).tolist()
    chances = are_chances(readings.value)
    numbers = [scored.cases.label, readings.value, *(readings.by_predictor[name] for name in scored.reader.predictors)]
    written = [named(one, task.strata, of_chances=chances) for one in numbers]
    said = [scored.saying.cells(readings.stated, target) for target in range(len(task.columns))]
    near = [] if readings.similarity is None else [part.tolist() for part in readings.similarity.parts]
    table: list[list[object]] = []
    for place in range(len(scored.cases)):
        line: list[object] = []
        for t in range(len(task.columns)):
            line += [one[place][t] for one in written]
            line += [*said[t][place], names[code[place][t]] if code[place][t] >= 0 else ""]
            line += [cell(part[place][t]) for part in near]
        table.append(line)
    return table


def _listed(cases: Sequence[tuple[str, float, float]]) -> str:
    rounded = [[name, *(float(f"{number:.6g}") for number in numbers)] for name, *numbers in cases]
    return json.dumps(rounded, ensure_ascii=False)


def _numbers(values: Sequence[float]) -> str:
    return json.dumps([float(f"{value:.6g}") for value in values])
