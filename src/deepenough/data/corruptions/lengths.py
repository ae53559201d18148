"""Lengths that the paper gives in pixels of a 224 px picture, in those of the picture at hand."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

REFERENCE = 224  # pixels


def scaled(image: np.ndarray, length: float) -> float:
    """A length of the paper's in this picture's pixels, by its short side.

    >>> scaled(np.zeros((448, 900, 3)), 10.0)
    20.0
    """
    return length * min(image.shape[:2]) / REFERENCE


def zoomed(image: np.ndarray, factor: float) -> np.ndarray:
    """The picture enlarged about its centre and cut to its size, bilinear; (height, width, ...) in and out."""
    height, width = image.shape[:2]
    rows, columns = ((np.arange(size) - (size - 1) / 2) / factor + (size - 1) / 2 for size in (height, width))
    return sampled(image, *np.meshgrid(rows, columns, indexing="ij"))


def sampled(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The picture read at real places, bilinear, mirrored beyond its edges.

    Args:
        image: (height, width) or (height, width, channels).
        rows: of each place, (height, width).
        columns: the same.
    """
    layers = image[..., None] if image.ndim == 2 else image
    read = [
        ndimage.map_coordinates(layers[..., channel], [rows, columns], order=1, mode="reflect")
        for channel in range(layers.shape[2])
    ]
    return read[0] if image.ndim == 2 else np.stack(read, axis=2)


def smoothed(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of each channel, edges mirrored; `sigma` in this picture's pixels."""
    own = (sigma, sigma) if image.ndim == 2 else (sigma, sigma, 0)
    return ndimage.gaussian_filter(image, own, mode="reflect", truncate=3.0)


def filtered(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Each channel under a kernel of sum 1 with odd sides, edges mirrored as often as the kernel reaches."""
    layers = image[..., None] if image.ndim == 2 else image
    high, wide = (side // 2 for side in kernel.shape)
    padded = np.pad(layers, ((high, high), (wide, wide), (0, 0)), mode="symmetric")
    size = [side + reach - 1 for side, reach in zip(padded.shape[:2], kernel.shape, strict=True)]
    spectrum = np.fft.rfft2(padded, size, axes=(0, 1)) * np.fft.rfft2(kernel, size)[..., None]
    whole = np.fft.irfft2(spectrum, size, axes=(0, 1))
    cut = whole[2 * high : 2 * high + layers.shape[0], 2 * wide : 2 * wide + layers.shape[1]]
    return cut[..., 0] if image.ndim == 2 else cut
