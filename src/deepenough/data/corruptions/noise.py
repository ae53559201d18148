"""Noise: of the sensor, of few photons, of dead pixels. Pictures are float (height, width, 3) in [0, 1]."""

from __future__ import annotations

import numpy as np

GAUSSIAN = (0.08, 0.12, 0.18, 0.26, 0.38)  # standard deviation
PHOTONS = (60, 25, 12, 5, 3)  # at full brightness
IMPULSES = (0.03, 0.06, 0.09, 0.17, 0.27)  # share of the values


def gaussian(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Normal noise of one strength everywhere."""
    return image + GAUSSIAN[severity - 1] * rng.standard_normal(image.shape)


def shot(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Poisson noise: each value is a count of photons."""
    photons = PHOTONS[severity - 1]
    return rng.poisson(image * photons) / photons


def impulse(image: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Salt and pepper, each channel by itself, as often one as the other."""
    hit, salt = rng.random(image.shape), rng.random(image.shape) < 0.5
    return np.where(hit < IMPULSES[severity - 1], salt.astype(np.float64), image)
