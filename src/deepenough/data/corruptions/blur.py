"""Blur: out of focus, behind glass, in motion, while zooming. Pictures are float (height, width, 3) in [0, 1]."""

from __future__ import annotations

import math

import numpy as np

from deepenough.data.corruptions.lengths import filtered, scaled, smoothed, zoomed

DEFOCUS = ((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5))  # radius of the disc and blur of its edge, px
GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))  # blur, px; reach of a swap, px; rounds
MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))  # radius and deviation along the way, px
ZOOM = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))  # below which factor, in which steps
_FINE = 5  # points across a pixel of the disc


def defocus(image: np.ndarray, severity: int, _rng: np.random.Generator) -> np.ndarray:
    """A disc of light for every point."""
    radius, edge = (scaled(image, length) for length in DEFOCUS[severity - 1])
    return filtered(image, disc(radius, edge))


def disc(radius: float, edge: float) -> np.ndarray:
    """A disc as a kernel of sum 1, each pixel by the part of it that the disc covers, then blurred by `edge`."""
    reach = math.ceil(radius + 3 * edge)
    fine = (np.arange((2 * reach + 1) * _FINE) + 0.5) / _FINE - reach - 0.5
    inside = (fine[:, None] ** 2 + fine[None] ** 2 <= max(radius, 0.5 / _FINE) ** 2).astype(np.float64)
    side = 2 * reach + 1
    kernel = smoothed(inside.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3)), edge)
    return kernel / kernel.sum()


def glass(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Pixels that change places with near ones, between two slight blurs."""
    length, reach, rounds = GLASS[severity - 1]
    sigma, reach = scaled(image, length), scaled(image, reach)
    height, width = image.shape[:2]
    places = list(range(height * width))
    for _ in range(rounds):
        # of a whole reach this is uniform over its steps; of a part of one, pixels move the more rarely
        shifts = np.rint((2 * rng.random((2, height, width)) - 1) * (reach + 0.5)).astype(int)
        rows = np.clip(np.arange(height)[:, None] + shifts[0], 0, height - 1)
        columns = np.clip(np.arange(width)[None] + shifts[1], 0, width - 1)
        partners = (rows * width + columns).ravel().tolist()
        for place in range(height * width - 1, -1, -1):  # one after the other: a pixel may wander
            other = partners[place]
            places[place], places[other] = places[other], places[place]
    moved = smoothed(image, sigma).reshape(-1, 3)[places].reshape(image.shape)
    return smoothed(moved, sigma)


def motion(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """A trail in one direction, at most 45 degrees off the horizontal."""
    radius, sigma = (scaled(image, length) for length in MOTION[severity - 1])
    return filtered(image, trail(radius, sigma, rng.uniform(-45.0, 45.0)))


def trail(radius: float, sigma: float, degrees: float) -> np.ndarray:
    """A kernel of sum 1 along a ray from its centre, of twice the radius, its weights half a normal curve."""
    reach = math.ceil(2 * radius) + 1
    steps = np.linspace(0.0, 2 * radius, max(2, 4 * math.ceil(2 * radius) + 1))
    weights = np.exp(-0.5 * (steps / max(sigma, 1e-6)) ** 2)
    angle = math.radians(degrees)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    rows, columns = reach - steps * math.sin(angle), reach + steps * math.cos(angle)
    for row_part in (0, 1):  # each point is shared by the four pixels around it
        for column_part in (0, 1):
            row, column = np.floor(rows).astype(int) + row_part, np.floor(columns).astype(int) + column_part
            share = (1 - np.abs(rows - row)) * (1 - np.abs(columns - column))
            np.add.at(kernel, (row, column), weights * share)
    return kernel / kernel.sum()


def zoom(image: np.ndarray, severity: int, _rng: np.random.Generator) -> np.ndarray:
    """The mean of the picture and of enlargements of it."""
    below, step = ZOOM[severity - 1]
    factors = np.arange(1.0, below, step)
    return (image + sum(zoomed(image, factor) for factor in factors)) / (len(factors) + 1)
