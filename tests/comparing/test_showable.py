"""The smallest difference that could be shown, from the figures of a target."""

from typing import Any

import pytest

from medgauge.comparing.showable import shown_out_of_fold

NAN = float("nan")


def block(*errors: float) -> dict[str, Any]:
    others = {f"m{place}": {"mae": 2.0, "difference": 0.1, "difference_se": one} for place, one in enumerate(errors)}
    methods = {"l1": {"mae": 4.0}, **others}
    return {"reference": "l1", "figure": "mae", "parts": {"all": {"n": 60, "groups": 30}}, "methods": methods}


def test_out_of_fold_it_is_the_median_over_the_methods() -> None:
    found = shown_out_of_fold(block(0.1, 0.5, 0.2))
    assert found is not None
    assert found["difference"] == pytest.approx(0.2 * 2.801585, rel=1e-6)
    assert found["relative"] == pytest.approx(0.2 * 2.801585 / 4, rel=1e-6)
    assert found["by_method"]["m1"] == pytest.approx(0.5 * 2.801585, rel=1e-6)
    assert (found["groups"], found["reference_error"]) == (30, 4.0)


def test_nothing_is_stated_where_no_spread_is_known() -> None:
    assert shown_out_of_fold(block(NAN, NAN)) is None
    assert shown_out_of_fold(block(0.0)) is None
