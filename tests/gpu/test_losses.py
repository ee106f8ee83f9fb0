"""Every contract of a loss again on a GPU: numbers of the CPU's float64, autocast, and no wait in a step."""

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Step
from tests.contracts import LEARNT, TermContract

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]

MODULES = sorted(path.stem for path in (Path(__file__).parents[1] / "losses").glob("test_*.py"))


def contracts() -> dict[str, TermContract]:
    """One contract a test class of tests/losses."""
    found = {}
    for name in MODULES:
        module = importlib.import_module(f"tests.losses.{name}")
        for key, value in vars(module).items():
            if key.startswith("Test") and issubclass(value, TermContract):
                found[f"{name.removeprefix('test_')}.{key.removeprefix('Test')}"] = value()
    return found


CONTRACTS = contracts()
assert len(CONTRACTS) > 30

every_contract = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=list(CONTRACTS))


def moved(step: Step, device: str, dtype: torch.dtype, half: torch.dtype | None = None) -> Step:
    """The step elsewhere; ``half`` is the type of what a model computes."""
    values = {field.name: getattr(step, field.name) for field in fields(step)}
    return replace(
        step,
        **{
            name: value.to(device, (half if half and name in LEARNT else dtype) if value.is_floating_point() else None)
            for name, value in values.items()
            if isinstance(value, Tensor)
        },
    )


def value_and_gradients(contract: TermContract, term: nn.Module, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
    given = contract.given(step)
    value = term(**given)
    value.backward()
    named = [*given.items(), *term.named_parameters()]
    return value.detach(), {name: tensor.grad for name, tensor in named if tensor.grad is not None}


@contextmanager
def no_waits() -> Iterator[None]:
    """A wait for the GPU raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch: the mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@every_contract
@pytest.mark.parametrize("rows", [8, 65])
def test_value_and_gradients_are_those_of_the_cpu_in_float64(contract: TermContract, rows: int) -> None:
    """To 1e-4 of the largest gradient: float32 keeps 1e-7, and losses sum thousands of differences of distances."""
    step = moved(contract.step(rows, dtype=torch.float32), "cpu", torch.float32)
    exact, slopes = value_and_gradients(contract, contract.make().double(), moved(step, "cpu", torch.float64))
    value, found = value_and_gradients(contract, contract.make().cuda(), moved(step, "cuda", torch.float32))
    assert value.device.type == "cuda"
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.cpu().double(), exact, rtol=3e-5, atol=1e-6)
    assert found.keys() == slopes.keys()
    assert found
    for name, gradient in found.items():
        largest = float(slopes[name].abs().max())
        torch.testing.assert_close(
            gradient.cpu().double(), slopes[name].double(), rtol=1e-4, atol=1e-4 * largest + 1e-9
        )


@every_contract
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_is_finite_and_right_under_autocast(contract: TermContract, half: torch.dtype) -> None:
    """Inputs of norm 500: their squares overflow float16."""
    step = contract.step(8, dtype=torch.float32)
    found = [name for name in LEARNT if getattr(step, name) is not None]
    long = {name: 500 * nn.functional.normalize(getattr(step, name), dim=-1) for name in found}
    given = moved(replace(step, **long), "cpu", torch.float32, half)
    exact = contract.make().double()(**contract.given(moved(given, "cpu", torch.float64)))
    with torch.autocast("cuda", dtype=half):
        value, slopes = value_and_gradients(contract, contract.make().cuda(), moved(given, "cuda", torch.float32, half))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.cpu().double(), exact.detach(), rtol=3e-5, atol=1e-5)
    assert all(gradient.isfinite().all() for gradient in slopes.values())


@every_contract
def test_a_step_never_waits(contract: TermContract) -> None:
    if contract.waits:
        pytest.skip("its contract says what it waits for, and why")
    term, steps = contract.make().cuda(), [moved(contract.step(8, seed=seed), "cuda", torch.float32) for seed in (0, 1)]
    value_and_gradients(contract, term, steps[0])  # libraries load, and wait
    given = contract.given(steps[1])
    with no_waits():
        value = term(**given)
        value.backward()
    assert value.isfinite()


@every_contract
def test_one_row_and_no_label_have_finite_gradients(contract: TermContract) -> None:
    whole = moved(contract.step(6, missing=False), "cuda", torch.float32)
    none = replace(whole, label=torch.full_like(whole.label, torch.nan))
    for step in (moved(contract.step(1, missing=False), "cuda", torch.float32), none):
        value, slopes = value_and_gradients(contract, contract.make().cuda(), step)
        assert value.isfinite()
        assert all(gradient.isfinite().all() for gradient in slopes.values())
