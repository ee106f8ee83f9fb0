"""What a training step takes on this machine, measured."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medgauge.core.display import Display
from medgauge.fitting.parts import build_parts
from medgauge.fitting.represent import represent
from medgauge.fitting.train import build_trainer
from medgauge.study import Study
from medgauge.training.loop import Validation
from medgauge.training.progress import Progress

MEASURED = 20
"""Steps that are measured; the first ones, which are slower, do not count."""
FIRST = 5
EACH = 8.0
"""Seconds that a fit takes beside steps and readings of the cases: set up, figures, files."""


@dataclass(frozen=True)
class Cost:
    """What training takes.

    Args:
        step: seconds of a step.
        reading: seconds in which training and validation cases are read and the model judged.
        evaluations: how often that is done in a fit.
    """

    step: float
    reading: float
    evaluations: int

    def seconds(self, steps: int) -> float:
        """Of one fit of so many steps."""
        return steps * self.step + (self.evaluations + 1) * self.reading + EACH

    def steps(self, seconds: float) -> int:
        """The most steps of a fit that takes so long; 0 where there is no time for any.

        >>> Cost(step=0.1, reading=2.0, evaluations=10).steps(130.0)
        1000
        """
        return max(0, int((seconds - self.seconds(0)) / self.step + 1e-9))

    def why(self, steps: int, wanted: int, folds: int, given: bool) -> str:
        """So many steps, in words.

        Args:
            steps: of each fit.
            wanted: that are usual.
            folds: number of fits.
            given: the steps were.
        """
        each = f"{self.step:.3g} s a step, measured; {folds} fit{'s' * (folds > 1)}"
        if given:
            return f"as given ({each})"
        return each if steps == wanted else f"{each}; {wanted} are usual, and there is time for {steps}"


class Forgetful:
    """Where nothing is kept."""

    def save_checkpoint(self, name: str, state: Mapping[str, Any]) -> None:
        """Nothing."""

    def load_checkpoint(self, name: str) -> dict[str, Any] | None:
        """There is none."""

    def write_table(self, name: str, columns: Any, rows: Any) -> None:  # as RunFolder's, which takes any of them
        """Nothing."""


def measure(study: Study, display: Display) -> Cost:
    """Train a few steps that are thrown away, and read the cases once.

    Args:
        study: of one fit, with validation cases.
        display: told nothing of these steps.
    """
    from lightning_fabric import Fabric  # here: the import takes as long as torch's

    parts = represent(build_parts(study), study, display)
    training, stamps = study.recipe.training, list[float]()
    fabric = Fabric(accelerator=training.accelerator, devices=1, precision=training.precision)
    fabric.launch()
    trainer = build_trainer(study, parts, fabric, Forgetful(), Display(False))
    judge, trainer.validate = trainer.validate, lambda: Validation(1.0, {})
    trainer.schedule = replace(trainer.schedule, steps=MEASURED, evaluations=1, seconds=0.0)

    def note(progress: Progress) -> None:
        stamps.append(time.monotonic())

    trainer.report = note
    trainer.fit()
    begun = time.monotonic()
    judge()
    reading = time.monotonic() - begun
    times = [after - before for before, after in zip(stamps, stamps[1:], strict=False)]
    return Cost(statistics.median(times[FIRST:]), reading, parts.schedule.evaluations)
