"""Batches hold exactly the rows that were asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from medgauge.data.cache import PreparedImages, prepare_images
from medgauge.data.cases import CaseArrays, make_cases
from medgauge.data.prepare import PrepareSettings
from medgauge.data.readers import ImageSource

RANDOM = np.random.default_rng(0)
LABEL = np.array([[123.456789012], [np.nan], [3.0], [4.0], [5.0]])
COVARIATES = np.stack([np.arange(5.0), np.linspace(0.1, 0.5, 5)], axis=1)
ZOOM = np.array([1.0, 0.5, 1.0, 2.0, 1.0])


def images(dtype: type = np.uint8) -> PreparedImages:
    array = RANDOM.integers(0, 256, (5, 1, 6, 7)).astype(dtype)
    scale = 255.0 if dtype is np.uint8 else 1.0
    return PreparedImages(array if dtype is np.uint8 else array / 255, ZOOM, [""] * 5, [], [], scale)


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


def test_pixel_sizes_are_those_of_the_resized_pixels() -> None:
    cases = make_cases(images(), LABEL, COVARIATES, COVARIATES[:, 1], size_columns=[1])
    assert cases.covariates is not None
    np.testing.assert_allclose(cases.covariates[:, 1], COVARIATES[:, 1] / ZOOM)
    np.testing.assert_array_equal(cases.covariates[:, 0], COVARIATES[:, 0])
    times = cases.batch([1, 3]).times
    assert times is not None
    np.testing.assert_allclose(times.numpy(), [0.2 / 0.5, 0.4 / 2.0], rtol=1e-12)
    assert COVARIATES[1, 1] == 0.2


def test_times_that_are_no_sizes_stay() -> None:
    cases = make_cases(images(), LABEL, None, COVARIATES[:, 1], times_is_size=False)
    np.testing.assert_array_equal(cases.times, COVARIATES[:, 1])
    assert make_cases(images(), LABEL).batch([0]).times is None


def test_left_out_rows_keep_images_and_labels_together() -> None:
    prepared = images()
    cases = make_cases(prepared, LABEL, COVARIATES, COVARIATES[:, 1], rows=[0, 2, 4])
    assert len(cases) == 3
    batch = cases.batch([1, 2])
    np.testing.assert_allclose(batch.image.numpy(), prepared.array[[2, 4]] / 255, atol=1e-7)
    np.testing.assert_array_equal(batch.label.numpy(), [[3.0], [5.0]])
    assert batch.row.tolist() == [1, 2]


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
