"""The 15 corruptions: repeatable, of any size, stronger with severity, and those with a closed form held against it."""

import colorsys
import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from deepenough.data.corruptions import GROUPS, NAMES, SEVERITIES, blur, corrupt, corrupted, named, weather
from deepenough.data.corruptions.lengths import filtered, zoomed
from deepenough.errors import InputError

#: The published severities of these are no plain order in squared error: elastic_transform changes its kind from 2 to
#: 3, fog and frost trade strength for roughness or for the picture's share, snow its flakes, glass_blur
#: its rounds.
UNORDERED = {"elastic_transform", "fog", "frost", "glass_blur", "snow"}
STILL = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}


def error(one, other):
    return float(((one.astype(float) - other.astype(float)) ** 2).mean())


@pytest.fixture(scope="module")
def pictures():
    """Photograph-like: smooth shapes with edges and some texture."""
    made = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        cloud = ndimage.gaussian_filter(rng.standard_normal((96, 112, 3)), (5, 5, 0))
        shape = np.hypot(*(np.indices((96, 112)) - np.array([48, 50])[:, None, None])) < 30
        grain = 6 * rng.standard_normal((96, 112, 3))
        made.append(np.clip(120 + 900 * cloud * (0.6 + 0.6 * shape[..., None]) + grain, 0, 255).astype(np.uint8))
    return made


def test_names_are_the_papers_fifteen_in_four_groups():
    assert len(NAMES) == 15
    assert [name for group in GROUPS.values() for name in group] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_corruption_repeats_by_sample_and_differs_between_samples(name, pictures):
    image = pictures[0]
    before = image.copy()
    first, again, other = (corrupted(image, name, 4, sample) for sample in ("s1", "s1", "s2"))
    assert (image == before).all()
    assert (first == again).all()
    assert (first == other).all() == (name in STILL)


@pytest.mark.parametrize("name", NAMES)
def test_corruption_keeps_shape_and_type_when_the_picture_has_any_size(name):
    rng = np.random.default_rng(3)
    for height, width in ((1, 1), (1, 9), (2, 3), (33, 20)):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for severity in (1, 5):
            found = corrupted(image, name, severity, "s")
            assert (found.shape, found.dtype) == (image.shape, np.uint8)


@pytest.mark.parametrize("name", sorted(set(NAMES) - UNORDERED))
def test_error_grows_with_severity(name, pictures):
    errors = [np.mean([error(image, corrupted(image, name, level, "s")) for image in pictures]) for level in SEVERITIES]
    assert errors == sorted(errors)
    assert errors[0] < 0.95 * errors[-1]


@pytest.mark.parametrize("name", sorted(UNORDERED - {"elastic_transform", "glass_blur"}))
def test_error_is_greater_at_the_end_when_severities_have_no_plain_order(name, pictures):
    one, five = (np.mean([error(image, corrupted(image, name, level, "s")) for image in pictures]) for level in (1, 5))
    assert one < five


def test_error_of_glass_grows_with_severity_when_the_picture_has_the_papers_size():
    rng = np.random.default_rng(0)
    image = np.clip(128 + 1500 * ndimage.gaussian_filter(rng.standard_normal((224, 224, 3)), (4, 4, 0)), 0, 255)
    image = image.astype(np.uint8)
    errors = [error(image, corrupted(image, "glass_blur", level, "s")) for level in SEVERITIES]
    assert errors == sorted(errors)


def test_brightness_is_the_value_of_hsv_raised():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    image[0, 0] = 0
    found = corrupted(image, "brightness", 2, "s")
    for place in np.ndindex(5, 6):
        hue, saturation, value = colorsys.rgb_to_hsv(*(image[place] / 255.0))
        truth = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.2, 1.0))
        assert np.abs(found[place] - 255 * np.array(truth)).max() <= 0.5 + 1e-9


def test_contrast_keeps_means_and_scales_deviations():
    image = np.random.default_rng(0).integers(60, 190, (40, 30, 3), dtype=np.uint8)
    found = corrupted(image, "contrast", 1, "s").astype(float)
    assert found.mean((0, 1)) == pytest.approx(image.mean((0, 1)), abs=0.3)
    assert found.std((0, 1)) == pytest.approx(0.4 * image.std((0, 1)), rel=0.02)


def test_pixelate_is_means_over_boxes_when_boxes_divide_the_side():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    means = image.reshape(4, 4, 4, 4, 3).mean(axis=(1, 3))
    truth = np.rint(means).repeat(4, axis=0).repeat(4, axis=1)
    assert np.abs(corrupted(image, "pixelate", 5, "s") - truth).max() <= 1


def test_jpeg_is_pillows_at_the_published_quality(pictures):
    stream = io.BytesIO()
    Image.fromarray(pictures[0]).save(stream, "JPEG", quality=15)
    assert (corrupted(pictures[0], "jpeg_compression", 3, "s") == np.asarray(Image.open(stream))).all()


def test_noise_has_the_published_strength():
    grey = np.full((200, 200, 3), 128, np.uint8)
    rng = np.random.default_rng(0)
    assert corrupt(grey, "gaussian_noise", 1, rng).std() == pytest.approx(0.08 * 255, rel=0.02)
    # a Poisson count of 60 x 0.502 photons, each worth 255 / 60
    assert corrupt(grey, "shot_noise", 1, rng).std() == pytest.approx(255 * np.sqrt(128 / 255 / 60), rel=0.02)
    hit = corrupt(grey, "impulse_noise", 5, rng)
    assert (hit != 128).mean() == pytest.approx(0.27, abs=0.01)
    assert (hit == 255).sum() / (hit != 128).sum() == pytest.approx(0.5, abs=0.02)


def test_filter_is_scipys_convolution(pictures):
    kernel = np.random.default_rng(0).random((7, 5))
    kernel /= kernel.sum()
    image = pictures[0] / 255.0
    truth = np.stack([ndimage.convolve(image[..., c], kernel, mode="reflect") for c in range(3)], axis=2)
    assert filtered(image, kernel) == pytest.approx(truth, abs=1e-12)


@pytest.mark.parametrize("kernel", [blur.disc(3.0, 0.5), blur.disc(0.1, 0.0), blur.trail(8.0, 3.0, 30.0)])
def test_kernel_has_odd_sides_and_sum_one(kernel):
    assert kernel.sum() == pytest.approx(1.0)
    assert all(side % 2 for side in kernel.shape)
    assert kernel.min() >= 0.0


def test_disc_is_the_circle_it_is_drawn_from():
    kernel = blur.disc(10.0, 0.0)
    assert 1 / kernel.max() == pytest.approx(np.pi * 100, rel=0.01)


def test_glass_only_moves_pixels_when_it_does_not_blur(monkeypatch):
    monkeypatch.setattr(blur, "smoothed", lambda image, _sigma: image)
    image = np.random.default_rng(0).integers(0, 256, (224, 230, 3), dtype=np.uint8)
    found = corrupt(image, "glass_blur", 5, np.random.default_rng(1))
    assert (found != image).any()
    assert sorted(map(tuple, found.reshape(-1, 3))) == sorted(map(tuple, image.reshape(-1, 3)))


def test_zoom_keeps_the_centre_and_a_plane_under_its_slope():
    rows, columns = np.indices((31, 31)).astype(float)
    plane = 2 * rows + columns
    found = zoomed(plane, 2.0)
    assert found[15, 15] == plane[15, 15]
    assert found == pytest.approx(plane[15, 15] + (plane - plane[15, 15]) / 2)


def test_plasma_fills_the_unit_interval_at_every_size():
    for height, width in ((1, 1), (7, 3), (64, 64), (65, 130)):
        cloud = weather.plasma(height, width, 2.0, np.random.default_rng(0))
        assert cloud.shape == (height, width)
        assert 0.0 <= cloud.min() <= cloud.max() <= 1.0


def test_names_are_read_as_people_write_them():
    assert named("all") == NAMES
    assert named("jpeg_compression, blur") == (*GROUPS["blur"], "jpeg_compression")
    with pytest.raises(InputError, match=r"--corruptions: .*got fogg; did you mean fog\?"):
        named("fogg")
    with pytest.raises(InputError, match="got none"):
        named(" , ")


@pytest.mark.parametrize(
    ("image", "name", "severity"),
    [
        (np.zeros((4, 4, 3), np.uint8), "fog", 6),
        (np.zeros((4, 4, 3), np.uint8), "mist", 1),
        (np.zeros((4, 4), np.uint8), "fog", 1),
        (np.zeros((4, 4, 3)), "fog", 1),
        (np.zeros((0, 4, 3), np.uint8), "fog", 1),
    ],
)
def test_corruption_is_refused_when_it_or_the_picture_is_none(image, name, severity):
    with pytest.raises(ValueError, match="expected"):
        corrupt(image, name, severity, np.random.default_rng(0))
