"""The paper's length of pretraining, 2,000 steps with RE, beside 400: one fold of volumes_study, read as it reads all of them.

python benchmarks/volumes_length.py --work FOLDER      (of volumes_study; the key "length" of its JSON, and docs/methods/siamese.md)

One thread; about a minute. Figures are of the cases that fold 0 of seed 0 leaves out, with all labels.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, write_between
from findings_figures import difference, draws_of, said
from sklearn.metrics import adjusted_mutual_info_score
from volumes_study import (
    FIGURES,
    LABELS,
    LONG,
    OUT,
    RADIOMICS,
    STEPS,
    UNTRAINED,
    cases,
    drawn_of,
    file_of,
    folds_of,
    read_fold,
)

from medgauge.metrics.comparison import ends

SEED, FOLD, SHORT = 0, 0, "SSL+RE"
ALONE = (SHORT, LONG[0], UNTRAINED)
ROWS = (*ALONE, *(f"{one} + {RADIOMICS}" for one in ALONE), RADIOMICS)
PAIRS = ((LONG[0], SHORT), (f"{LONG[0]} + {RADIOMICS}", f"{SHORT} + {RADIOMICS}"))


def length(work: Path) -> dict[str, Any]:
    """Figures of each label over the cases of the fold, and differences by draws of patients.

    Raises:
        SystemExit: features of a row are not there.
    """
    test, found = np.flatnonzero(folds_of(SEED) == FOLD), dict[str, Any]()
    group = list(cases()["patient_id"].iloc[test])
    times, _ = draws_of(group, 1)
    for label in LABELS:
        truth, drawn = cases()[label].to_numpy()[test], {}
        for row in ROWS:
            made = read_fold(work, row, label, 100, SEED, FOLD)
            if made is None:
                raise SystemExit(f"{work} has no features of {row}; give `volumes_study.py run --work {work}` first")
            positive, read_so = (truth == 1, made[0] == 1) if label == "malignant" else (truth < 5, made[0] < 5)
            drawn[row] = drawn_of(*made, truth, positive, read_so, np.zeros(len(test), int), times)
        found[label] = {
            "positive": int(positive.sum()),
            "rows": {
                row: {
                    key: {"value": float(one[0]), "ci95": ends(one[1:, None])[0].tolist()} for key, one in each.items()
                }
                for row, each in drawn.items()
            },
            "differences": {
                f"{first} - {second}": {key: difference(drawn[first][key], drawn[second][key]) for key in FIGURES}
                for first, second in PAIRS
            },
        }
    agreement = {name: {label: quarters(work, name, label) for label in LABELS} for name in (SHORT, LONG[0])}
    told = {"seed": SEED, "fold": FOLD, "cases": len(test), "patients": len(set(group)), "steps": [STEPS, LONG[1]]}
    return {**told, "labels": found, "agreement": agreement, "machine": machine()}


def quarters(work: Path, name: str, label: str) -> list[float]:
    """Adjusted mutual information of a step's clusters with a label, means over four parts of the training."""
    kept, truth = np.load(file_of(work, name, SEED, FOLD)), cases()[label].to_numpy()
    each = [
        adjusted_mutual_info_score(truth[rows], own) for rows, own in zip(kept["rows"], kept["clusters"], strict=True)
    ]
    return [float(part.mean()) for part in np.array_split(np.array(each), 4)]


def lines_of(found: dict[str, Any]) -> list[str]:
    """A table of each label, the differences, and the clusters."""
    lines: list[str] = []
    for label, one in found["labels"].items():
        heads = [f"{label}, {found['cases']} cases ({one['positive']} positive)", *FIGURES]
        lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for row, each in one["rows"].items():
            name = row.replace(SHORT, f"{SHORT}, {STEPS} steps") if row.split(" + ")[0] == SHORT else row
            cells = [f"{each[key]['value']:.3f}" for key in FIGURES]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    heads = [f"{LONG[1]} steps less {STEPS}", "balanced accuracy (95 %)", "AUC (95 %)"]
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for label, one in found["labels"].items():
        for (_, second), each in zip(PAIRS, one["differences"].values(), strict=True):
            lines.append(f"| {label}, {second} | {said(each['balanced'])} | {said(each['auc'])} |")
    heads = ["agreement of clusters", "label", "first quarter", "second", "third", "last"]
    lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (name, labels), steps in zip(found["agreement"].items(), found["steps"], strict=True):
        for label, parts in labels.items():
            shown = name if str(steps) in name else f"{name}, {steps} steps"
            lines.append(f"| {shown} | {label} | {' | '.join(f'{value:.3f}' for value in parts)} |")
    return lines


def main() -> None:
    """Put the figures beside those of the study, in its JSON and on the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    torch.set_num_threads(1)
    found = length(parser.parse_args().work.resolve())
    OUT.write_text(json.dumps(json.loads(OUT.read_text()) | {"length": found}, indent=1) + "\n")
    write_between("siamese.md", "volumes length", lines_of(found))


if __name__ == "__main__":
    main()
