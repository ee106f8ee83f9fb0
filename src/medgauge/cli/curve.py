"""The command curve: what more labelled groups would give."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgauge.cli.flags import Parser
from medgauge.cli.show import tell
from medgauge.cli.training import labels_name
from medgauge.core.words import printable
from medgauge.recipes.read import check_changes
from medgauge.recipes.schema import Recipe


def curve(words: list[str]) -> int:
    """Say what more labelled groups would give: the error of frozen features by their number, up to twice as many."""
    about = "Flags are those of fit; a tuned network may gain more than frozen features."
    example = "medgauge curve --table cases.csv --image path --label age --group patient_id --out runs/age_curve"
    parser = Parser("curve", f"{curve.__doc__} {about}", "", example)
    parser.flag("--out", "folder of curve.json, curve.csv and curve.html [runs/LABEL_curve]")
    parser.count("--draws", "times that folds and training sets are drawn anew", 5)
    parser.add_settings(Recipe, short=True, listed=False)
    parsed, changes = parser.read(words)
    check_changes("frozen", changes)
    from medgauge.fitting.curve import curve as run_curve

    out = parsed.out or f"runs/{labels_name(changes)}_curve"
    show_curve(run_curve(out=out, draws=parsed.draws, changes=changes, terminal=True), out)
    return 0


def show_curve(values: Mapping[str, Any], out: str | Path) -> None:
    """The curve as a table for each target, a sentence on twice as many groups, and the minutes."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from medgauge.report.curve import PAGE, describe_curve

    page, console = describe_curve(values, Path(out).name), Console(width=None if sys.stdout.isatty() else 110)
    for target in page["targets"]:
        title = f"{target['name']}: {target['n']} of {target['groups']}, {target['constant']}"
        table = Table(title=escape(printable(title, line=True)), title_justify="left")
        for name in ("groups", "cases", target["figure"], "95 % interval", ""):
            table.add_column(name, justify="right" if name else "left")
        for row in target["rows"]:
            table.add_row(row["groups"], row["cases"], row["error"], row["between"], row["what"])
        console.print(table)
        tell(target["verdict"])
    tell(f"{page['about']}; {page['minutes']} minutes")
    tell(f"page: {Path(out) / PAGE}")
