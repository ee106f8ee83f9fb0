"""A blend of two candidates that read images and labels in different ways, beside sums by hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

import medgauge
from medgauge.core.display import Display
from medgauge.core.errors import InputError
from medgauge.fitting.blending import Member, Unblended, fit_blend, fold_weights
from medgauge.fitting.stamp import make_recipe
from medgauge.report import write_report
from medgauge.runfolder import RunFolder
from medgauge.runs.outputs import Outputs
from medgauge.study import load_study
from medgauge.tasks.values import least_absolute
from tests.fitting.small_study import make_table

NAMES = ("quick", "times")
OWN: dict[str, dict[str, Any]] = {"quick": {}, "times": {"data.label_times": "size", "image.size": [16, 16]}}
PLAIN = Outputs(images=False, report=False)


def member(home: Path, out: Path, name: str) -> Member:
    changes = {
        "data.table": str(home / "data" / "cases.csv"),
        "data.image": "path",
        "data.label": ["age"],
        "data.group": "patient",
        "data.folds": 3,
        "data.holdout": "part=test",
        "data.cache": str(home / "cache"),
        "image.fit": "pad_or_crop",
        **OWN[name],
    }
    recipe = make_recipe("frozen", changes=changes)
    medgauge.fit("frozen", out=out / name, changes=changes, report=False, images=False)
    return Member(name, RunFolder(out / name), load_study(recipe))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blending")
    table = make_table(folder / "data", groups=18)
    frame = pandas.read_csv(table)
    frame["size"] = np.random.default_rng(1).uniform(0.8, 1.25, len(frame)).round(3)
    frame["age"] = (frame["age"] * frame["size"] ** 0.5).round(2)
    frame.to_csv(table, index=False)
    return folder


@pytest.fixture(scope="module")
def made(home: Path) -> tuple[Path, list[Member]]:
    out = home / "run"
    members = [member(home, out, name) for name in NAMES]
    with Display(False) as display:
        fit_blend(RunFolder(out / "blend"), members, PLAIN, display)
    return out, members


def told(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "blend" / "blend.json").read_text()))


def values_of(folder: Path) -> pandas.DataFrame:
    return pandas.read_csv(folder / "predictions.csv").set_index("id")


def best(value: np.ndarray, label: np.ndarray) -> float:
    """The weight of the first of two of the least absolute error: it is 0, 1, or where the error of a case is 0."""
    one, other = value[0] - label, value[1] - label
    places = np.concatenate([[0.0, 1.0], other / (other - one)])
    places = places[(places >= 0) & (places <= 1)]
    return float(places[np.abs(np.outer(places, one) + np.outer(1 - places, other)).sum(1).argmin()])


def test_a_folds_cases_have_weights_that_were_found_without_it(made: tuple[Path, list[Member]]) -> None:
    out, _ = made
    blend, parts = (
        values_of(out / "blend"),
        [values_of(out / name).loc[values_of(out / "blend").index] for name in NAMES],
    )
    value, label = np.stack([part["value_age"].to_numpy() for part in parts]), blend["label_age"].to_numpy()
    weights = told(out)["weights_by_fold"]["age"]
    assert len(blend) == 30  # part test is kept out
    for fold in range(3):
        mine = (blend["fold"] == fold).to_numpy()
        first = best(value[:, ~mine], label[~mine])
        assert weights[fold] == pytest.approx({"quick": first, "times": 1 - first}, abs=1e-4)
        by_hand = first * value[0, mine] + (1 - first) * value[1, mine]
        assert blend["value_age"][mine].to_numpy() == pytest.approx(by_hand, abs=1e-2)
    whole = best(value, label)
    assert 0.02 < whole < 0.98  # both are of use here
    assert told(out)["weights"]["age"] == pytest.approx({"quick": whole, "times": 1 - whole}, abs=1e-4)
    assert blend["quick_age"].tolist() == pytest.approx(parts[0]["value_age"].tolist())
    block = medgauge.load(out / "blend").results["out_of_fold"]["age"]
    assert block["mae"] == pytest.approx(float((blend["value_age"] - blend["label_age"]).abs().mean()))
    assert block["predictor"] == "blend"
    assert block["by_predictor"]["times"]["mae"] == pytest.approx(
        medgauge.load(out / "times").results["out_of_fold"]["age"]["mae"]
    )


def test_evidence_makes_the_value_with_labels_at_each_cases_scale(made: tuple[Path, list[Member]]) -> None:
    blend = values_of(made[0] / "blend")
    for _, line in blend.iterrows():
        weights, labels = json.loads(line["weights_age"]), json.loads(line["neighbour_values_age"])
        if line["shown_share_age"] < 0.999999:
            continue
        assert sum(weights) == pytest.approx(1, abs=1e-4)
        assert np.dot(weights, labels) == pytest.approx(line["value_age"], abs=1e-2)


def test_new_cases_have_the_weighted_values_of_the_candidates(home: Path, made: tuple[Path, list[Member]]) -> None:
    out, _ = made
    new, weights = home / "data" / "new.csv", told(out)["weights"]["age"]
    pandas.read_csv(home / "data" / "cases.csv").query("part == 'test'").to_csv(new, index=False)
    run = medgauge.load(out / "blend")
    frame, parts = run.predict(new), [medgauge.load(out / name).predict(new) for name in NAMES]
    by_hand = weights["quick"] * parts[0]["age"] + weights["times"] * parts[1]["age"]
    assert frame["age"].tolist() == pytest.approx(by_hand.tolist(), rel=1e-5)
    assert frame["quick_age"].tolist() == pytest.approx(parts[0]["age"].tolist(), rel=1e-5)
    assert bool((frame["lower_age"] <= frame["age"]).all())
    assert bool((frame["age"] <= frame["upper_age"]).all())
    figures = run.evaluate(new)["age"]
    label = pandas.read_csv(new)["age"]
    assert figures["mae"] == pytest.approx(float((label - by_hand).abs().mean()), rel=1e-4)
    assert run.look("test")["age"]["mae"] == pytest.approx(figures["mae"])
    page = write_report(out / "blend", images=False)
    assert "the blended value of" in page.read_text(encoding="utf-8")


def test_a_blend_that_is_there_is_loaded_and_a_cut_one_is_made_anew(
    made: tuple[Path, list[Member]], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(made[0], out)
    members = [Member(one.name, RunFolder(out / one.name), one.study) for one in made[1]]
    folder = RunFolder(out / "blend")
    whole = values_of(out / "blend")
    whole = whole[whole["split"] == "out_of_fold"]
    stamp = (out / "blend" / "blend.json").stat().st_mtime_ns
    with Display(False) as display:
        fit_blend(folder, members, PLAIN, display)
        assert (out / "blend" / "blend.json").stat().st_mtime_ns == stamp
        (out / "blend" / "results.json").unlink()
        with pytest.raises(InputError, match="is not whole"):
            medgauge.load(out / "blend")
        run = fit_blend(folder, members, PLAIN, display)
        again = values_of(out / "blend")
        pandas.testing.assert_frame_equal(again[again["split"] == "out_of_fold"], whole)
        assert run.finished.fits[0].folder.path == out / "quick" / "fold-0"
        swapped = [Member("quick", RunFolder(out / "times"), made[1][1].study), members[1]]
        with pytest.raises(InputError, match="holds another run"):
            fit_blend(RunFolder(out / "quick"), swapped, PLAIN, display)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("quick", "quick, which .*blend is made of, is not beside it"),
        (
            "times/fold-1/model.safetensors",
            "the fits in .*times are damaged, or are not those that .*blend was made of",
        ),
        ("times/fold-1/predictors.json", "are damaged, or are not those"),
        ("blend/blend.json", "blend.json of .*blend is missing; give the same"),
    ],
)
def test_a_candidate_that_is_missing_or_another_is_refused(
    made: tuple[Path, list[Member]], tmp_path: Path, name: str, words: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(made[0], out)
    if (out / name).is_dir():
        shutil.rmtree(out / name)
    elif name == "blend/blend.json":
        (out / name).unlink()
    else:
        (out / name).write_bytes((out / name).read_bytes()[:-1])
    with pytest.raises(InputError, match=words):
        medgauge.load(out / "blend")


def test_candidates_of_other_cases_are_not_blended(made: tuple[Path, list[Member]], tmp_path: Path) -> None:
    one, other = made[1]
    unlike = Member(
        "other", other.folder, other.study.__class__(**{**vars(other.study), "splits": one.study.splits[::-1]})
    )
    with Display(False) as display, pytest.raises(Unblended, match="other cases or folds"):
        fit_blend(RunFolder(tmp_path / "blend"), [one, unlike], PLAIN, display)


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_folds_are_the_best_of_many_on_the_other_folds(seed: int) -> None:
    random = np.random.default_rng(seed)
    label = random.normal(size=(60, 2))
    value = label + random.normal(size=(3, 60, 2)) * np.array([1.0, 0.7, 1.5])[:, None, None]
    group, fold = [f"p{row // 2}" for row in range(60)], torch.arange(60) // 2 % 4
    many = random.dirichlet(np.full(3, 0.7), 20000)
    label[5, 1], value[2, 9, 0] = np.nan, np.nan
    whole, parts = fold_weights(torch.tensor(value), torch.tensor(label), group, fold, 4, least_absolute)
    for target in range(2):
        fine = np.isfinite(label[:, target]) & np.isfinite(value[:, :, target]).all(0)
        for where, found in ((fine, whole), *((fine & (fold != one).numpy(), part) for one, part in enumerate(parts))):
            own, aim = value[:, where, target], label[where, target]
            mine = np.abs(found[:, target].numpy() @ own - aim).sum()
            assert mine <= np.abs(many @ own - aim).sum(1).min() * 1.000001
            assert found[:, target].sum() == pytest.approx(1)
            assert bool((found[:, target] >= 0).all())


def test_too_few_cases_to_weigh_by() -> None:
    value, label = torch.randn(2, 4, 1), torch.tensor([[1.0], [2.0], [torch.nan], [torch.nan]])
    with pytest.raises(Unblended, match="too few cases"):
        fold_weights(value, label, ["a", "b", "c", "d"], torch.tensor([0, 0, 1, 1]), 2, least_absolute)
