"""What every term, sampler and kind of label must do: subclass, say how to make one, and the rules run as tests."""

import copy
import inspect
import io
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from medgauge.core.batch import Step
from medgauge.samplers import RandomBatchSampler
from medgauge.training.caching import cache_gradients
from medgauge.training.objective import Objective
from tests.processes import in_each_process
from tests.task_contract import TaskContract as TaskContract

SIZES = {"embedding": (5,), "prediction": (2,), "logits": (2, 3), "features": (6,), "projection": (4,), "twin": (4,)}
LEARNT = (*SIZES, "prototypes")  # fields that a model computes, so that gradients flow into them


def make_step(rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
    """A step with every field; with ``missing``, one label of the second row is not there."""
    draw = torch.Generator().manual_seed(seed)
    label = 2 * torch.randn(rows, 2, generator=draw, dtype=torch.float64)
    if missing and rows > 1:
        label[1, 0] = float("nan")
    made = {name: torch.randn(rows, *size, generator=draw, dtype=torch.float64) for name, size in SIZES.items()}
    weight = torch.rand(rows, generator=draw, dtype=torch.float64) + 0.5
    made |= {"label": label, "weight": weight, "covariates": torch.rand(rows, 1, generator=draw, dtype=torch.float64)}
    made |= {name: torch.randn(2, 5, generator=draw, dtype=torch.float64) for name in ("prototypes", "semantics")}
    made |= {"progress": torch.tensor(0.25, dtype=torch.float64)}
    typed = {name: value.to(dtype) for name, value in made.items()}
    region = torch.randint(-1, 3, (rows,), generator=draw)
    return Step(**typed, row=torch.arange(rows), region=region)


def change_rows(step: Step, change: Callable[[Tensor], Tensor]) -> Step:
    """The step with ``change`` applied to every field that has a row a case."""
    shared = ("prototypes", "semantics", "progress")
    found = {field.name: getattr(step, field.name) for field in fields(step) if field.name not in shared}
    return replace(step, **{name: change(value) for name, value in found.items() if value is not None})


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch: untyped
    """The operations whose answer Python, or a shape, has to wait for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch: untyped
        self.found: list[str] = []
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        name = func.overloadpacket.__name__
        places = args[1] if name.startswith("index") and isinstance(args[1], list | tuple) else []
        by_mask = any(place is not None and place.dtype == torch.bool for place in places)
        if by_mask or name in ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique_dim"):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


class Lists(TorchFunctionMode):
    """The calls that make a list of a tensor, or copy a list to a device and wait: they are no operations."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("tolist", "new_tensor") or (name in ("tensor", "as_tensor") and "device" in (kwargs or {})):
            self.found.append(name)
        return func(*args, **(kwargs or {}))


class TermContract:
    """Rules for a term. A subclass gives :meth:`make`, and may give another :meth:`step`."""

    tolerance: ClassVar[float] = 1e-9
    distance: ClassVar[float] = 1e9  # of far labels; 0 where labels are places
    waits: ClassVar[list[str]] = []  # what a step may wait for, with the reason beside it

    def make(self) -> nn.Module:
        """A fresh term; twice the same."""
        raise AssertionError("a contract's subclass must make its term")

    def step(self, rows: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, missing: bool = True) -> Step:
        """A step that the term can work on."""
        return make_step(rows, seed=seed, dtype=dtype, missing=missing)

    def asked(self) -> list[str]:
        """The fields that the term names."""
        return list(inspect.signature(self.make().forward).parameters)

    def given(self, step: Step) -> dict[str, Tensor]:
        """The fields of the step that the term names; those that a model computes are leaves that want a gradient."""
        taken = {name: getattr(step, name).clone() for name in self.asked()}
        return {name: value.requires_grad_() if name in LEARNT else value for name, value in taken.items()}

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_is_a_finite_scalar_in_its_dtype(self, dtype: torch.dtype) -> None:
        value = self.make().to(dtype)(**self.given(self.step(8, dtype=dtype)))
        assert value.shape == ()
        assert value.dtype == dtype
        assert value.isfinite()
        assert value != 0

    @pytest.mark.parametrize("missing", [False, True])
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_gradient_is_the_numerical_one(self, seed: int, missing: bool) -> None:
        term = self.make().double()
        given = self.given(self.step(6, seed=seed, missing=missing))
        parameters = dict(term.named_parameters())
        leaves = {name: value for name, value in given.items() if value.requires_grad}
        assert leaves, "the term names no field that a model computes"

        def value(*tensors: Tensor) -> Tensor:
            inputs = dict(zip(leaves, tensors, strict=False))
            own = dict(zip(parameters, tensors[len(leaves) :], strict=True))
            result: Tensor = functional_call(copy.deepcopy(term), own, kwargs={**given, **inputs})
            return result

        assert torch.autograd.gradcheck(value, (*leaves.values(), *parameters.values()))

    @pytest.mark.parametrize(
        "odd", ["one row", "two rows", "equal rows", "equal labels", "all equal", "all missing", "far labels"]
    )
    def test_odd_batches_have_finite_gradients(self, odd: str) -> None:
        step = self.step({"one row": 1, "two rows": 2}.get(odd, 6), missing=False)
        if odd in ("equal rows", "all equal"):
            label = step.label
            step = change_rows(step, lambda value: value[:1].expand_as(value))
            step = replace(step, label=label) if odd == "equal rows" else step
        if odd == "equal labels":
            step = replace(step, label=step.label[:1].expand_as(step.label))
        if odd == "far labels":
            step = replace(step, label=step.label + self.distance)
        if odd == "all missing":
            step = replace(step, label=torch.full_like(step.label, float("nan")))
        term, given = self.make().double(), self.given(step)
        for _ in range(2):  # a second time, for what moves
            value = term(**given)
            assert value.isfinite()
            value.backward()
        learnt = [tensor for tensor in given.values() if tensor.requires_grad]
        assert all(tensor.grad is not None and tensor.grad.isfinite().all() for tensor in learnt)
        assert all(buffer.isfinite().all() for buffer in term.state_dict().values())

    def test_order_of_rows_does_not_matter(self) -> None:
        step = self.step(8)
        order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
        value = self.make().double()(**self.given(step))
        other = self.make().double()(**self.given(change_rows(step, lambda rows: rows[order])))
        torch.testing.assert_close(value, other, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_stays_finite_and_right_under_autocast(self, dtype: torch.dtype) -> None:
        """Inputs of norm 500: their squares overflow float16."""
        step = self.step(8, dtype=torch.float32)
        found = [name for name in LEARNT if getattr(step, name) is not None]
        step = replace(step, **{name: 500 * nn.functional.normalize(getattr(step, name), dim=-1) for name in found})
        half = replace(step, **{name: getattr(step, name).to(dtype) for name in found})
        given = self.given(half)
        with torch.autocast("cpu", dtype=dtype):
            value = self.make()(**given)
        value.backward()
        wide = change_rows(half, lambda rows: rows.double() if rows.is_floating_point() else rows)
        wide = replace(wide, prototypes=wide.prototypes.double() if wide.prototypes is not None else None)
        exact = self.make().double()(**self.given(wide))
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=1e-5)
        assert all(tensor.grad.isfinite().all() for tensor in given.values() if tensor.requires_grad)  # type: ignore[union-attr]  # backward has run

    def test_waits_for_no_device(self) -> None:
        """A value, a truth or a shape that is read off a tensor makes every step wait for an accelerator."""
        step, term = self.step(8), self.make().double().train()
        given = {
            name: value for name, value in self.given(step).items() if name != "weight" or not self._optional(name)
        }
        with Lists() as lists, Waits() as waits:
            value = term(**given)
            getattr(term, "log", dict)()
            value.backward()
        assert waits.count > 10
        assert waits.found + lists.found == self.waits

    def _optional(self, name: str) -> bool:
        parameter = inspect.signature(self.make().forward).parameters[name]
        return parameter.default is not parameter.empty

    def test_leaves_inputs_alone(self) -> None:
        given = self.given(self.step(6))
        before = {name: value.detach().clone() for name, value in given.items()}
        self.make().double()(**given).backward()
        for name, value in given.items():
            torch.testing.assert_close(value.detach(), before[name], rtol=0, atol=0, equal_nan=True)

    def test_refuses_shapes_that_differ(self) -> None:
        step, tried = self.step(6), 0
        for name in self.asked():
            if name in ("prototypes", "semantics", "progress", "row", "region"):
                continue
            whole = getattr(step, name)
            for wrong in (whole[:-1], whole[:, 0] if whole.ndim > 1 else whole[:, None], whole[:1]):
                with pytest.raises(ValueError):
                    self.make().double()(**self.given(replace(step, **{name: wrong})))
                tried += 1
        assert tried

    def test_goes_on_from_its_state(self) -> None:
        term = self.make().double()
        for seed in range(3):
            term(**self.given(self.step(8, seed=seed)))
        file = io.BytesIO()
        torch.save(term.state_dict(), file)
        file.seek(0)
        resumed = self.make().double()
        resumed.load_state_dict(torch.load(file, weights_only=True))
        for seed in range(3, 6):
            given = self.given(self.step(8, seed=seed))
            torch.testing.assert_close(term(**given), resumed(**given), rtol=0, atol=0)
        torch.testing.assert_close(resumed.state_dict(), term.state_dict(), rtol=0, atol=0)

    def test_changes_no_state_in_evaluation(self) -> None:
        term = self.make().double()
        term(**self.given(self.step(8)))
        before = copy.deepcopy(term.state_dict())
        term.eval()(**self.given(self.step(8, seed=1)))
        torch.testing.assert_close(term.state_dict(), before, rtol=0, atol=0)

    def test_parts_give_the_gradients_of_the_whole_batch(self) -> None:
        expected = train(self, slice(None), distributed=False)
        torch.testing.assert_close(
            train_in_parts(self, (3, 3, 2)), expected, rtol=self.tolerance, atol=self.tolerance, equal_nan=True
        )

    @pytest.mark.slow
    def test_two_processes_give_the_gradients_of_one(self) -> None:
        expected = train(self, slice(None), distributed=False)
        assert any(gradient.abs().max() > 0 for name, gradient in expected.items() if name.startswith("gradient"))
        for found in in_each_process(_train_shard, self, (5, 3)):
            torch.testing.assert_close(found, expected, rtol=self.tolerance, atol=self.tolerance, equal_nan=True)


class Outputs(nn.Module):
    """Fields of a step from inputs (n, 6), with nothing that depends on the batch."""

    def __init__(self, step: Step, needs: frozenset[str]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sizes = {name: getattr(step, name).shape[1:] for name in sorted(needs & set(SIZES))}
        self.base = nn.Sequential(nn.Linear(6, 8), nn.Tanh())
        self.last = nn.ModuleDict({name: nn.Linear(8, size.numel()) for name, size in self.sizes.items()})
        if "prototypes" in needs and step.prototypes is not None:
            self.prototypes = nn.Parameter(step.prototypes.clone())

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        base = self.base(inputs)
        made = {name: self.last[name](base).unflatten(1, size) for name, size in self.sizes.items()}
        return made | ({"prototypes": self.prototypes} if hasattr(self, "prototypes") else {})


def train(contract: TermContract, shard: slice, *, distributed: bool) -> dict[str, Tensor]:
    """Two batches of 8 rows, of which this process sees some: parameter gradients after each, values, and state."""
    objective = Objective({"term": (contract.make(), 0.5)}).double()
    model = Outputs(contract.step(8), objective.needs).double()
    wrapped = DistributedDataParallel(model) if distributed else model
    results: dict[str, Tensor] = {}
    for seed in range(2):
        model.zero_grad()
        objective.zero_grad()
        inputs = torch.randn(8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))[shard]
        step = replace(change_rows(contract.step(8, seed=seed), lambda rows: rows[shard]), **wrapped(inputs))  # noqa: B023  # run at once
        values = objective(step)
        values["total"].backward()
        results |= {f"value {seed} {name}": value.detach() for name, value in values.items()}
        named = [*model.named_parameters(), *objective.named_parameters()]
        results |= {f"gradient {seed} {name}": parameter.grad for name, parameter in named}  # type: ignore[misc]  # backward has run
    return results | {f"state {name}": value for name, value in objective.state_dict().items()}


def train_in_parts(contract: TermContract, sizes: tuple[int, ...]) -> dict[str, Tensor]:
    """As :func:`train` has it, from the outputs of parts of each batch."""
    objective = Objective({"term": (contract.make(), 0.5)}).double()
    model = Outputs(contract.step(8), objective.needs).double()
    results: dict[str, Tensor] = {}
    for seed in range(2):
        model.zero_grad()
        objective.zero_grad()
        inputs = torch.randn(8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).split(sizes)
        steps = [
            change_rows(contract.step(8, seed=seed), lambda rows, place=place: rows.split(sizes)[place])  # type: ignore[misc]  # bound in the loop
            for place in range(len(sizes))
        ]

        def read(place: int, inputs: Any = inputs, steps: Any = steps) -> Step:
            return replace(steps[place], **model(inputs[place]))

        cached = cache_gradients(read, len(sizes), objective, model)
        for place in range(len(sizes)):
            cached.loss(place, read(place)).backward()
        results |= {f"value {seed} {name}": value for name, value in cached.values.items()}
        named = [*model.named_parameters(), *objective.named_parameters()]
        results |= {f"gradient {seed} {name}": parameter.grad for name, parameter in named}  # type: ignore[misc]  # backward has run
    return results | {f"state {name}": value for name, value in objective.state_dict().items()}


def _train_shard(rank: int, contract: TermContract, sizes: tuple[int, ...]) -> dict[str, Tensor]:
    start = sum(sizes[:rank])
    return train(contract, slice(start, start + sizes[rank]), distributed=True)


class SamplerContract:
    """Rules for a sampler. A subclass gives :meth:`make` and :meth:`chances`."""

    def make(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> RandomBatchSampler:
        """A fresh sampler."""
        raise AssertionError("a contract's subclass must make its sampler")

    def chances(self) -> Tensor:
        """How often each case is drawn in an epoch, on average."""
        raise AssertionError("a contract's subclass must tell the chances")

    def epoch(self, number: int, **settings: int) -> list[list[int]]:
        """All batches of an epoch."""
        sampler = self.make(**settings)
        sampler.set_epoch(number)
        return list(sampler)

    def test_same_seed_and_epoch_give_the_same_batches(self) -> None:
        assert self.epoch(3) == self.epoch(3)
        assert self.epoch(3) != self.epoch(4)
        assert self.epoch(3) != self.epoch(3, seed=1)

    def test_has_as_many_batches_as_it_says(self) -> None:
        assert len(self.epoch(0)) == len(self.make()) > 0

    def test_rows_are_positions(self) -> None:
        rows = [row for batch in self.epoch(0) for row in batch]
        assert all(type(row) is int and 0 <= row < len(self.chances()) for row in rows)

    def test_chances_match_a_long_draw(self) -> None:
        epochs, chances = 400, self.chances()
        drawn = torch.zeros(len(chances), dtype=torch.int64)
        sampler = self.make()
        for number in range(epochs):
            sampler.set_epoch(number)
            drawn += torch.bincount(torch.tensor([row for batch in sampler for row in batch]), minlength=len(chances))
        spread = (epochs * chances * (1 - chances).clamp(min=0.01)).sqrt()
        assert ((drawn - epochs * chances) / spread).abs().max() < 4  # standard deviations

    def test_a_step_is_a_pure_function(self) -> None:
        sampler, other = self.make(), self.make()
        steps = range(3 * len(sampler))
        forward = [sampler.batch(step) for step in steps]
        assert [other.batch(step) for step in reversed(steps)][::-1] == forward
        assert forward[len(sampler) : 2 * len(sampler)] == self.epoch(1)

    @pytest.mark.parametrize("world_size", [2, 3])
    def test_processes_split_what_one_would_draw(self, world_size: int) -> None:
        whole = self.make()
        shards = [self.make(rank=rank, world_size=world_size) for rank in range(world_size)]
        for step in range(2 * len(whole)):
            batch = whole.batch(step)
            assert all(shard.global_batch(step) == batch for shard in shards)
            assert [shard.batch(step) for shard in shards] == [batch[rank::world_size] for rank in range(world_size)]

    def test_goes_on_from_its_state(self) -> None:
        sampler = self.make()
        sampler.set_epoch(5)
        resumed = self.make()
        resumed.load_state_dict(sampler.state_dict())
        assert list(resumed) == list(sampler) == self.epoch(5)
