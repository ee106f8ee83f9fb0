import pytest
import torch

from medgauge.core.figure import Figure
from medgauge.metrics.catalogue import FIGURES, MAE

MEANS = [(kind, figure) for kind, of in FIGURES.items() for figure in of.values() if figure.a_mean_of_cases]


@pytest.mark.parametrize(("kind", "figure"), MEANS, ids=lambda one: getattr(one, "name", one))
def test_a_mean_is_the_mean_of_its_cases_numbers(kind: str, figure: Figure) -> None:
    random = torch.Generator().manual_seed(0)
    label = torch.randint(0, 2 if kind == "finding" else 5, (50,), generator=random).double()
    label[3] = torch.nan
    if kind == "finding":
        value = torch.rand(2, 3, 50, generator=random, dtype=torch.float64)
    elif figure.chances:
        value = torch.rand(2, 3, 50, 5, generator=random, dtype=torch.float64)
    elif kind == "class":
        value = torch.randint(0, 5, (2, 3, 50), generator=random).double()
    else:
        value = label.nan_to_num(2.0) + torch.randn(2, 3, 50, generator=random, dtype=torch.float64)
    each = figure.each(value, label)
    assert each.shape == (2, 3, 50)
    assert each.isnan().nonzero()[:, -1].unique().tolist() == [3]
    of = figure.of(value[1, 2][:, None], label[:, None])
    torch.testing.assert_close(each[1, 2].nanmean(), of[0], rtol=1e-12, atol=0)
    assert len({round(float(one), 9) for one in each[~each.isnan()]}) > 1


def test_the_first_figure_of_every_kind_is_an_error_and_a_mean() -> None:
    assert MEANS
    for figures in FIGURES.values():
        first = next(iter(figures.values()))
        assert first.a_mean_of_cases
        assert first.lower_is_better
        assert first.best == 0
    assert not FIGURES["number"]["r2"].a_mean_of_cases
    assert MAE.each(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0])).tolist() == [1.0, 3.0]


DRAWN = [(kind, one) for kind, of in FIGURES.items() for one in of.values() if one.drawn is not None]


@pytest.mark.parametrize(("kind", "figure"), DRAWN, ids=lambda one: getattr(one, "name", one))
def test_a_figure_on_many_draws_is_that_of_each_draw(kind: str, figure: Figure) -> None:
    assert figure.drawn is not None
    random = torch.Generator().manual_seed(0)
    label = torch.randint(0, 3 if kind == "class" else 2, (60,), generator=random).double()
    value = torch.rand(60, 3, generator=random, dtype=torch.float64).mul(10).round() / 10
    if kind == "class" and not figure.chances:
        value = value.mul(2).round()
    times = torch.randint(0, 4, (60, 5), generator=random)
    own = value if figure.chances else value[:, 0]
    of = [figure.of(own[rows][:, None], label[rows][:, None]) for rows in map(torch.repeat_interleave, times.unbind(1))]
    torch.testing.assert_close(figure.drawn(own, label, times.float()), torch.cat(of), rtol=1e-12, atol=0)
