"""The page of a comparison, from its folder alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from medgauge.core.errors import InputError
from medgauge.report.comparison import figures as drawn
from medgauge.report.comparison.macros import macro_note, macro_tables
from medgauge.report.comparison.rows import (
    cases_words,
    column_notes,
    error_digits,
    further_figures,
    further_rows,
    main_of,
    region_table,
    said_of,
    short,
    smallest_basis,
    smallest_words,
    table_rows,
    verdict_words,
)
from medgauge.report.headline import REGION_MEANING
from medgauge.report.page import render
from medgauge.report.words import counted, finite, number, quantity, times, unit_of
from medgauge.runfolder import RunFolder

EQUAL = ("data", "image", "augmentation", "training")
BROUGHT = ("objective", "weights", "sampler", "model", "prediction")


def write_comparison(path: str | Path) -> Path:
    """Make ``comparison.html`` in the folder of a comparison, from its comparison.json, and return its path.

    One file, which opens from disk and asks for nothing from any network.

    Raises:
        InputError: the comparison is not finished.
    """
    folder = RunFolder(path)
    values = folder.read_json("comparison.json")
    if "figures" not in values:
        raise InputError(
            f"the comparison in {folder.path} is not finished; give the same `medgauge compare` command again"
        )
    folder.write_text(
        "comparison.html",
        render(describe_comparison(values, folder.path.resolve().name), "comparison/comparison.html.j2"),
    )
    return folder / "comparison.html"


def describe_comparison(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Everything that the template shows, as texts, and the figures as specifications under ``figures``."""
    settings, figures = values["settings"], {}
    targets = []
    for place, target in enumerate(settings["targets"]):
        key, block = f"target-{place}", values["figures"][target]
        figures[f"{key}-regions"] = drawn.error_by_region(block, target)
        figures[f"{key}-differences"] = drawn.differences(block)
        variance = drawn.error_and_variance(block, values["figures"]["space"], target)
        if variance is not None:
            figures[f"{key}-variance"] = variance
        targets.append(
            {
                "name": target,
                "key": key,
                "rows": table_rows(values, target),
                "regions": region_table(values, target),
                "verdicts": verdict_words(values, target),
                "cases": cases_words(values, target),
                "smallest": smallest_words(values, target),
                "smallest_from": ((values.get("smallest_difference") or {}).get(target) or {}).get("from", ""),
                "main": short(main_of(block)),
                "main_words": main_of(block).words,
                "further": [short(figure) for figure in further_figures(block)],
                "further_rows": further_rows(block, unit_of(target)),
                "covering": said_of(block).covering(
                    f"{finite(next(iter(block['methods'].values()))['coverage']['level']) or 0.9:.0%}"
                ),
                "extent": said_of(block).extent_words,
                "variance": variance is not None,
            }
        )
    return {
        "name": name,
        "version": str(settings.get("medgauge", "")),
        "reference": settings["reference"],
        "methods": list(settings["methods"]),
        "targets": targets,
        "seeds": counted(len(settings["seeds"]), "seed"),
        "one_seed": len(settings["seeds"]) == 1,
        "folds": "folds" in settings,
        "smallest_basis": smallest_basis(values),
        "looks": times((values.get("looks") or {}).get("test", 0)),
        "runs": counted(len(values["runs"]), "run"),
        "made_here": "trials" in settings,
        "notes": column_notes(values),
        "macros": macro_tables(values),
        "macro_note": macro_note(values),
        "meaning": REGION_MEANING,
        "tuning": tuning_rows(values),
        "trials": max([len(laid) for laid in (settings.get("trials") or {}).values()], default=0),
        "tuning_seed": settings.get("tuning_seed"),
        "equal": equal_settings(settings["methods"]),
        "brought": brought_settings(settings["methods"]),
        "cases": case_rows(values),
        "figures": figures,
    }


def tuning_rows(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every tuning trial: what was tried, its error on validation cases, and whether it was chosen."""
    rows = []
    settings = values["settings"]
    for entry in values.get("tuning") or []:
        tried = (settings["trials"][entry["method"]])[entry["trial"] - 1]
        chosen = (values["chosen"].get(entry["name"].rpartition("-trial")[0]) or {}).get("trial") == entry["trial"]
        place = f", partition {entry['partition']}, fold {entry['fold']}" if "fold" in entry else ""
        blocks = {target: entry.get("val", {}).get(target) for target in settings["targets"]}
        errors = [
            quantity(
                finite(block[values["figures"][target]["figure"]]),
                error_digits(values["figures"][target]),
                unit_of(target),
            )
            for target, block in blocks.items()
            if block
        ]
        rows.append(
            {
                "method": entry["method"],
                "trial": f"{entry['trial']}{place}",
                "tried": ", ".join(f"{place.rpartition('.')[2]} {value}" for place, value in tried.items()),
                "main": ", ".join(errors) or "–",
                "note": f"failed: {entry['failed']}" if "failed" in entry else "chosen" if chosen else "",
            }
        )
    return sorted(rows, key=lambda row: list(settings["methods"]).index(row["method"]))


def equal_settings(methods: Mapping[str, Any]) -> str:
    """What all methods share, as YAML; nothing where the recipes are not known."""
    first = next(iter(methods.values())) or {}
    shared: dict[str, Any] = {section: first[section] for section in EQUAL if section in first}
    if "model" in first:
        shared["model"] = {"encoder": first["model"]["encoder"]}
    if "data" in shared:
        shared["data"] = {key: value for key, value in shared["data"].items() if key not in ("label_scaling", "cache")}
    return _yaml(shared)


def brought_settings(methods: Mapping[str, Any]) -> list[dict[str, str]]:
    """What each method brings, as YAML."""
    found = []
    for name, values in methods.items():
        own = {section: (values or {})[section] for section in BROUGHT if section in (values or {})}
        if "model" in own:
            own["model"] = {key: value for key, value in own["model"].items() if key != "encoder"}
        if "data" in (values or {}):
            own["label_scaling"] = values["data"].get("label_scaling")
        claim = (values or {}).get("claim") or {}
        found.append({"name": name, "brings": _yaml(own), "source": str(claim.get("source") or "")})
    return found


def case_rows(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Cases and groups of each split, over the runs."""
    rows = []
    for split in ("train", "val", "calibration", "test"):
        parts = [run["cases"][split] for run in values["runs"] if split in (run.get("cases") or {})]
        if parts:
            row = {"split": split}
            for key in ("cases", "groups"):
                low, high = min(part[key] for part in parts), max(part[key] for part in parts)
                row[key] = number(low, 0) if low == high else f"{number(low, 0)} to {number(high, 0)}"
            rows.append(row)
    return rows


def _yaml(values: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(values))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)) if plain else ""
