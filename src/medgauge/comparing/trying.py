"""Tries what a comparison is going to run, before any run."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

from medgauge.comparing.plan import Plan
from medgauge.core.errors import InputError
from medgauge.fitting.parts import build_parts
from medgauge.study.folds import fold_study
from medgauge.study.splits import split_cases


def try_methods(plan: Plan, names: Sequence[str]) -> None:
    """Build some methods, which tries their first batch, so that what one cannot do is told before any run.

    Raises:
        InputError: with the method's name; or a fold cannot be fitted.
    """
    for partition, fold in itertools.product(plan.partitions if names else [], range(plan.folds)):
        recipe = replace(plan.study.recipe, data=replace(plan.study.recipe.data, test_seed=partition))
        fold_study(replace(plan.study, recipe=recipe, splits=split_cases(plan.study.table, recipe)[0]), fold)
    for name in names:
        part = replace(plan.study, recipe=plan.methods[name])
        try:
            build_parts(fold_study(part, 0) if plan.folds else part)
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{name} cannot be trained on these cases: {error}") from error
