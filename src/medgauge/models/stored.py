"""A model from a stored description and the shapes of its stored weights, neither of which is trusted."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from medgauge.core.errors import InputError
from medgauge.models.description import check_description
from medgauge.models.model import Model, build_model

SPARE = 2**26  # numbers beside the weights: tables of positions and the like, which are not stored
_MAKERS: frozenset[Callable[..., Any]] = frozenset(
    (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.eye)
    + (torch.arange, torch.linspace, torch.normal, torch.tril_indices, torch.triu_indices)
)


class Budget(TorchFunctionMode):
    """Lets tensors be made of at most so many numbers in all; what would exceed it is refused before it is made.

    Args:
        numbers: how many.
        refusal: the message of the InputError.
    """

    def __init__(
        self, numbers: int, refusal: str = "the description is of a larger model than the weights are of"
    ) -> None:
        super().__init__()
        self.left, self.refusal = numbers, refusal

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Count what a function that makes tensors would make, then let it."""
        kwargs = kwargs or {}
        if func in _MAKERS:
            try:
                self.left -= func(*args, **{**kwargs, "device": "meta"}).numel()
            except RuntimeError as error:  # a size beyond any memory
                raise InputError(self.refusal) from error
            if self.left < 0:
                raise InputError(self.refusal)
        return func(*args, **kwargs)


def build_stored(description: Any, shapes: Mapping[str, Sequence[int]]) -> Model:
    """The model of a stored description, with fresh weights that have the shapes of the stored ones.

    Nothing is imported but medgauge's own encoders and the libraries that they are of, no pretrained weights are loaded,
    and no more memory is taken than the stored weights need.

    - Raises: InputError for a description that :func:`check_description` refuses or that cannot be built, and for shapes
      that are not the model's.

    Args:
        description: what :meth:`Model.describe` gave, as read from a file.
        shapes: of the stored weights, by name.
    """
    check_description(description)
    try:
        with Budget(sum(prod(shape) for shape in shapes.values()) + SPARE):
            model = build_model(description)
    except InputError:
        raise
    except (ValueError, TypeError, RuntimeError, ArithmeticError, AssertionError, LookupError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"the model cannot be built ({type(error).__name__}: {reason[:120]})") from error
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name in sorted(wanted.keys() | shapes.keys()):
        there, here = shapes.get(name), wanted.get(name)
        if there is None or here is None or tuple(there) != here:
            raise InputError(f"the weights do not fit: {name} is {_sides(here)} in the model and {_sides(there)} there")
    return model


def _sides(shape: Sequence[int] | None) -> str:
    return "missing" if shape is None else f"of shape {tuple(shape)}"
