"""A run with a distribution head: from the recipe to the run folder and back."""

from pathlib import Path

import pandas
import pytest
import torch
from safetensors.torch import load_file

import medgauge
from tests.fitting.small_study import COLUMNS, SMALL, make_table


def test_a_run_is_made_told_loaded_and_predicts(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    frame = pandas.read_csv(table)
    frame.loc[0:1, "age"] = 900.0  # both images of one patient, who is in train
    frame["part"] = frame["part"].where(frame["part"] == "test", ["train"] * 40 + ["val"] * 16 + ["calibration"] * 16)
    frame.loc[0:1, "part"] = "train"
    frame.to_csv(table, index=False)
    changes = {**SMALL, "training.steps": 30, "optimiser.learning_rate": 0.03}
    changes["objective.value.term.init_args.high"] = 3.0
    out = tmp_path / "run"
    run = medgauge.fit("distribution", out=out, table=table, split="part", changes=changes, **COLUMNS)
    assert "age: 2 of " in run.results["notes"][0]
    assert "beyond the bins of the distribution head (-4 to 3 after scaling)" in run.results["notes"][0]
    tensors = load_file(out / "gallery.safetensors")
    chance = torch.softmax(tensors["logits"].double(), -1)  # by hand: the chances times the middles of the bins
    centre = torch.arange(40, dtype=torch.float64) * 0.175 - 3.9125
    torch.testing.assert_close(tensors["prediction"].double(), (chance * centre).sum(-1), rtol=0, atol=1e-5)
    known = pandas.read_csv(out / "predictions.csv", dtype={"id": str}).set_index("id")["head_age"]
    name = frame["path"][frame["part"] == "val"].iloc[0]
    place = next(place for place in known.index if place.endswith(name))
    again = medgauge.load(out).predict([table.parent / name])
    assert again["head_age"][0] == pytest.approx(known[place], abs=1e-3)
