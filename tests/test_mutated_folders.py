"""A run folder in which anything is changed is read right or refused with one sentence: no raw error, no large allocation."""

import os
import resource
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
import yaml
from PIL import Image, ImageOps

import medgauge
from medgauge.core.errors import InputError
from medgauge.metrics import bootstrap
from medgauge.report import write_report
from medgauge.runfolder.checkpoints import read_checkpoint, sealed_state
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
    "looks.json": ("report", "look"),
    "digests.json": ("predict", "report", "look"),
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
        run = copied(made, tmp_path / "run", sealed=name == "digests.json")
        said = f"{name}: {change(run / name, seed)} (seed {seed})"
        found.update(outcomes(run, READERS[name], uses(run, others, settings), said))
    assert sum(found.values()) == SEEDS * len(READERS[name])
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST


def cells(column: str, text: str, *, of: str = "predictions.csv") -> Callable[[Path], None]:
    """One text in every cell of a column."""

    def damage(run: Path) -> None:
        frame = pandas.read_csv(run / of, dtype=str, keep_default_na=False)
        frame[column] = text
        frame.to_csv(run / of, index=False)

    return damage


def without(column: str) -> Callable[[Path], None]:
    return lambda run: (
        pandas.read_csv(run / "predictions.csv", dtype=str, keep_default_na=False)
        .drop(columns=column)
        .to_csv(run / "predictions.csv", index=False)
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cells("number:neighbours", "[99999]"), r"number:neighbours in row 1 must be below 72, got 99999"),
        (cells("number:neighbours", "[-1]"), r"number:neighbours in row 1 must be a list of whole numbers >= 0"),
        (cells("number:neighbours", "[1"), r"number:neighbours in row 1 must be a list of whole numbers >= 0"),
        (cells("weights_age", '["a"]'), r"weights_age in row 1 must be a list of numbers, got '\[\"a\"\]'"),
        (cells("weights_age", "[" * 10_000), r"weights_age in row 1 must be a list of numbers"),
        (cells("lower_age", "1e999"), r"lower_age in row 1 must be a number below 1e300, got '1e999'"),
        (cells("value_age", "many"), r"value_age in row 1 must be a number, got 'many'"),
        (without("region_age"), r"it has no column region_age"),
        (without("row"), r"it has no column row"),
    ],
)
def test_a_page_is_not_made_of_what_is_none(
    made: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    run = copied(made, tmp_path / "run")
    (run / "report.html").unlink()
    damage(run)
    with pytest.raises(InputError, match=rf"predictions\.csv cannot be read \({said}"):
        write_report(run)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("label", ["1e300", "-1e300", "0", "3"])
def test_a_page_of_one_label_is_made(made: Path, tmp_path: Path, label: str) -> None:
    run = copied(made, tmp_path / "run")
    cells("label_age", label, of="gallery.csv")(run)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert write_report(run).stat().st_size > 10_000


def test_nothing_is_written_where_a_run_folder_says(made: Path, tmp_path: Path, cache: Path) -> None:
    run, theirs = copied(made, tmp_path / "run"), tmp_path / "theirs"
    old = theirs / "precious.part"  # as an unfinished entry of a cache is called
    old.mkdir(parents=True)
    (old / "scans").write_text("x")
    os.utime(old, (0, 0))
    values = yaml.safe_load((run / "recipe.yaml").read_text())
    values["data"]["cache"] = str(theirs)
    (run / "recipe.yaml").write_text(yaml.safe_dump(values))
    assert medgauge.load(run).look("test")["age"]["n"] > 0
    assert [path.name for path in theirs.rglob("*")] == ["precious.part", "scans"]
    assert any(cache.iterdir())


def other_weights(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    """Another first tensor in the best checkpoint, with a digest that fits."""

    def damage(run: Path) -> None:
        path = run / "checkpoints/best.ckpt"
        state = read_checkpoint(path)
        name = next(name for name, tensor in state["model"].items() if tensor.is_floating_point())
        state["model"][name] = change(state["model"][name])
        torch.save(sealed_state(state), path)

    return damage


def best_as_last(run: Path) -> None:
    (run / "checkpoints/ended.ckpt").unlink()  # as before the end of training
    shutil.copy(run / "checkpoints/best.ckpt", run / "checkpoints/last.ckpt")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (other_weights(lambda tensor: tensor[:0]), "best.ckpt is of another run"),
        (other_weights(lambda tensor: tensor * torch.nan), "the weights of step .* cannot be used"),
        (best_as_last, "last.ckpt is of another run"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    made: Path, settings: dict[str, Any], tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    run = copied(made, tmp_path / "run", sealed=True)
    (run / "model.safetensors").unlink()  # so that it would be made anew from the checkpoint
    damage(run)
    with pytest.raises(InputError, match=said):
        medgauge.fit(out=run, **settings)


def test_evaluating_needs_the_splits_of_the_run(made: Path, others: Path, tmp_path: Path) -> None:
    run = copied(made, tmp_path / "run")
    path = run / "splits.csv"
    path.write_text(path.read_text().replace("split", "part", 1))
    with pytest.raises(InputError, match=r"splits\.csv cannot be read \(it has no column split\)"):
        medgauge.load(run).predict([others.parent / "0.png"], covariates={"pixel_mm": 1})


def test_going_on_writes_splits_that_are_in_no_seal_and_tell_nothing_anew(
    made: Path, settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied(made, tmp_path / "run")
    path = run / "splits.csv"
    path.write_text(path.read_text().replace("picture", "x", 1))
    medgauge.fit(out=run, terminal=True, **settings)
    assert f"splits.csv of {run} is not what was written and in no seal; it is written anew" in capsys.readouterr().err
    assert path.read_bytes() == (made / "splits.csv").read_bytes()
