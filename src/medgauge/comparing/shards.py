"""Shards: several machines work on one comparison in a shared folder, each on every n-th training part.

What a shard made lies beside the comparison, a file a training part, until it is taken in. The files stay until the
comparison is whole, so that on file systems without locks too nothing is lost when two take in at once.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medgauge.comparing.crossed import Bundle, BundleDone
from medgauge.comparing.jobs import Outcome
from medgauge.comparing.state import State
from medgauge.core.errors import InputError
from medgauge.runfolder import RunFolder
from medgauge.runfolder.folder import plain
from medgauge.runfolder.seal import text_digest

PARTS = "parts"
SEAL = "sha256"


@dataclass(frozen=True)
class Shard:
    """One of several machines.

    Args:
        number: of the machine, from 1 on.
        of: how many there are.
    """

    number: int
    of: int

    def own(self, found: Sequence[Bundle]) -> list[Bundle]:
        """Every n-th training part, from the number of the machine on."""
        return list(found[self.number - 1 :: self.of])

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def read_shard(text: str) -> Shard:
    """The shard of ``2/8``.

    >>> read_shard("2/8")
    Shard(number=2, of=8)

    Raises:
        InputError: it is not written so, or there is no such machine.
    """
    number, slash, of = text.strip().partition("/")
    if not (slash and all(part.isascii() and part.isdecimal() and len(part) < 7 for part in (number, of))):
        raise InputError(f"--shard must be a number and of how many (2/8), got {text!r}")
    if not 1 <= int(number) <= int(of):
        raise InputError(f"--shard counts from 1 to the number of shards (1/{of} to {of}/{of}), got {text}")
    return Shard(int(number), int(of))


def put_aside(folder: RunFolder, bundle: Bundle, done: BundleDone) -> None:
    """Write what a training part gave into a file of its own."""
    outcomes = [{"job": job.name, "entry": outcome.entry, "cases": outcome.cases} for job, outcome in done.outcomes]
    values = plain({"asked": _asked(bundle), "chosen": done.chosen, "outcomes": outcomes})
    folder.write_json(f"{PARTS}/{bundle.name}.json", {**values, SEAL: _digest(values)})


def lies_aside(folder: RunFolder, bundle: Bundle) -> bool:
    """Whether a whole file of it is there."""
    try:
        return _read(folder, bundle) is not None
    except InputError:
        return False


def take_in(state: State, found: Sequence[Bundle], say: Callable[[str], None]) -> None:
    """Record what lies aside of some training parts; what is damaged is said, and is made anew."""
    outcomes = []
    for bundle in found:
        try:
            done = _read(state.folder, bundle)
        except InputError as error:
            say(str(error))
            (state.folder / f"{PARTS}/{bundle.name}.json").unlink(missing_ok=True)
            continue
        if done is not None:
            state.values["chosen"][bundle.name] = done.chosen
            outcomes += done.outcomes
    if outcomes:
        state.record(outcomes)


def clear_aside(state: State) -> None:
    """Remove what was taken in, once the comparison is whole."""
    shutil.rmtree(state.folder / PARTS, ignore_errors=True)


def _read(folder: RunFolder, bundle: Bundle) -> BundleDone | None:
    """What lies aside of a training part; None: nothing."""
    name = f"{PARTS}/{bundle.name}.json"
    if not (folder / name).exists():
        return None
    damaged = InputError(f"{folder / name} is damaged or of another comparison; its training part is made anew")
    try:
        values = folder.read_json(name)
    except InputError as error:
        raise damaged from error
    seal, jobs = values.pop(SEAL, None), {job.name: job for job in (*bundle.trials, *bundle.runs)}
    if seal != _digest(values) or values["asked"] != _asked(bundle):
        raise damaged
    made = [(jobs[one["job"]], Outcome(one["entry"], _numbers(one["cases"]))) for one in values["outcomes"]]
    return BundleDone(values["chosen"], made)


def _numbers(cases: Mapping[str, list[Any]] | None) -> dict[str, list[Any]] | None:
    """Cases with the missing numbers that JSON has none of."""
    if cases is None:
        return None
    return {column: [float("nan") if cell is None else cell for cell in cells] for column, cells in cases.items()}


def _asked(bundle: Bundle) -> str:
    """Digest of what a training part's runs were asked to be."""
    return text_digest(json.dumps(plain(asdict(bundle)), sort_keys=True, default=lambda path: path.name))


def _digest(values: Mapping[str, Any]) -> str:
    return text_digest(json.dumps(values, sort_keys=True))
