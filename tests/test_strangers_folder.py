"""A run folder that somebody sent is data: nothing that it names is imported or built but medgauge's own parts."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml
from PIL import Image, ImageOps

import medgauge
from medgauge.cli import main
from medgauge.core.errors import InputError
from medgauge.fitting.check import check
from medgauge.report import write_report
from tests.fitting.small_study import COLUMNS, SMALL, make_table

MODULE = "strangers_module"
CODE = """
from pathlib import Path

from torch import nn

Path(__file__).with_name("it_ran").touch()


class Mine(nn.Module):
    def forward(self, prediction, label):
        return (prediction - label).abs().nanmean()
"""
HUB = "from pathlib import Path\nPath(__file__).parent.parent.joinpath('it_ran').touch()\n"


def term(path: str, **arguments: Any) -> dict[str, Any]:
    return {"factor": 1.0, "term": {"class_path": path, "init_args": arguments}}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def others(cases: Path) -> Path:
    """Cases that the run does not know: the same pictures as negatives, of other patients."""
    folder = cases.parent / "others"
    folder.mkdir()
    frame = pandas.read_csv(cases, dtype=str)
    for name in frame["path"]:
        ImageOps.invert(Image.open(cases.parent / name)).save(folder / name)
    frame["patient"] = "other " + frame["patient"]
    frame.to_csv(folder / "cases.csv", index=False)
    return folder / "cases.csv"


@pytest.fixture(scope="module")
def made(cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, test split read once."""
    out = tmp_path_factory.mktemp("made") / "run"
    changes = {**SMALL, "data.cache": str(out.parent / "cache")}
    medgauge.fit(table=str(cases), out=out, changes=changes, test=True, report=False, **COLUMNS)
    return out


@pytest.fixture
def received(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, a module of the sender's beside it that can be imported, and a hubconf.py of his."""
    shutil.copytree(made, tmp_path / "run")
    (tmp_path / f"{MODULE}.py").write_text(CODE)
    hub = tmp_path / "hub" / "warvito_MedicalNet-models_main"
    hub.mkdir(parents=True)
    (hub / "hubconf.py").write_text(HUB + "def medicalnet_resnet10_23datasets(**settings): return None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    return tmp_path / "run"


def rewrite_recipe(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = yaml.safe_load((run / "recipe.yaml").read_text())
    change(values)
    (run / "recipe.yaml").write_text(yaml.safe_dump(values))


def ran(received: Path) -> bool:
    return MODULE in sys.modules or any(received.parent.rglob("it_ran"))


OBJECTIVES: dict[str, Any] = {
    "a module beside the folder": {"mine": term(f"{MODULE}.Mine")},
    "a hubconf.py in the folder": {
        "mine": term(
            "monai.losses.PerceptualLoss",
            spatial_dims=3,
            network_type="medicalnet_resnet10_23datasets",
            is_fake_3d=False,
            cache_dir="hub",
        )
    },
    "an allocation": {"mine": term("torch.nn.Linear", in_features=10**6, out_features=10**6)},
    "what is no term": {"mine": ["nonsense"], "yours": {"class_path": f"{MODULE}.Mine"}},
}


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_everything_but_fitting_needs_no_objective(received: Path, others: Path, kind: str) -> None:
    rewrite_recipe(received, lambda values: values.update(objective=OBJECTIVES[kind]))
    run = medgauge.load(received)
    assert len(run.predict([others.parent / "0.png"])) == 1
    assert run.evaluate(others)["age"]["n"] > 0
    assert run.look("test")["age"]["n"] > 0
    write_report(received)
    assert not ran(received)


@pytest.mark.slow
def test_the_commands_import_nothing_either(received: Path, others: Path) -> None:
    rewrite_recipe(received, lambda values: values.update(objective=OBJECTIVES["a module beside the folder"]))
    shutil.copytree(received, received.with_name("second"))
    run = str(received)
    for command in (
        ["predict", run, str(others.parent / "0.png")],
        ["evaluate", run, "--table", str(others)],
        ["evaluate", run],
        ["report", run],
        ["compare", run, "second", "--out", "compared"],
    ):
        assert main(command) == 0, command
    assert not ran(received)


def test_settings_that_look_like_classes_are_not_imported(received: Path) -> None:
    own = {"class_path": f"{MODULE}.Mine"}
    rewrite_recipe(received, lambda values: values["model"]["encoder"].update(settings={"act": own}))
    medgauge.load(received)
    assert not ran(received)
    rewrite_recipe(received, lambda values: values["data"].update(missing=own))
    with pytest.raises(InputError, match=r"and no recipe any more \(.*data\.missing must be"):
        medgauge.load(received)
    assert not ran(received)


def test_a_recipe_that_is_none_is_refused_in_a_sentence(received: Path) -> None:
    for text in ("[1, 2]", "a: [", "objective: [a]", "", "\x00", "image: {size: [100000, 100000]}", "[" * 3000):
        (received / "recipe.yaml").write_text(text)
        with pytest.raises(InputError, match=r"recipe\.yaml"):
            medgauge.load(received)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.encoder.width", 1e9),
        ("model.neck.embedding", 10**9),
        ("model.encoder.settings", {"blocks": [10**6]}),
        ("model.encoder.settings", {"blocks": 10**6}),
        ("model.targets", 10**9),
        ("model.ndim", 7),
        ("model.channels", "1"),
        ("model.encoder.name", "timm/hf-hub:me/mine"),
        ("model.encoder.name", f"{MODULE}.Mine"),
        ("model.encoder.name", "timm//tmp/mine"),
        ("model.encoder", f"{MODULE}.Mine"),
        ("model", [1]),
        ("model", None),
        ("targets", 10**9),
        ("targets", "age"),
        ("targets", ["age"] * 3),
        ("targets", []),
        ("model.neck.embedding", 4096),
        ("model.neck.hidden", 8192),
        ("model.channels", 3),
    ],
)
def test_a_model_that_is_none_of_medgauges_is_refused_at_once(received: Path, place: str, value: Any) -> None:
    saved = json.loads((received / "model.json").read_text())
    *path, last = place.split(".")
    here = saved
    for key in path:
        here = here[key]
    here[last] = value
    (received / "model.json").write_text(json.dumps(saved))
    (received / "digests.json").unlink()  # the sender's seal would fit
    began = time.process_time()
    with pytest.raises(InputError, match=r"model\.json is no model of this version"):
        medgauge.load(received)
    assert time.process_time() - began < 2
    assert not ran(received)


def test_a_model_file_that_is_no_group_is_refused(received: Path) -> None:
    for text in ("[1, 2]", "3", "[" * 100_000):
        (received / "model.json").write_text(text)
        with pytest.raises(InputError, match=r"model\.json"):
            medgauge.load(received)


def test_own_code_of_a_recipe_that_the_user_gives_runs_and_is_named(
    received: Path, cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"objective.mine: code of the module {MODULE} runs"
    recipe = {"objective": OBJECTIVES["a module beside the folder"]}
    settings = {**SMALL, "data.table": str(cases), "data.image": "path", "data.label": ["age"], "data.group": "patient"}
    medgauge.fit(recipe, out="fitted", changes=settings, terminal=True, report=False)
    assert capsys.readouterr().err.count(line) == 1
    assert ran(received)
    assert check(recipe, changes=settings).count(line) == 1
    assert not any("code of the module" in found for found in check(changes=settings))
    for name in ("one", "two"):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    broken = {**settings, "training.batch_size": 5000}  # so that it ends before any run
    with pytest.raises(InputError, match="larger than"):
        medgauge.compare(["one.yaml", "two.yaml"], out="compared", changes=broken, terminal=True)
    assert capsys.readouterr().err.count(line) == 1
