"""Methods that mend a picture without any training: what a network has to be better than.

Each takes a degraded picture, uint8 (height, width, 3), and gives one of that form. They know what harmed the picture
and how strongly, which a network has to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from deepenough.errors import InputError
from deepenough.tasks.degrading import (
    WHITE,
    Blur,
    Degradation,
    GaussianNoise,
    LittleLight,
    PoissonGaussianNoise,
    in_bytes,
)

Method = Callable[[np.ndarray, np.random.Generator], np.ndarray]
_BALANCE = 0.02  # of Wiener's filter: how much smoothness weighs against what was seen


def methods(degradation: Degradation, *, bm3d: bool = False) -> Mapping[str, Method]:
    """What is known against a degradation, by its name for people; what leaves the picture as it is comes first.

    A method is also handed the generator that harmed the picture, at its state before: a motion's direction is taken as
    known, as the strength of noise is.

    Args:
        degradation: of the pictures.
        bm3d: with BM3D (Dabov et al. 2007), where there is noise of a known strength.

    Raises:
        InputError: BM3D was asked for and is not installed, or there is no such noise.
    """
    found: dict[str, Method] = {degradation.title: _as_it_is}
    if isinstance(degradation, GaussianNoise | PoissonGaussianNoise):
        noise = degradation
        found["non-local means"] = lambda picture, _rng: _non_local_means(picture, strength(noise, picture))
        if bm3d:
            _require_bm3d()
            found["BM3D"] = lambda picture, _rng: _bm3d(picture, strength(noise, picture))
    elif bm3d:
        raise InputError("task_options: bm3d", "noise: gaussian or poisson, whose strength is known", "none of them")
    elif isinstance(degradation, Blur):
        blur = degradation
        found["Wiener's filter"] = lambda picture, rng: _wiener(picture, blur.kernel(rng))
    elif isinstance(degradation, LittleLight):
        light = degradation
        found["the inverse curve"] = lambda picture, _rng: _brightened(picture, light)
    return found


def strength(noise: GaussianNoise | PoissonGaussianNoise, picture: np.ndarray) -> float:
    """Standard deviation of the noise in a picture, in grey levels; of a sensor's noise that of the mean light."""
    if isinstance(noise, GaussianNoise):
        return noise.sigma
    return float(np.sqrt(noise.sigma**2 + WHITE * picture.mean() / noise.peak))


def _as_it_is(picture: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return picture


def _non_local_means(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Buades et al. 2005, patches of 5 x 5 within 13 x 13; the filter's strength did best on pictures not tested."""
    from skimage.restoration import denoise_nl_means

    share = sigma / WHITE
    mended = denoise_nl_means(
        picture / WHITE,
        patch_size=5,
        patch_distance=6,
        h=0.6 * share,
        sigma=share,
        fast_mode=True,
        channel_axis=-1,
    )
    return in_bytes(WHITE * mended)


def _require_bm3d() -> None:
    try:
        import bm3d  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ImportError:
        remedy = "pip install bm3d, whose licence is for non-commercial use only"
        raise InputError("task_options: bm3d", "the package bm3d", "none installed", remedy) from None


def _bm3d(picture: np.ndarray, sigma: float) -> np.ndarray:
    """In an opponent colour space, by its authors' own package."""
    from bm3d import bm3d_rgb  # pyright: ignore[reportMissingImports]

    return in_bytes(WHITE * bm3d_rgb(picture / WHITE, sigma / WHITE))


def _wiener(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Of the true kernel, on the picture with mirrored edges, which the filter else takes for its far side."""
    from skimage.restoration import wiener

    edge = 2 * kernel.shape[0]
    wide = np.pad(picture / WHITE, ((edge, edge), (edge, edge), (0, 0)), mode="symmetric")
    channels = [np.asarray(wiener(wide[:, :, channel], kernel, _BALANCE, clip=False)) for channel in range(3)]
    mended = np.stack(channels, axis=2)
    return in_bytes(WHITE * mended[edge:-edge, edge:-edge])


def _brightened(picture: np.ndarray, light: LittleLight) -> np.ndarray:
    """The curve undone; the noise grows with it."""
    return in_bytes(WHITE * (picture / (WHITE * light.gain)) ** (1.0 / light.gamma))
