"""Learning curves: nobody is read by a set that has its group; the command from table to page."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import medgauge
from medgauge.cli.main import main
from medgauge.core.batch import Cases
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.core.task import Task
from medgauge.fitting import curve as module
from medgauge.inference import KernelPredictor
from medgauge.tasks import numbers
from medgauge.tasks.findings import Findings
from medgauge.tasks.numbers import Numbers
from medgauge.tasks.settings import HeadSettings
from tests.fitting.small_study import COLUMNS, make_table


def drawn(count: int = 60, seed: int = 0) -> Cases:
    random = np.random.default_rng(seed)
    points = random.normal(0, 1, (count, 3))
    label = torch.from_numpy(points[:, :1] * 3 + random.normal(0, 0.5, (count, 1)) + 10)
    return Cases(
        torch.from_numpy(points), label, [f"c{row}" for row in range(count)], [f"g{row // 2}" for row in range(count)]
    )


def task_of(cases: Cases, kind: type[Numbers] | type[Findings] = Numbers) -> Task:
    return kind.make(["age"], HeadSettings(kernel=True), "none").fit(cases.label, None)


def test_every_case_is_read_by_nested_sets_without_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[list[str]] = []

    class Watched(KernelPredictor):
        def fit(self, gallery: Cases, *rest: Any, **more: Any) -> Any:
            fitted.append(sorted(gallery.id))
            return super().fit(gallery, *rest, **more)

        def read(self, cases: Cases) -> Any:
            assert not set(cases.group) & set(self._gallery.group)
            return super().read(cases)

    monkeypatch.setattr(numbers, "KernelPredictor", Watched)
    cases = drawn()
    found = module.measure(cases, task_of(cases), folds=3, draws=2, seed=1, display=Display(False))
    assert found.size == module.sizes_of(20)
    assert len(found.size) >= 5
    assert found.error.shape == (2, len(found.size), 60)
    assert np.isfinite(found.error).all()
    sets = [set(one) for one in fitted]
    for start in range(0, len(sets), len(found.size)):  # of one draw and fold
        own = sets[start : start + len(found.size)]
        assert [len(one) for one in own] == [2 * size for size in found.size]
        assert all(less < more for less, more in zip(own, own[1:], strict=False))
    assert found.cases == pytest.approx([2.0 * size for size in found.size])
    last = np.abs(cases.label.numpy()[:, 0] - np.median(cases.label.numpy())).mean()
    assert found.constant == pytest.approx(last, rel=0.1)
    assert found.error[:, -1].mean() < found.error[:, 0].mean() < found.constant * 1.5
    again = module.measure(cases, task_of(cases), folds=3, draws=2, seed=1, display=Display(False))
    np.testing.assert_array_equal(again.error, found.error)


def test_an_error_is_that_of_a_regression_fitted_by_hand() -> None:
    cases = drawn()
    found = module.measure(cases, task_of(cases), folds=3, draws=1, seed=1, display=Display(False))
    names = list(dict.fromkeys(cases.group))
    for _, out, order in module._plans(30, 3, 1, 1):
        asked = [row for row, group in enumerate(cases.group) if group in {names[one] for one in out.tolist()}]
        for place, size in enumerate(found.size):
            own = {names[one] for one in order[:size].tolist()}
            train = torch.tensor([row for row, group in enumerate(cases.group) if group in own])
            value = KernelPredictor().fit(cases.take(train)).predict(cases.embedding[asked]).value
            gap = (value - cases.label[asked]).abs()[:, 0].numpy()
            np.testing.assert_allclose(found.error[0, place, asked], gap, rtol=1e-9, atol=1e-9)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError, match="needs 20 groups or more with a label of age, got 19 in 5 folds"):
        module.measure(drawn(38), task_of(drawn(38)), folds=5, draws=1, seed=0, display=Display(False))


def test_of_a_finding_it_is_the_log_loss_of_the_chance_that_the_regression_gives() -> None:
    cases = drawn()
    cases = replace(cases, label=(cases.label > 10).double())
    found = module.measure(cases, task_of(cases, Findings), folds=3, draws=1, seed=1, display=Display(False))
    names, blind = list(dict.fromkeys(cases.group)), np.zeros(60)
    for _, out, order in module._plans(30, 3, 1, 1):
        asked = [row for row, group in enumerate(cases.group) if group in {names[one] for one in out.tolist()}]
        truth = cases.label[asked, 0].numpy()
        for place, size in enumerate(found.size):
            own = {names[one] for one in order[:size].tolist()}
            train = torch.tensor([row for row, group in enumerate(cases.group) if group in own])

            def loss(value: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
                return -torch.where(label == 1, value, 1 - value).clamp(1e-3, 1).log()

            model = KernelPredictor().fit(cases.take(train), None, loss)
            chance = model.predict(cases.embedding[asked]).value[:, 0].numpy().clip(0, 1)
            wanted = -np.log(np.where(truth == 1, chance, 1 - chance).clip(1e-3))
            np.testing.assert_allclose(found.error[0, place, asked], wanted, rtol=1e-9, atol=1e-9)
        rate = cases.label[train, 0].mean().item()
        blind[asked] = -np.log(np.where(truth == 1, rate, 1 - rate))
    assert found.constant == pytest.approx(blind.mean())
    assert found.error[:, -1].mean() < found.constant


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize(
    ("place", "value"), [("prediction.level", 0.8), ("prediction.predictor", "kernel"), ("data.fraction", 0.5)]
)
def test_what_a_curve_has_not_is_refused(table: Path, tmp_path: Path, place: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^{place} has no effect on a learning curve"):
        medgauge.curve(table=table, **COLUMNS, out=tmp_path / "curve", changes={place: value})
    assert not (tmp_path / "curve").exists()


def test_the_command_writes_values_table_and_page(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pandas.read_csv(table)
    frame["old"] = (frame["age"] > frame["age"].median()).astype(int)
    frame.to_csv(table.with_name("found.csv"), index=False)
    table, given = table.with_name("found.csv"), COLUMNS | {"label": ["age", "old"]}
    words = ["curve", "--table", str(table), "--out", str(tmp_path / "curve"), "--draws", "2"]
    words += [
        word
        for name, value in given.items()
        for word in (f"--{name}", value if isinstance(value, str) else ",".join(value))
    ]
    words += ["--data.cache", str(tmp_path / "cache"), "--model.encoder.settings.least", "64"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "for frozen features; a tuned network may gain more" in shown
    values = json.loads((tmp_path / "curve" / "curve.json").read_text())
    one = values["targets"]["age"]
    assert one["n"] == 72
    assert one["points"][-1]["mae"] < one["baselines"]["median"]["mae"]
    finding = values["targets"]["old"]
    assert (finding["kind"], finding["figure"]) == ("finding", "log_loss")
    assert finding["points"][-1]["log_loss"] < finding["baselines"]["base_rate"]["log_loss"] < 0.8
    assert "log loss of the training rate" in shown
    rows = pandas.read_csv(tmp_path / "curve" / "curve.csv")
    assert set(rows.loc[rows["target"] == "old", "figure"]) == {"log_loss"}
    measured = rows[(rows["what"] == "measured") & (rows["target"] == "age")]
    assert measured["error"].tolist() == [point["mae"] for point in one["points"]]
    assert measured["groups"].tolist() == [point["groups"] for point in one["points"]]
    assert len(measured) >= 5
    assert str(one["points"][0]["groups"]) in shown
    assert (tmp_path / "curve" / "curve.html").stat().st_size > 1e6
    # again, from the cache and through the other door; the same values
    changes: dict[str, Any] = {"data.cache": str(tmp_path / "cache"), "model.encoder.settings": {"least": 64}}
    again = medgauge.curve(table=table, out=tmp_path / "curve", draws=2, changes=changes, **given)
    assert again["targets"] == values["targets"]


def test_wrong_settings_are_told_before_anything_is_read(table: Path, tmp_path: Path) -> None:
    for more, said in (
        ({"draws": 0}, "draws must be a whole number >= 1"),
        ({"fold": 1}, "leave --fold out"),
        ({"folds": 0}, "give --folds 2 or more"),
        ({"changes": {"represent.name": "scratch"}}, "leave represent.name scratch out"),
    ):
        with pytest.raises(InputError, match=said):
            medgauge.curve(table=table, out=tmp_path / "curve", **({**COLUMNS, **more}))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other.txt").write_text("")
    with pytest.raises(InputError, match="holds something other than a learning curve"):
        medgauge.curve(table=table, out=tmp_path / "full", **COLUMNS)
    frame = pandas.read_csv(table)
    frame["stage"] = (frame["age"] // 20).astype(int)
    given: dict[str, Any] = {**COLUMNS, "label": "stage", "kind": {"stage": "grade"}}
    frame["path"] = "none.png"  # it is told before any image is read
    frame.to_csv(table.with_name("staged.csv"), index=False)
    said = "and stage is a {kind}; leave it out, or hold the figures of two runs side by side, the first with --data.fraction 0.5"
    for kind in ("grade", "class"):
        with pytest.raises(InputError, match=said.format(kind=kind)):
            medgauge.curve(
                table=table.with_name("staged.csv"), out=tmp_path / "curve", **given | {"kind": {"stage": kind}}
            )
    assert not (tmp_path / "curve").exists()
