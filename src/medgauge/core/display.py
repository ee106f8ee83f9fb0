"""Progress bars and lines on standard error; silent unless asked."""

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from medgauge.core.words import printable

QUIET = 2.0  # seconds of work before a progress bar is shown


class Display(AbstractContextManager["Display"]):
    """Progress bars and lines on standard error; silent unless asked."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self.started = time.monotonic()
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the bars away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def say(self, line: str) -> None:
        """Write one line."""
        if self.shown:
            self.close()
            sys.stderr.write(f"{printable(line)}\n")
            sys.stderr.flush()

    def note(self, line: str) -> None:
        """Write one line, if there is anything in it."""
        if line:
            self.say(line)

    def images(self, done: int, count: int) -> None:
        """Progress of decoding."""
        self._show("reading images", done, count, "")

    def features(self, done: int, count: int) -> None:
        """Progress of a network that reads images."""
        self._show("reading features", done, count, "")

    def radiomics(self, done: int, count: int) -> None:
        """Progress of classical features."""
        self._show("measuring", done, count, "")

    def training(self, done: float, note: str) -> None:
        """Progress of training: the share that is done, and how it stands."""
        self._show("training", round(1000 * min(done, 1.0)), 1000, note)

    def runs(self, done: int, count: int, note: str) -> None:
        """Progress of a comparison."""
        self._show("comparing", done, count, note)

    def _show(self, what: str, done: int, count: int, note: str) -> None:
        if not self.shown or time.monotonic() - self.started < QUIET:
            return
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self._bars = Bars(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
            self._tasks = {}
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=count, note=note)
        self._bars.update(self._tasks[what], completed=done, note=note)
