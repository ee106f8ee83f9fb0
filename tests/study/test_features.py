"""Features that are read once: their numbers, and the cache."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from medgauge.core.errors import InputError
from medgauge.data.cases import CaseArrays
from medgauge.models import Encoder, build_encoder
from medgauge.study.features import feature_seconds, frozen_features


def cases(count: int = 5) -> CaseArrays:
    array = np.random.default_rng(0).integers(0, 255, (count, 1, 12, 12)).astype(np.uint8)
    return CaseArrays(array, 255.0, np.zeros((count, 1)))


def encoder(seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return build_encoder("small", ndim=2, channels=1, width=0.25)


class Counted(Encoder):
    def __init__(self, inner: Encoder) -> None:
        super().__init__(
            inner.network, features=inner.features, ndim=2, channels=1, description={**inner.description, "counted": 1}
        )
        self.calls = 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(image)


def test_features_are_the_encoders_and_are_read_once(tmp_path: Path) -> None:
    made = Counted(encoder())
    found = frozen_features(made, cases(), tmp_path)
    image = torch.from_numpy(cases().array).float() / 255
    with torch.no_grad():
        np.testing.assert_allclose(found, made.network.eval()(image).numpy(), rtol=1e-5, atol=1e-6)
    before = made.calls
    np.testing.assert_array_equal(frozen_features(made, cases(), tmp_path), found)
    assert made.calls == before


def test_another_encoder_and_other_pixels_have_their_own_entry(tmp_path: Path) -> None:
    first = frozen_features(encoder(), cases(), tmp_path)
    assert not np.array_equal(frozen_features(encoder(1), cases(), tmp_path), first)
    other = cases()
    other.array[0, 0, 0, 0] ^= 1
    frozen_features(encoder(), other, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, damage: str) -> None:
    found = frozen_features(encoder(), cases(), tmp_path)
    (entry,) = tmp_path.iterdir()
    content = bytearray(entry.read_bytes())
    content[-3] ^= 255
    entry.write_bytes({"cut": bytes(content[:-8]), "flipped": bytes(content), "empty": b""}[damage])
    np.testing.assert_array_equal(frozen_features(encoder(), cases(), tmp_path), found)


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    made = encoder()
    nn.init.constant_(next(made.parameters()), torch.inf)
    with pytest.raises(InputError, match="not finite for image 1"):
        frozen_features(made, cases(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_features_that_are_the_same_for_all_images_are_refused(tmp_path: Path) -> None:
    flat = CaseArrays(np.full((4, 1, 12, 12), 7, np.uint8), 255.0, np.zeros((4, 1)))
    with pytest.raises(InputError, match="encoder small gives the same features for all 4 images"):
        frozen_features(encoder(), flat, tmp_path)
    assert not list(tmp_path.iterdir())
    one = CaseArrays(flat.array[:1], 255.0, np.zeros((1, 1)))
    assert frozen_features(encoder(), one, tmp_path).shape[0] == 1


def test_an_entry_of_another_encoder_in_its_place_is_not_used(tmp_path: Path) -> None:
    made, other = encoder(), build_encoder("small", ndim=2, channels=1, width=0.5)
    found = frozen_features(made, cases(), tmp_path)
    (own,) = tmp_path.iterdir()
    frozen_features(other, cases(), tmp_path)
    (theirs,) = set(tmp_path.iterdir()) - {own}
    own.write_bytes(theirs.read_bytes())
    np.testing.assert_array_equal(frozen_features(made, cases(), tmp_path), found)


def test_another_size_of_images_has_its_own_entry(tmp_path: Path) -> None:
    frozen_features(encoder(), cases(), tmp_path)
    array = np.ascontiguousarray(cases().array.reshape(5, 1, 18, 8))  # the same bytes
    frozen_features(encoder(), CaseArrays(array, 255.0, np.zeros((5, 1))), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file .*data\.cache"):
        frozen_features(encoder(), cases(), tmp_path / "file")


def test_what_reading_takes_is_measured_and_nothing_once_it_is_kept(tmp_path: Path) -> None:
    network, arrays = encoder(), cases()
    assert feature_seconds(network, arrays, tmp_path) > 0
    frozen_features(network, arrays, tmp_path)
    assert feature_seconds(network, arrays, tmp_path) == 0
