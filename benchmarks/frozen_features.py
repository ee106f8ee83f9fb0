"""Frozen features with kernel ridge regression on the shared sets, out of fold: what the recipe ``frozen`` gives.

python benchmarks/frozen_features.py [--only SET]      (goes on after a stop; then writes the table of docs/accuracy.md)

Shared parts (environment variable MEDGAUGE_SHARED, or ../shared/data beside the project), five folds by group. They are
development data. IDRiD and RetinaMNIST name no patients.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from common import machine, write_between

import medgauge

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "frozen_features.json"
PAGE = HERE.parent / "docs" / "accuracy.md"
SHARED = Path(os.environ.get("MEDGAUGE_SHARED", HERE.parent.parent / "shared" / "data"))
SETS: dict[str, dict[str, Any]] = {
    "idrid": {"image": "path", "label": "dr_grade", "no_groups": True},
    "idrid_blocks": {"image": "path", "label": "dr_grade", "group": "block"},
    "lidc_nodules": {
        "array": "volumes.npz#images",
        "index": "index",
        "label": "malignancy_mean",
        "group": "patient_id",
        "changes": {"image.size": [24, 24, 24], "image.fit": "crop"},
    },
    "nih_cxr1000": {"image": "path", "label": "age_years", "group": "patient_id"},
    "hc18": {
        "image": "path",
        "label": "hc_mm",
        "group": "patient_id",
        "covariates": "pixel_size_mm",
        "label_times": "pixel_size_mm",
    },
    "retinamnist": {"array": "images.npy", "index": "index", "label": "grade", "no_groups": True},
}


def table_of(name: str, folder: Path) -> Path:
    """The table of a set; RetinaMNIST's is made of its arrays."""
    if name == "idrid_blocks":
        return blocks_of(SHARED / "idrid", folder)
    if name != "retinamnist":
        return SHARED / name / "labels.csv"
    whole = np.load(SHARED / name / "retinamnist.npz")
    np.save(folder / "images.npy", np.concatenate([whole["train_images"], whole["val_images"]]))
    grade = np.concatenate([whole["train_labels"], whole["val_labels"]])[:, 0]
    frame = pandas.DataFrame({"index": np.arange(len(grade)), "grade": grade})
    frame.to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def blocks_of(home: Path, folder: Path) -> Path:
    """IDRiD's table, with blocks of 20 file numbers that follow each other as groups: eyes of one patient lie side by side."""
    frame = pandas.read_csv(home / "labels.csv")
    number = frame["path"].str.extract(r"(\d+)\.\w+$")[0].astype(int)
    frame["block"] = "block " + ((number - 1) // 20).astype(str)
    frame["path"] = [str(home / path) for path in frame["path"]]
    frame.to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def out_of_fold(name: str, **settings: Any) -> dict[str, Any]:
    """What the recipe says of the label of one set, five folds."""
    scratch = Path(tempfile.mkdtemp())
    given = {
        **SETS[name],
        **settings,
        "changes": {"data.cache": str(scratch / "cache"), **SETS[name].get("changes", {})},
    }
    try:
        run = medgauge.fit("frozen", table=table_of(name, scratch), out=scratch / "run", folds=5, **given)
        return dict(run.results["out_of_fold"][SETS[name]["label"]])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def measure(name: str) -> dict[str, Any]:
    """One set."""
    block = out_of_fold(name)
    interval = block["interval"]
    found = {key: block[key] for key in ("n", "groups", "mae", "r2", "spearman")}
    found |= {"few_mae": block["by_region"]["few"]["mae"], "ci95": block["ci95"]["mae"]}
    found |= {"baselines": {key: one["mae"] for key, one in block["baselines"].items()}}
    found |= {"coverage": interval["coverage"], "width": interval["width"], "infinite": interval["share_infinite"]}
    return found | {"machine": machine()}


def rows(results: dict[str, Any]) -> list[str]:
    """The table of the page."""
    heads = ["set", "cases (groups)", "median", "covariates alone", "frozen (95 %)", "few region", "R²", "Spearman"]
    heads += ["coverage of 90 %", "width"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in results.items():
        alone = one["baselines"].get("covariates_only")
        lines.append(
            f"| {name} | {one['n']} ({one['groups']}) | {one['baselines']['median']:.3g} | "
            f"{'' if alone is None else f'{alone:.3g}'} | {one['mae']:.3g} ({one['ci95'][0]:.3g} to {one['ci95'][1]:.3g}) | "
            f"{one['few_mae']:.3g} | {one['r2']:.2f} | {one['spearman']:.2f} | {100 * one['coverage']:.1f} % | "
            f"{one['width']:.3g}{' (some infinite)' if one['infinite'] else ''} |"
        )
    return lines


def measured(out: Path, names: Sequence[str], measure: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The results in a file, those of ``names`` measured where they are missing."""
    results: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    for name in names:
        if name not in results:
            results[name] = measure(name)
            out.write_text(json.dumps(results, indent=1) + "\n")
    return results


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(SETS), nargs="*", default=list(SETS))
    results = measured(OUT, parser.parse_args().only, measure)
    write_between(PAGE, "frozen", rows({name: results[name] for name in SETS if name in results}))


if __name__ == "__main__":
    main()
