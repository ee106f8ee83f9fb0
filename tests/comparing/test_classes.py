"""Comparisons of classes beside a finding and a number, over folds and of finished runs, beside scikit-learn."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import yaml
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

import medgauge
from medgauge.comparing import figures as comparing_figures
from medgauge.functional.regions import ClassRegions
from medgauge.recipes.read import load_values
from tests.fitting.small_study import make_table

CLASSES = ["child", "middle", "old"]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing_figures, "ANEW", 40)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_table(tmp_path_factory.mktemp("small"))
    frame = pandas.read_csv(path)
    frame["life"] = np.select([frame["age"] < 35, frame["age"] < 60], ["child", "middle"], "old")
    frame.loc[3, "life"] = ""
    frame["ill"] = (frame["age"] + np.random.default_rng(1).normal(0, 10, len(frame)) > 55).astype(int)
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Frozen features, once with every predictor chosen by its error, once with the neighbours."""
    folder, made = tmp_path_factory.mktemp("recipes"), []
    for name, predictor in (("chosen", "auto"), ("near", "neighbours")):
        values = load_values("frozen")
        values["prediction"] = {**values.get("prediction", {}), "predictor": predictor}
        made.append(folder / f"{name}.yaml")
        made[-1].write_text(yaml.safe_dump(values))
    return made


def settings(table: Path, cache: Path, **more: Any) -> dict[str, Any]:
    return {
        "data.table": str(table), "data.image": "path", "data.group": "patient", "data.cache": str(cache),
        "model.encoder.settings": {"least": 64}, **more,
    }  # fmt: skip


def test_over_folds_chances_are_judged_and_classes_ordered_within_folds(
    table: Path, recipes: list[Path], tmp_path: Path
) -> None:
    changes = settings(table, tmp_path / "cache", **{"data.label": ["life", "ill", "age"], "data.folds": 3})
    values = medgauge.compare(recipes, seeds=1, trials=1, out=tmp_path / "cmp", changes=changes)
    block = values["figures"]["life"]
    assert (block["kind"], block["figure"], values["figures"]["ill"]["kind"]) == ("class", "log_loss", "finding")
    frame = pandas.read_csv(tmp_path / "cmp" / "predictions.csv")
    known = frame["label_life"].notna()
    label = frame.loc[known, "label_life"].to_numpy().astype(int)
    for name in ("chosen", "near"):
        parts = [frame[[f"{name}-p0-f{fold}-s0 life={one}" for one in CLASSES]] for fold in range(3)]
        fold = np.stack([part.notna().all(axis=1) for part in parts]).argmax(0)[known]
        chance = np.stack([part.fillna(0).to_numpy() for part in parts]).sum(0)[known]
        assert chance.sum(1) == pytest.approx(1, abs=2e-6)  # three chances of six digits each
        one = block["methods"][name]
        own = chance[np.arange(len(label)), label].clip(1e-3)
        assert one["log_loss"] == pytest.approx(-np.log(own).mean(), rel=1e-6)
        assert one["balanced_accuracy"]["mean"] == pytest.approx(balanced_accuracy_score(label, chance.argmax(1)))
        aucs = []
        for place in range(3):
            inside = [(label[fold == at] == place, chance[fold == at, place]) for at in range(3)]
            weights = [truth.sum() * (~truth).sum() for truth, _ in inside]
            aucs.append(np.average([roc_auc_score(*part) for part in inside], weights=weights))
        assert one["macro_auc"]["mean"] == pytest.approx(np.mean(aucs))
        assert one["macro_auc"]["ci95"][0] <= one["macro_auc"]["mean"] <= one["macro_auc"]["ci95"][1]
    other = block["methods"]["near"]
    assert other["difference"] == pytest.approx(other["log_loss"] - block["methods"]["chosen"]["log_loss"])
    assert other["macro_auc"]["difference_ci95"][0] < other["macro_auc"]["difference_ci95"][1]
    text = (tmp_path / "cmp" / "table.md").read_text()
    assert "| method | Log loss | 95 % |" in text
    assert "Macro ROC-AUC" in text
    again = medgauge.compare(recipes, seeds=1, trials=1, out=tmp_path / "cmp", changes=changes)
    assert again["figures"] == values["figures"]  # nothing is made anew


def test_finished_runs_of_classes_are_compared(table: Path, recipes: list[Path], tmp_path: Path) -> None:
    own = {"data.label": ["life"], "data.split": "part", "data.folds": 0}
    runs = []
    for recipe in recipes:
        runs.append(tmp_path / recipe.stem)
        medgauge.fit(recipe, out=runs[-1], changes=settings(table, tmp_path / "cache", **own)).look("test")
    values = medgauge.compare(runs, out=tmp_path / "cmp")
    for run in runs:
        results = medgauge.load(run).results["test"]["life"]
        one = values["figures"]["life"]["methods"][run.name]
        assert one["log_loss"] == pytest.approx(results["log_loss"], rel=1e-6)
        assert one["macro_auc"]["mean"] == pytest.approx(results["macro_auc"])
        assert one["coverage"]["coverage"] == pytest.approx(results["set"]["coverage"])


def test_the_smallest_difference_is_stated_from_chances_of_validation_cases(
    table: Path, recipes: list[Path], tmp_path: Path
) -> None:
    own = {"data.label": ["life", "age"], "data.split": "part", "data.folds": 0}
    changes = settings(table, tmp_path / "cache", **own)
    values = medgauge.compare(recipes, seeds=1, trials=1, out=tmp_path / "cmp", changes=changes)
    stated = values["smallest_difference"]["life"]
    frame = pandas.read_csv(tmp_path / "cmp" / "development.csv")
    known = frame["label_life"].notna()
    label = frame.loc[known, "label_life"].to_numpy().astype(int)
    chance = frame.loc[known, [f"chosen-trial1 life={one}" for one in CLASSES]].to_numpy()
    loss = -np.log(chance[np.arange(len(label)), label].clip(1e-3)).mean()
    assert stated["reference_error"] == pytest.approx(loss, rel=1e-6)
    assert (tmp_path / "cmp" / "comparison.html").stat().st_size > 1e6


def test_regions_of_classes_go_by_how_many_cases_are_of_each() -> None:
    import torch

    label = torch.tensor([0.0] * 10 + [1.0] * 55 + [2.0] * 25 + [3.0] * 10 + [float("nan")])
    regions = ClassRegions.fit(label)
    found = regions.of(torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, float("nan")])).tolist()
    assert found == [2, 0, 1, 2, 2, -1]
    with pytest.raises(ValueError, match="at least one observed label"):
        ClassRegions.fit(label[-1:])
