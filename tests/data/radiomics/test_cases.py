"""Features of a case: the library on the same files, the cache, and what is wrong with one case."""

import json
from pathlib import Path

import numpy as np
import pytest

from medgauge.data.images.image import ImageSource
from medgauge.data.radiomics.cases import NO_SIZE, CaseWork, case_features
from medgauge.data.radiomics.extractor import RadiomicsSettings
from tests.data.radiomics.small import STEPS, ball, need_library, volume, write

need_library()
SHAPE = (12, 14, 9)


def work(folder: Path, **other: object) -> CaseWork:
    image, mask = folder / "image.nii.gz", folder / "mask.nii.gz"
    if not image.exists():
        write(image, volume())
        write(mask, ball(SHAPE, 4.0).astype(np.uint8) * 2)
    made = CaseWork(ImageSource(image), ImageSource(mask), RadiomicsSettings(), None, {"library": "1"}, None)
    return made._replace(**other)


def of_library(image: Path, mask: Path, **settings: object) -> dict[str, float]:
    """What the library makes of the files by itself."""
    from radiomics import featureextractor

    made = featureextractor.RadiomicsFeatureExtractor(label=2, additionalInfo=False, **settings)
    return {name: float(value) for name, value in made.execute(str(image), str(mask)).items()}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_values_are_those_of_the_library_on_the_same_files(tmp_path: Path, turned: bool) -> None:
    write(tmp_path / "image.nii.gz", volume(), turned=turned)
    write(tmp_path / "mask.nii.gz", ball(SHAPE, 4.0).astype(np.uint8) * 2, turned=turned)
    found = case_features(work(tmp_path))
    wanted = of_library(tmp_path / "image.nii.gz", tmp_path / "mask.nii.gz")
    assert len(wanted) == 107
    assert {name.removesuffix("_bin25"): value for name, value in found.values.items()} == pytest.approx(
        wanted, rel=1e-6
    )
    assert found.reason == ""


def test_resampled_values_are_those_of_the_library_too(tmp_path: Path) -> None:
    settings = RadiomicsSettings(10.0, (2.0, 1.0, 1.0))
    found = case_features(work(tmp_path, settings=settings))
    wanted = of_library(
        tmp_path / "image.nii.gz", tmp_path / "mask.nii.gz", binWidth=10, resampledPixelSpacing=[1.0, 1.0, 2.0]
    )
    bare = {name.removesuffix("_2x1x1mm").removesuffix("_bin10"): value for name, value in found.values.items()}
    assert bare == pytest.approx(wanted, rel=1e-9)


def test_the_volume_is_in_millimetres_of_the_file(tmp_path: Path) -> None:
    found = case_features(work(tmp_path)).values["original_shape_VoxelVolume"]
    assert found == pytest.approx(ball(SHAPE, 4.0).sum() * np.prod(STEPS), rel=1e-6)  # headers hold single precision


def test_a_label_is_the_part_of_the_mask_that_counts(tmp_path: Path) -> None:
    labels = ball(SHAPE, 4.0).astype(np.uint8)
    labels[:6][labels[:6] > 0] = 3
    write(tmp_path / "labels.nii.gz", labels)
    made = work(tmp_path, mask=ImageSource(tmp_path / "labels.nii.gz"), settings=RadiomicsSettings(mask_label=3))
    found = case_features(made).values["original_shape_VoxelVolume"]
    assert found == pytest.approx((labels == 3).sum() * np.prod(STEPS), rel=1e-6)


def test_what_was_made_is_kept_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = work(tmp_path, cache=tmp_path / "cache")
    first = case_features(made)
    moved = (tmp_path / "image.nii.gz").rename(tmp_path / "moved.nii.gz")
    monkeypatch.setattr("medgauge.data.radiomics.cases.extract", None)
    again = made._replace(image=ImageSource(moved))
    assert case_features(again) == first
    for other in (RadiomicsSettings(bin_width=20.0), RadiomicsSettings(mask_label=2)):
        assert case_features(again._replace(settings=other)).reason
    assert case_features(again._replace(versions={"library": "2"})).reason
    write(tmp_path / "mask.nii.gz", ball(SHAPE, 3.0).astype(np.uint8))
    assert case_features(again).reason


@pytest.mark.parametrize("content", ["", '{"values": {}, "notes": [], "greys": 3}', "[1]", '{"values": {"a": 1}}'])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, content: str) -> None:
    made = work(tmp_path, cache=tmp_path / "cache")
    first = case_features(made)
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_text(content)
    assert case_features(made) == first
    assert json.loads(entry.read_text())["values"] == first.values


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert case_features(work(tmp_path, cache=tmp_path / "cache")).values


def test_rows_of_arrays_are_read_and_told_to_have_no_size(tmp_path: Path) -> None:
    images = np.stack([volume(0), volume(1)])
    np.savez(
        tmp_path / "volumes.npz", images=images, masks=np.stack([ball(SHAPE, 4.0), ball(SHAPE, 3.0)]).astype(np.uint8)
    )
    file = tmp_path / "volumes.npz"
    made = work(tmp_path, image=ImageSource(file, "images", 1), mask=ImageSource(file, "masks", 1))
    found = case_features(made)
    assert found.values["original_shape_VoxelVolume"] == ball(SHAPE, 3.0).sum()
    assert found.values["original_firstorder_Mean_bin25"] == pytest.approx(volume(1)[ball(SHAPE, 3.0)].mean())
    assert NO_SIZE in found.notes
    resampled = case_features(made._replace(settings=RadiomicsSettings(spacing=(1.0, 1.0, 1.0))))
    assert "the file does not say the size of its voxels, so it cannot be resampled" in resampled.reason


def test_what_is_wrong_with_a_case_is_its_reason(tmp_path: Path) -> None:
    made = work(tmp_path)
    assert case_features(made._replace(mask=None)).reason.startswith("the table names no mask")
    gone = case_features(made._replace(image=ImageSource(tmp_path / "gone.nii.gz")))
    assert "gone.nii.gz does not exist" in gone.reason
    one = np.zeros(SHAPE, dtype=np.uint8)
    one[3, 3, 3] = 1
    write(tmp_path / "one.nii.gz", one)
    single = case_features(made._replace(mask=ImageSource(tmp_path / "one.nii.gz")))
    assert (
        single.reason
        == f"{tmp_path / 'image.nii.gz'}: the mask is one voxel, which has neither shape nor texture; draw a larger one"
    )
    assert single.values == {}


def test_an_error_of_the_library_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("Exception thrown in SimpleITK")

    monkeypatch.setattr("medgauge.data.radiomics.cases.extract", fail)
    assert "no features can be made of" in case_features(work(tmp_path)).reason


def test_colours_and_padding_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((8, 9, 3), dtype=np.uint8)
    colours[..., 0] = 7
    np.save(tmp_path / "colours.npy", colours)
    np.save(tmp_path / "flat.npy", ball((8, 9), 3.0).astype(np.uint8))
    made = work(tmp_path, image=ImageSource(tmp_path / "colours.npy"), mask=ImageSource(tmp_path / "flat.npy"))
    assert "it has 3 channels, and features are of one; save one channel" in case_features(made).reason
