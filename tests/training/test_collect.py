"""What a model gives, in the order of the rows, and the step that the objective sees."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medgauge.core.batch import Batch
from medgauge.training.collect import bare, collect
from medgauge.training.step import is_guided, read_step


class Twice(nn.Module):
    """Embeds the image; its prediction is twice that. Notes each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.modes: list[bool] = []

    def forward(self, image: Tensor, covariates: Tensor | None = None, label: Tensor | None = None) -> Any:
        self.sizes.append(len(image))
        self.modes.append(self.training)
        flat = image.flatten(1)
        prediction = 2 * flat if label is None else 2 * flat + label
        return SimpleNamespace(embedding=flat, prediction=prediction, logits=None, features=flat + 1)


def load(rows: Any) -> Batch:
    row = torch.tensor(list(rows))
    return Batch(row[:, None, None].float(), 10.0 * row[:, None].double(), row, divisor=torch.full((len(row),), 2.0))


def test_rows_come_in_their_order_in_parts() -> None:
    model = Twice()
    model.train()
    found = collect(model, load, [5, 2, 9, 0, 7], batch_size=2)
    assert found.embedding.flatten().tolist() == [5, 2, 9, 0, 7]
    assert found.prediction is not None
    assert found.prediction.flatten().tolist() == [10, 4, 18, 0, 14]
    assert found.logits is None
    assert model.sizes == [2, 2, 1]
    assert model.modes == [False] * 3
    assert model.training
    assert not found.embedding.requires_grad


def test_the_model_inside_wrappers_is_found() -> None:
    model = Twice()
    assert bare(model) is model
    assert bare(SimpleNamespace(_forward_module=SimpleNamespace(module=model))) is model  # type: ignore[arg-type]
    assert bare(SimpleNamespace(_forward_module=model)) is model  # type: ignore[arg-type]


class Halves:
    """Label over divisor, over ten."""

    divides = True

    def encode(self, label: Tensor, divisor: Tensor | None = None) -> Tensor:
        assert divisor is not None
        return label / divisor[:, None] / 10

    def decode(self, value: Tensor, divisor: Tensor | None = None) -> Tensor:
        raise AssertionError("a step is never decoded")


@pytest.mark.parametrize("guided", [False, True])
def test_a_step_has_scaled_labels(guided: bool) -> None:
    step = read_step(Twice(), load([4, 6]), Halves(), 0.25, guided=guided)
    assert step.label.flatten().tolist() == [2.0, 3.0]
    assert step.label.dtype == torch.float32
    assert step.prediction is not None
    assert step.prediction.flatten().tolist() == ([10.0, 15.0] if guided else [8.0, 12.0])
    assert step.progress is not None
    assert float(step.progress) == 0.25
    assert step.row is not None
    assert step.row.tolist() == [4, 6]
    assert step.features is not None
    assert step.features.flatten().tolist() == [5.0, 7.0]


def test_a_neck_that_reads_labels_is_guided() -> None:
    class Neck(nn.Module):
        def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
            return features

    model = Twice()
    assert not is_guided(model)
    model.neck = nn.Identity()
    assert not is_guided(model)
    model.neck = Neck()
    assert is_guided(model)
