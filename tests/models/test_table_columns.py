"""Columns of a table in the place of an encoder: scaled by the training cases, blocks side by side."""

import numpy as np
import pytest
import torch

from medgauge.core.errors import InputError
from medgauge.models import build_model
from medgauge.models.description import check_description
from medgauge.models.standardised import StandardisedNeck, block_weights
from medgauge.models.stored import build_stored
from medgauge.models.table_columns import TableColumns

NAMES = [["a", "b"], [f"x{place}" for place in range(6)]]


def description(scaled: bool = True) -> dict[str, object]:
    neck = {"name": "covariate", "embedding": 3} if scaled else {"name": "standardised", "blocks": [2, 6]}
    settings = {"columns": NAMES, "scaled": scaled}
    encoder = {"name": "table", "width": 1.0, "norm": "default", "settings": settings}
    return {"ndim": 0, "channels": 8, "covariates": 0, "targets": 0, "encoder": encoder, "neck": neck, "head": None}


def scaled_by_hand(train: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Each block standardised, divided by the root of its columns, and all by one factor that leaves the mean square 1."""
    found = ((new - train.mean(0)) / train.std(0)).clip(-8, 8)
    found[:, :2] /= np.sqrt(2)
    found[:, 2:] /= np.sqrt(6)
    return found * np.sqrt(8 / 2)


def test_blocks_of_unlike_width_have_the_same_sum_of_squares() -> None:
    random = np.random.default_rng(0)
    train = random.normal(5, 1, (40, 8)) * 10.0 ** np.arange(8)
    for module in (TableColumns([2, 6], scaled=True), StandardisedNeck(8, 0, blocks=[2, 6])):
        found = module.fit_features(torch.tensor(train).float())(torch.tensor(train).float()).numpy()
        np.testing.assert_allclose(found, scaled_by_hand(train, train), rtol=1e-4, atol=1e-4)
        squares = np.square(found).mean(0)
        assert squares[:2].sum() == pytest.approx(squares[2:].sum(), rel=1e-4)
        assert squares.mean() == pytest.approx(1.0, rel=1e-4)
    assert block_weights([5]).tolist() == [1.0] * 5


def test_columns_as_they_are() -> None:
    values = torch.randn(3, 4) * 1e6
    module = TableColumns([4], scaled=False)
    assert torch.equal(module.fit_features(values)(values), values)
    assert not module.state_dict()


@pytest.mark.parametrize("scaled", [True, False])
def test_a_stored_model_is_built_again(scaled: bool) -> None:
    model = build_model(description(scaled))
    again = build_stored(model.describe(), {name: tensor.shape for name, tensor in model.state_dict().items()})
    assert again.describe() == model.describe()
    again.load_state_dict(model.state_dict())
    values = torch.randn(4, 8)
    assert torch.equal(again(values).embedding, model(values).embedding)
    model.encoder.check_size(())
    with pytest.raises(InputError, match="the model reads 0-D images, and these have 2 dimensions"):
        model(torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize(
    "change",
    [{"ndim": 2}, {"channels": 7}, {"encoder": {"name": "lite0", "width": 1.0, "norm": "default", "settings": {}}}],
)  # fmt: skip
def test_a_description_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"does not read|has 8 columns"):
        build_stored({**description(), **change}, {})
    broken = {"columns": ["a", 1], "scaled": True}
    with pytest.raises(InputError, match=r"encoder.settings.columns must be a list of 1 to 64, each a list"):
        check_description({**description(), "encoder": {**description()["encoder"], "settings": broken}})  # type: ignore[dict-item]
    with pytest.raises(InputError, match="blocks must have 8 columns in all"):
        build_stored({**description(False), "neck": {"name": "standardised", "blocks": [2, 5]}}, {})
