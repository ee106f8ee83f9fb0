"""What the command line shows: progress, results, lists."""

import inspect
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from medgauge.training.loop import Progress, Schedule

if TYPE_CHECKING:
    from medgauge.api.run import Run

LISTS = ("recipes", "losses", "samplers", "metrics", "encoders", "settings")
QUIET = 2.0  # seconds of work before a progress bar is shown


class Display(AbstractContextManager["Display"]):
    """Progress bars and lines on standard error; silent unless asked."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self.started = time.monotonic()
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bars away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, line: str) -> None:
        """Print one line."""
        if self.shown:
            self.close()
            print(line, file=sys.stderr, flush=True)

    def images(self, done: int, count: int) -> None:
        """Progress of decoding."""
        self._show("reading images", done, count, "")

    def training(self, progress: Progress, schedule: Schedule) -> None:
        """Progress of training."""
        by_time = progress.elapsed / schedule.seconds if schedule.seconds else 0.0
        done = max(progress.step / schedule.steps, by_time)
        best = f"val MAE {progress.best:.4g}" if progress.evaluated else ""
        self._show("training", round(1000 * min(done, 1.0)), 1000, f"step {progress.step} {best}")

    def runs(self, done: int, count: int, note: str) -> None:
        """Progress of a comparison."""
        self._show("comparing", done, count, note)

    def _show(self, what: str, done: int, count: int, note: str) -> None:
        if not self.shown or time.monotonic() - self.started < QUIET:
            return
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self._bars = Bars(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
            self._tasks = {}
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=count, note=note)
        self._bars.update(self._tasks[what], completed=done, note=note)


def show_results(run: "Run") -> None:
    """The figures of a run on the terminal, and where its report is."""
    split = next(name for name in ("test", "out_of_fold", "val") if name in run.results)
    show_block(run.results[split], split, run)
    print(f"report: {run.folder / 'report.html'}")


def show_block(block: Mapping[str, Any], split: str, run: "Run") -> None:
    """One split's figures as a table."""
    for target, figures in block.items():
        if target == "space":
            continue
        note = {"val": " split (used for selection, so too good)", "out_of_fold": " cases"}.get(split, " split")
        about = f"{target}: {split.replace('_', ' ')}{note}, {figures['n']} cases of {figures['groups']} groups"
        _show_figures(f"{about}, predictor {figures['predictor']}", figures)
        if "by_group_mean" in figures:
            groups = figures["by_group_mean"]
            _show_figures(f"{target}: {groups['n']} groups, the images of each as one value", groups, what="groups")
            ranges = groups["labels_within_groups"]
            if ranges["differ"]:
                most = f"by up to {_number(ranges['largest_range'])}"
                print(f"labels differ within {ranges['differ']} groups, {most}; their mean is the group's label")
    if "space" in block:
        space = block["space"]
        print(f"space: D5 {_number(space['d5'])}, RV {_number(space['rv'])} {space.get('rv_note') or ''}".rstrip())


def _show_figures(title: str, figures: Mapping[str, Any], what: str = "cases") -> None:
    """The figures of one target: a table, and a line for each kind of interval."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    for name in ("", "MAE", "95 % interval", "bias", "R2", "Spearman"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_row(*_figure_cells("all", figures), _number(figures["r2"]), _number(figures["spearman"]))
    for name, region in figures["by_region"].items():
        table.add_row(*_figure_cells(f"{name} ({region['n']} {what})", region), "", "")
    for column, values in figures.get("subgroups", {}).items():
        for value, part in values.items():
            name = f"{escape(f'{column} {value}')} ({part['n']} {what}, coverage {_share(part['coverage'])})"
            table.add_row(*_figure_cells(name, part), "", "")
    for part in figures.get("by_fold", []):
        table.add_row(
            f"fold-{part['fold']} ({part['n']} cases)", _number(part["mae"]), "", _number(part["bias"]), "", ""
        )
    for name, baseline in figures["baselines"].items():
        table.add_row(f"baseline: {name.replace('_', ' ')}", _number(baseline["mae"]), "", "", "", "")
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    if "uncorrected" in figures:
        raw = figures["uncorrected"]
        print(f"{figures['correction']['note']} Without it: MAE {_number(raw['mae'])}, bias {_number(raw['bias'])}.")
    for name in ("interval", "plain_interval", "label_conditional_interval"):
        if name in figures:
            print(interval_line(figures[name], beside=name != "interval"))


def _figure_cells(name: str, figures: Mapping[str, Any]) -> list[str]:
    ends = figures["ci95"]["mae"]
    around = ends if isinstance(ends, str) else f"{_number(ends[0])} to {_number(ends[1])}"
    return [name, _number(figures["mae"]), around, _number(figures["bias"])]


KINDS = {"label_conditional": "label-conditional", "split": "plain split"}


def interval_line(interval: Mapping[str, Any], *, beside: bool) -> str:
    """Which interval it is, its coverage whole and by region, and its width."""
    by_region = interval["by_region"].items()
    regions = ", ".join(f"{name} {_share(part['coverage'])} of {part['n']}" for name, part in by_region)
    width = "infinite" if (interval["share_infinite"] or 0) > 0 else _number(interval["width"])
    kind = f"{interval['level'] * 100:g}% {KINDS[interval['kind']]} intervals{' beside them' if beside else ''}"
    ends = f"coverage {_share(interval['coverage'])} ({regions}), mean width {width}"
    return f"{kind}: {ends}, from {interval['n_groups']} calibration groups"


def _share(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.4g}"


def show_list(what: str) -> None:
    """Names of parts, with a line on each."""
    if what == "settings":
        for place, default, text in settings():
            print(f"{place:<36}{default!s:<28}{text}")
        return
    for name, text in parts(what):
        print(f"{name:<32}{text}")


def parts(what: str) -> list[tuple[str, str]]:
    """Names of one kind of part, with the first line of each docstring (losses: also source and what departs)."""
    import importlib

    if what == "recipes":
        from medgauge.recipes.read import load_values, recipe_names

        return [(name, str(load_values(name).get("claim", {}).get("source", ""))) for name in recipe_names()]
    if what == "encoders":
        from medgauge.models import encoder_names

        return list(encoder_names().items())
    home = importlib.import_module(f"medgauge.{what}")
    found = [(name, getattr(home, name)) for name in home.__all__]
    return [(name, _first_lines(part, what)) for name, part in found if callable(part)]


def _first_lines(part: Any, what: str) -> str:
    text = inspect.getdoc(part) or ""
    first = text.split("\n\n")[0].replace("\n", " ")
    sources = [line.strip("- ") for line in text.splitlines() if line.startswith(("- Source:", "- Departs:"))]
    return " ".join([first, *(f"[{line}]" for line in sources)]) if what == "losses" else first


def settings() -> list[tuple[str, Any, str]]:
    """Every setting of a recipe: place, default, meaning."""
    import dataclasses

    from medgauge.recipes.read import recipe_values
    from medgauge.recipes.schema import Recipe

    def walk(kind: type, values: Mapping[str, Any], place: str) -> list[tuple[str, Any, str]]:
        found = []
        meanings = _meanings(kind)
        for field in dataclasses.fields(kind):
            here = f"{place}{field.name}"
            if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
                found += walk(field.type, values[field.name], f"{here}.")
            else:
                found.append(
                    (
                        here,
                        "see the docs" if field.name == "objective" else values[field.name],
                        meanings.get(field.name, ""),
                    )
                )
        return found

    return walk(Recipe, recipe_values(Recipe()), "")


def _meanings(kind: type) -> dict[str, str]:
    """Meaning of each argument, from the Args part of a docstring."""
    lines = (inspect.getdoc(kind) or "").partition("Args:\n")[2].splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.strip()
        if line.startswith("    ") and not line.startswith("     ") and ":" in text:
            name, _, text = text.partition(": ")
            found[name] = text
        elif name:
            found[name] += f" {text}"
    return found
