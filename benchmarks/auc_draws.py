"""The bootstrap of a ROC-AUC by patient on all draws at once, beside one draw after the other.

    python benchmarks/auc_draws.py

14 findings of 5,000 cases of 2,500 patients on 2,000 draws, one thread; the loops are timed on fewer draws and scaled.
Writes benchmarks/results/auc_draws.json, from which docs/findings.md has its figures.
"""

import json
from pathlib import Path

import sklearn.metrics
import torch
from common import machine, median_seconds

from medgauge.metrics import bootstrap_interval, drawn_interval, roc_auc
from medgauge.metrics.findings import drawn_roc_auc

RESULTS = Path(__file__).parent / "results" / "auc_draws.json"
CASES, FINDINGS, DRAWS = 5_000, 14, 2_000
OURS, THEIRS = 40, 10  # draws of the loops


def main() -> None:
    torch.set_num_threads(1)
    chance = torch.Generator().manual_seed(0)
    share = torch.linspace(0.02, 0.3, FINDINGS)
    label = (torch.rand(CASES, FINDINGS, generator=chance) < share).double()
    value = torch.rand(CASES, FINDINGS, generator=chance, dtype=torch.float64) + 0.3 * label
    group = [f"p{case // 2}" for case in range(CASES)]
    columns = list(zip(value.unbind(1), label.unbind(1), strict=True))

    def at_once() -> None:
        for one, truth in columns:
            drawn_interval(drawn_roc_auc, one, truth, group, draws=DRAWS)

    def sklearns() -> None:
        for _ in range(THEIRS):
            rows = torch.randint(CASES, (CASES,), generator=chance).numpy()
            for one, truth in columns:
                sklearn.metrics.roc_auc_score(truth.numpy()[rows], one.numpy()[rows])

    took = median_seconds(
        {
            "fast": at_once,
            "ours": lambda: bootstrap_interval(roc_auc, value, label, group, draws=OURS),
            "theirs": sklearns,
        },
        rounds=3,
        warm=False,
    )
    fast, ours, theirs = took["fast"], took["ours"] * DRAWS / OURS, took["theirs"] * DRAWS / THEIRS
    found = {
        "machine": machine(),
        "cases": CASES,
        "findings": FINDINGS,
        "draws": DRAWS,
        "seconds": {
            "at once": round(fast, 2),
            "one by one": round(ours, 1),
            "one by one, scikit-learn": round(theirs, 1),
        },
        "ratio": {"one by one": round(ours / fast, 1), "one by one, scikit-learn": round(theirs / fast, 1)},
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
