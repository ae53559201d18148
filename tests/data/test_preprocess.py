from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from deepenough.data.preprocess import Preprocessing, reduce_short_side, resize_and_crop


@pytest.mark.parametrize("size", [(60, 97), (97, 60), (64, 64), (20, 33)])
@pytest.mark.parametrize(("scale", "crop"), [(48, 1.0), (48, 0.875), (33, 0.95)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resize_and_crop_gives_torchvisions_pixels(size, scale, crop, interpolation, photo):
    image = photo(1, *size)
    mode = v2.InterpolationMode(interpolation)
    reference = v2.Compose([v2.Resize(round(scale / crop), mode), v2.CenterCrop(scale)])(Image.fromarray(image))
    ours = resize_and_crop(image, scale, Preprocessing(interpolation=interpolation, crop=crop))
    assert ours.shape == (scale, scale, 3)
    np.testing.assert_array_equal(ours, np.asarray(reference))


def test_resize_and_crop_leaves_a_square_of_the_right_size_as_it_is(photo):
    image = photo(2, 40, 40)
    np.testing.assert_array_equal(resize_and_crop(image, 40, Preprocessing()), image)


@pytest.mark.parametrize("size", [(1, 1), (1, 30_000), (30_000, 1), (2, 5000)])
def test_resize_and_crop_takes_any_aspect(size):
    image = np.full((*size, 3), 77, np.uint8)
    assert np.array_equal(resize_and_crop(image, 32, Preprocessing(crop=0.875)), np.full((32, 32, 3), 77))


@pytest.mark.parametrize("size", [(9, 100), (100, 9)])
def test_resize_and_crop_of_a_strip_is_the_centre_of_the_whole_to_a_few_levels(size, photo):
    image = photo(4, *size)
    reference = v2.Compose([v2.Resize(24, v2.InterpolationMode.BICUBIC), v2.CenterCrop(24)])(Image.fromarray(image))
    ours = resize_and_crop(image, 24, Preprocessing())
    assert np.abs(ours.astype(int) - np.asarray(reference).astype(int)).max() <= 3


@pytest.mark.parametrize(("size", "expected"), [((100, 151), (32, 48)), ((151, 100), (48, 32)), ((20, 500), (20, 500))])
def test_reduce_short_side_shrinks_to_the_side_and_never_enlarges(size, expected, photo):
    assert reduce_short_side(photo(3, *size), 32).shape == (*expected, 3)


@pytest.mark.parametrize("values", [
        {"interpolation": "nearest"}, {"crop": 1e-9}, {"crop": 1.2}, {"crop": float("nan")},
        {"mean": (0.5, 0.5)}, {"mean": (0.5, 0.5, float("nan"))}, {"std": (0.2, 0.2, 0.0)},
    ])  # fmt: skip
def test_preprocessing_refuses_what_it_does_not_know(values):
    with pytest.raises(ValueError, match="must be"):
        Preprocessing(**values)
