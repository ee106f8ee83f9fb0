"""Whether two commits write the same run folders: one short run and one of three folds from each, in one call.

    python benchmarks/golden.py COMMIT [--against COMMIT2] [--only single|folds]

Left is COMMIT, in a git worktree that is made for it and removed again; right is COMMIT2, or else the working tree. Both
run ``medgauge fit hc18_demo`` for 60 steps on one thread, with the Python that runs this and a cache of images each.
Weights, splits.csv, log.csv and predictions.csv are compared byte for byte; results.json without seconds, peak memory and
the kind of a target, floats to 1e-12 (relative or absolute); a key that came later (``LATER``) counts only where both have
it. One line a file; status 1 if anything differs.
"""

import argparse
import csv
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parent.parent
FIT = ["fit", "hc18_demo", "--training.steps", "60", "--training.seconds", "0", "--training.accelerator", "cpu"]
RUNS = {"single": [], "folds": ["--folds", "3"]}
FILES = ("model.safetensors", "splits.csv", "log.csv", "predictions.csv", "results.json")
OF_THE_WHOLE = ("splits.csv", "predictions.csv", "results.json")  # of several folds: no weights and no log of its own
MEASURED = ("seconds", "peak_memory_mb")
LATER = ("shown", "far", "drawn", "drawn_flagged", "images", "by_chance95", "set_drawn_covered")
TOLERANCE = 1e-12


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def checked_out(commit: str, home: Path) -> Iterator[Path]:
    """A git worktree of a commit under ``home``, removed again at the end."""
    place = home / "tree"
    git("worktree", "add", "--detach", str(place), commit)
    try:
        yield place
    finally:
        git("worktree", "remove", "--force", str(place))


def fit(tree: Path, home: Path, name: str) -> Path:
    """The run folder that the source of ``tree`` writes; ``home`` keeps it and the cache of images."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    asked = [sys.executable, "-c", "import medgauge; print(medgauge.__file__)"]
    found = subprocess.run(asked, env=environment, cwd=home, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).resolve().is_relative_to(tree.resolve()):
        raise SystemExit(f"medgauge would be read from {found}, not from {tree}")
    words = [*FIT, *RUNS[name], "--data.cache", str(home / "cache"), "--out", str(home / name)]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "medgauge", *words], env=environment, cwd=home, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"medgauge {' '.join(words)} failed in {tree}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"{home.name} {name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return home / name


def compare_runs(left: Path, right: Path) -> dict[str, list[str]]:
    """What differs in each file of two run folders and of their folds: nothing, or one line a difference."""
    folds = sorted({fold.name for side in (left, right) for fold in side.glob("fold-*")})
    names = [*(OF_THE_WHOLE if folds else FILES), *(f"{fold}/{name}" for fold in folds for name in FILES)]
    return {f"{left.name}/{name}": compare_files(left / name, right / name) for name in names}


def compare_files(left: Path, right: Path) -> list[str]:
    absent = [side for side, path in (("left", left), ("right", right)) if not path.is_file()]
    if absent:
        return [f"missing {' and '.join(absent)}"]
    if left.suffix == ".json":
        return compare_values(*(without_measured(json.loads(path.read_text())) for path in (left, right)))
    if left.read_bytes() == right.read_bytes():
        return []
    return compare_weights(left, right) if left.suffix == ".safetensors" else compare_tables(left, right)


def compare_weights(left: Path, right: Path) -> list[str]:
    a, b = load_file(left), load_file(right)
    lines = [f"{name}: only {'left' if name in a else 'right'}" for name in sorted(a.keys() ^ b.keys())]
    for name in sorted(a.keys() & b.keys()):
        one, other = a[name], b[name]
        if (one.dtype, one.shape) != (other.dtype, other.shape):
            lines.append(f"{name}: {one.dtype} {one.shape} / {other.dtype} {other.shape}")
        elif one.tobytes() != other.tobytes():
            gap = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
            lines.append(f"{name}: largest difference {gap:.3g}")
    return lines or ["tensors are byte for byte equal, the rest of the file is not"]


def compare_tables(left: Path, right: Path) -> list[str]:
    """Columns and number of rows, or for each column how many cells differ, with the first of them."""
    (head, *rows), (other_head, *other_rows) = (list(csv.reader(path.open(newline=""))) for path in (left, right))
    if head != other_head:
        return [f"columns: {head} / {other_head}"]
    lines = [] if len(rows) == len(other_rows) else [f"rows: {len(rows)} / {len(other_rows)}"]
    for place, name in enumerate(head):
        cells = [(row[place], other[place]) for row, other in zip(rows, other_rows, strict=False)]
        unlike = [row for row, (cell, other) in enumerate(cells) if cell != other]
        if unlike:
            cell, other_cell = cells[unlike[0]]
            lines.append(
                f"{name}: {len(unlike)} of {len(cells)} cells, first in row {unlike[0]}: {cell} / {other_cell}"
            )
    return lines or ["cells are equal, bytes are not"]


def without_measured(results: Any, path: tuple[str, ...] = ()) -> Any:
    """Without seconds and peak memory at any depth, and without ``kind`` of results[split][target]."""
    if isinstance(results, list):
        return [without_measured(value, (*path, "[]")) for value in results]
    if not isinstance(results, dict):
        return results
    a_target = len(path) == 2 and "[]" not in path
    kept = {key for key in results if key not in MEASURED and not (key == "kind" and a_target)}
    return {key: without_measured(value, (*path, key)) for key, value in results.items() if key in kept}


def compare_values(left: Any, right: Any, path: str = "") -> list[str]:
    """One line for each path at which two JSON values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        lines = [f"{path}/{key}: only left: {json.dumps(left[key])}" for key in left if key not in (*right, *LATER)]
        lines += [f"{path}/{key}: only right: {json.dumps(right[key])}" for key in right if key not in (*left, *LATER)]
        pairs = [compare_values(left[key], right[key], f"{path}/{key}") for key in left if key in right]
        return [*lines, *itertools.chain(*pairs)]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = [compare_values(*pair, f"{path}/{at}") for at, pair in enumerate(zip(left, right, strict=True))]
        return list(itertools.chain(*pairs))
    return [] if same(left, right) else [f"{path}: {json.dumps(left)} / {json.dumps(right)}"]


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        close = math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return close or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and bool(left == right)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="left: the commit whose figures are to be kept")
    parser.add_argument("--against", metavar="COMMIT2", help="right: another commit (default: the working tree)")
    parser.add_argument("--only", choices=list(RUNS), help="one of the two runs")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the worktree goes then as well
    commits = {"left": given.commit, "right": given.against}
    differing = 0
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        homes = {side: Path(temporary) / side for side in commits}
        trees = {}
        for side, commit in commits.items():
            homes[side].mkdir()
            trees[side] = stack.enter_context(checked_out(commit, homes[side])) if commit else ROOT
            changed = "" if commit or not git("status", "--porcelain", "src") else " with changes"
            print(f"{side}: {git('rev-parse', '--short', commit or 'HEAD')}{changed}")
        for name in [given.only] if given.only else RUNS:
            runs = [fit(trees[side], homes[side], name) for side in commits]
            for file, lines in compare_runs(*runs).items():
                print(f"{file}: {'differs: ' if lines else 'same'}{f'{os.linesep}  '.join(lines)}", flush=True)
                differing += bool(lines)
    print(f"{differing} files differ" if differing else "all files are the same")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
