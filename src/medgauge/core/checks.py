"""Checks of settings and tensors at the doors of terms and metrics; they raise, they never repair.

Settings are checked before anything heavy is imported, so that PyTorch is not imported here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, SupportsFloat, SupportsIndex

from medgauge.core.words import nearest, shown

if TYPE_CHECKING:
    from jaxtyping import Bool
    from torch import Tensor


def check_number(
    name: str,
    value: float,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    whole: bool = False,
    infinite: bool = False,
) -> None:
    """Raise ValueError unless the number is within its ends; NaN never is, infinity only where it is allowed.

    >>> check_number("ramp", 1.5, above=0, most=1)
    Traceback (most recent call last):
    ValueError: ramp must be in (0, 1], got 1.5

    Args:
        name: of the setting, as the message names it.
        value: what came.
        above: the value must be > this.
        least: the value must be >= this.
        below: the value must be < this.
        most: the value must be <= this.
        whole: whether only whole numbers will do.
        infinite: whether infinity will do, if it is within the ends.
    """
    if not isinstance(value, SupportsIndex if whole else SupportsFloat):
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number, got {shown(value)}")
    above_low = (above is None or value > above) and (least is None or value >= least)
    below_high = (below is None or value < below) and (most is None or value <= most)
    allowed = value == value and (whole or infinite or abs(value) != float("inf"))
    if not (above_low and below_high and allowed):
        needs_finite = not (whole or infinite)
        words = range_words(above, least, below, most, needs_finite=needs_finite)
        raise ValueError(f"{name} must be {words}, got {shown(value)}")


def range_words(
    above: float | None,
    least: float | None,
    below: float | None,
    most: float | None,
    *,
    needs_finite: bool = False,
) -> str:
    """The ends of a range in words.

    >>> range_words(0, None, None, 1), range_words(None, 1, None, None)
    ('in (0, 1]', '>= 1')
    """
    low, high = (least if above is None else above), (most if below is None else below)
    if low is not None and high is not None:
        return f"in {'[' if above is None else '('}{low}, {high}{']' if below is None else ')'}"
    ends = {">": above, ">=": least, "<": below, "<=": most}
    words = [f"{sign} {end}" for sign, end in ends.items() if end is not None]
    return " and ".join([*words, "finite"] if needs_finite else words or ["a number"])


def check_choice(name: str, value: object, choices: Iterable[object], *, hint: bool = False) -> None:
    """Raise ValueError unless the value is one of the choices, with the nearest of them where a hint is asked for.

    >>> check_choice("kind", "l3", ("l1", "mse"), hint=True)
    Traceback (most recent call last):
    ValueError: kind must be one of l1, mse, got l3 (did you mean l1?)
    """
    known = tuple(choices)
    if any(type(value) is type(one) and value == one for one in known):
        return
    near = nearest(value, map(str, known), likeness=0.5) if hint and isinstance(value, str) else None
    came = value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 60 else shown(value)
    told = f" (did you mean {near}?)" if near else ""
    raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {came}{told}")


def check_rows(**tensors: "Tensor | None") -> None:
    """Raise unless every tensor given is 2-D, floating point, and has the same number of rows (a 1-D one: ``weight``)."""
    rows: dict[str, int] = {}
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        dims = 1 if name == "weight" else 2
        if tensor.ndim != dims or not tensor.is_floating_point():
            raise ValueError(
                f"{name} must be a {dims}-D float tensor, got {tensor.dtype} of shape {tuple(tensor.shape)}"
            )
        rows[name] = tensor.shape[0]
    if len(set(rows.values())) > 1:
        raise ValueError(f"rows must be equal, got {rows}")


def check_same_shape(**tensors: "Tensor") -> None:
    """Raise unless all tensors are 2-D floats of one shape: (n, 1) against (n,) is an error, never a broadcast."""
    check_rows(**tensors)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"shapes must be equal, got {shapes}")


def check_weight(weight: "Tensor | None") -> None:
    """Raise unless the weights (n,) are finite, none is negative, and not all of them are 0; no weights are fine.

    Looked at on the CPU alone: to read them elsewhere would let each step wait for the device.
    """
    if weight is None or weight.numel() == 0 or weight.device.type != "cpu":
        return
    least, most = (float(end) for end in weight.detach().aminmax())
    if not (least >= 0 and 0 < most < float("inf")):
        raise ValueError(f"weight must be finite, >= 0 and not all 0, got values from {least:g} to {most:g}")


def observed_rows(label: "Tensor") -> "Bool[Tensor, ' n']":
    """Rows whose labels are all there (NaN = missing)."""
    return ~label.isnan().any(dim=1)


def observed(embedding: "Tensor", label: "Tensor") -> "tuple[Tensor, Tensor]":
    """The rows of both whose labels are all there."""
    rows = observed_rows(label)
    return embedding[rows], label[rows]
