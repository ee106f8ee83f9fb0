"""The parts of the page that are not of one target: cases, space, training."""

from typing import Any

from medgauge.metrics.catalogue import FIGURES, NUMBER
from medgauge.report import plots_space
from medgauge.report.cards import seen_rows
from medgauge.report.evidence import Thumbnails
from medgauge.report.kinds import SECTIONS
from medgauge.report.plots import Plot
from medgauge.report.reading import RunView
from medgauge.report.words import counted, finite, number, percent, quantity, unit_of

SHOWN = ("image", "represent")
"""Sections of the recipe that say how pictures were prepared."""
LEAST = 96
"""Pixels of the longer side that pretrained networks enlarge smaller pictures to."""
FITS = {"resize": "resized by one factor and padded", "stretch": "each side resized by itself", "crop": "cropped"}
GREYS = {
    "set": "one window of greys for all",
    "image_percentiles": "each on greys of its own, from its 0.5th to its 99.5th percentile",
    "image_zscore": "each on greys of its own, four standard deviations about its mean",
    "body_percentiles": "each on greys of its own, from the 0.5th to the 99.5th percentile without its background",
    "body_zscore": "each on greys of its own, four standard deviations about its mean without its background",
}


def case_counts(view: RunView) -> dict[str, Any]:
    """How many cases were read, left out and why, and how many each split has."""
    part = view.results.get("cases") or {}
    by_split = part.get("by_split") or {}
    kinds = dict.fromkeys(view.kind(target) for target in view.targets)
    uses = {
        "train": "fits the model and fills the gallery",
        "val": "chose the checkpoint, the predictor’s settings and the thresholds",
        "calibration": f"sets {' and '.join(SECTIONS[kind].SAID.calibrated for kind in kinds if kind in SECTIONS)}, nothing else",
        "out_of_fold": "each read by the fit that left it out; the other fits learn from it",
        "test": "judges, and selects nothing",
    }
    rows = [
        {
            "split": split,
            "cases": number(finite(by_split[split].get("cases")), 0),
            "groups": number(finite(by_split[split].get("groups")), 0),
            "use": use,
        }
        for split, use in uses.items()
        if split in by_split
    ]
    left_out = [
        {"reason": str(entry.get("reason")), "n": counted(entry.get("n"), "case")}
        for entry in part.get("left_out") or []
    ]
    problems = [] if view.problems is None else view.problems[["id", "reason"]].to_dict("records")
    return {
        "read": counted(part.get("read"), "case"),
        "kept": counted(len(view.splits), "case"),
        "left_out": left_out,
        "sides": _sides(view),
        "rows": rows,
        "problems": problems,
    }


def seen_pictures(view: RunView, picture: Thumbnails) -> dict[str, Any]:
    """Some training cases as they are given to the network: their pictures, and in words how they were prepared."""
    target, known = view.targets[0], view.gallery.set_index("row")
    settings, represent = (dict(part) if isinstance(part := view.recipe.get(name), dict) else {} for name in SHOWN)
    given = settings.get("size")
    sides = [side for side in given if isinstance(side, int)] if isinstance(given, list) else []
    size = " x ".join(map(str, sides)) + " pixels" if sides else "the pixels of the files"
    fit = FITS.get(str(settings.get("fit")), "cropped or padded about their middle")
    facts = [size, "cut around the centroids of their masks" if settings.get("around") == "mask" else fit]
    grey = GREYS.get(str(settings.get("grey")))
    facts += [] if grey is None else [grey]
    source = represent.get("source") if represent.get("name") == "table" else None
    files = source if isinstance(source, list) else [] if source is None else [source]
    if represent.get("name") in ("frozen", "tuned") and sides and max(sides) < LEAST:
        facts.append(f"enlarged to {LEAST} pixels by the pretrained network")
    pictures = []
    labels = dict(zip(view.gallery["row"].tolist(), view.gallery[f"label_{target}"].tolist(), strict=True))
    kind = view.kind(target)
    names = view.classes.get(target) or (SECTIONS[kind].SAID.labels if kind in SECTIONS else ())

    def called(label: float | None) -> str:
        return quantity(label, 1, unit_of(target)) if not names or label is None else names[int(label)]

    for row in seen_rows(view.gallery):
        image, label = picture(row), finite(labels[row])
        if image is not None:
            pictures.append({"image": image, "id": str(known.at[row, "id"]), "label": called(label)})
    named = " and ".join(str(file).replace("\\", "/").rpartition("/")[2] for file in files)
    return {
        "pictures": pictures,
        "facts": ", ".join(facts),
        "target": target,
        "features": named,
        "volumes": len(sides) == 3,
    }


def _sides(view: RunView) -> str:
    """Whether a group is on two sides of a split, counted in splits.csv."""
    sides = view.splits.groupby("group")["split"].nunique()
    if len(sides) == len(view.splits):
        return "Every case is a group of its own."
    crossing = int((sides > 1).sum())
    if crossing == 0:
        return "No group is on two sides of a split."
    return f"{counted(crossing, 'group')} on more than one side of a split: the figures are too good."


def space_quality(view: RunView, unit: str) -> list[dict[str, str]]:
    """The quality of the representation space, as rows of name, value and meaning."""
    part = view.block.get("space") or {}
    rows = []
    if "d5" in part:
        value = part["d5"]
        each = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        words = ", ".join(quantity(finite(one), 3, unit) for one in each)
        meaning = "mean label difference to the five nearest training cases; smaller is better"
        if view.classes:
            meaning = f"{meaning}; of classes the share of these that are of another class"
        rows.append({"name": "D5", "value": words, "meaning": meaning})
    if "rv" in part:
        neighbours, share, count = (
            finite(part.get("rv_neighbours")),
            finite(part.get("rv_share")),
            finite(part.get("rv_n")),
        )
        details = [f"k = {number(neighbours, 0)} neighbours"] if neighbours is not None else []
        details += [f"{percent(share)} of the cases connected"] if share is not None else []
        details += [f"n = {number(count, 0)}"] if count is not None else []
        meaning = "1 − correlation of distances along the neighbour graph with label distances; 0 is an isometric space"
        if details:
            meaning += f" ({', '.join(details)})"
        note = str(part.get("rv_note") or "")
        rows.append(
            {"name": "Residual variance (RV)", "value": number(finite(part["rv"]), 4), "meaning": meaning, "note": note}
        )
    return [{"note": "", **row} for row in rows]


def validation_figure(view: RunView) -> tuple[str, str]:
    """What ``val_`` stands before in the log, and what it is called; older logs write ``mae`` for a log loss too."""
    if len(view.targets) > 1:
        return "score", "error over that of a constant"
    main, figure = next(iter(FIGURES.get(view.kind(view.targets[0]), NUMBER).items()))
    there = view.log is None or f"val_{main}" in view.log.columns
    return main if there else "mae", figure.words


def training_facts(view: RunView, unit: str, drawn: dict[str, Plot]) -> list[str]:
    """What is said of the training; its curves go into ``drawn``."""
    part = view.results.get("training") or {}
    best = finite(part.get("best_step"))
    if view.log is not None and {"step", "epoch"} <= set(view.log.columns):
        terms = plots_space.term_curves(view.log, best)
        main, words = validation_figure(view)
        validation = plots_space.validation_curves(view.log, best, main, f"{words} [{unit}]" if unit else words)
        drawn.update({name: figure for name, figure in (("terms", terms), ("validation", validation)) if figure})
    facts = []
    if part.get("steps") is not None:
        facts.append(counted(part["steps"], "step"))
    if best is not None:
        facts.append(f"checkpoint of step {number(best, 0)} used")
    if part.get("stopped_because"):
        facts.append(f"stopped by: {part['stopped_because']}")
    seconds, memory = finite(view.results.get("seconds")), finite(view.results.get("peak_memory_mb"))
    if seconds is not None:
        facts.append(quantity(seconds, 0, "s"))
    if memory is not None:
        facts.append(f"peak memory {quantity(memory, 0, 'MB')}")
    return facts
