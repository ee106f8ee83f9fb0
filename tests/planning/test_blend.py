"""The blend among the candidates of a fit without a recipe: planned, judged, answering, made whole again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import medgauge
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.fitting.blending import Unblended
from medgauge.planning import trained
from medgauge.planning.blend import blending, make_blend
from medgauge.planning.budget import read_budget
from medgauge.planning.candidates import BLEND, QUICK, SCRATCH, TIMES, Candidate
from medgauge.planning.cost import Cost
from medgauge.runfolder import RunFolder
from medgauge.runfolder.chosen import read_own, write_own
from medgauge.runs.outputs import Outputs
from tests.fitting.small_study import COLUMNS, make_table

FIXED = {"data.folds": 5}


@pytest.mark.parametrize(
    ("tried", "folds", "budget", "why"),
    [
        ([True, True], 5, "standard", ""),
        ([True, False, True], 5, "best", ""),
        ([True, True], 5, "quick", "the budget quick gives the first answer alone"),
        ([True, True], 0, "standard", "there is one partition"),
        ([True, False], 5, "standard", "there are no two candidates to blend"),
    ],
)
def test_it_is_tried_where_two_are(tried: list[bool], folds: int, budget: str, why: str) -> None:
    others = [Candidate(name, {}, 1.0, "", one) for name, one in zip((QUICK, TIMES, SCRATCH), tried, strict=False)]
    found = blending(others, {"data.folds": folds}, read_budget(budget))
    assert (found.name, found.tried, found.blends, found.trains) == (BLEND, not why, True, False)
    assert why in found.why


def test_one_candidate_alone_is_no_blend(tmp_path: Path) -> None:
    with Display(False) as display, pytest.raises(Unblended, match="fewer than two candidates"):
        make_blend(RunFolder(tmp_path), [Candidate(QUICK, {}, 1.0, "")], {}, Outputs(), display)


@pytest.mark.slow
def test_a_blend_answers_and_is_made_whole_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "_measured", lambda *_: (600, Cost(9.0, 1.0, 10)))  # no time to train on any machine
    table, out = make_table(tmp_path / "data", groups=12), tmp_path / "run"
    frame = pandas.read_csv(table)
    frame["pixel_mm"] = np.random.default_rng(1).uniform(0.8, 1.25, len(frame)).round(3)
    frame["age"] = (frame["age"] * frame["pixel_mm"] ** 0.5).round(2)
    frame.to_csv(table, index=False)

    def fit() -> medgauge.Run:
        more: dict[str, Any] = {**COLUMNS, "covariates": "pixel_mm", "folds": 2, "report": False}
        return medgauge.fit(
            out=out, table=str(table), budget=1.2, changes={"data.cache": str(tmp_path / "cache")}, **more
        )

    fit()
    values = read_own(RunFolder(out), "candidates.json")
    states = {one["name"]: one for one in values["candidates"]}
    assert [states[name]["state"] for name in (QUICK, TIMES, SCRATCH, BLEND)] == ["done", "done", "left out", "done"]
    told = pandas.read_csv(out / "blend" / "predictions.csv")
    assert states[BLEND]["error"] == pytest.approx(float((told["value_age"] - told["label_age"]).abs().mean()))
    assert values["choice"]["among"] == [QUICK, TIMES, BLEND]
    write_own(RunFolder(out), "candidates.json", values | {"chosen": BLEND})
    image = [tmp_path / "data" / "0.png"]
    before = medgauge.predict(out, image, covariates={"pixel_mm": 1.1})
    assert any(f"{BLEND} answers for" in note for note in before.attrs["notes"])
    (out / "blend" / "results.json").unlink()  # as a kill leaves it
    (out / TIMES / "fold-1" / "predictors.safetensors").unlink()
    with pytest.raises(InputError, match="give the same `medgauge fit`"):
        medgauge.load(out)
    again = fit().predict(image, covariates={"pixel_mm": 1.1})
    assert again["age"].tolist() == pytest.approx(before["age"].tolist())
    digests = json.loads((out / "blend" / "digests.json").read_text())
    assert {"blend.json", "results.json", "predictors.json"} <= set(digests)
