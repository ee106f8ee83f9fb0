"""The losses side by side on three public data sets, with `medgauge compare`.

python benchmarks/comparison_study.py prepare | run | table      (run can be stopped and goes on; --only hc18 | lidc | retina)

``prepare`` makes tables and arrays of the shared data (environment variable MEDGAUGE_SHARED, or ../shared/data beside the
project) in a scratch folder; HC18 comes with medgauge. ``run`` compares; ``table`` writes docs/comparison.md from the JSON
in benchmarks/results/. See docs/comparison.md for what was held equal.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).resolve().parent.parent
SCRATCH = Path(os.environ.get("MEDGAUGE_SCRATCH", Path.home() / ".cache" / "medgauge" / "comparison"))
EXTENT = (
    4,
    24,
    24,
)  # voxels kept of every nodule: 98.5 % of the cut-outs have as many slices, so padding tells no size


def shared() -> Path:
    return Path(os.environ.get("MEDGAUGE_SHARED", ROOT.parent / "shared" / "data"))


def prepare_lidc(home: Path) -> None:
    """Central 4 x 24 x 24 mm of each nodule, (z, y, x): a common extent, since the padding gives the size away."""
    images = np.load(shared() / "lidc_nodules" / "volumes.npz")["images"].transpose(0, 3, 2, 1)
    table = pandas.read_csv(shared() / "lidc_nodules" / "labels.csv", dtype={"patient_id": str})
    start = [(whole - kept) // 2 for whole, kept in zip(images.shape[1:], EXTENT, strict=True)]
    box = tuple(slice(first, first + kept) for first, kept in zip(start, EXTENT, strict=True))
    cut = images[(slice(None), *box)]
    filled = (cut > 0).mean(axis=(1, 2, 3))
    known = table["malignancy_mean"].notna().to_numpy()
    seen = np.corrcoef(filled[known], table["malignancy_mean"][known])[0, 1]
    whole = np.corrcoef((images > 0).mean(axis=(1, 2, 3))[known], table["malignancy_mean"][known])[0, 1]
    print(f"lidc: correlation of the filled share with malignancy {whole:.3f} before, {seen:.3f} after masking")
    home.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(home / "volumes.npz", images=cut[:, None])  # one channel: four slices might be channels
    kept = table.loc[known, ["index", "patient_id", "malignancy_mean"]]
    kept.to_csv(home / "cases.csv", index=False)


def prepare_retina(home: Path) -> None:
    """Training and validation images of RetinaMNIST in one table; patients are not identified in the file."""
    stored = np.load(shared() / "retinamnist" / "retinamnist.npz")
    images = np.concatenate([stored["train_images"], stored["val_images"]])
    grade = np.concatenate([stored["train_labels"], stored["val_labels"]])[:, 0]
    home.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(home / "images.npz", images=images)
    pandas.DataFrame({"index": range(len(grade)), "grade": grade}).to_csv(home / "cases.csv", index=False)


def prepare() -> None:
    prepare_lidc(SCRATCH / "lidc")
    prepare_retina(SCRATCH / "retina")


DATA: dict[str, dict[str, Any]] = {
    "hc18": {
        "data.table": "bundled:hc18",
        "data.label": ["hc_mm"],
        "data.group": "patient_id",
        "data.label_times": "pixel_size_mm",
        "augmentation.flip": ["rows", "columns"],
        "augmentation.scale": 0.2,
        "training.steps": 400,
    },
    "lidc": {
        "data.table": str(SCRATCH / "lidc" / "cases.csv"),
        "data.array": "volumes.npz#images",
        "data.index": "index",
        "data.label": ["malignancy_mean"],
        "data.group": "patient_id",
        "augmentation.flip": ["rows", "columns", "depth"],
        "augmentation.rotation": 0.0,
        "augmentation.scale": 0.0,
        "training.steps": 300,
    },
    "retina": {
        "data.table": str(SCRATCH / "retina" / "cases.csv"),
        "data.array": "images.npz#images",
        "data.index": "index",
        "data.label": ["grade"],
        "data.no_groups": True,
        "augmentation.flip": ["rows", "columns"],
        "training.steps": 400,
    },
}
EQUAL = {
    "model.encoder.width": 0.5,
    "optimiser.learning_rate": 0.02,
    "training.batch_size": 32,
    "training.evaluations": 8,
}
METHODS = [
    "l1", "weighted_l1", "rm", "rm_l1", "pearson", "pearson_spearman", "ranksim", "jocorank_individual", "jocorank_global",
    "jocorank_peer", "jocorank", "balanced_mse", "rnc",
]  # fmt: skip
L1 = {"class_path": "PointwiseLoss", "init_args": {"kind": "l1"}}
RM = {"class_path": "RMLoss", "init_args": {"sigma": 1.0}}
PEARSON = {"class_path": "RobustPearsonLoss", "init_args": {}}
WEIGHTED = {"scheme": "sqrt_inverse", "smoothing": "kernel_density"}
CANDIDATES: dict[str, dict[str, Any]] = {  # for the default: what may be combined, judged on calibration cases
    "l1": {"objective": {"error": L1}},
    "weighted l1": {"objective": {"error": L1}, "weights": WEIGHTED},
    "rm": {"objective": {"isometry": RM}},
    "rm + l1": {"objective": {"isometry": RM, "error": L1}},
    "rm + weighted l1": {"objective": {"isometry": RM, "error": L1}, "weights": WEIGHTED},
    "pearson + l1": {"objective": {"correlation": PEARSON, "error": L1}},
    "rm + pearson": {"objective": {"isometry": RM, "correlation": PEARSON}},
    "rm + weighted pearson": {"objective": {"isometry": RM, "correlation": PEARSON}, "weights": WEIGHTED},
    "rm + pearson + l1": {"objective": {"isometry": RM, "correlation": PEARSON, "error": L1}},
    "rm + weighted pearson + l1": {
        "objective": {"isometry": RM, "correlation": PEARSON, "error": L1},
        "weights": WEIGHTED,
    },
}
DEVELOPMENT_SEEDS = range(2000, 2004)
HEAD = """# Losses for imbalanced regression, side by side

Made by `python benchmarks/comparison_study.py table` from the JSON in `benchmarks/results/`; `prepare`, `develop` and `run` of
the same script make that JSON with `medgauge compare` and can be stopped and gone on with.

- **Equal for all methods**: cases, test split (fixed), splits of each seed, encoder (`small`, half as wide), batch of 32,
  steps (HC18 400, LIDC 300, RetinaMNIST 400), augmentation, three tuning trials (learning rate 0.02, 0.0067, 0.06) on
  validation cases of a seed of its own, then frozen. Five seeds, which set validation and calibration cases and the
  initialisation. Short runs of a small network: what is shown holds for such runs.
- **Statistics**: a case's absolute error is averaged over the seeds; groups and seeds are drawn crossed (10,000 draws);
  p-values by Holm over the methods. "better" or "worse" needs Holm's p below 0.05; "not worse" needs the upper limit of
  the relative increase of the MAE to be at most 3 % overall and 10 % in region few; else "not shown".
- **Regions**: many, medium, few by the density of the development labels (half, 30 %, 20 % of them).
- **LIDC**: the source cut out each nodule's own slices, so that padding gives the size away (the filled share of the cut-out
  correlates with malignancy by 0.59). All nodules are cut to the central 4 x 24 x 24 mm (0.10 after that).
- **RetinaMNIST** names no patients: images of one person may be on both sides, and every image counts as a group.
- **HC18**'s test cases are not those of any figure in [rm-loss.md](methods/rm-loss.md), but studies there have read many of them.
- `pearson`, `pearson_spearman` and the four `jocorank` are our reconstructions from abstracts, `rnc` has one view and
  one stage: no figure here is a reproduction of a paper's.
- **Made with a former form**: in the rows `pearson`, `pearson_spearman`, `jocorank_global`, `jocorank_peer` and `jocorank` the
  differences of means and spreads entered as absolute values (now `distribution: absolute`), and outliers of the first two
  bent at 1; the ranking of `jocorank` and `ranksim` had the factor 1 (now 10), the contrast of `rnc` too (now 0.5). What the
  changes do on HC18 is in [fine-grained-correlation.md](methods/fine-grained-correlation.md) and [jocorank.md](methods/jocorank.md).
"""
DEFAULT = """## The default

What `medgauge fit` uses without a recipe was chosen on calibration cases of development seeds (2000 on), with the test
split unread; mean change of the MAE against L1 of the same seed, of all cases and of region few. Not every candidate had
every seed; single seeds say little. `rm` alone, and the seeds 2001 to 2003 of `pearson + l1` and
`rm + pearson + l1`, were run after the comparisons; they changed nothing of the choice.
"""
NOTES = """## What this says

- **No method is shown better than L1 on any of the three sets, and none is shown not worse.** The sets are small: what they
  could show was 8 to 27 % of the error. Shown worse: `pearson` on HC18; `rm`, `jocorank` and `balanced_mse` on RetinaMNIST.
- **The default is RM-Loss beside L1 (`rm_l1`).** On the development seeds it was the only combination that lost no more than
  1 % on any set and gained on one; density weights beside it gained most on HC18 and lost 5 to 8 % on the other two; with
  robust Pearson it lost on RetinaMNIST and LIDC. On the test splits its change of the MAE against L1 is -9.4 % (-22.9 to +3.6)
  on HC18, +0.9 % (-5.9 to +7.7) on LIDC and +0.6 % (-4.1 to +4.9) on RetinaMNIST; in region few -12.7 % (-40.4 to +26.7),
  +2.7 % (-5.1 to +12.1) and +0.9 % (-4.2 to +7.7). Neither a gain nor non-inferiority within 3 % is shown. It stays the
  default for what L1 alone does not give, distances that mean differences of labels, and since nothing here speaks for
  another.
- **Region few**: by their own 95 % interval, not adjusted over methods, these have a smaller error there than L1:
  `pearson_spearman` (LIDC -17.4 %, RetinaMNIST -10.7 %), `weighted_l1` (LIDC -8.6 %), `jocorank` (LIDC -6.5 %), `rnc` (LIDC
  -6.1 %) and `jocorank_global` (RetinaMNIST -8.9 %). Most of them pay for it elsewhere: their overall mean is higher.
- **JoCoRank's ablation** (individual; + global; + peer; + ranking = `jocorank`): MAE 8.81, 9.82, 9.19, 9.47 mm on HC18;
  0.574, 0.586, 0.587, 0.576 on LIDC; 0.829, 0.804, 0.806, 0.856 on RetinaMNIST. No level adds a gain that is seen on all
  three; the ranking level costs most on RetinaMNIST.
- `rnc` has the smallest mean MAE, D5 and RV on HC18; not shown.
- Several chosen learning rates lie at an end of the three that were tried, and runs are short: longer ones may order the
  methods otherwise (see the probes in [rm-loss.md](methods/rm-loss.md)).
- RankSim is not part of any default: its own code is non-commercial and its patent position unclear (see
  [jocorank.md](methods/jocorank.md)).
"""


def read(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def develop_one(job: tuple[str, str, int]) -> dict[str, Any]:
    """One run of a candidate for the default; its MAE on calibration cases. The test split is not read."""
    import torch

    import medgauge
    from medgauge.recipes.read import load_values

    torch.set_num_threads(1)
    data, candidate, seed = job
    wanted = CANDIDATES[candidate]
    values = {
        **load_values("l1"),
        "objective": {name: {"factor": 1.0, "term": term} for name, term in wanted["objective"].items()},
        "weights": wanted.get("weights", {}),
    }
    changes = {**EQUAL, **DATA[data], "seed": seed, "data.test_seed": 0}
    with tempfile.TemporaryDirectory() as folder:
        run = medgauge.fit(values, out=Path(folder) / "run", changes=changes, images=False, report=False)
        cases = pandas.read_csv(Path(folder) / "run" / "predictions.csv")
        (target,) = run.targets
        cases = cases[cases["split"] == "calibration"]
        error = (cases[f"value_{target}"] - cases[f"label_{target}"]).abs()
        region = cases[f"region_{target}"]
        return {
            "mae": float(error.mean()),
            **{f"{name}_mae": float(error[region == name].mean()) for name in ("many", "medium", "few")},
            "predictor": run.results["val"][target]["predictor"],
            "seconds": run.results["seconds"],
        }


def develop(names: list[str], workers: int, candidates: list[str]) -> None:
    """The candidates on all data sets; the file grows run by run."""
    jobs = [
        (data, candidate, seed)
        for seed, data, candidate in itertools.product(DEVELOPMENT_SEEDS, names, candidates)
        if f"{data} | {candidate} | {seed}" not in read("default_development")
    ]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for job, found in zip(jobs, pool.map(develop_one, jobs), strict=True):
            state = read("default_development")
            state[" | ".join(map(str, job))] = found
            (RESULTS / "default_development.json").write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")
            print(*job, round(found["mae"], 4), round(found["few_mae"], 4), round(found["seconds"], 1), flush=True)


def run(names: list[str], workers: int) -> None:
    """`medgauge compare` on each data set; JSON and cases are copied to the results as they grow."""
    for name in names:
        out = SCRATCH / f"compare_{name}"
        changes = {**EQUAL, **DATA[name]}
        flags = [f"--{place}={json.dumps(value)}" for place, value in changes.items()]
        command = [sys.executable, "-m", "medgauge", "compare", "l1", "--losses", ",".join(METHODS), "--seeds", "5"]
        command += ["--trials", "3", "--workers", str(workers), "--out", str(out), *flags]
        try:
            subprocess.run(command, check=True)
        finally:
            keep(name, out)


def keep(name: str, out: Path) -> None:
    """Copy comparison.json without the folder of the tables."""
    if (out / "comparison.json").exists():
        text = (out / "comparison.json").read_text(encoding="utf-8").replace(f"{SCRATCH}{os.sep}", "")
        (RESULTS / f"comparison_{name}.json").write_text(text, encoding="utf-8")


WORDS = {
    "hc18": "HC18, head circumference (fetal ultrasound, 96 x 64 pixels)",
    "lidc": "LIDC nodules, mean malignancy rating of 3 to 4 readers, 1 to 5 (CT, 4 x 24 x 24 voxels of 1 mm)",
    "retina": "RetinaMNIST, retinopathy grade 0 to 4 (fundus photographs, 28 x 28 pixels)",
}
UNITS = {"hc18": " mm", "lidc": "", "retina": ""}


def line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def between(interval: Any, digits: int, *, sign: bool = False, percent: bool = False) -> str:
    if isinstance(interval, str):
        return interval
    form = f"{'+' if sign else ''}.{digits}{'%' if percent else 'f'}"
    return f"{interval[0]:{form}} to {interval[1]:{form}}"


def spread(block: dict[str, Any] | None, digits: int) -> str:
    if not block or block["mean"] is None:
        return ""
    return f"{block['mean']:.{digits}f}" + (f" ± {block['sd']:.{digits}f}" if block["sd"] is not None else "")


def set_section(name: str) -> list[str]:
    """What the comparison of one data set found."""
    found = read(f"comparison_{name}")
    settings, figures = found["settings"], found["figures"]
    (target,) = settings["targets"]
    block, smallest = figures[target], found["smallest_difference"][target]
    digits = 2 if name == "hc18" else 3
    parts, unit = block["parts"], UNITS[name]
    seeds = len(settings["seeds"])
    text = [
        f"## {WORDS[name]}",
        "",
        f"{parts['all']['n']} test cases of {parts['all']['groups']} groups ({parts['few']['n']} cases in region few); "
        f"{len(found['runs'])} runs, each of which read the test split once; {len(found['tuning'])} tuning trials. Smallest "
        f"difference that the set could show, stated before any test figure: {smallest['difference']:.{digits}f}{unit} "
        f"({smallest['relative']:.0%} of the reference's validation MAE).",
        "",
        line("method", f"MAE{unit and ',' + unit} (95 %)", "few: MAE (95 %)", "difference to l1 (95 %)", "relative (95 %)",
             "few: relative (95 %)", "p (Holm)", "verdict"),
        line(*["---"] * 8),
    ]  # fmt: skip
    for method, whole in block["methods"].items():
        few = whole["by_region"]["few"]
        cells = [f"{whole['mae']:.{digits}f} ({between(whole['ci95'], digits)})"]
        cells += [f"{few['mae']:.{digits}f} ({between(few['ci95'], digits)})"]
        if method == block["reference"]:
            cells += ["reference", "", "", "", ""]
        else:
            cells += [f"{whole['difference']:+.{digits}f} ({between(whole['difference_ci95'], digits, sign=True)})"]
            cells += [
                f"{part['relative']:+.1%} ({between(part['relative_ci95'], 1, sign=True, percent=True)})"
                for part in (whole, few)
            ]
            cells += [
                f"{whole['p_holm']:.3f}",
                f"**{whole['verdict']}**" if whole["verdict"] != "not shown" else "not shown",
            ]
        text.append(line(method, *cells))
    kappa = ["quadratic kappa"] * (name == "retina")
    text += ["", f"Mean and standard deviation over the {seeds} seeds:", "",
             line("method", "R2", "Spearman", *kappa, "D5", "RV", "coverage of 90 % (many, medium, few)", "learning rate"),
             line(*["---"] * (7 + len(kappa)))]  # fmt: skip
    for method, whole in block["methods"].items():
        space, covered = figures["space"][method], whole["coverage"]["by_region"]
        rate = found["chosen"][method]["changes"].get("optimiser.learning_rate")
        text.append(
            line(method, spread(whole["r2"], 3), spread(whole["spearman"], 3),
                 *[spread(whole.get("quadratic_kappa"), 3)] * len(kappa), spread(space["d5"], digits), spread(space["rv"], 3),
                 ", ".join(f"{covered[part]['coverage']:.2f}" for part in ("many", "medium", "few")), f"{rate:g}")
        )  # fmt: skip
    return [*text, "", *verdicts(block), ""]


def verdicts(block: dict[str, Any]) -> list[str]:
    """The verdicts in sentences."""
    by: dict[str, list[str]] = {}
    for method, whole in block["methods"].items():
        if method != block["reference"]:
            by.setdefault(whole["verdict"], []).append(f"`{method}`")
    said = [f"{kind}: {', '.join(by[kind])}" for kind in ("better", "worse", "not worse", "not shown") if kind in by]
    return [f"Against `{block['reference']}`, {'; '.join(said)}."]


def development_section() -> list[str]:
    """Candidates for the default on calibration cases of the development seeds."""
    state: dict[tuple[str, str], dict[str, Any]] = {}
    for key, found in read("default_development").items():
        data, candidate, seed = key.split(" | ")
        state.setdefault((data, candidate), {})[seed] = found
    text = [
        line("objective", *[f"{data}: {what}" for data in DATA for what in ("seeds", "MAE", "few")]),
        line(*["---"] * 10),
    ]
    for candidate in CANDIDATES:
        cells = []
        for data in DATA:
            ours, base = state.get((data, candidate), {}), state.get((data, "l1"), {})
            common = sorted(set(ours) & set(base))
            cells += [str(len(common))]
            for key in ("mae", "few_mae"):
                changes = [ours[seed][key] / base[seed][key] - 1 for seed in common]
                cells.append("–" if not common or candidate == "l1" else f"{statistics.mean(changes):+.1%}")
        text.append(line(candidate, *cells))
    return text


def table() -> None:
    """Write docs/comparison.md."""
    names = [name for name in DATA if read(f"comparison_{name}").get("figures")]
    text = [HEAD, *[row for name in names for row in set_section(name)], DEFAULT, *development_section(), "", NOTES]
    (ROOT / "docs" / "comparison.md").write_text("\n".join(text).rstrip("\n") + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("prepare", "develop", "run", "table"))
    parser.add_argument("--only", choices=tuple(DATA))
    parser.add_argument("--candidate", choices=tuple(CANDIDATES), action="append", help="of develop; again for several")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    names = [given.only] if given.only else list(DATA)
    {
        "prepare": prepare,
        "develop": lambda: develop(names, given.workers, given.candidate or list(CANDIDATES)),
        "run": lambda: run(names, given.workers),
        "table": table,
    }[given.what]()


if __name__ == "__main__":
    main()
