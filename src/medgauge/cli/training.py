"""The commands that train or say what would be trained: their flags, the call, and what is shown of it."""

from pathlib import Path
from typing import Any

from medgauge.cli.flags import Parser
from medgauge.cli.show import tell
from medgauge.recipes.read import check_changes
from medgauge.recipes.schema import Recipe

RECIPE = "recipe file, or the name of one of medgauge's (medgauge list recipes)"
BRACKETS = (
    "In brackets stands what holds where neither the recipe nor a flag says otherwise; without RECIPE, medgauge's own recipe for"
    " the kind of label comes first (medgauge list recipes)."
)
WITHOUT = (
    "Without RECIPE, and without a setting that says how to train, several candidates are tried within the budget, and the"
    " best of them answers."
)
BUDGET = "without RECIPE: quick (nothing is trained), standard (30 minutes), best (four hours), or a number of minutes [standard]"
ANY_SETTING = "Any setting of a recipe is a flag too, as --training.steps 500; medgauge fit --help tells them all."


def fit(words: list[str]) -> int:
    """Train a model from a recipe or a table, and write a run folder with its report."""
    parser = Parser(
        "fit",
        f"{fit.__doc__} {WITHOUT} {BRACKETS}",
        "[RECIPE]",
        "medgauge fit --table cases.csv --image path --label age --group patient_id --out runs/age",
    )
    parser.word("recipe", RECIPE, "?")
    parser.flag("--out", "run folder [runs/RECIPE, or runs/LABEL]")
    parser.flag("--budget", BUDGET)
    parser.switch("--test", "read the test split at the end, and count that look")
    parser.switch("--no-images", "keep no thumbnails of patients' images")
    parser.add_settings(Recipe, short=True, listed=True)
    parsed, changes = parser.read(words)
    check_changes(parsed.recipe, changes)
    from medgauge.cli.show import show_results
    from medgauge.fitting.train import first_process
    from medgauge.planning.fit import fit as run_fit

    out = parsed.out or f"runs/{_run_name(parsed.recipe, changes)}"
    run = run_fit(
        parsed.recipe,
        out=out,
        budget=parsed.budget,
        changes=changes,
        test=parsed.test,
        images=not parsed.no_images,
        terminal=True,
    )
    if first_process():
        for note in run.chosen:
            tell(note)
        show_results(run)
    return 0


def plan(words: list[str]) -> int:
    """Say what a fit without a recipe would try, how long it takes here, and why; trains nothing but a few measured steps."""
    parser = Parser(
        "plan",
        f"{plan.__doc__} {BRACKETS}",
        "",
        "medgauge plan --table cases.csv --image path --label age --group patient_id",
    )
    parser.flag("--out", "folder that plan.json is written into; fit with the same --out goes by it")
    parser.flag("--budget", BUDGET)
    parser.add_settings(Recipe, short=True, listed=True)
    parsed, changes = parser.read(words)
    check_changes(None, changes)
    from medgauge.planning.fit import plan as run_plan

    for line in run_plan(out=parsed.out, budget=parsed.budget or "standard", changes=changes, terminal=True):
        tell(line)
    return 0


def _run_name(recipe: str | None, changes: dict[str, Any]) -> str:
    return Path(recipe).stem if recipe else labels_name(changes)


def labels_name(changes: dict[str, Any]) -> str:
    """What a run is called after: its labels, the first ones of many, or the column that they are in.

    >>> labels_name({"data.label": ["age"], "data.findings": ["Mass", "Edema", "Hernia"]})
    'age_Mass_Edema_and_1_more'
    """
    labels = [*changes.get("data.label", []), *changes.get("data.findings", [])] or [
        changes.get("data.findings_from", "run")
    ]
    more = [f"and_{len(labels) - 3}_more"] if len(labels) > 3 else []
    return "_".join([*labels[:3], *more])


def check(words: list[str]) -> int:
    """Read recipe, table and every file, and list all that is wrong at once; trains nothing."""
    parser = Parser(
        "check",
        f"{check.__doc__} {BRACKETS}",
        "[RECIPE]",
        "medgauge check --table cases.csv --image path --label age --group patient_id",
    )
    parser.word("recipe", RECIPE, "?")
    parser.add_settings(Recipe, short=True, listed=True)
    parsed, changes = parser.read(words)
    check_changes(parsed.recipe, changes)
    from medgauge.fitting.check import check as run_check

    for line in run_check(parsed.recipe, changes=changes, terminal=True):
        tell(line)
    return 0


def demo(words: list[str]) -> int:
    """Train on bundled fetal ultrasound images (two minutes on two cores) and write its report."""
    parser = Parser("demo", f"{demo.__doc__} {ANY_SETTING}", "", "medgauge demo")
    parser.flag("--out", "run folder [runs/demo, or the first free runs/demo-N]")
    parser.add_settings(Recipe, short=False, listed=False)
    parsed, changes = parser.read(words)
    check_changes("hc18_demo", changes)
    from medgauge.cli.show import show_results
    from medgauge.fitting.fit import fit as run_fit
    from medgauge.fitting.train import first_process

    free = (name for name in ["runs/demo", *(f"runs/demo-{n}" for n in range(2, 10_000))] if not Path(name).exists())
    run = run_fit("hc18_demo", out=parsed.out or next(free), changes=changes, test=True, terminal=True)
    if first_process():
        show_results(run)
    return 0
