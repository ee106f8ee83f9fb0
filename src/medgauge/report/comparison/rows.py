"""The figures of a comparison in words: one row a method."""

from collections.abc import Mapping, Sequence
from typing import Any

from medgauge.core.figure import Figure
from medgauge.metrics.catalogue import FIGURES, KAPPA
from medgauge.report.kinds import SECTIONS
from medgauge.report.kinds.shared import Said
from medgauge.report.plots import REGIONS
from medgauge.report.words import counted, decimals_for, finite, number, percent, quantity, span, unit_of

VERDICTS = (
    "better", "not worse", "not shown", "not decided: one seed", "not decided: two seeds", "not decided: one partition",
    "not decided: two partitions", "worse",
)  # fmt: skip


def table_rows(values: Mapping[str, Any], target: str) -> list[dict[str, str]]:
    """One row a method: name, errors with intervals, difference to the reference, p-value, verdict and further figures."""
    block = values["figures"][target]
    reference, methods = block["reference"], block["methods"]
    unit, digits = unit_of(target), error_digits(block)
    space, main = values["figures"]["space"], block["figure"]
    rows = []
    for name, one in methods.items():
        few = one["by_region"]["few"]
        row = {
            "method": name,
            "main": quantity(finite(one[main]), digits, unit),
            "interval": interval(one["ci95"], digits, ""),
            "few": quantity(finite(few[main]), digits, unit),
            "few_interval": interval(few["ci95"], digits, ""),
            "relative_interval": "",
            "relative_few_interval": "",
            **{
                figure.name: mean_sd(one[figure.name], 3) for figure in further_figures(block) if figure.unit == "plain"
            },
            "rv": mean_sd(space[name]["rv"], 4),
            "d5": mean_sd(space[name]["d5"], digits),
            "coverage": percent(finite(one["coverage"]["coverage"])),
            "coverage_few": percent(finite(one["coverage"]["by_region"]["few"]["coverage"])),
            "predictor": ", ".join(dict.fromkeys(one["predictors"])),
            "difference": "reference",
            "difference_interval": "",
            "relative": "",
            "relative_few": "",
            "p": "",
            "verdict": "reference",
        }
        if name != reference:
            row |= {
                "difference": quantity(finite(one["difference"]), digits, unit, sign=True),
                "difference_interval": interval(one["difference_ci95"], digits, "", sign=True),
                "relative": change(one),
                "relative_interval": change_interval(one),
                "relative_few": change(few),
                "relative_few_interval": change_interval(few),
                "p": p_words(finite(one["p_holm"])),
                "verdict": one["verdict"],
            }
        rows.append(row)
    return rows


def region_table(values: Mapping[str, Any], target: str) -> list[dict[str, str]]:
    """One row a method and label region: error, difference to the reference, and the intervals' coverage and width."""
    block = values["figures"][target]
    unit, digits, main, said = unit_of(target), error_digits(block), block["figure"], said_of(block)
    rows = []
    for name, one in block["methods"].items():
        for region in REGIONS:
            part, cover = one["by_region"][region], one["coverage"]["by_region"][region]
            row = {
                "method": name,
                "region": region,
                "n": counted(block["parts"][region]["n"], "case"),
                "groups": counted(block["parts"][region]["groups"], "group"),
                "main": quantity(finite(part[main]), digits, unit),
                "interval": interval(part["ci95"], digits, ""),
                "difference": "reference",
                "relative": "",
                "coverage": percent(finite(cover["coverage"])),
                "extent": quantity(finite(cover[said.extent]), *((digits, unit) if said.in_label_units else (2, ""))),
            }
            if name != block["reference"]:
                gap = quantity(finite(part["difference"]), digits, unit, sign=True)
                around = interval(part["difference_ci95"], digits, "", sign=True)
                row |= {"difference": f"{gap} ({around})", "relative": f"{change(part)} ({change_interval(part)})"}
            rows.append(row)
    return rows


def said_of(block: Mapping[str, Any]) -> Said:
    """What is said for certain of a target's kind, in words."""
    return SECTIONS[block["kind"]].SAID


def main_of(block: Mapping[str, Any]) -> Figure:
    """The figure that decides between the methods."""
    return FIGURES[block["kind"]][block["figure"]]


def short(figure: Figure) -> str:
    """What a figure is called in the head of a column.

    >>> from medgauge.metrics.catalogue import ACCURACY, MAE
    >>> short(MAE), short(ACCURACY)
    ('MAE', 'Accuracy')
    """
    return figure.name.upper() if figure.name in ("mae", "rmse") else figure.words[:1].upper() + figure.words[1:]


def further_figures(block: Mapping[str, Any]) -> list[Figure]:
    """The figures beside the main one that have an interval."""
    one = next(iter(block["methods"].values()))
    known = {**FIGURES[block["kind"]], KAPPA.name: KAPPA}
    return [known[name] for name, part in one.items() if isinstance(part, Mapping) and "ci95" in part and name in known]


def further_rows(block: Mapping[str, Any], unit: str) -> list[dict[str, Any]]:
    """One row a method: each further figure with its interval and that of the difference to the reference."""
    rows = []
    for name, one in block["methods"].items():
        cells = []
        for figure in further_figures(block):
            digits = 3 if figure.unit == "plain" else error_digits(block)
            part, shown = one[figure.name], "" if figure.unit == "plain" else unit
            apart = part.get("difference_ci95")
            cells.append(
                {
                    "value": mean_sd(part, digits),
                    "interval": interval(part["ci95"], digits, shown),
                    "difference": "" if apart is None else interval(apart, digits, shown, sign=True),
                }
            )
        rows.append({"method": name, "cells": cells})
    return rows


def error_digits(block: Mapping[str, Any]) -> int:
    """Decimals for the errors of one target."""
    return decimals_for(finite(block["methods"][block["reference"]][block["figure"]])) + 1


def interval(around: Any, digits: int, unit: str, *, sign: bool = False) -> str:
    """An interval in words, or why there is none."""
    if isinstance(around, str) or around is None:
        return around or "–"
    low, high = (finite(end) for end in around)
    if sign and low is not None and high is not None:
        return f"{number(low, digits, sign=True)} to {quantity(high, digits, unit, sign=True)}"
    return span(low, high, digits, unit)


def change(part: Mapping[str, Any]) -> str:
    """The relative difference in percent."""
    value = finite(part["relative"])
    return "–" if value is None else f"{number(100 * value, 1, sign=True)}\N{NO-BREAK SPACE}%"


def change_interval(part: Mapping[str, Any]) -> str:
    """The interval of the relative difference in percent, or why there is none."""
    around = part["relative_ci95"]
    if isinstance(around, str) or around is None:
        return around or "–"
    return interval([None if finite(end) is None else 100 * end for end in around], 1, "", sign=True)


def mean_sd(part: Mapping[str, Any] | None, digits: int) -> str:
    """Mean over the seeds ± standard deviation; nothing where there is none."""
    mean, deviation = (finite((part or {}).get(key)) for key in ("mean", "sd"))
    if mean is None:
        return "–"
    return number(mean, digits) + (f" ± {number(deviation, digits)}" if deviation is not None else "")


def p_words(p: float | None) -> str:
    """A p-value with three decimals.

    >>> p_words(0.0004), p_words(0.0312), p_words(None)
    ('<0.001', '0.031', '–')
    """
    return "–" if p is None else "<0.001" if p < 0.001 else number(p, 3)


def verdict_words(values: Mapping[str, Any], target: str) -> list[dict[str, str]]:
    """Which methods have which verdict, in the order from better to worse; those that nobody has are left out."""
    block = values["figures"][target]
    found = []
    for said in VERDICTS:
        names = [name for name, one in block["methods"].items() if one.get("verdict") == said]
        if names:
            found.append({"verdict": said, "methods": ", ".join(names)})
    return found


def cases_words(values: Mapping[str, Any], target: str) -> str:
    """On what the figures of a target rest."""
    part, settings = values["figures"][target]["parts"]["all"], values["settings"]
    seeds = f"{counted(len(settings['seeds']), 'seed')} a method"
    if "folds" not in settings:
        return f"{counted(part['n'], 'test case')} of {counted(part['groups'], 'group')}, {seeds}"
    cut = f"{counted(len(settings['partitions']), 'partition')} into {counted(settings['folds'], 'fold')}"
    return f"{counted(part['n'], 'case')} of {counted(part['groups'], 'group')}, out of fold, {cut}, {seeds}"


def smallest_words(values: Mapping[str, Any], target: str) -> str:
    """The smallest difference that could be shown, as it was stated; nothing where it was not."""
    part = (values.get("smallest_difference") or {}).get(target)
    if not part:
        return ""
    unit, digits = unit_of(target), decimals_for(finite(part["reference_error"])) + 1
    relative = finite(part["relative"])
    of_what = "error" if "folds" in values["settings"] else "validation error"
    share = "" if relative is None else f", {percent(relative)} of the reference’s {of_what}"
    return f"{quantity(finite(part['difference']), digits, unit)}{share}"


def smallest_basis(values: Mapping[str, Any]) -> str:
    """When and from what the smallest difference that could be shown was stated."""
    if "folds" in values["settings"]:
        return "by the spread of the paired differences alone, whatever their mean"
    return "stated before the test cases were read"


def column_notes(values: Mapping[str, Any]) -> Sequence[str]:
    """What the columns mean, in sentences."""
    settings = values["settings"]
    one_seed, folds = len(settings["seeds"]) == 1, "folds" in settings
    draws = next(values["figures"][target]["draws"] for target in values["settings"]["targets"])
    drawn = (
        "With one seed only groups are drawn, so that chance in training is not in the intervals"
        if one_seed
        else "Groups and seeds are drawn with replacement, crossed"
    )
    mean = "over the seeds"
    few = "With fewer than three seeds “not decided” is said in place of these three; “not shown” is said as ever."
    if folds:
        mean = "over partitions and seeds, of cases read by the model that left their fold out"
        drawn = "Groups, partitions and seeds are drawn with replacement, crossed"
        few += " Of a method that every seed makes the same, partitions count in place of seeds."
        if len(settings["partitions"]) == 1:
            drawn += "; what one partition adds is not in the intervals"
    joined = ", ".join(values.get("joined") or [])
    return [
        f"Every figure is the mean {mean}. {drawn}; 95 % percentile intervals of {draws:,} draws, and of "
        "2,000 where a figure has to be computed anew on each.",
        "Differences are paired by case and by seed, to the one reference; p-values are two-sided and adjusted over the "
        "methods by Holm. Differences by region carry no p-value.",
        "“better” and “worse”: adjusted p below 0.05 and the interval on one side of 0. “not worse”: the upper limit of the "
        "relative change for the worse is at most 3 % overall and at most 10 % in the region few. Everything else is “not "
        f"shown”, which is not “equal”. {few}",
        *(
            [f"{joined} joined when the figures of the others were there; p-values are adjusted over all."]
            if joined
            else []
        ),
    ]
