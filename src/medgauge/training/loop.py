"""The training loop: short, on Lightning Fabric, and the same after a stop as without one."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from medgauge.core.batch import Batch, LabelCoding, Step
from medgauge.core.errors import InputError, said_as
from medgauge.core.seeding import derive_seed
from medgauge.training.averaging import AveragedWeights
from medgauge.training.caching import cache_gradients
from medgauge.training.collect import bare
from medgauge.training.divergence import Watch
from medgauge.training.objective import Objective
from medgauge.training.plan import learning_rate
from medgauge.training.progress import Keeper, Progress, best_weights, weights_of
from medgauge.training.settings import OptimiserSettings
from medgauge.training.signals import stop_signals
from medgauge.training.step import is_guided, read_step


class Stopped(InputError):
    """The run was asked to stop; its checkpoint is whole and the same command goes on."""


class Validation(NamedTuple):
    """How good the model is on the validation cases.

    Args:
        score: what selects the checkpoint; smaller is better.
        figures: what is logged beside it, by column.
    """

    score: float
    figures: dict[str, float]


@dataclass(frozen=True)
class Schedule:
    """A plan with nothing left to decide: all in steps of the optimiser (seconds apart)."""

    steps: int
    epoch: int
    evaluations: int
    seconds: float = 0.0
    accumulate: int = 1
    patience: int = 0
    checkpoint_seconds: float = 30.0
    seed: int = 0


@dataclass
class Trainer:
    """All that one run needs; ``fit`` runs it to its end.

    Args:
        fabric: a launched Lightning Fabric.
        model: as returned by ``fabric.setup``.
        objective: terms with their factors, on the device.
        optimiser: as returned by ``fabric.setup``.
        batch: the local batch of a global micro-step number: a pure function, so that a resumed run draws the same.
        coding: label scaling.
        schedule: how long, how often.
        rates: the optimiser's settings.
        validate: how good the model is on the validation cases.
        keeper: where checkpoints and the log go.
        report: called with progress after each step.
        parts: the micro-batches of a global step number, each loaded when called, in place of ``batch``, with one forward pass
            more (:mod:`~medgauge.training.caching`); as many in every process. None: each batch is taken whole.
        average: of the model's weights, which validation and best.ckpt have in their place; None = the weights themselves.
    """

    fabric: Any
    model: nn.Module
    objective: Objective
    optimiser: Any
    batch: Callable[[int], Batch]
    coding: LabelCoding
    schedule: Schedule
    rates: OptimiserSettings
    validate: Callable[[], Validation]
    keeper: Keeper
    report: Callable[[Progress], None] = lambda progress: None
    parts: Callable[[int], Sequence[Callable[[], Batch]]] | None = None
    average: AveragedWeights | None = None
    progress: Progress = field(default_factory=Progress)
    watch: Watch = field(default_factory=Watch)

    def fit(self) -> Progress:
        """Train from the last checkpoint, if there is one, to the end.

        Raises:
            Stopped: a signal asked for it; a checkpoint was written.
            Diverged: a loss, a weight or the validation score is not finite; the last good checkpoint stays.
        """
        self._restore()
        started = time.monotonic() - self.progress.elapsed
        saved = time.monotonic()
        self.model.train()
        with stop_signals() as stop:
            while not self._finished():
                self._step()
                self.progress.elapsed = time.monotonic() - started
                evaluate = self._any(int(self._fraction() * self.schedule.evaluations) > self.progress.evaluated)
                if self.progress.step % self.schedule.epoch == 0 or evaluate:
                    self._close_row(evaluate)
                due = time.monotonic() - saved > self.schedule.checkpoint_seconds
                if self._any(bool(stop) or due) or evaluate:
                    self._save()
                    saved = time.monotonic()
                if self._any(bool(stop)):
                    raise Stopped(
                        f"stopped at step {self.progress.step} of {self.schedule.steps}; the same command goes on from there"
                    )
                self.report(self.progress)
        self._save()
        return self.progress

    @property
    def _neck(self) -> Any:
        return getattr(bare(self.model), "neck", None)

    def _fraction(self) -> float:
        by_steps = self.progress.step / self.schedule.steps
        by_time = self.progress.elapsed / self.schedule.seconds if self.schedule.seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def _finished(self) -> bool:
        if self._any(self._fraction() >= 1.0):
            self.progress.stopped_because = "time" if self.progress.step < self.schedule.steps else "steps"
        elif self.schedule.patience and self.progress.waited >= self.schedule.patience:
            self.progress.stopped_because = "patience"
        return bool(self.progress.stopped_because)

    def _any(self, flag: bool) -> bool:
        """Whether a flag is up on any process, so that all act alike."""
        if self.fabric.world_size == 1:
            return flag
        return bool(self.fabric.all_reduce(torch.tensor(float(flag)), reduce_op="sum") > 0)

    def _step(self) -> None:
        step, count = self.progress.step, self.schedule.accumulate
        rate = learning_rate(self.rates, step, self._fraction())
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        torch.manual_seed(derive_seed(self.schedule.seed, "step", step))  # dropout and the like
        for micro in range(count):
            with self.fabric.no_backward_sync(self.model, enabled=micro < count - 1):
                parts = self._learn(step * count + micro)
            for name, value in parts.items():
                self.progress.sums[name] = self.progress.sums.get(name, 0.0) + value.detach().float().nansum()
                self.progress.counts[name] = self.progress.counts.get(name, 0) + (~value.isnan()).long()
        if self.rates.clip:
            clipped = partial(self.fabric.clip_gradients, self.model, self.optimiser, max_norm=self.rates.clip)
            clipped(error_if_nonfinite=False)  # in float16 such a step is left out; else the watch tells of it
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.progress.step += 1
        if self.average is not None:
            self.average.update(bare(self.model), self.progress.step)
        end_epoch = getattr(self._neck, "end_epoch", None)
        if end_epoch is not None and self.progress.step % self.schedule.epoch == 0:
            self.watch.look()
            end_epoch()

    def _learn(self, number: int) -> dict[str, Tensor]:
        """Add the gradient of a batch to the weights', and return what the objective told."""
        loads = [partial(self.batch, number)] if self.parts is None else self.parts(number)
        if len(loads) == 1:
            values: dict[str, Tensor] = self.objective(self._read(loads[0]()))
            self._seen(values)
            self.fabric.backward(values["total"] / self.schedule.accumulate)
            return values

        def read(place: int) -> Step:
            torch.manual_seed(derive_seed(self.schedule.seed, "step", number, "part", place))  # the same dropout twice
            return self._read(loads[place]())

        cached = cache_gradients(read, len(loads), self.objective, bare(self.model))
        self._seen(cached.values)
        for place in range(len(loads)):
            with self.fabric.no_backward_sync(self.model, enabled=place < len(loads) - 1):
                self.fabric.backward(cached.loss(place, read(place)))
        return cached.values

    def _read(self, batch: Batch) -> Step:
        return read_step(self.model, batch, self.coding, self._fraction(), guided=is_guided(self.model))

    def _seen(self, values: dict[str, Tensor]) -> None:
        self.watch.add(self.progress.step + 1, self._rate(), values)

    def _close_row(self, evaluate: bool) -> None:
        """Write one row of the log: means of every part over the batches that told it since the last row, and validation."""
        progress = self.progress
        if evaluate:
            self._look()
        else:
            self.watch.look()
        row: dict[str, Any] = {"epoch": round(progress.step / self.schedule.epoch, 3), "step": progress.step}
        row["lr"] = self._rate()
        sums, counts, progress.sums, progress.counts = progress.sums, progress.counts, {}, {}
        row |= {name: float(total) / int(counts[name]) for name, total in sums.items() if counts[name]}
        if evaluate:
            with nullcontext() if self.average is None else self.average.inside(bare(self.model)):
                row |= self._evaluate()
        progress.rows.append(row)
        self.fabric.log_dict({name: value for name, value in row.items() if name != "step"}, step=progress.step)

    def _evaluate(self) -> dict[str, float]:
        score, figures = self.validate()
        if not math.isfinite(score):
            raise self.watch.diverged(self.progress.step, self._rate(), f"the validation score is {score:g}")
        self.model.train()
        self.progress.evaluated = max(self.progress.evaluated + 1, int(self._fraction() * self.schedule.evaluations))
        if score < self.progress.best:
            self.progress.best, self.progress.best_step, self.progress.waited = score, self.progress.step, 0
            if self.fabric.is_global_zero:
                best = {"step": self.progress.step, "score": score, "model": weights_of(self.model)}
                self.keeper.save_checkpoint("best.ckpt", best | {"objective": self.objective.state_dict()})
        else:
            self.progress.waited += 1
        return figures

    def _rate(self) -> float:
        return float(self.optimiser.param_groups[0]["lr"])

    def _look(self) -> None:
        """Raise Diverged before anything that is not finite is read or saved."""
        self.watch.look_at(bare(self.model), self.progress.step, self._rate())

    def _save(self) -> None:
        self._look()
        if not self.fabric.is_global_zero:
            return
        state = {
            "model": weights_of(self.model),
            "objective": self.objective.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": dict(vars(self.progress)),
            "precision": self.fabric.strategy.precision.state_dict(),  # by what float16 scales gradients
        }
        if self.average is not None:
            state["average"] = self.average.state()
        self.keeper.save_checkpoint("last.ckpt", state)
        columns = list(dict.fromkeys(name for row in self.progress.rows for name in row))
        self.watch.saved = self.progress.step
        self.keeper.write_table("log.csv", columns, [[row.get(name) for name in columns] for row in self.progress.rows])

    def _restore(self) -> None:
        if (state := self.keeper.load_checkpoint("last.ckpt")) is None:
            return
        with said_as("the checkpoint last.ckpt is of another run", "remove the run folder and fit again"):
            bare(self.model).load_state_dict(state["model"])
            self.objective.load_state_dict(state["objective"])
            self.optimiser.load_state_dict(state["optimiser"])
            if self.average is not None:
                self.average.restore(state["average"])
            self.progress = Progress(**state["progress"])
            if state.get("precision"):
                self.fabric.strategy.precision.load_state_dict(state["precision"])
            best_weights(self.keeper, self.progress)
        self.watch = Watch(self.progress.step)
