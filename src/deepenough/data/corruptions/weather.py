"""Weather: snow, frost, fog and glaring light. Pictures are float (height, width, 3) in [0, 1]."""

from __future__ import annotations

import numpy as np

from deepenough.data.corruptions.blur import trail
from deepenough.data.corruptions.lengths import filtered, scaled, zoomed

# of the flakes: mean, deviation, size in px, least brightness, radius and deviation of their fall in px; share of the
# picture's own colour
SNOW = (
    (0.1, 0.3, 3.0, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2.0, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4.0, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))  # share of the picture, share of the frost
FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))  # thickness, smoothness
BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)  # added to the value
_GREY = np.array([0.299, 0.587, 0.114])


def snow(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """A paler picture under two layers of falling flakes."""
    mean, deviation, size, least, radius, sigma, own = SNOW[severity - 1]
    flakes = zoomed(mean + deviation * rng.standard_normal(image.shape[:2]), max(1.0, scaled(image, size)))
    flakes = np.clip(np.where(flakes < least, 0.0, flakes), 0.0, 1.0)
    kernel = trail(scaled(image, radius), scaled(image, sigma), rng.uniform(-135.0, -45.0))
    fallen = np.clip(filtered(flakes, kernel), 0.0, 1.0)[..., None]
    pale = np.maximum(image, (image @ _GREY)[..., None] * 1.5 + 0.5)
    return own * image + (1.0 - own) * pale + fallen + fallen[::-1, ::-1]


def frost(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Ice crystals before the picture, drawn here in place of the paper's photographs: bright ridges, bluish."""
    own, ice = FROST[severity - 1]
    height, width = image.shape[:2]
    body, ridges = (plasma(height, width, 1.6, rng) for _ in range(2))
    crystals = np.clip(0.35 * body + 0.9 * (1.0 - np.abs(2.0 * ridges - 1.0)) ** 4, 0.0, 1.0)
    tint = np.array([0.86, 0.93, 1.0])
    return own * image + ice * crystals[..., None] * tint


def fog(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Uneven fog; the brightest value stays where it was."""
    thickness, smoothness = FOG[severity - 1]
    brightest = float(image.max())
    height, width = image.shape[:2]
    veiled = image + thickness * plasma(height, width, smoothness, rng)[..., None]
    return veiled * brightest / (brightest + thickness)


def brightness(image: np.ndarray, severity: int, _rng: np.random.Generator) -> np.ndarray:
    """More value at the same hue and saturation (HSV): every pixel is scaled until its largest channel has it."""
    value = image.max(axis=2, keepdims=True)
    brighter = np.minimum(value + BRIGHTNESS[severity - 1], 1.0)
    return np.where(value > 0.0, image * (brighter / np.where(value > 0.0, value, 1.0)), brighter)


def plasma(height: int, width: int, smoothness: float, rng: np.random.Generator) -> np.ndarray:
    """A cloud in [0, 1], (height, width), by midpoint displacement on a torus.

    Fournier, Fussell and Carpenter, "Computer rendering of stochastic models", 1982: each halving of the grid's step
    adds noise whose amplitude is divided by `smoothness`.
    """
    halvings = max(1, int(np.ceil(np.log2(max(height, width, 2)))))
    grid, amplitude = np.zeros((1, 1)), 1.0
    for _ in range(halvings):
        side = len(grid)
        finer = np.empty((2 * side, 2 * side))
        draw = amplitude * rng.uniform(-1.0, 1.0, (3, side, side))
        finer[::2, ::2] = grid
        right, down = np.roll(grid, -1, axis=1), np.roll(grid, -1, axis=0)
        centre = finer[1::2, 1::2] = (grid + right + down + np.roll(right, -1, axis=0)) / 4 + draw[0]
        finer[::2, 1::2] = (grid + right + centre + np.roll(centre, 1, axis=0)) / 4 + draw[1]
        finer[1::2, ::2] = (grid + down + centre + np.roll(centre, 1, axis=1)) / 4 + draw[2]
        grid, amplitude = finer, amplitude / smoothness
    spread = grid.max() - grid.min()
    return ((grid - grid.min()) / spread)[:height, :width]
