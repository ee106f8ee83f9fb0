"""Values of new cases, by a run of two kinds."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.core.errors import InputError
from medgauge.runs.fitted import Fit
from medgauge.runs.predict import predict_cases, write_frame


def written(run: medgauge.Run) -> pandas.DataFrame:
    return pandas.read_csv(run.folder / "predictions.csv", dtype={"id": str}).set_index("id")


def test_both_kinds_are_read_as_they_were(run: medgauge.Run, fit: Fit, table: Path) -> None:
    frame, there = predict_cases(fit, table).set_index("id"), written(run)
    for target in ("age", "stage"):
        np.testing.assert_allclose(frame[target][there.index], there[f"value_{target}"], rtol=2e-4, atol=1e-4)
    chance = [frame[f"probability_{level}_stage"] for level in (0, 1, 2)]
    np.testing.assert_allclose(sum(chance), 1, atol=3e-6)
    np.testing.assert_allclose(chance[1] + 2 * chance[2], frame["stage"], atol=3e-6)
    assert {"row", "split", "fold", "group", "label_age", "region_stage"}.isdisjoint(frame.columns)


def test_a_number_is_divided_and_a_grade_is_not(fit: Fit, table: Path, tmp_path: Path) -> None:
    """With all sizes doubled the neighbours' age doubles; their grade stays."""
    frame = pandas.read_csv(table).head(6)
    frame["path"] = [str(table.parent / name) for name in frame["path"]]
    found = []
    for name in ("one", "two"):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        found.append(predict_cases(fit, tmp_path / f"{name}.csv", ids_are_local=True))
        frame["pixel_mm"] *= 2
    one, two = found
    assert not any(note.startswith("pixel_mm of ") for note in one.attrs["notes"])
    assert any(note.startswith("pixel_mm of 3 of 6 cases is far outside") for note in two.attrs["notes"])
    listed = list(zip(one["neighbour_values_age"], two["neighbour_values_age"], strict=True))
    same = [place for place in range(6) if one["number:neighbours"][place] == two["number:neighbours"][place]]
    for place in same:
        np.testing.assert_allclose(json.loads(listed[place][1]), 2 * np.array(json.loads(listed[place][0])), rtol=1e-5)
    assert "neighbour_values_stage" not in one.columns
    assert two["stage"].between(0, 2).all()
    label = pandas.read_csv(table)["age"] / pandas.read_csv(table)["pixel_mm"]
    for place in range(6):
        rows = json.loads(one["number:neighbours"][place])
        np.testing.assert_allclose(json.loads(listed[place][0]), label[rows] * (1.0 if place % 2 else 2.0), rtol=1e-4)


def test_one_row_a_group(fit: Fit, table: Path) -> None:
    cases, groups = predict_cases(fit, table), predict_cases(fit, table, aggregate="mean")
    patient = pandas.read_csv(table)["patient"]
    mean = cases[["age", "stage"]].groupby(patient).mean()
    assert list(groups["group"]) == list(mean.index)
    np.testing.assert_allclose(groups["age"], mean["age"], rtol=1e-9)
    np.testing.assert_allclose(groups["stage"], mean["stage"], rtol=1e-9)
    assert set(groups["cases"]) == {2}


def test_image_files_are_read_as_in_a_table(fit: Fit, table: Path) -> None:
    names = [str(table.parent / "1.png"), str(table.parent / "3.png")]  # sizes of 1
    frame, whole = predict_cases(fit, names, covariates=["pixel_mm=1"]), predict_cases(fit, table, ids_are_local=True)
    np.testing.assert_allclose(frame["age"], whole["age"][[1, 3]], rtol=1e-4)


def test_what_cannot_be_averaged_is_refused(fit: Fit, table: Path) -> None:
    with pytest.raises(InputError, match="needs a table with the group column patient"):
        predict_cases(fit, [table.parent / "1.png"], covariates=["pixel_mm=1"], aggregate="mean")
    with pytest.raises(InputError, match="aggregate must be none or mean, got 'sum'"):
        predict_cases(fit, table, aggregate="sum")  # type: ignore[arg-type]


def test_a_table_is_written_by_its_ending(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"id": ["a", "b"], "age": [1.5, 2.0]})
    write_frame(frame, tmp_path / "new" / "t.csv")
    write_frame(frame, tmp_path / "t.PARQUET")
    pandas.testing.assert_frame_equal(pandas.read_csv(tmp_path / "new" / "t.csv"), frame)
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "t.PARQUET"), frame)
    with pytest.raises(InputError, match=r"must end in \.csv or \.parquet"):
        write_frame(frame, tmp_path / "t.txt")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["new", "t.PARQUET"]
