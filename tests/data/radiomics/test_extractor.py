"""Features of arrays: closed forms, SciPy, and what has none."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from medgauge.core.errors import InputError
from medgauge.data.radiomics import extractor
from medgauge.data.radiomics.extractor import RadiomicsSettings, extract, library_versions
from tests.data.radiomics.small import ball, need_library, volume

need_library()
PLAIN = RadiomicsSettings()


def box(*sides: int) -> np.ndarray:
    inside = np.zeros((8, 9, 10), dtype=bool)
    inside[2 : 2 + sides[0], 1 : 1 + sides[1], 3 : 3 + sides[2]] = True
    return inside


@pytest.mark.parametrize("sides", [(3, 4, 5), (2, 2, 2), (4, 1, 6)])
def test_volumes_of_a_box_are_those_of_its_voxels_and_of_its_mesh_without_edges_and_corners(
    sides: tuple[int, int, int],
) -> None:
    found = extract(volume(shape=(8, 9, 10)), box(*sides), (2.5, 0.5, 1.0), PLAIN)
    voxel = 2.5 * 0.5 * 1.0
    assert found["original_shape_VoxelVolume"] == pytest.approx(np.prod(sides) * voxel, rel=1e-12)
    mesh = np.prod(sides) - sum(side - 1 for side in sides) / 2 - 5 / 6  # an eighth an edge voxel, 5/48 a corner
    assert found["original_shape_MeshVolume"] == pytest.approx(mesh * voxel, rel=1e-9)


def test_first_order_features_are_those_of_the_intensities_within_the_mask() -> None:
    image, inside = volume(), ball((12, 14, 9), 4.0)
    found = extract(image, inside, (1.0, 1.0, 1.0), PLAIN)
    values = image[inside].astype(float)
    share = np.unique(np.floor(values / 25), return_counts=True)[1] / values.size
    wanted = {
        "Mean": values.mean(),
        "Median": np.median(values),
        "Variance": values.var(),
        "Energy": (values**2).sum(),
        "Skewness": stats.skew(values),
        "Kurtosis": stats.kurtosis(values, fisher=False),
        "10Percentile": np.percentile(values, 10),
        "Entropy": -(share * np.log2(share)).sum(),
    }
    for name, value in wanted.items():
        assert found[f"original_firstorder_{name}_bin25"] == pytest.approx(value, rel=1e-9), name


def test_a_volume_has_107_features_and_a_picture_102_whose_names_say_the_settings() -> None:
    found = extract(volume(), ball((12, 14, 9), 4.0), (1.0, 1.0, 1.0), PLAIN)
    assert len(found) == 107
    assert sum("_shape_" in name for name in found) == 14
    assert all(name.endswith("_bin25") != ("_shape_" in name) for name in found)
    flat = extract(volume(shape=(12, 14)), ball((12, 14), 4.0), (1.0, 1.0), PLAIN)
    assert len(flat) == 102
    assert sum("_shape2D_" in name for name in flat) == 9
    fine = extract(volume(), ball((12, 14, 9), 4.0), (2.0, 1.0, 1.0), RadiomicsSettings(12.5, (2.0, 1.0, 0.5)))
    assert "original_glcm_Contrast_bin12.5_2x1x0.5mm" in fine
    assert "original_shape_MeshVolume_2x1x0.5mm" in fine


def test_axes_of_equal_length_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library gives those of a ball as complex numbers, whose imaginary part is rounding."""
    made = SimpleNamespace(execute=lambda *_: {"original_shape_Elongation": np.complex128(0.5 + 7e-18j)})
    monkeypatch.setattr(extractor, "_extractor", lambda *_: made)
    assert extract(volume(), ball((12, 14, 9), 4.0), (1.0, 1.0, 1.0), PLAIN) == {"original_shape_Elongation": 0.5}


def test_resampling_keeps_the_volume_and_makes_more_voxels() -> None:
    image, inside = volume(), ball((12, 14, 9), 4.0)
    coarse = extract(image, inside, (2.0, 1.0, 1.0), PLAIN)
    fine = extract(image, inside, (2.0, 1.0, 1.0), RadiomicsSettings(spacing=(0.5, 0.5, 0.5)))
    volumes = coarse["original_shape_VoxelVolume"], fine["original_shape_VoxelVolume_0.5x0.5x0.5mm"]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.05)
    name = "original_gldm_GrayLevelNonUniformity_bin25"  # about as many as there are voxels
    assert fine[f"{name}_0.5x0.5x0.5mm"] > 4 * coarse[name]


def test_values_do_not_depend_on_the_order_or_direction_of_axes() -> None:
    image, inside = volume(), ball((12, 14, 9), 4.0)
    plain = extract(image, inside, (2.0, 1.0, 0.5), PLAIN)
    turned = extract(image[::-1, :, ::-1], inside[::-1, :, ::-1], (2.0, 1.0, 0.5), PLAIN)
    assert {name: turned[name] for name in plain} == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32])
def test_values_do_not_depend_on_the_type_that_greys_are_stored_in(kind: type) -> None:
    image, inside = np.clip(volume() + 130, 0, 255), ball((12, 14, 9), 4.0)
    settings = RadiomicsSettings(25)  # a whole number, as from Python
    wanted = extract(image.astype(np.float64), inside, (1.0, 1.0, 1.0), settings)
    assert extract(image.astype(kind), inside, (1.0, 1.0, 1.0), settings) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([(3, 3, 3)], "the mask is one voxel, which has neither shape nor texture; draw a larger one"),
        ([(3, 3, 3), (3, 4, 3), (3, 6, 3)], "the mask is one line of 3 voxels"),
        ([], "the mask is empty"),
    ],
)
def test_a_mask_without_features_is_refused(places: list[tuple[int, int, int]], words: str) -> None:
    inside = np.zeros((12, 14, 9), dtype=bool)
    for place in places:
        inside[place] = True
    with pytest.raises(InputError, match=words):
        extract(volume(), inside, (1.0, 1.0, 1.0), PLAIN)


def test_a_mask_that_vanishes_when_it_is_resampled_is_refused() -> None:
    inside = np.zeros((12, 14, 9), dtype=bool)
    inside[3:5, 3:5, 3] = True
    with pytest.raises(InputError, match="the mask vanishes, or nearly, when it is resampled to 9x9x9mm"):
        extract(volume(), inside, (1.0, 1.0, 1.0), RadiomicsSettings(spacing=(9.0, 9.0, 9.0)))


def test_too_many_grey_levels_and_another_number_of_axes_are_refused() -> None:
    inside = ball((12, 14, 9), 4.0)
    with pytest.raises(
        InputError, match=r"fall into \d+ grey levels of 0.01, more than 4096; give a larger --bin-width"
    ):
        extract(volume(), inside, (1.0, 1.0, 1.0), RadiomicsSettings(0.01))
    with pytest.raises(InputError, match="it has 3 axes, and --spacing names 2"):
        extract(volume(), inside, (1.0, 1.0, 1.0), RadiomicsSettings(spacing=(1.0, 1.0)))


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0, 1.0), (1.0, float("nan"), 1.0)])
def test_a_spacing_that_is_none_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="must be two or three numbers > 0"):
        RadiomicsSettings(spacing=spacing)


def test_a_width_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"the width of a grey level must be > 0, got 0 \(--bin-width 25\)"):
        RadiomicsSettings(0.0)


def test_the_library_says_nothing_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    extract(volume(), ball((12, 14, 9), 4.0), (1.0, 1.0, 1.0), PLAIN)
    assert capfd.readouterr() == ("", "")


def test_nor_does_numpy_of_two_voxels_apart(recwarn: pytest.WarningsRecorder) -> None:
    apart = np.zeros((12, 14, 9), bool)
    apart[2, 2, 2] = apart[9, 11, 6] = True
    with pytest.raises(InputError):
        extract(volume(), apart, (1.0, 1.0, 1.0), PLAIN)
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bin_width": "25"}, "bin_width must be a number, got '25'"),
        ({"spacing": tuple("1,1")}, r"spacing\[0\] must be a number, got '1'"),
        ({"mask_label": 0}, "mask_label must be a whole number >= 1, got 0"),
    ],
)
def test_settings_of_another_type_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        RadiomicsSettings(**given)


def test_versions_name_the_package() -> None:
    assert next(iter(library_versions())).startswith("pyradiomics")
    assert "SimpleITK" in library_versions()


def test_a_library_that_is_not_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgauge.data.radiomics.extractor.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"not installed: pip install 'medgauge\[radiomics\]' \(with a C compiler\)"):
        library_versions()
