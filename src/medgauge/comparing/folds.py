"""A comparison over folds: what is still to be made is made here, or by this machine's share of it."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from medgauge.comparing.crossed import Bundle, BundleDone, bundles, record_bundle, run_bundle, waiting_bundles
from medgauge.comparing.plan import Plan
from medgauge.comparing.shards import Shard, clear_aside, lies_aside, put_aside, take_in
from medgauge.comparing.state import State
from medgauge.comparing.workers import Workers, each_done
from medgauge.core.display import Display
from medgauge.runfolder.lock import held
from medgauge.training.loop import Stopped


def compare_folds(
    plan: Plan,
    out: Path,
    display: Display,
    finish: Callable[[State], None],
    *,
    shard: Shard | None,
    workers: Workers,
    keep: bool,
) -> State:
    """Make what is not recorded yet, or a shard of it, and finish the comparison if nothing is left.

    A shard keeps the folder only while it takes in what there is, not while it fits.

    Raises:
        InputError: the folder holds something else, or a run was stopped or cannot be made.
    """
    with held(out, say=display.say):
        state, found = _taken_in(plan, out, display)
        waiting = waiting_bundles(found, state)
        if shard is None:

            def record(bundle: Bundle, done: BundleDone) -> None:
                record_bundle(state, bundle, done, keep=keep)

            make_folds(waiting, len(found), record, display, workers=workers)
            _finish(state, finish)
            return state
    own = [bundle for bundle in shard.own(found) if bundle in waiting and not lies_aside(state.folder, bundle)]

    def aside(bundle: Bundle, done: BundleDone) -> None:
        put_aside(state.folder, bundle, done)
        if not keep:
            for job, _ in done.outcomes:
                shutil.rmtree(job.folder, ignore_errors=True)

    make_folds(own, len(shard.own(found)), aside, display, workers=workers)
    with held(out, say=display.say):
        state, found = _taken_in(plan, out, display)
        left = len(waiting_bundles(found, state))
        if left:
            display.say(
                f"shard {shard} is done; {left} of {len(found)} training parts are other shards', and who comes last "
                "writes the comparison"
            )
        else:
            _finish(state, finish)
    return state


def _taken_in(plan: Plan, out: Path, display: Display) -> tuple[State, list[Bundle]]:
    """The comparison as it is recorded, with what lies aside of it, and all its training parts."""
    state = State.claim(out, plan.stamp(), plan.regions, plan.whole)
    for line in state.mended:
        display.say(line)
    found = bundles(plan, state)
    take_in(state, waiting_bundles(found, state), display.say)
    return state, found


def _finish(state: State, finish: Callable[[State], None]) -> None:
    finish(state)
    clear_aside(state)
    try:
        (state.folder / "runs").rmdir()
    except OSError:  # run folders were kept
        return


def make_folds(
    waiting: Sequence[Bundle],
    whole: int,
    record: Callable[[Bundle, BundleDone], None],
    display: Display,
    *,
    workers: Workers,
) -> None:
    """Make some training parts of ``whole``, each recorded as it comes.

    Raises:
        Stopped: what was recorded stays.
    """
    left, started = len(waiting), time.monotonic()
    try:
        for bundle, done in each_done(waiting, run_bundle, workers=workers):
            record(bundle, done)
            left -= 1
            spent, ready = time.monotonic() - started, f"{whole - left} of {whole}"
            seconds = sum(outcome.entry.get("wall", 0.0) for _, outcome in done.outcomes)
            display.say(f"{ready}: {bundle.name}, {len(done.outcomes)} runs ({seconds:.0f} s)")
            display.runs(whole - left, whole, f"about {spent / (len(waiting) - left) * left / 60:.0f} min left")
    except (Stopped, KeyboardInterrupt) as error:
        ready = f"{whole - left} of {whole} training parts"
        raise Stopped(f"stopped after {ready}; the same command goes on from there") from error
