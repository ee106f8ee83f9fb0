"""The tables of predictions: their columns, and a row for each case or group."""

import json
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.api.readers import Reader, Readings
from medgauge.core.batch import Gallery
from medgauge.inference import delta_corrected
from medgauge.metrics import REGION_NAMES

LISTED = 10  # neighbours named in predictions.csv
WHERE = 4  # columns that say which case it is: row, id, split, group


def prediction_columns(reader: Reader) -> list[str]:
    """Columns of predictions.csv."""
    calibrated = reader.fitted
    columns = ["row", "id", "split", "group"]
    for target in reader.targets:
        columns += [f"label_{target}", f"value_{target}", f"neighbours_{target}"] + [f"head_{target}"] * (
            reader.head is not None
        )
        columns += [f"lower_{target}", f"upper_{target}", f"pieces_{target}"]
        columns += [f"{calibrated.beside_name}_{end}_{target}" for end in ("lower", "upper")]
        columns += [f"delta_corrected_{target}"] * (calibrated.age_gap is not None) + [f"region_{target}"]
    columns += ["neighbours", "neighbour_ids", "distances"]
    for target in reader.targets:
        columns += [f"weights_{target}", f"shown_share_{target}"]
        columns += [f"neighbour_values_{target}"] * (reader.gallery.times is not None)
    several = [f"spread_{target}" for target in reader.targets] + ["neighbour_folds", "fold", "predictor"]
    return [*columns, "nearest_distance", "far", *(several if reader.gallery_fold else [])]


def prediction_rows(
    rows: Sequence[int], split: str, cases: Gallery, readings: Readings, reader: Reader, gallery_rows: Sequence[int]
) -> list[list[Any]]:
    """One row a case, in the order of ``prediction_columns``."""
    figures = _figures(cases, readings, reader)
    nearest, far = readings.nearest.tolist(), readings.far.tolist()
    spreads = [] if readings.spread is None else readings.spread.tolist()
    origins = reader.origins(len(cases))
    table = []
    for place, row in enumerate(rows):
        line = [row, cases.id[place], split, cases.group[place], *figures[place]]
        line += _evidence(place, cases, readings, reader, gallery_rows)
        line += [cell(nearest[place]), int(far[place])]
        if reader.gallery_fold:
            line += [cell(spread) for spread in spreads[place]] if spreads else [""] * len(reader.targets)
            top = readings.evidence.top(place, LISTED).rows.tolist()
            line += [json.dumps([reader.gallery_fold[found] for found in top]), *origins[place]]
        table.append(line)
    return table


def group_columns(reader: Reader) -> list[str]:
    """Columns of predictions_by_group.csv: those of predictions.csv, with the number of cases in place of row and id."""
    return ["split", "group", "cases", *prediction_columns(reader)[WHERE:]]


def group_rows(
    split: str,
    groups: Gallery,
    sizes: Sequence[int],
    readings: Readings,
    reader: Reader,
    gallery_rows: Sequence[int],
) -> list[list[Any]]:
    """One row a group, in the order of ``group_columns``."""
    lines = prediction_rows(range(len(groups)), split, groups, readings, reader, gallery_rows)
    return [[split, name, size, *line[WHERE:]] for name, size, line in zip(groups.group, sizes, lines, strict=True)]


def cell(value: float) -> float | str:
    """A number for a CSV file: ten digits, nothing for NaN."""
    return "" if value != value else float(f"{value:.10g}")


def _figures(cases: Gallery, readings: Readings, reader: Reader) -> list[list[Any]]:
    """For each case and target: label, values, intervals and region."""
    region = reader.region(cases.label).tolist()
    label, value = cases.label.double().tolist(), readings.value.double().tolist()
    ends = torch.stack([*readings.interval[:2], *readings.beside[:2]], dim=-1).tolist()
    pieces = reader.fitted.pieces(readings.interval, readings.beside).tolist()
    line_of_gap = reader.fitted.age_gap
    gaps = None if line_of_gap is None else delta_corrected(readings.value, cases.label.double(), line_of_gap)
    by_predictor = {name: tensor.double().tolist() for name, tensor in readings.by_predictor.items()}
    table = []
    for place in range(len(cases)):
        line: list[Any] = []
        for t in range(len(reader.targets)):
            line += [cell(label[place][t]), cell(value[place][t]), cell(by_predictor["neighbours"][place][t])]
            line += [cell(by_predictor["head"][place][t])] if "head" in by_predictor else []
            lower, upper, *beside = map(cell, ends[place][t])
            line += [lower, upper, pieces[place][t], *beside]
            line += [] if gaps is None else [cell(float(gaps[place, t]))]
            code = region[place][t]
            line += [REGION_NAMES[code] if code >= 0 else ""]
        table.append(line)
    return table


def _evidence(place: int, cases: Gallery, readings: Readings, reader: Reader, gallery_rows: Sequence[int]) -> list[Any]:
    """The nearest gallery cases of one case: rows, ids, distances, and for each target their weights."""
    top = readings.evidence.top(place, LISTED)
    found = top.rows.tolist()
    line: list[Any] = [json.dumps([gallery_rows[row] for row in found])]
    line += [json.dumps([reader.gallery.id[row] for row in found], ensure_ascii=False), _numbers(top.distances)]
    for t in range(len(reader.targets)):
        line += [_numbers(top.weights[:, t]), cell(float(top.share[t]))]
        if cases.times is not None:
            line += [_numbers(reader.rescaled(top.rows, cases.times[place])[:, t])]
    return line


def _numbers(values: Float[Tensor, " k"]) -> str:
    return json.dumps([float(f"{value:.6g}") for value in values.tolist()])
