"""The tables of predictions."""

import json
from dataclasses import replace

import pytest
import torch

from medgauge.evaluation.predictions import group_columns, group_rows, prediction_columns, prediction_rows
from medgauge.evaluation.scored import judge
from medgauge.inference.pooled import PooledReader
from medgauge.inference.reader import Reader
from medgauge.inference.tuned import Tuned
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings
from tests.evaluation.small import scored
from tests.inference.small import SETTINGS, drawn, number_reader

NAN = float("nan")
LABEL, MISS, GROUP = [5.0, NAN, 30.0], [1.0, -2.0, 0.125], ["a", "b", "b"]


def test_a_row_says_which_case_what_value_and_which_neighbours() -> None:
    of = scored(LABEL, MISS, GROUP)
    columns, gallery_rows = prediction_columns([of]), list(range(100, 140))
    assert len(set(columns)) == len(columns)
    lines = [dict(zip(columns, line, strict=True)) for line in prediction_rows([7, 3, 5], "val", [of], gallery_rows)]
    assert [(line["row"], line["id"], line["split"], line["group"]) for line in lines] == [
        (7, "case 0", "val", "a"), (3, "case 1", "val", "b"), (5, "case 2", "val", "b"),
    ]  # fmt: skip
    assert [line["label_age"] for line in lines] == [5.0, "", 30.0]
    assert [line["value_age"] for line in lines] == [6.0, -2.0, 30.125]
    assert lines[1]["region_age"] == ""
    assert lines[0]["region_age"] in ("many", "medium", "few")
    for place, line in enumerate(lines):
        listed, weights = json.loads(str(line["neighbour_ids"])), json.loads(str(line["weights_age"]))
        assert json.loads(str(line["neighbours"])) == [100 + int(name.removeprefix("t")) for name in listed]
        assert len(listed) == min(10, len(of.readings.evidence.of(place).rows)) > 1
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) == pytest.approx(float(str(line["shown_share_age"])), abs=1e-5)
        own = of.readings.evidence.of(place)
        assert of.reader.gallery.id[int(own.rows[0])] in listed  # the nearest weighs most
        assert float(str(line["nearest_distance"])) == pytest.approx(float(of.readings.nearest[place]), rel=1e-6)
    assert lines[2]["upper_age"] == pytest.approx(2 * 30.125 - float(str(lines[2]["lower_age"])))


@pytest.mark.parametrize("listing", [10, 40])
def test_effects_say_which_training_cases_raise_and_which_lower_a_value(
    listing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medgauge.evaluation.predictions.LISTED", listing)
    gallery, cases = drawn(40, 0, prefix="t"), drawn(3, 5)
    task = Numbers.make(["age"], HeadSettings(kernel=True), "zscore").fit(gallery.label, None)
    tuned = Tuned.fit(task, gallery, drawn(20, 1, prefix="v"), record="kernel")
    of = judge(Reader.fit(tuned, None, SETTINGS, seed=0), [cases], baselines={}, sorts={}, subgroups={})
    lines = prediction_rows(range(3), "", [of], list(range(40)))
    signs = set()
    for place, cells in enumerate(lines):
        line = dict(zip(prediction_columns([of]), cells, strict=True))
        own, value, everything, whole = of.readings.evidence.of(place), float(str(line["value_age"])), 0.0, 0.0
        for row, weight in zip(own.rows.tolist(), own.weights[:, 0].tolist(), strict=True):
            everything += weight * (float(gallery.label[row, 0]) - value)
            whole += abs(weight)
        assert everything == pytest.approx(0, abs=1e-4)  # values have six digits
        listed = [json.loads(str(line[name])) for name in ("neighbours", "weights_age", "effects_age")]
        for row, weight, effect in zip(*listed, strict=True):
            assert effect == pytest.approx(weight * (float(gallery.label[row, 0]) - value), rel=1e-3, abs=1e-4)
            signs.add((weight > 0, effect > 0))
        shown = sum(abs(weight) for weight in listed[1])
        assert float(str(line["shown_share_age"])) == pytest.approx(shown / whole, rel=1e-4)
        assert len(listed[0]) == listing
        assert (shown < 0.999 * whole) == (listing < 40)
    assert len(signs) == (4 if listing == 40 else 2)  # the largest weights are positive here


def test_columns_of_several_kinds_carry_their_names() -> None:
    of = scored(LABEL, MISS, GROUP)
    columns = prediction_columns([of, of])
    assert {"number:neighbours", "number:far", "weights_age"} <= set(columns)
    assert "neighbours" not in columns


def test_groups_stand_in_rows_of_their_own() -> None:
    of = scored(LABEL, MISS, GROUP).by_group()
    columns = group_columns([of])
    assert columns[:3] == ["split", "group", "cases"]
    lines = [dict(zip(columns, line, strict=True)) for line in group_rows("test", [of], list(range(40)))]
    assert [(line["split"], line["group"], line["cases"]) for line in lines] == [("test", "a", 1), ("test", "b", 2)]
    assert [line["value_age"] for line in lines] == [6.0, (-2 + 30.125) / 2]
    assert [line["label_age"] for line in lines] == [5.0, 30.0]


def test_values_of_several_fits_have_their_spread_and_no_fold() -> None:
    readers = [number_reader(0, prefix="a"), number_reader(1, prefix="b")]
    cases = drawn(2, 5)
    of = judge(
        PooledReader(readers, readers[0].task, readers[0].calibrated),
        [cases, cases],
        baselines={},
        sorts={},
        subgroups={},
    )
    columns = prediction_columns([of])
    lines = [dict(zip(columns, line, strict=True)) for line in prediction_rows([0, 1], "", [of], list(range(80)))]
    for line in lines:
        assert (line["fold"], line["predictor"]) == ("", "head")
        assert line["spread_age"] == 0  # both heads say the same
        assert line["neighbour_folds"] == "[]"  # of values that all folds make


def test_labels_of_neighbours_are_given_at_the_scale_of_the_case() -> None:
    gallery = replace(drawn(40, 0, prefix="t"), divisor=torch.full((40,), 2.0).double())
    validation = replace(drawn(20, 1, prefix="v"), divisor=torch.ones(20).double())
    task = Numbers.make(["age"], HeadSettings(), "none").fit(gallery.label, gallery.divisor)
    reader = Reader.fit(Tuned.fit(task, gallery, validation, record="head"), None, SETTINGS, seed=0)
    cases = replace(drawn(2, 5), divisor=torch.tensor([1.0, 6.0]).double())
    of = judge(reader, [cases], baselines={}, sorts={}, subgroups={})
    columns = prediction_columns([of])
    lines = [dict(zip(columns, line, strict=True)) for line in prediction_rows([0, 1], "", [of], list(range(40)))]
    for line, factor in zip(lines, (0.5, 3.0), strict=True):
        rows = json.loads(str(line["neighbours"]))
        expected = [float(gallery.label[row]) * factor for row in rows]
        assert json.loads(str(line["neighbour_values_age"])) == pytest.approx(expected, rel=1e-5)
