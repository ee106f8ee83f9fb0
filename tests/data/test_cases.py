"""Batches hold exactly the rows that were asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medgauge.data.cases import CaseArrays, make_cases
from medgauge.data.images.cache import PreparedImages, prepare_images
from medgauge.data.images.image import ImageSource
from medgauge.data.images.prepare import PrepareSettings

RANDOM = np.random.default_rng(0)
LABEL = np.array([[123.456789012], [np.nan], [3.0], [4.0], [5.0]])
COVARIATES = np.stack([np.arange(5.0), np.linspace(0.1, 0.5, 5)], axis=1)
ZOOM = np.array([1.0, 0.5, 1.0, 2.0, 1.0])


def images(dtype: type = np.uint8) -> PreparedImages:
    array = RANDOM.integers(0, 256, (5, 1, 6, 7)).astype(dtype)
    scale = 255.0 if dtype is np.uint8 else 1.0
    return PreparedImages(array if dtype is np.uint8 else array / 255, ZOOM, [""] * 5, [], [], scale, [None] * 5)


def test_a_batch_holds_its_rows_in_order() -> None:
    prepared = images()
    batch = make_cases(prepared, LABEL, COVARIATES).batch([3, 0, 3])
    assert batch.row.tolist() == [3, 0, 3]
    assert batch.image.dtype == torch.float32
    assert batch.label.dtype == torch.float64
    np.testing.assert_allclose(batch.image.numpy(), prepared.array[[3, 0, 3]] / 255, atol=1e-7)
    np.testing.assert_array_equal(batch.label.numpy(), LABEL[[3, 0, 3]])
    assert batch.covariates is not None
    np.testing.assert_allclose(batch.covariates.numpy(), COVARIATES[[3, 0, 3]], rtol=1e-6)


def test_missing_labels_stay_missing() -> None:
    assert torch.isnan(make_cases(images(), LABEL).batch([1]).label).all()


def test_float_images_are_taken_as_they_are() -> None:
    prepared = images(np.float32)
    np.testing.assert_array_equal(make_cases(prepared, LABEL).batch([2]).image, prepared.array[[2]].astype(np.float32))


def test_a_batch_is_a_copy() -> None:
    prepared = images()
    cases = make_cases(prepared, LABEL)
    before = prepared.array.copy()
    batch = cases.batch([0, 1])
    batch.image.zero_()
    batch.label.zero_()
    np.testing.assert_array_equal(prepared.array, before)
    assert cases.label[0, 0] == 123.456789012


def test_a_divisor_comes_with_its_rows() -> None:
    divisor = make_cases(images(), LABEL, None, COVARIATES[:, 1]).batch([1, 3]).divisor
    assert divisor is not None
    np.testing.assert_array_equal(divisor.numpy(), COVARIATES[[1, 3], 1])
    assert make_cases(images(), LABEL).batch([0]).divisor is None


@pytest.mark.parametrize("wrong", [{"label": LABEL[:4]}, {"label": LABEL[:, 0]}, {"covariates": COVARIATES[:2]}])
def test_unequal_rows_raise(wrong: dict[str, np.ndarray]) -> None:
    given = {"label": LABEL, **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CaseArrays(images().array, 255.0, **given)


def test_from_the_memory_mapped_cache(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", images().array[:, 0])
    sources = [ImageSource(tmp_path / "a.npy", None, row) for row in range(5)]
    prepare_images(sources, PrepareSettings(), cache_dir=tmp_path / "cache")
    prepared = prepare_images(sources, PrepareSettings(), cache_dir=tmp_path / "cache")
    batch = make_cases(prepared, LABEL).batch([4, 1])
    np.testing.assert_allclose(batch.image[:, 0].numpy(), np.load(tmp_path / "a.npy")[[4, 1]] / 255, atol=1e-7)
