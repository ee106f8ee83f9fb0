"""Which predictor reads each column of a task whose columns need not share one."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from medgauge.metrics.bootstrap import enough_of_both
from medgauge.metrics.groups import group_codes


def records_of_findings(
    errors: Mapping[str, Float[Tensor, "n t"]], label: Float[Tensor, "n t"], group: Sequence[str], default: str
) -> tuple[str, ...]:
    """Of each finding the predictor with the least mean error where it is better than the default by more than chance.

    That is by more than one standard error of the paired difference, with groups as what is independent. A finding that
    fewer than ten groups have, or lack, keeps the default: so few tell predictors apart by luck.

    - Shape: errors (n, t) of each predictor, NaN where the label is missing; label (n, t) of 0, 1 or NaN.
    - Source: one standard error: Breiman et al., Classification and Regression Trees, 1984.

    Args:
        errors: of each predictor, on the same cases, none of which it was fitted on.
        label: of these cases.
        group: of each case (patients).
        default: a predictor's name.
    """
    code = torch.as_tensor(group_codes(list(group))[0])
    found = []
    for target in range(label.shape[1]):
        seen = ~label[:, target].isnan()
        names = [name for name, known in zip(group, seen.tolist(), strict=True) if known]
        if not enough_of_both(label[seen, target], names):
            found.append(default)
            continue
        means = {name: float(error[seen, target].mean()) for name, error in errors.items()}
        best = min(means, key=lambda name: means[name])
        further = (errors[default] - errors[best])[seen, target]
        found.append(best if means[default] - means[best] > _standard_error(further, code[seen]) else default)
    return tuple(found)


def kept_records(record: str, columns: Sequence[str], records: Sequence[str]) -> dict[str, object]:
    """As predictors.json holds it: the predictor of record, and those of the columns that have another.

    >>> kept_records("kernel", ["a", "b"], ["kernel", "head"]), kept_records("kernel", ["a"], ["kernel"])
    ({'record': 'kernel', 'records': {'b': 'head'}}, {'record': 'kernel'})
    """
    others = {column: name for column, name in zip(columns, records, strict=True) if name != record}
    return {"record": record, **({"records": others} if others else {})}


def _standard_error(number: Float[Tensor, " n"], code: Int[Tensor, " n"]) -> float:
    """Of the mean, with groups as what is independent."""
    sums = torch.zeros(int(code.max()) + 1, dtype=torch.float64).index_add(
        0, code, number.double() - number.double().mean()
    )
    count = len(torch.unique(code))
    return float((sums.square().sum() * count / (count - 1)).sqrt() / len(number))
