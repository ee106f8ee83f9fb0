"""Figures on the terminal: those of a run, and those of a comparison."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgauge.core.beside import BESIDE
from medgauge.core.words import counted, printable

if TYPE_CHECKING:
    from medgauge.runs.run import Run


def tell(text: str) -> None:
    """Print a line, or several, without what steers a terminal."""
    print(printable(text))


def _cell(text: str) -> str:
    """A text that comes from a table, for one of rich's: without its markup, and without what steers a terminal."""
    from rich.markup import escape

    return escape(printable(text, line=True))


def show_results(run: "Run") -> None:
    """The figures of a run on the terminal, and where its report is."""
    split = next(name for name in ("test", "out_of_fold", "val") if name in run.results)
    show_block(run.results[split], split)
    tell(f"report: {run.folder / 'report.html'}")


def show_block(block: Mapping[str, Any], split: str) -> None:
    """One split's figures as a table; before all of them whether they are shown better than the baselines'."""
    from medgauge.report.together import together_sentence, told_together
    from medgauge.runfolder.headline import shown_sentence

    together, better = told_together(block)
    if together:
        tell(together_sentence(together, better))
    alone = {target: figures for target, figures in block.items() if target not in together}
    for target, figures in alone.items():
        if sentence := shown_sentence(target, figures, split):
            tell(sentence)
    for target, figures in alone.items():
        if target in BESIDE:
            continue
        ends = {"val": " split (used for selection, so too good)", "out_of_fold": " cases", "table": ""}
        note = ends.get(split, " split")
        about = f"{target}: {split.replace('_', ' ')}{note}, {counted(figures['n'], 'case')} of {counted(figures['groups'], 'group')}"
        _show_figures(f"{about}, predictor {figures['predictor']}", figures)
        if "by_group_mean" in figures:
            groups = figures["by_group_mean"]
            _show_figures(
                f"{target}: {counted(groups['n'], 'group')}, the images of each as one value", groups, what="groups"
            )
            ranges = groups["labels_within_groups"]
            if ranges["differ"]:
                what = f"by up to {_number(ranges['largest_range'])}; their mean is the group's label"
                if "classes" in figures:
                    what = "which are of no class then and take no part"
                tell(f"labels differ within {counted(ranges['differ'], 'group')}, {what}")
    if together:
        _show_together({name: block[name] for name in together}, block["findings"], split)
    if "space" in block:
        space = block["space"]
        tell(f"space: D5 {_number(space['d5'])}, RV {_number(space['rv'])} {space.get('rv_note') or ''}".rstrip())


SHOWN = {
    "roc_auc": "AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "error_rate": "error rate",
    "macro_auc": "macro AUC",
    "bias": "bias",
    "r2": "R2",
    "quadratic_kappa": "kappa",
    "accuracy": "accuracy",
    "within_one": "within one",
    "spearman": "Spearman",
}
"""Columns beside the main figure, each where the target has that figure."""


def _show_together(findings: Mapping[str, Any], means: Mapping[str, Any], split: str) -> None:
    """Several findings in one table, a row each, their means below."""
    from rich.console import Console
    from rich.table import Table

    first = next(iter(findings.values()))
    selected = " (used for selection, so too good)" if split == "val" else ""
    about = f"{counted(len(findings), 'finding')}: {split.replace('_', ' ')} cases{selected}, predictor {first['predictor']}"
    table = Table(title=_cell(about), title_justify="left")
    for name in ("", "present", "log loss", "base rate", "AUC", "95 % interval", "average precision"):
        table.add_column(name, justify="left" if not name else "right")
    for name, figures in findings.items():
        present = f"{figures['by_region']['present']['n']} of {figures['n']}"
        constant: Mapping[str, Any] = next(iter(figures["baselines"].values()), {})
        blind = constant.get("log_loss")
        table.add_row(
            _cell(name), present, _number(figures["log_loss"]), _number(blind), _number(figures["roc_auc"]),
            _around(figures, "roc_auc"), _number(figures["average_precision"]),
        )  # fmt: skip
    macro = {name: part["macro"] for name, part in means["figures"].items()}
    if means["columns"]:
        area = {"ci95": {"roc_auc": macro["roc_auc"]["ci95"]}}
        table.add_row(
            f"mean of {len(means['columns'])}", "", _number(macro["log_loss"]["value"]), "",
            _number(macro["roc_auc"]["value"]), _around(area, "roc_auc"), _number(macro["average_precision"]["value"]),
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    if few := means["few_positives"]:
        least = means["least_positives"]
        tell(f"means are of findings with {least} present cases or more of several groups, without {', '.join(few)}")
    notes: dict[str, list[str]] = {}
    for name, figures in findings.items():
        notes.setdefault(str(figures.get("calibration", {}).get("note") or ""), []).append(name)
    for note, names in notes.items():
        if note:
            tell(f"{', '.join(names)}: {note}")


MAINS = {"mae": "MAE"}
"""Main figures that have a shorter name."""


def main_figure(figures: Mapping[str, Any]) -> str:
    """The name of the figure that baselines are judged by: the first one of the kind of a target's block."""
    from medgauge.metrics.catalogue import FIGURES

    return next(iter(FIGURES[figures["kind"]]))


def _show_figures(title: str, figures: Mapping[str, Any], what: str = "cases") -> None:
    """The figures of one target: a table, and a line for each kind of interval or set."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=_cell(title), title_justify="left")
    shown, main = [name for name in SHOWN if name in figures], main_figure(figures)
    for name in ("", MAINS.get(main, main.replace("_", " ")), "95 % interval", *(SHOWN[name] for name in shown)):
        table.add_column(name, justify="left" if not name else "right")

    def add(name: str, part: Mapping[str, Any]) -> None:
        rest = (_number(part[one]) if one in part else "" for one in shown)
        table.add_row(name, _number(part[main]), _around(part, main), *rest)

    add("all", figures)
    for name, region in figures["by_region"].items():
        add(f"{_cell(name)} ({region['n']} {what})", region)
    for column, values in figures.get("subgroups", {}).items():
        for value, part in values.items():
            add(f"{_cell(f'{column} {value}')} ({part['n']} {what}, coverage {_share(part['coverage'])})", part)
    for part in figures.get("by_fold", []):
        add(f"fold-{part['fold']} ({counted(part['n'], 'case')})", part)
    for name, baseline in figures["baselines"].items():
        add(f"baseline: {name.replace('_', ' ')}", {main: baseline[main]})
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    if "uncorrected" in figures:
        raw = figures["uncorrected"]
        tell(f"{figures['correction']['note']} Without it: MAE {_number(raw['mae'])}, bias {_number(raw['bias'])}.")
    for name in ("interval", "plain_interval", "label_conditional_interval"):
        if name in figures:
            tell(interval_line(figures[name], beside=name != "interval"))
    if "calibration" in figures:
        tell(figures["calibration"]["note"])
    if why := wide_line(figures):
        tell(why)
    if "set" in figures:
        tell(set_line(figures["set"]))


def _around(figures: Mapping[str, Any], main: str) -> str:
    """The bootstrap interval of the main figure, or why there is none."""
    ends = figures.get("ci95", {}).get(main, "")
    if isinstance(ends, str):
        return ends
    return "–" if all(end is None or end != end for end in ends) else f"{_number(ends[0])} to {_number(ends[1])}"


KINDS = {"label_conditional": "label-conditional", "split": "plain split", "cross": "cross-fitted"}


def interval_line(interval: Mapping[str, Any], *, beside: bool) -> str:
    """Which interval it is, its coverage whole and by region, and its width."""
    by_region = interval["by_region"].items()
    regions = ", ".join(f"{name} {_share(part['coverage'])} of {part['n']}" for name, part in by_region)
    needed = interval.get("groups_needed")
    left = " without a case's own fold" if needed is not None and interval["n_groups"] >= needed else ""
    endless = f"infinite ({'more' if needed is None else needed} calibration groups are needed{left})"
    width = endless if (interval["share_infinite"] or 0) > 0 else _number(interval["width"])
    kind = f"{interval['level'] * 100:g}% {KINDS[interval['kind']]} intervals{' beside them' if beside else ''}"
    ends = f"coverage {_share(interval['coverage'])} ({regions}), mean width {width}"
    return f"{kind}: {ends}, from {interval['n_groups']} calibration groups{_chance(interval)}"


def _chance(interval: Mapping[str, Any]) -> str:
    """What coverage so many calibration groups give by chance, whole and in the rarest region that has a width of its own."""
    if (part := interval.get("by_chance95")) is None or _missing(part):
        return ""
    said = f"; by chance so many cover {_percents(part)} of {counted(interval['drawn'], 'new group')}"
    own = [
        f"{name} {_percents(region['by_chance95'])} of {region['drawn']}"
        for name, region in interval["by_region"].items()
        if not _missing(region.get("by_chance95", (None, None)))
    ]
    return f"{said} ({own[-1] if own else 'nothing is promised by region'})"


WIDE = 1.25
"""From how many times the width of plain intervals on it is told why the label-conditional ones are wider."""


def wide_line(figures: Mapping[str, Any]) -> str:
    """Why label-conditional intervals are wider than plain ones; nothing where they are not by much."""
    interval, plain = figures.get("interval", {}), figures.get("plain_interval", {})
    widths = [interval.get("width"), plain.get("width")]
    if interval.get("kind") != "label_conditional" or _missing(widths) or (interval["share_infinite"] or 0) > 0:
        return ""
    if not widths[0] >= WIDE * widths[1] > 0:
        return ""
    return (
        f"the label-conditional ones are {widths[0] / widths[1]:.1f} times as wide, since each label region has the width of its "
        "own errors and an interval spans all regions that the label may be in; --prediction.interval split has the plain ones"
    )


def _missing(values: Sequence[Any]) -> bool:
    return any(value is None or value != value for value in values)


def _percents(ends: Sequence[float]) -> str:
    return f"{100 * ends[0]:.0f} to {100 * ends[1]:.0f}%"


def set_line(part: Mapping[str, Any]) -> str:
    """Coverage and size of the sets of grades or classes, whole and by the true one."""
    noun, several = ("class", "classes") if "by_class" in part else ("grade", "grades")
    each = ", ".join(
        f"{_cell(name)} {_share(one['coverage'])} of {one['n']}" for name, one in part[f"by_{noun}"].items()
    )
    ends = f"coverage {_share(part['coverage'])} (by {noun}: {each}), mean size {_number(part['size'])}"
    return f"{part['level'] * 100:g}% sets of {several}: {ends}, from {part['n_groups']} calibration groups"


def _share(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.0%}" if value in (0, 1) else f"{value:.1%}"


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.4g}"


def show_comparison(values: Mapping[str, Any], folder: str | Path) -> None:
    """The figures of a comparison, and where its page is."""
    from rich.console import Console
    from rich.table import Table

    from medgauge.comparing.tables import column_names
    from medgauge.report.comparison.macros import macro_tables
    from medgauge.report.comparison.rows import cases_words, smallest_basis, smallest_words, table_rows

    console = Console(width=None if sys.stdout.isatty() else 130)
    for target in values["settings"]["targets"]:
        title = f"{target}: {cases_words(values, target)}; differences to {values['settings']['reference']}"
        if smallest := smallest_words(values, target):
            tell(f"{target}: smallest difference that could be shown, {smallest_basis(values)}: {smallest}")
        table = Table(title=_cell(title), title_justify="left")
        columns = column_names(values["figures"][target], narrow=True)
        for key, name in columns.items():
            table.add_column(name, justify="left" if key in ("method", "verdict") else "right")
        for row in table_rows(values, target):
            table.add_row(*(_cell(row[key]) for key in columns))
        console.print(table)
    for part in macro_tables(values):
        table = Table(title=_cell(f"mean {part['words']} of {part['columns']}"), title_justify="left")
        for name in ("method", "mean", "95 %", "difference", "95 %", "p (Holm)", *part["regions"]):
            table.add_column(name, justify="left" if name == "method" else "right")
        for row in part["rows"]:
            keys = ("method", "mean", "interval", "difference", "difference_interval", "p")
            table.add_row(*(_cell(row[key]) for key in keys), *(one["mean"] for one in row["regions"]))
        console.print(table)
    tell(f"page: {Path(folder) / 'comparison.html'}")
