"""Tiles joined without seams, against the whole picture at once."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d

from deepenough.evaluation.tiling import STRIDE, tiled
from deepenough.networks import build
from deepenough.tasks.restorer import Restorer


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def local(square):
    """A network that sees 31 pixels around each, and black beyond the edge: less than a margin."""
    taps = np.random.default_rng(1).normal(size=(2, 31))
    found = [square[0].astype(float).sum(axis=2) / 255, square[0, :, :, 1].astype(float)]
    for axis in (0, 1):
        found = [convolve1d(one, taps[axis], axis=axis, mode="constant") for one in found]
    return np.maximum(np.stack(found), 0)


@pytest.mark.parametrize("size", [(64, 96), (256, 256), (288, 256), (512, 320), (416, 608)], ids=str)
def test_tiles_of_a_network_that_sees_less_than_a_margin_are_the_whole(size):
    shown = picture(*size)
    np.testing.assert_allclose(tiled(local, shown, tile=192, margin=32), local(shown[None]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (201, 333)], ids=str)
def test_pictures_of_any_size_keep_it(size):
    found = tiled(local, picture(*size), tile=128, margin=32)
    assert found.shape == (2, *size)
    assert np.isfinite(found).all()


def test_no_tile_is_larger_than_asked_for_and_all_lie_on_the_grid():
    seen = []

    def said(square):
        seen.append(square.shape)
        return local(square)

    tiled(said, picture(500, 260), tile=128, margin=32)
    assert all(height <= 128 and width <= 128 for _, height, width, _ in seen)
    assert all(side % STRIDE == 0 for _, height, width, _ in seen for side in (height, width))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
def test_a_restorer_leaves_no_seam_and_differs_little_from_the_whole(name):
    """A network sees far beyond a margin, so tiles are not the whole; but nothing may jump where one begins."""
    torch.manual_seed(0)
    network = Restorer(build(f"{name}+width=0.25", 1, seed=1)).eval()
    torch.nn.init.normal_(network.head_said.weight, 0, 0.05)

    def said(square):
        with torch.inference_mode():
            return network(torch.from_numpy(square.copy()).permute(0, 3, 1, 2).float() / 255 - 0.5)[0].numpy()

    shown = picture(256, 512)
    whole, found = said(shown[None]), tiled(said, shown, tile=256, margin=64)
    apart = np.abs(found - whole)
    assert apart.mean() < 0.1 * whole.std()
    jumps = np.abs(np.diff(found - whole, axis=2)).mean(axis=(0, 1))  # between neighbouring columns
    starts = [column for column in range(STRIDE, 512, STRIDE)]
    others = np.delete(jumps, [column - 1 for column in starts])
    assert jumps[[column - 1 for column in starts]].max() < 3 * max(others.max(), 1e-6)
