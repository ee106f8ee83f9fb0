"""Checkpoints that tell whether they are the bytes that were saved: torch's files carry checksums and do not look at them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SEAL = "sha256"


def sealed_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state with the digest of all that is in it."""
    return {**state, SEAL: state_digest(state)}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state of a checkpoint.

    Raises:
        ValueError: it does not fit its digest; torch raises many kinds more.
    """
    state = dict(torch.load(path, map_location="cpu", weights_only=True))
    if state.pop(SEAL, None) != state_digest(state):
        raise ValueError(f"{path} does not fit its digest")
    return state


def state_digest(state: object) -> str:
    """The same for equal states: mappings, sequences, tensors and plain values, in their order.

    >>> state_digest({"step": 1}) == state_digest({"step": 1}), state_digest({"step": 1}) == state_digest({"step": 2})
    (True, False)
    """
    made = hashlib.sha256()
    _add(made, state)
    return made.hexdigest()


def _add(made: Any, value: object) -> None:  # a hash has no public type
    if isinstance(value, Tensor):
        content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        made.update(f"tensor {value.dtype} {tuple(value.shape)} ".encode())
        made.update(content.numpy().data)
    elif isinstance(value, Mapping):
        made.update(f"mapping {len(value)} ".encode())
        for key, inner in value.items():
            made.update(f"{key!r} ".encode())
            _add(made, inner)
    elif isinstance(value, list | tuple):
        made.update(f"{type(value).__name__} {len(value)} ".encode())
        for inner in value:
            _add(made, inner)
    else:
        made.update(f"{value!r} ".encode())
