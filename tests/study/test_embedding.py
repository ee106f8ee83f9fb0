"""Cases as a model embeds them."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from medgauge.data.cases import make_cases
from medgauge.study.embedding import embed
from tests.study.small import recipe_of, study_of, table_of


class Brightness(nn.Module):
    """Embeds the mean of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor, covariates: Tensor | None = None) -> SimpleNamespace:
        mean = image.flatten(1).mean(1, keepdim=True) * self.factor
        return SimpleNamespace(embedding=mean, prediction=2 * mean, logits=None)


def test_rows_are_embedded_in_their_order_with_their_names() -> None:
    table = table_of([5, 6, 7, 8], list("wxyz"), covariates=np.array([[1.0], [2.0], [3.0], [4.0]]), covariate=["s"])
    study = study_of(table, ["train"] * 4, recipe_of(data={"label_times": "s"}))
    arrays = make_cases(study.images, table.label, study.covariates, study.divisor)
    found = embed(Brightness(), arrays, table, [3, 0, 2])
    assert (found.id, found.group) == (["c3", "c0", "c2"], ["z", "w", "y"])
    assert found.label.flatten().tolist() == [8.0, 5.0, 7.0]
    assert found.divisor is not None
    assert found.divisor.tolist() == [4.0, 1.0, 3.0]
    mean = study.images.array[[3, 0, 2]].reshape(3, -1).mean(1)
    assert found.prediction is not None
    torch.testing.assert_close(found.prediction, 2 * found.embedding)
    ratio = found.embedding.flatten().numpy() / mean
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert ratio[0] > 0
    assert found.logits is None
