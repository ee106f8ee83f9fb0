"""Names of classes in a run's tables, read as places."""

from pathlib import Path

import numpy as np
import pytest

from medgauge.runfolder import RunFolder
from medgauge.runfolder.classes import classes_of, read_values, with_places

NAMES = {"view": ["AP", "PA"]}


def test_names_become_places_and_other_columns_stay() -> None:
    columns = {
        "id": ["a", "b", "c"],
        "label_view": ["PA", "", "AP"],
        "value_view": ["AP", "PA", "AP"],
        "head_view": ["PA", "PA", "AP"],
        "set_view": ["AP | PA", "PA", "AP"],
        "region_view": ["PA", "", "AP"],
        "probability_AP_view": ["0.75", "0.1", "1.0"],
        "probability_PA_view": ["0.25", "0.9", "0.0"],
        "label_x_view": ["1", "2", "3"],
    }
    found = with_places(columns, NAMES)
    assert found["label_view"] == ["1", "", "0"]
    assert found["value_view"] == ["0", "1", "0"]
    assert found["head_view"] == ["1", "1", "0"]
    assert found["error_view"] == ["0.75", "", "0"]
    for name in ("id", "set_view", "region_view", "label_x_view", "probability_AP_view"):
        assert found[name] == columns[name]


def test_names_that_are_whole_numbers_are_read_by_their_places() -> None:
    found = with_places({"label_g": ["2", "1"], "label_my_g": ["2", "1"]}, {"g": ["1", "2"]})
    assert found == {"label_g": ["1", "0"], "label_my_g": ["2", "1"]}


def test_a_name_that_is_no_class_stays_as_it_is() -> None:
    assert with_places({"label_view": ["PA", "LL"]}, NAMES)["label_view"] == ["PA", "LL"]


def test_classes_stand_in_the_recipe() -> None:
    assert classes_of({"data": {"classes": NAMES}}) == NAMES
    assert classes_of({"data": {"table": "a.csv"}}) == {}
    with pytest.raises(ValueError, match=r"data\.classes\.view\[0\] must be a text"):
        classes_of({"data": {"classes": {"view": [1]}}})


def test_values_of_record_are_chances_where_there_are_classes(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    columns = {"value_age": ["1.5", ""], "probability_AP_view": ["0.25", ""], "probability_PA_view": ["0.75", ""]}
    np.testing.assert_array_equal(read_values(folder, "predictions.csv", columns, "age", ()), [1.5, np.nan])
    chance = read_values(folder, "predictions.csv", columns, "view", NAMES["view"])
    np.testing.assert_array_equal(chance, [[0.25, 0.75], [np.nan, np.nan]])


def test_values_of_a_finding_are_read_before_calibration(tmp_path: Path) -> None:
    columns = {"value_mass": ["0.25"], "uncalibrated_mass": ["0.75"]}
    assert read_values(RunFolder(tmp_path), "predictions.csv", columns, "mass", ()).tolist() == [0.75]
