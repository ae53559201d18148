"""What harms a picture, on purpose and repeatably: noise, compression, shrinking, blur and too little light.

Each is a frozen value that is called with a picture, uint8 (height, width, 3) of any size, and a generator; the result
has the same form, so it is rounded to 8 bits and cut off at black and white, as a file on disk would be.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar

import numpy as np
from PIL import Image

WHITE = 255.0


@dataclass(frozen=True, slots=True)
class Degradation(ABC):
    """One way to harm a picture.

    Attributes:
        title: the harmed picture, in words for people.
    """

    title: ClassVar[str]

    @abstractmethod
    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The harmed picture; what is random in it comes from `rng` alone."""


@dataclass(frozen=True, slots=True)
class GaussianNoise(Degradation):
    """Independent noise of one strength everywhere.

    Args:
        sigma: standard deviation, in grey levels of 255.
    """

    title: ClassVar[str] = "the noisy picture"
    sigma: float = 25.0

    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """With noise on every channel of every pixel."""
        return in_bytes(_noisy(picture.astype(np.float64), self.sigma, rng))


@dataclass(frozen=True, slots=True)
class PoissonGaussianNoise(Degradation):
    """A sensor's noise: photons are counted, and reading them adds to it.

    Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", section II.

    Args:
        peak: photons that a white pixel catches.
        sigma: standard deviation of reading, in grey levels of 255.
    """

    title: ClassVar[str] = "the noisy picture"
    peak: float = 30.0
    sigma: float = 5.0

    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """With noise that grows as the square root of the light."""
        counted = rng.poisson(picture * (self.peak / WHITE)) * (WHITE / self.peak)
        return in_bytes(_noisy(counted, self.sigma, rng))


@dataclass(frozen=True, slots=True)
class Compression(Degradation):
    """JPEG, with colours at half the resolution, as cameras write it; nothing in it is random.

    Args:
        quality: from 1 to 95.
    """

    title: ClassVar[str] = "the compressed picture"
    quality: int = 10

    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Written and read again."""
        del rng
        stream = BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=self.quality, subsampling=2)
        with Image.open(stream) as read:
            return np.array(read.convert("RGB"))


@dataclass(frozen=True, slots=True)
class Shrinking(Degradation):
    """Shrunk by bicubic interpolation, antialiased, and enlarged by it again; nothing in it is random.

    Args:
        factor: by which the sides shrink.
    """

    title: ClassVar[str] = "bicubic interpolation"
    factor: int = 2

    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Of the size it had; sides that the factor does not divide are rounded up in between."""
        del rng
        height, width = picture.shape[:2]
        small = math.ceil(width / self.factor), math.ceil(height / self.factor)
        shrunk = Image.fromarray(picture).resize(small, Image.Resampling.BICUBIC)
        return np.array(shrunk.resize((width, height), Image.Resampling.BICUBIC))


@dataclass(frozen=True, slots=True)
class Blur(Degradation):
    """Out of focus, or moved while the shutter was open; then noise. Edges are mirrored.

    Args:
        kind: `gaussian`, or `motion` along a straight line whose direction is random.
        spread: standard deviation of the Gaussian in pixels, or length of the line.
        sigma: standard deviation of the noise, in grey levels of 255.
    """

    title: ClassVar[str] = "the blurred picture"
    kind: str = "gaussian"
    spread: float = 1.6
    sigma: float = 2.0

    def kernel(self, rng: np.random.Generator) -> np.ndarray:
        """What each pixel is spread over, (side, side) with an odd side, adding up to 1; drawn before the noise."""
        if self.kind == "gaussian":
            away = np.arange(-math.ceil(3 * self.spread), math.ceil(3 * self.spread) + 1)
            line = np.exp(-0.5 * (away / self.spread) ** 2)
            kernel = np.outer(line, line)
            return kernel / kernel.sum()
        return line_kernel(self.spread, rng.uniform(0.0, math.pi))

    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Every channel blurred by the same kernel."""
        from scipy.ndimage import convolve

        kernel = self.kernel(rng)
        blurred = convolve(picture.astype(np.float64), kernel[:, :, None], mode="reflect")
        return in_bytes(_noisy(blurred, self.sigma, rng))


@dataclass(frozen=True, slots=True)
class LittleLight(Degradation):
    """Underexposed: light is cut by a power curve and a factor, then noise comes on top.

    Args:
        gamma: the power; above 1 darkens the middle.
        gain: what white becomes, as a share.
        sigma: standard deviation of the noise, in grey levels of 255.
    """

    title: ClassVar[str] = "the dark picture"
    gamma: float = 2.0
    gain: float = 0.4
    sigma: float = 5.0

    def __call__(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Darker and noisier."""
        dark = WHITE * self.gain * (picture / WHITE) ** self.gamma
        return in_bytes(_noisy(dark, self.sigma, rng))


def in_bytes(values: np.ndarray) -> np.ndarray:
    """Rounded to the nearest level, cut off at black and white.

    >>> in_bytes(np.array([-3.0, 12.6, 300.0])).tolist()
    [0, 13, 255]
    """
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def line_kernel(length: float, angle: float) -> np.ndarray:
    """A line through the middle of a square with an odd side, its weight dealt to the nearest four pixels all along.

    >>> line_kernel(3.0, 0.0).round(2).tolist()[3]
    [0.0, 0.04, 0.29, 0.33, 0.29, 0.04, 0.0]
    """
    half, points = math.ceil(length / 2) + 1, 16 * math.ceil(length)
    along = ((np.arange(points) + 0.5) / points - 0.5) * length
    down, across = half + along * math.sin(angle), half + along * math.cos(angle)
    top, left = np.floor(down).astype(int), np.floor(across).astype(int)
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = np.abs(1 - row - (down - top)) * np.abs(1 - column - (across - left))
        np.add.at(kernel, (top + row, left + column), share)
    return kernel / kernel.sum()


def _noisy(values: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    return values + rng.normal(0.0, sigma, values.shape) if sigma > 0 else values
