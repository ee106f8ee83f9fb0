"""A run folder in which anything is changed is read right or refused with one sentence: no raw error, no large allocation."""

import resource
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from PIL import Image, ImageOps

import medgauge
from medgauge.core.errors import InputError
from medgauge.metrics import bootstrap
from medgauge.report import write_report
from tests.fitting.small_study import SMALL
from tests.runs.conftest import TWO, graded_table
from tests.strange_changes import change, copied

EVERY = ("predict", "evaluate", "report", "look", "again")
READERS = {
    "recipe.yaml": EVERY,
    "splits.csv": ("evaluate", "report", "look"),
    "model.json": ("predict",),
    "model.safetensors": ("predict", "evaluate"),
    "gallery.csv": ("predict", "report"),
    "gallery.safetensors": ("predict", "evaluate"),
    "predictors.json": ("predict", "evaluate", "report"),
    "predictors.safetensors": ("predict", "evaluate"),
    "results.json": ("report", "look"),
    "predictions.csv": ("report",),
    "embeddings.safetensors": ("report", "look"),
    "log.csv": ("report",),
    "thumbnails/0.png": ("report",),
    "checkpoints/last.ckpt": ("again",),
}
"""What reads each file of a run."""
SEEDS = 3
MOST = 1 << 30  # bytes that reading a folder may take beyond what was taken before


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of cases that the run does not know: negatives of its pictures, of other patients."""
    folder = tmp_path_factory.mktemp("others")
    table = graded_table(folder)
    frame = pandas.read_csv(table, dtype=str).head(16)
    for name in frame["path"]:
        ImageOps.invert(Image.open(folder / name)).save(folder / name)
    frame["patient"] = "other " + frame["patient"]
    frame.to_csv(table, index=False)
    return table


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a run of two steps, with two kinds of label, a covariate and subgroups."""
    changes = {**SMALL, "training.steps": 2, "training.checkpoint_seconds": 0, "data.subgroups": ["sex"]}
    columns = {"split": "part", "covariates": ["pixel_mm"], "label_times": "pixel_mm", "changes": changes}
    return {"table": str(graded_table(tmp_path_factory.mktemp("own"))), **columns, **TWO}


@pytest.fixture(scope="module")
def made(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, its test split read."""
    out = tmp_path_factory.mktemp("made") / "run"
    medgauge.fit(out=out, test=True, **settings)
    return out


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No intervals of figures, which take most of the time."""
    monkeypatch.setattr(bootstrap, "MIN_GROUPS", 10**9)


def uses(run: Path, others: Path, settings: dict[str, Any]) -> dict[str, Callable[[], object]]:
    picture = others.parent / "0.png"
    return {
        "predict": lambda: medgauge.load(run).predict([picture], covariates={"pixel_mm": 1}),
        "evaluate": lambda: medgauge.load(run).evaluate(others),
        "report": lambda: write_report(run),
        "look": lambda: medgauge.load(run).look("test"),
        "again": lambda: medgauge.fit(out=run, **settings),
    }


def outcomes(run: Path, names: tuple[str, ...], ways: dict[str, Callable[[], object]], said: str) -> Iterator[str]:
    for name in names:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                ways[name]()
        except InputError:
            yield "refused"
        except Exception as error:
            pytest.fail(f"{name} of a run with {said}: {type(error).__name__}: {error}")
        else:
            yield "fine"


@pytest.mark.parametrize("name", READERS)
def test_a_changed_file_is_read_or_refused(
    name: str, made: Path, others: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    found: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(SEEDS):
        run = copied(made, tmp_path / "run")
        said = f"{name}: {change(run / name, seed)} (seed {seed})"
        found.update(outcomes(run, READERS[name], uses(run, others, settings), said))
    assert sum(found.values()) == SEEDS * len(READERS[name])
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST
