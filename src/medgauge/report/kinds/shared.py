"""What the section of a target has whatever its kind: headline, baselines, parts of the cases, embedding, cards."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medgauge.report import plots_space
from medgauge.report.evidence import More, Thumbnails, card_groups
from medgauge.report.headline import comparison, constant_name, metric_rows, region_rows
from medgauge.report.look import Look
from medgauge.report.parts import fold_rows, group_words, record_words, subgroup_tables
from medgauge.report.plots import Plot
from medgauge.report.reading import RunView
from medgauge.report.words import counted
from medgauge.runfolder.headline import alarm_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

LEAD = ("is off by", "on average")
"""What stands before and behind the first figure of a target."""


@dataclass(frozen=True)
class Said:
    """What is said for certain of a kind, in words.

    Args:
        key: its key in a target's block of results.json.
        extent: the key of its size there.
        name: what it is called, of several.
        extent_words: what its size is called, capitalised.
        in_label_units: whether its size has the unit of labels.
        calibrated: what calibration cases set.
        holding: what the share of cases of which it holds is called, where that is not the coverage of its level.
        labels: what the labels 0, 1 and so on are called, of a kind that has words for them.
    """

    key: str
    extent: str
    name: str
    extent_words: str
    in_label_units: bool
    calibrated: str
    holding: str = ""
    labels: tuple[str, ...] = ()

    def covering(self, level: str) -> str:
        """What the share of cases of which it holds is called."""
        return self.holding or f"Coverage of {level} {self.name}"


Section = tuple[dict[str, Any], dict[str, Plot]]
"""What the template shows of a target, as texts, and its figures by the id of their place on the page."""


def shared_section(
    view: RunView,
    target: str,
    key: str,
    picture: Thumbnails,
    look: Look,
    more: More,
    *,
    said: Said,
    in_regions: "Sequence[str]",
    in_folds: "Sequence[str]",
    in_subgroups: "Sequence[str]",
) -> Section:
    """The texts and figures that every kind has.

    Args:
        view: the run.
        target: its name.
        key: its id on the page.
        picture: gives thumbnails.
        look: how it is written.
        more: what the kind adds to a card.
        said: what is said of each case.
        in_regions: figures of the table by label region.
        in_folds: figures of the table of folds.
        in_subgroups: figures of the tables of subgroups.
    """
    block = view.block.get(target) or {}
    cases, training = target_cases(view, target), training_cases(view, target)
    median = float(training["label"].median()) if len(training) else None
    metrics = metric_rows(block, look)
    own = view.cases_of(target)
    texts = {
        "name": target,
        "key": key,
        "kind": view.kind(target),
        "unit": look.unit,
        "record": view.record(target),
        "whose": record_words(view.record(target)),
        "main": look.main_words,
        "main_short": look.main_short,
        "lead": LEAD,
        "parts_are": "Label region",
        "answer": next((row for row in metrics if row["key"] == look.main), None),
        "metrics": metrics,
        "comparison": comparison(block, view.record(target), look),
        "folds": fold_rows(view, target, look, in_folds),
        "subgroups": subgroup_tables(block, look, in_subgroups),
        "by_group": group_words(block, look, said.key, said.holding),
        "holding": said.holding or "Coverage",
        "regions": region_rows(block, cases, median, look, in_regions),
        "far": f"{counted(int((own['far'] == 1).sum()), 'case') if 'far' in own else '–'}",
        "alarms": alarm_words(view.results, target) if view.shown != "val" else "",
        "training": f"{counted(len(training), 'case')} of {counted(int(training['group'].nunique()), 'group')}",
        "constant": constant_name(block),
        "labels": f"with labels from {look.labels(*_ends(training))}",
        "cards": card_groups(view, target, look, picture, more),
        "n": counted(len(cases), "case"),
        "groups": counted(int(cases["group"].nunique()), "group"),
    }
    return texts, _embedding(view, target, key, look)


def target_cases(view: RunView, target: str) -> "DataFrame":
    """The shown split's cases that have one target's label and value, under the names without the target."""
    names = {f"{part}_{target}": part for part in ("label", "value", "lower", "upper", "region")}
    table: DataFrame = view.cases.rename(columns=names)
    for column in ("lower", "upper"):
        if column not in table:
            table[column] = np.nan
    table = table[np.isfinite(table["label"]) & np.isfinite(table["value"])]
    return table.loc[:, ["id", "group", "row", "label", "value", "lower", "upper", "region"]].reset_index(drop=True)


def training_cases(view: RunView, target: str) -> "DataFrame":
    """The gallery's cases with their label and region of one target: row, id, group, label, region."""
    table: DataFrame = view.gallery.rename(columns={f"label_{target}": "label"})[["row", "id", "group", "label"]]
    table = table[np.isfinite(table["label"])].reset_index(drop=True)
    return table.assign(region=view.splits[f"region_{target}"].to_numpy()[table["row"].to_numpy()])


def _ends(training: "DataFrame") -> tuple[float | None, float | None]:
    """Smallest and largest training label."""
    if len(training) == 0:
        return None, None
    return float(training["label"].min()), float(training["label"].max())


def _embedding(view: RunView, target: str, key: str, look: Look) -> dict[str, Plot]:
    """The figure of the embedding: cases whose label is known, so no test cases while that split was not looked at."""
    if view.embedding is None or view.row is None:
        return {}
    import pandas

    split = view.splits["split"].to_numpy()[view.row]
    if not (split == "train").any():
        return {}
    plane, shares = plots_space.principal_plane(view.embedding, split == "train")
    label = pandas.concat([view.gallery, view.predictions]).drop_duplicates("row").set_index("row")[f"label_{target}"]
    cases = pandas.DataFrame(
        {
            "id": view.splits["id"].to_numpy()[view.row],
            "split": split,
            "label": label.reindex(view.row).to_numpy(),
            "first": plane[:, 0],
            "second": plane[:, 1],
        }
    )
    cases = cases[np.isfinite(cases["label"])]
    if len(cases) == 0:
        return {}
    drawn = plots_space.embedding_plane(
        cases, shares, target, look.unit, look.of_labels, whole=look.whole, names=look.names
    )
    return {f"{key}-embedding": drawn}
