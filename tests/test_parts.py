"""A method is one file, one test, one recipe; the package is light to import and typed."""

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from medgauge.losses import RMLoss
from medgauge.recipes.build import build_objective, build_tasks
from medgauge.recipes.read import build_recipe, load_values, recipe_names
from medgauge.recipes.schema import default_objective
from medgauge.recipes.semantics_settings import SemanticsSettings
from medgauge.tasks import KINDS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "medgauge"
BASELINES = {"pointwise"}  # losses that need no recipe of their own
OF_FINDINGS = {"asymmetric", "dual_weighted", "finding", "focal", "label_ranking", "ldam", "nih_dwml", "weighted_bce"}
"""Recipes whose terms know no labels but findings."""


def modules(package: str) -> list[str]:
    return sorted(path.stem for path in (SOURCE / package).glob("*.py") if path.stem != "__init__")


def test_every_loss_has_a_test_and_a_recipe() -> None:
    names = modules("losses")
    assert {"pointwise", "rm_loss"} <= set(names)
    used = {
        entry["term"]["class_path"]
        for name in recipe_names()
        for entry in build_recipe(load_values(name)).objective.values()
    }
    home = importlib.import_module("medgauge.losses")
    for name in names:
        test = ROOT / "tests" / "losses" / f"test_{name}.py"
        assert test.exists(), f"{name} has no test"
        assert "TermContract" in test.read_text()
        classes = {part for part in home.__all__ if getattr(home, part).__module__ == f"medgauge.losses.{name}"}
        assert classes, f"{name} is not named in medgauge.losses"
        assert name in BASELINES or classes & used, f"no recipe uses {classes}"


def test_every_recipe_builds_and_says_what_it_should_show() -> None:
    names = recipe_names()
    assert {"hc18_demo", "hc18_l1", "hc18_mse", "hc18_rm", "hc18_rm_l1", "boneage_rm", "cac_rm"} <= set(names)
    for name in names:
        recipe = build_recipe(load_values(name))
        assert recipe.claim.source != "none"
        label = recipe.data.label or ["a"]
        default = "finding" if name in OF_FINDINGS else "number"
        kind = dict.fromkeys(label, next((one.kind for one in KINDS.values() if one.recipe == name), default))
        model = replace(recipe.model, semantics=SemanticsSettings(source="one_hot"))  # it needs nothing installed
        classes = {column: ["x", "y", "z", "w"] for column, one in kind.items() if one == "class"}
        labelled = replace(recipe, data=replace(recipe.data, label=label, kind=kind, classes=classes), model=model)
        highest = 1.0 if "finding" in kind.values() else 3.0
        tasks = build_tasks(labelled).fit(torch.tensor([[0.0], [1.0], [highest]], dtype=torch.float64), None)
        assert recipe.model.neck == "standardised" or build_objective(labelled, tasks).needs


def test_importing_the_losses_is_light() -> None:
    code = (
        "import torch, sys, time; start = time.perf_counter(); import medgauge.losses; spent = time.perf_counter() - start;"
        "heavy = {'lightning_fabric', 'monai', 'timm', 'pandas', 'plotly', 'scipy', 'sklearn', 'rich', 'yaml', 'jinja2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_it_is_typed_and_licensed() -> None:
    assert (SOURCE / "py.typed").exists()
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_every_recipe_names_sigma() -> None:
    """RMLoss() alone has the paper's sigma, the recipes what was tuned: none may lean on the default."""
    terms = {
        f"{name}: {term}": entry["term"].get("init_args", {})
        for name in recipe_names()
        for term, entry in load_values(name).get("objective", {}).items()
        if entry["term"]["class_path"] == "RMLoss"
    }
    assert {"default: isometry", "hc18_rm: isometry", "cac_rm: isometry"} <= terms.keys()
    assert {name for name, settings in terms.items() if "sigma" not in settings} == set()
    assert default_objective()["isometry"]["term"]["init_args"]["sigma"] == terms["default: isometry"]["sigma"]
    assert RMLoss().sigma == 0.5
