"""Checks of settings: what is within the ends passes, anything else is one sentence with name, range and value."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from medgauge.core.checks import check_choice, check_number, check_weight


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        (1e-300, {"above": 0}),
        (0, {"least": 0}),
        (-0.5, {"below": 0}),
        (1.0, {"least": 0, "most": 1}),
        (math.inf, {"above": 0, "infinite": True}),
        (-math.inf, {"infinite": True}),
        (10**400, {"least": 1, "whole": True}),
        (np.int64(1), {"least": 1, "whole": True}),
        (np.float32(0.5), {"above": 0, "below": 1}),
        (torch.tensor(3), {"least": 1, "whole": True}),
        (-7.5, {}),
    ],
)
def test_what_is_within_the_ends_passes(value: Any, ends: dict[str, Any]) -> None:
    check_number("sigma", value, **ends)


@pytest.mark.parametrize(
    ("value", "ends", "words"),
    [
        (-1, {"above": 0, "infinite": True}, "> 0, got -1"),
        (0.0, {"above": 0}, "> 0 and finite, got 0.0"),
        (-0.5, {"least": 0}, ">= 0 and finite, got -0.5"),
        (math.inf, {"least": 0}, ">= 0 and finite, got inf"),
        (5, {"below": 5}, "< 5 and finite, got 5"),
        (5.5, {"most": 5}, "<= 5 and finite, got 5.5"),
        (-math.inf, {"most": 5}, "<= 5 and finite, got -inf"),
        (0, {"above": 0, "most": 1}, "in (0, 1], got 0"),
        (1.5, {"above": 0, "most": 1}, "in (0, 1], got 1.5"),
        (1, {"least": 0, "below": 1}, "in [0, 1), got 1"),
        (-1, {"least": 0, "below": 1}, "in [0, 1), got -1"),
        (math.inf, {"above": 0, "below": 1, "infinite": True}, "in (0, 1), got inf"),
        (math.nan, {"above": 0, "infinite": True}, "> 0, got nan"),
        (math.nan, {"least": 0, "most": 1}, "in [0, 1], got nan"),
        (math.nan, {"infinite": True}, "a number, got nan"),
        (math.nan, {}, "finite, got nan"),
        (math.inf, {}, "finite, got inf"),
        (0, {"least": 1, "whole": True}, ">= 1, got 0"),
        (1.5, {"least": 1, "whole": True}, "a whole number, got 1.5"),
        (math.nan, {"least": 1, "whole": True}, "a whole number, got nan"),
        (math.inf, {"whole": True, "infinite": True}, "a whole number, got inf"),
        ("1", {"above": 0}, "a number, got '1'"),
        (None, {"above": 0}, "a number, got None"),
    ],
)
def test_anything_else_is_one_sentence(value: Any, ends: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole message is compared below
        check_number("sigma", value, **ends)
    assert str(raised.value) == f"sigma must be {words}"


def test_a_choice_is_one_of_those_named() -> None:
    check_choice("kind", "l1", ("l1", "l2"))
    check_choice("stride", 2, (1, 2, 4))
    with pytest.raises(ValueError, match="^kind must be one of l1, l2, got l3$"):
        check_choice("kind", "l3", ("l1", "l2"))
    with pytest.raises(ValueError, match="^stride must be one of 1, 2, 4, got 3$"):
        check_choice("stride", 3, iter((1, 2, 4)))


def test_weights_are_looked_at_where_nothing_waits_for_it() -> None:
    for bad in ([-1.0, 1.0], [0.0, 0.0], [math.inf, 1.0], [math.nan, 1.0]):
        with pytest.raises(ValueError, match="^weight must be finite, >= 0 and not all 0, got values from"):
            check_weight(torch.tensor(bad))
    check_weight(torch.tensor([0.0, 1.0]))
    check_weight(torch.empty(2, device="meta"))  # a read of it raises, as a read of an accelerator's waits
