import warnings
from typing import Any

import numpy as np
import pandas
import pytest

from medgauge.report import plots, plots_regions, plots_space


def cases(n: int = 12, seed: int = 0) -> pandas.DataFrame:
    chance = np.random.default_rng(seed)
    label = chance.uniform(50, 300, n)
    value = label + chance.normal(0, 5, n)
    return pandas.DataFrame(
        {
            "id": [f"case {place}" for place in range(n)], "label": label, "value": value,
            "lower": value - 9, "upper": value + 9, "region": np.resize(["many", "medium", "few"], n),
        }
    )  # fmt: skip


def training() -> pandas.DataFrame:
    label = np.linspace(40, 320, 90)
    return pandas.DataFrame({"label": label, "region": np.where(label < 200, "many", "few")})


def valid(figure: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import plotly.graph_objects as go

        go.Figure(figure)  # raises on any key or value that Plotly does not know


def named(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def test_every_figure_is_one_that_plotly_knows() -> None:
    regions = {name: {"mae": 3.0, "bias": -0.5} for name in plots.REGIONS}
    log = pandas.DataFrame(
        {"epoch": [1.0, 2.0], "step": [4.0, 8.0], "seconds": [1.0, 2.0], "lr": [0.1, 0.1], "isometry": [2.0, 1.0],
         "total": [2.0, 1.0], "val_mae": [np.nan, 3.0], "val_mae_head": [np.nan, 3.0]}
    )  # fmt: skip
    plane = cases().assign(split="train", first=1.0, second=2.0)
    made = [
        plots.agreement(cases(), "hc", "mm", 1, 0.9),
        plots.agreement(cases(500), "hc", "mm", 1, 0.9),
        plots.bland_altman(cases(), "hc", "mm", 1, 0.9),
        plots_regions.error_by_region(cases(), training(), regions, {"training median": 40.0}, "mm", "hc", 1, 0.9),
        plots_space.embedding_plane(plane, (0.8, 0.1), "hc", "mm", 1),
        plots_space.term_curves(log, 8.0),
        plots_space.validation_curves(log, 8.0, "mae", "mean absolute error [mm]"),
    ]
    for figure in made:
        assert figure is not None
        valid(figure)


def test_validation_curves_are_of_the_figure_that_chose_the_checkpoint() -> None:
    log = pandas.DataFrame({"epoch": [1.0], "step": [4.0], "val_log_loss": [0.5], "val_radius": [1.0]})
    alone = plots_space.validation_curves(log, None, "log_loss", "log loss")
    assert alone is not None
    assert [(trace["name"], trace["y"]) for trace in alone["data"]] == [("on val", [0.5])]
    each = log.assign(val_log_loss_head=0.5, val_log_loss_prototypes=0.75, val_log_loss_neighbours=np.nan)
    several = plots_space.validation_curves(each, None, "log_loss", "log loss")
    assert several is not None
    assert [trace["name"] for trace in several["data"]] == ["head on val", "prototypes on val"]
    assert plots_space.validation_curves(log, None, "mae", "mean absolute error") is None


def test_bland_altman_has_the_mean_on_the_x_axis_and_limits_at_1_96_sd() -> None:
    given = cases()
    figure = plots.bland_altman(given, "hc", "mm", 1, 0.9)
    difference = [a - b for a, b in zip(given["value"], given["label"], strict=True)]
    bias = sum(difference) / len(difference)
    deviation = (sum((d - bias) ** 2 for d in difference) / (len(difference) - 1)) ** 0.5
    assert named(figure, "bias")["y"] == pytest.approx([bias, bias], rel=1e-12)
    assert named(figure, "+1.96 SD")["y"] == pytest.approx([bias + 1.96 * deviation] * 2, rel=1e-12)
    assert named(figure, "−1.96 SD")["y"] == pytest.approx([bias - 1.96 * deviation] * 2, rel=1e-12)
    first = given[given["region"] == "many"].iloc[0]
    trace = named(figure, "many")
    assert trace["x"][0] == pytest.approx((first["value"] + first["label"]) / 2, rel=1e-12)
    assert trace["y"][0] == pytest.approx(first["value"] - first["label"], rel=1e-12)


def test_agreement_draws_bars_for_few_cases_and_a_band_for_many() -> None:
    bars = named(plots.agreement(cases(12), "hc", "mm", 1, 0.9), "90% interval")
    assert len(bars["x"]) == 36
    band = named(plots.agreement(cases(401), "hc", "mm", 1, 0.9), "90% interval (mean width)")
    assert band["y"][3] - band["y"][0] == pytest.approx(18.0)


def test_infinite_intervals_are_not_drawn_and_are_called_so() -> None:
    figure = plots.agreement(cases().assign(lower=-np.inf, upper=np.inf), "hc", "mm", 1, 0.9)
    assert not [trace for trace in figure["data"] if "interval" in str(trace.get("name"))]
    assert "90% interval infinite" in named(figure, "many")["hovertext"][0]


def test_levels_lie_where_their_region_lies() -> None:
    both = pandas.DataFrame({"label": [1.0, 2.0, 3.0, 4.0], "region": ["few", "many", "many", "few"]})
    regions = {"few": {"mae": 9.0}, "many": {"mae": 2.0}}
    few, many = (
        next(trace for trace in plots_regions._steps(both, regions, "mae", "y") if trace["name"] == name)
        for name in ("few", "many")
    )
    assert many["x"] == [1.5, 3.5, None]
    assert many["y"] == [2.0, 2.0, None]
    assert few["x"] == [1.0, 1.5, None, 3.5, 4.0, None]


def test_a_baseline_far_above_the_errors_is_an_arrow_and_does_not_squash_them() -> None:
    lines, notes, top = plots_regions._baselines({"median": 500.0, "covariates": 12.0}, 10.0, 1, "mm")
    assert [line["y0"] for line in lines] == [12.0]
    assert [note["text"][0] for note in notes] == ["c", "↑"]
    assert 12 < top < 20


def coverage_part(kind: str) -> dict[str, Any]:
    one = {"n": 20, "coverage": 0.85, "coverage_ci95": [0.62, 0.97]}
    nobody = {"n": 0, "coverage": None, "coverage_ci95": [None, None]}
    odd = {"n": 9, "coverage": 0.5, "coverage_ci95": [0.6, 0.9]}  # cases of one group, of which another was drawn
    return {"kind": kind, **one, "by_region": {"many": one, "medium": odd, "few": nobody}}


def test_coverage_has_a_bar_for_each_region_and_kind_around_the_level() -> None:
    block = {"interval": coverage_part("label_conditional"), "plain_interval": coverage_part("split")}
    figure = plots_regions.coverage_by_region(block, 0.9)
    valid(figure)
    first, second = figure["data"]
    assert [round(place) for place in first["x"]] == [0, 1, 3]  # no case of region few
    assert all(one < other for one, other in zip(first["x"], second["x"], strict=True))
    assert first["y"] == [0.85, 0.5, 0.85]
    assert first["error_y"]["array"] == pytest.approx([0.12, 0.4, 0.12])
    assert first["error_y"]["arrayminus"] == pytest.approx([0.23, 0.0, 0.23])
    assert figure["layout"]["shapes"][0]["y0"] == 0.9
    valid(plots_regions.coverage_by_region({}, 0.9))


def test_histogram_counts_every_training_case() -> None:
    traces = plots_regions._histogram(training(), 1, "mm")
    assert sum(sum(trace["y"]) for trace in traces) == 90


def test_plane_is_the_one_of_numpy_svd() -> None:
    chance = np.random.default_rng(3)
    points = chance.normal(size=(60, 5)) * [5, 3, 1, 0.5, 0.1] + 7
    fit = np.arange(60) < 40
    plane, shares = plots_space.principal_plane(points.astype(np.float32), fit)
    centred = points.astype(np.float32).astype(np.float64)
    centred = centred - centred[fit].mean(axis=0)
    _, size, axes = np.linalg.svd(centred[fit], full_matrices=False)
    expected = centred @ axes[:2].T
    for place in (0, 1):
        sign = np.sign(plane[0, place] * expected[0, place])
        np.testing.assert_allclose(plane[:, place], sign * expected[:, place], atol=1e-9)
    assert shares == pytest.approx((size**2 / (size**2).sum())[:2], rel=1e-9)


@pytest.mark.parametrize("points", [np.zeros((4, 3)), np.ones((1, 3)), np.arange(5.0)[:, None]])
def test_plane_of_degenerate_embeddings_is_finite(points: np.ndarray) -> None:
    plane, shares = plots_space.principal_plane(points, np.ones(len(points), dtype=bool))
    assert plane.shape == (len(points), 2)
    assert np.isfinite(plane).all()
    assert np.isfinite(shares).all()


def test_many_points_are_thinned_evenly_and_always_the_same() -> None:
    given = cases(5000)
    drawn = plots.fewer(given)
    assert len(drawn) == plots.MOST_POINTS
    assert drawn["label"].min() == given["label"].min()
    assert drawn["label"].max() == given["label"].max()
    assert drawn.index.tolist() == plots.fewer(given).index.tolist()


def test_text_from_outside_is_one_short_line_without_markup() -> None:
    assert plots.safe('<b>"x"</b>\n & y') == "&lt;b&gt;&quot;x&quot;&lt;/b&gt; &amp; y"
    assert len(plots.safe("a" * 500)) == 60


def test_one_case_and_equal_labels_are_drawn() -> None:
    one = cases(1)
    for figure in (plots.agreement(one, "hc", "", 1, 0.9), plots.bland_altman(one, "hc", "", 1, 0.9)):
        valid(figure)
    same = training().assign(label=100.0)
    valid(plots_regions.error_by_region(one, same, {}, {}, "", "hc", 1, 0.9))


def test_the_legend_has_its_line_below_the_tools() -> None:
    tools, line = 28, 22  # pixels of Plotly's tool bar at the top, and of a legend's line
    made = plots.layout()
    inner = made["height"] - made["margin"]["t"] - made["margin"]["b"]
    assert made["margin"]["t"] - (made["legend"]["y"] - 1) * inner - line >= tools
