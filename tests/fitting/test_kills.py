"""A fit that ends after any of its writes: the same command again ends like one that was never stopped."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import medgauge
from medgauge.runfolder import RunFolder
from medgauge.runfolder.seal import damaged
from medgauge.runfolder.whole import is_whole
from tests.fitting.small_study import COLUMNS, SMALL, make_table
from tests.kills import differing, killed_after, states, watched_writes

TINY = {**SMALL, "training.steps": 2, "training.batch_size": 4}


def fit(table: Path, out: Path, **settings: Any) -> medgauge.Run:
    given: dict[str, Any] = {"split": "part", "changes": TINY, "images": False, **COLUMNS, **settings}
    return medgauge.fit(table=str(table), out=out, **given)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("tiny"), groups=18)


@pytest.fixture(scope="module")
def whole(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped, its test split not read."""
    return fit(table, tmp_path_factory.mktemp("whole") / "run").folder.path


@pytest.mark.slow
def test_a_fit_that_ends_after_any_write_ends_like_an_unbroken_one(table: Path, tmp_path: Path) -> None:
    settings = {"test": True, "report": False}
    whole = fit(table, tmp_path / "whole" / "run", **settings).folder.path
    count = 0
    while True:
        count += 1
        out = tmp_path / "run"
        if not killed_after(count, partial(fit, table, out, **settings)):
            break
        run = fit(table, out, **settings)
        assert run.results["looks"] == {"test": 1}
        assert (count, differing(out, whole)) == (count, [])
        assert (count, is_whole(RunFolder(out)), damaged(RunFolder(out))) == (count, True, [])
        shutil.rmtree(out)
    assert count > 20


@pytest.mark.slow
def test_a_look_that_ends_after_any_write_but_the_last_is_counted_once(
    table: Path, whole: Path, tmp_path: Path
) -> None:
    written: list[Path] = []
    looked = Path(shutil.copytree(whole, tmp_path / "whole" / "run"))
    with watched_writes(written.append):
        medgauge.load(looked).look("test", images=False)
    assert len(written) > 5
    for count in range(1, len(written)):
        out = Path(shutil.copytree(whole, tmp_path / str(count) / "run"))
        assert killed_after(count, partial(medgauge.load(out).look, "test", images=False))
        finish = (partial(medgauge.load(out).look, images=False), partial(fit, table, out, test=True))[count % 2]
        finish()
        assert (count, differing(out, looked)) == (count, [])
        assert medgauge.load(out).results["looks"] == {"test": 1}


def test_an_evaluation_that_ends_after_any_write_is_made_again(whole: Path, tmp_path: Path) -> None:
    table, run = make_table(tmp_path / "elsewhere", groups=6), medgauge.load(whole)
    for path in table.parent.glob("*.png"):
        Image.open(path).transpose(Image.Transpose.ROTATE_180).save(path)  # pictures that the run has not seen
    evaluate = partial(run.evaluate, table, ids_are_local=True)
    evaluate(out=tmp_path / "whole" / "out")
    count = 0
    while True:
        count += 1
        out = tmp_path / str(count) / "out"
        if not killed_after(count, partial(evaluate, out=out)):
            break
        evaluate(out=out)
        assert (count, differing(out, tmp_path / "whole" / "out")) == (count, [])
    assert count == 3
    assert killed_after(1, partial(evaluate, out=tmp_path / "whole" / "out"))
    assert not (tmp_path / "whole" / "out" / "results.json").exists()  # an old one stands beside no new predictions


@pytest.mark.slow
def test_folds_that_end_after_any_write_end_like_unbroken_ones(table: Path, tmp_path: Path) -> None:
    inner = iter(range(1000))

    def wanted(name: str) -> bool:  # a fold is a fit as any other
        return not name.startswith("fold-") or next(inner) % 9 == 0

    folds = {"folds": 2, "test": True, "report": False}
    out = tmp_path / "run"
    stood = states(out, tmp_path / "states", partial(fit, table, out, **folds), wanted)
    assert len(stood) > 12
    for state in stood:
        run = fit(table, state, **folds)
        assert (state.parent.name, differing(state, out)) == (state.parent.name, [])
        assert run.results["looks"] == {"test": 1}
