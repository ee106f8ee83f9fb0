"""Values averaged over mirrored images."""

from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn

import medgauge
from medgauge.core.batch import Batch
from medgauge.core.errors import InputError
from medgauge.recipes.image_settings import AugmentationSettings
from medgauge.recipes.prediction_settings import PredictionSettings
from medgauge.recipes.schema import Recipe
from medgauge.study.embedding import averaged_views
from medgauge.training.collect import collect
from tests.fitting.small_study import COLUMNS, SMALL, make_table

WAYS = PredictionSettings(average="flips")


class Corner(nn.Module):
    """The first pixel, squared: another one in each mirrored view."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor, covariates: Tensor | None) -> SimpleNamespace:
        value = image.flatten(1)[:, :1].square() * self.one
        return SimpleNamespace(embedding=value, prediction=2 * value, logits=None)


def load(shape: tuple[int, ...]) -> Batch:
    count = len(torch.zeros(shape))
    image = torch.arange(torch.zeros(shape).numel()).float().reshape(shape)
    return Batch(image=image, label=torch.zeros(count, 1).double(), row=torch.arange(count))


def test_views_are_all_that_the_flips_allow_and_none_without_the_setting() -> None:
    flips = AugmentationSettings(flip=["columns", "depth"])
    assert averaged_views(Recipe(augmentation=flips)) == ((),)
    assert averaged_views(Recipe(augmentation=flips, prediction=WAYS)) == ((), (-1,), (-3,), (-1, -3))


def test_the_mean_over_views_by_hand() -> None:
    batch = load((2, 1, 2, 3))  # 0 1 2 / 3 4 5 and 6 7 8 / 9 10 11
    found = collect(Corner(), lambda rows: batch, [0, 1], views=((), (-1,), (-2,), (-2, -1)))
    corners = torch.tensor([[0.0, 2, 3, 5], [6, 8, 9, 11]])
    assert torch.allclose(found.embedding, corners.square().mean(1, keepdim=True))
    assert found.prediction is not None
    assert torch.allclose(found.prediction, 2 * corners.square().mean(1, keepdim=True))
    assert found.logits is None
    plain = collect(Corner(), lambda rows: batch, [0, 1])
    assert plain.embedding.flatten().tolist() == [0, 36]


def test_an_axis_that_images_lack_is_refused() -> None:
    batch = load((2, 1, 2, 3))
    with pytest.raises(InputError, match="prediction.average mirrors axis -3, and the images are 2-D"):
        collect(Corner(), lambda rows: batch, [0, 1], views=((), (-3,)))
    with pytest.raises(ValueError, match="prediction.average flips averages over what augmentation.flip allows"):
        Recipe(prediction=WAYS)


def test_a_run_reads_new_images_as_its_own(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    changes = {**SMALL, "prediction.average": "flips", "augmentation.flip": ["rows", "columns"]}
    out = tmp_path / "run"
    medgauge.fit("l1", out=out, table=table, changes=changes, **COLUMNS)
    made = pandas.read_csv(out / "predictions.csv").set_index("id")["head_age"]
    name = next(str(place) for place in made.index)
    path = next(tmp_path.glob(f"**/{Path(name).name}"))
    value = medgauge.load(out).predict([path])["head_age"][0]
    assert value == pytest.approx(made[name], abs=1e-3)
    mirrored = tmp_path / "mirrored.png"
    ImageOps.mirror(Image.open(path)).save(mirrored)
    assert medgauge.load(out).predict([mirrored])["head_age"][0] == pytest.approx(value, abs=1e-3)
