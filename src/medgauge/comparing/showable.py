"""The smallest difference that a comparison could show, with a chance of 80 % and intervals of 95 %."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from medgauge.core.errors import InputError
from medgauge.metrics.power import shown_by, smallest_difference


def showable(
    errors: Mapping[str, Float[Tensor, " n"]], group: Sequence[str], reference: str, *, groups: int
) -> dict[str, Any]:
    """The smallest difference to the reference that ``groups`` test groups could show, from development cases.

    With other methods' errors there: the median over the methods, from the paired differences. With the reference's
    errors alone: as if the other method's were as spread and not correlated with them, which is the cautious side.
    """
    own = errors[reference].double()
    kept = [name for name, there in zip(group, (~torch.isnan(own)).tolist(), strict=True) if there]
    own_known = own[~torch.isnan(own)]
    if len(set(kept)) < 2:
        raise InputError("the validation cases with a label are of fewer than two groups; give more groups")
    others = {
        name: smallest_difference((error.double() - own)[~torch.isnan(own)], kept, groups=groups)
        for name, error in errors.items()
        if name != reference
    }
    value = median(others.values()) if others else smallest_difference(own_known * 2**0.5, kept, groups=groups)
    reference_error = float(own_known.mean())
    return {
        "difference": value,
        "relative": value / reference_error if reference_error else None,
        "level": 0.95,
        "power": 0.8,
        "test_groups": groups,
        "development_groups": len(set(kept)),
        "reference_error": reference_error,
        "from": "paired differences of the chosen trials"
        if others
        else "the reference's errors, taken as uncorrelated",
        "by_method": others,
    }


def shown_out_of_fold(block: Mapping[str, Any]) -> dict[str, Any] | None:
    """The smallest difference to the reference that cases read out of fold could show, by the spread of their paired differences.

    The median over the methods of ``shown_by`` the standard deviation of the drawn differences (of groups, and where there
    are several of seeds and partitions); the differences themselves have no part in it. None where none is known: too few
    groups, or methods that all read the same as the reference.

    Args:
        block: the figures of a target.
    """
    others = {name: one["difference_se"] for name, one in block["methods"].items() if name != block["reference"]}
    known = {name: shown_by(error) for name, error in others.items() if error > 0}
    if not known:
        return None
    value, reference_error = median(known.values()), float(block["methods"][block["reference"]][block["figure"]])
    return {
        "difference": value,
        "relative": value / reference_error if reference_error else None,
        "level": 0.95,
        "power": 0.8,
        "groups": block["parts"]["all"]["groups"],
        "reference_error": reference_error,
        "from": "the spread of the paired differences out of fold",
        "by_method": known,
    }
