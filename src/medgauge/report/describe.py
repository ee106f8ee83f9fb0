"""What the page says, as texts and figures, from a run folder that was read."""

from typing import TYPE_CHECKING, Any

import numpy as np

from medgauge.report import figures, figures_regions, figures_space
from medgauge.report.evidence import FAR, Thumbnails, card_groups
from medgauge.report.headline import baseline_name, comparison, finite, metric_rows, region_rows
from medgauge.report.intervals import correction_words, interval_words
from medgauge.report.parts import fold_rows, group_words, split_words, subgroup_tables
from medgauge.report.reading import RunView
from medgauge.report.sections import case_counts, space_quality, training_facts
from medgauge.report.words import counted, decimals_for, quantity, span, times, unit_of

if TYPE_CHECKING:
    from pandas import DataFrame


def describe(view: RunView, *, images: bool) -> dict[str, Any]:
    """Everything that the template shows, as texts, and the figures as specifications under ``figures``."""
    picture = Thumbnails(view.path / "thumbnails", images=images)
    drawn: dict[str, figures.Figure] = {}
    targets = [_target(view, target, f"target-{place}", drawn, picture) for place, target in enumerate(view.targets)]
    made = view.recipe.get("made") or {}
    claim = view.recipe.get("claim") or {}
    unit = targets[0]["unit"] if len(targets) == 1 else ""
    training = training_facts(view, unit, drawn)
    return {
        "name": view.path.resolve().name,
        "targets": targets,
        "shown": view.shown,
        "looked": view.shown == "test",
        "words": split_words(view),
        "looks": times((view.results.get("looks") or {}).get("test", 0)),
        "record": view.record,
        "cases": case_counts(view),
        "images": len(picture.used),
        "space": space_quality(view, unit),
        "training": training,
        "recipe": view.recipe_text,
        "version": str(made.get("medgauge", "")),
        "seed": str(made.get("seed", view.recipe.get("seed", ""))),
        "source": str(claim.get("source") or ""),
        "status": str(claim.get("status") or ""),
        "far": FAR,
        "figures": drawn,
    }


def _target(
    view: RunView, target: str, key: str, drawn: dict[str, figures.Figure], picture: Thumbnails
) -> dict[str, Any]:
    """All of one target; its figures go into ``drawn``."""
    block = view.block.get(target) or {}
    unit = unit_of(target, str(block.get("unit") or ""))
    decimals = decimals_for(finite(block.get("mae")))
    level = float(view.predictors.get("level") or 0.9)
    cases, training = target_cases(view, target), training_cases(view, target)
    if len(cases):
        drawn[f"{key}-agreement"] = figures.agreement(cases, target, unit, decimals, level)
        drawn[f"{key}-bland-altman"] = figures.bland_altman(cases, target, unit, decimals, level)
    if len(cases) and len(training):
        regions = block.get("by_region") or {}
        drawn[f"{key}-regions"] = figures_regions.error_by_region(
            cases, training, regions, _baselines(block), unit, target, decimals, level
        )
    _embedding(view, target, key, unit, decimals, drawn)
    metrics = metric_rows(block, decimals, unit)
    interval = interval_words(block, level, decimals, unit, view.shown)
    if interval["rows"]:
        drawn[f"{key}-coverage"] = figures_regions.coverage_by_region(block, level)
    median = float(training["label"].median()) if len(training) else None
    return {
        "name": target,
        "key": key,
        "unit": unit,
        "drawn": [name for name in drawn if name.startswith(f"{key}-")],
        "answer": next((row for row in metrics if row["key"] == "mae"), None),
        "metrics": metrics,
        "comparison": comparison(block, view.record, decimals, unit),
        "correction": correction_words(block, decimals, unit),
        "transformed": _transformed(block.get("transformed")),
        "folds": fold_rows(view, target, decimals, unit),
        "subgroups": subgroup_tables(block, decimals, unit),
        "by_group": group_words(block, decimals, unit),
        "regions": region_rows(block, cases, median, decimals, unit),
        "interval": interval,
        "far": f"{counted(int((view.cases['far'] == 1).sum()), 'case') if 'far' in view.cases else '–'}",
        "training": f"{counted(len(training), 'case')} of {counted(int(training['group'].nunique()), 'group')}",
        "range": span(*_ends(training), decimals, unit),
        "cards": card_groups(view, target, decimals, unit, picture),
        "n": counted(len(cases), "case"),
        "groups": counted(int(cases["group"].nunique()), "group"),
    }


def _baselines(block: dict[str, Any]) -> dict[str, float]:
    """The baselines that have a mean absolute error, by their names in words."""
    parts = (block.get("baselines") or {}).items()
    known = {baseline_name(name): finite((part or {}).get("mae")) for name, part in parts}
    return {name: value for name, value in known.items() if value is not None}


def _ends(training: "DataFrame") -> tuple[float | None, float | None]:
    """Smallest and largest training label."""
    if len(training) == 0:
        return None, None
    return float(training["label"].min()), float(training["label"].max())


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


def _embedding(
    view: RunView, target: str, key: str, unit: str, decimals: int, drawn: dict[str, figures.Figure]
) -> None:
    """The figure of the embedding: cases whose label is known, so no test cases while that split was not looked at."""
    if view.embedding is None or view.row is None:
        return
    import pandas

    split = view.splits["split"].to_numpy()[view.row]
    if not (split == "train").any():
        return
    plane, shares = figures_space.principal_plane(view.embedding, split == "train")
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
    if len(cases):
        drawn[f"{key}-embedding"] = figures_space.embedding_plane(cases, shares, target, unit, decimals)


def _transformed(part: dict[str, Any] | None) -> str:
    """The error in the transformed unit, where labels were scaled by a logarithm."""
    if not part or finite(part.get("mae")) is None:
        return ""
    return f"{quantity(finite(part['mae']), 3, '')} in {part.get('unit', 'transformed units')}"
