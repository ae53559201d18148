"""The 15 common corruptions at five severities, seeded and for pictures of any size.

D. Hendrycks and T. Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations", ICLR
2019, arXiv 1903.12261. The strengths are the values that the authors published for pictures of 224 px; lengths in
pixels grow and shrink with the picture's short side, so that a blur covers the same part of the scene at every scale.
Frost is drawn here: the paper blends in photographs of frost, which this program does not hold.

A corruption is a pure function of the picture, its name, the severity and a generator. `corrupted` derives the
generator from the sample's id and the name alone: every network meets the same picture, and severities share draws.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping

import numpy as np

from deepenough.data.corruptions import blur, digital, noise, weather
from deepenough.errors import InputError

__all__ = ["GROUPS", "NAMES", "SEVERITIES", "corrupt", "corrupted", "named"]

Corruption = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]

_ALL: dict[str, dict[str, Corruption]] = {
    "noise": {"gaussian_noise": noise.gaussian, "shot_noise": noise.shot, "impulse_noise": noise.impulse},
    "blur": {
        "defocus_blur": blur.defocus,
        "glass_blur": blur.glass,
        "motion_blur": blur.motion,
        "zoom_blur": blur.zoom,
    },
    "weather": {
        "snow": weather.snow,
        "frost": weather.frost,
        "fog": weather.fog,
        "brightness": weather.brightness,
    },
    "digital": {
        "contrast": digital.contrast,
        "elastic_transform": digital.elastic,
        "pixelate": digital.pixelate,
        "jpeg_compression": digital.jpeg,
    },
}
_FUNCTIONS: dict[str, Corruption] = {name: call for group in _ALL.values() for name, call in group.items()}
GROUPS: Mapping[str, tuple[str, ...]] = {group: tuple(calls) for group, calls in _ALL.items()}
NAMES = tuple(_FUNCTIONS)
SEVERITIES = (1, 2, 3, 4, 5)


def corrupt(image: np.ndarray, name: str, severity: int, rng: np.random.Generator) -> np.ndarray:
    """One corruption of one picture.

    Args:
        image: uint8 (height, width, 3), at least 1 x 1.
        name: of `NAMES`.
        severity: from 1 to 5.
        rng: what is random is drawn from it; brightness, contrast, pixelate and jpeg_compression draw nothing.

    Returns:
        uint8 of the same shape; `image` is not changed.

    Raises:
        ValueError: no such corruption or severity, or no such picture.
    """
    if name not in _FUNCTIONS or severity not in SEVERITIES:
        raise ValueError(f"expected one of {', '.join(NAMES)} at severity 1 to 5, but got {name!r} at {severity!r}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"expected a picture, uint8 (height, width, 3), but got {image.dtype} {image.shape}")
    found = _FUNCTIONS[name](image.astype(np.float64) / 255.0, severity, rng)
    return np.rint(np.clip(found, 0.0, 1.0) * 255.0).astype(np.uint8)


def corrupted(image: np.ndarray, name: str, severity: int, sample_id: str) -> np.ndarray:
    """As `corrupt`, with the generator that belongs to a sample and a corruption.

    >>> grey = np.full((4, 4, 3), 128, np.uint8)
    >>> one, again, other = (corrupted(grey, "gaussian_noise", 3, sample) for sample in ("a", "a", "b"))
    >>> bool((one == again).all()), bool((one == other).all())
    (True, False)
    """
    seed = hashlib.sha256(f"{name}/{sample_id}".encode()).digest()
    return corrupt(image, name, severity, np.random.default_rng(int.from_bytes(seed[:16], "little")))


def named(text: str) -> tuple[str, ...]:
    """The corruptions that a person names: names and groups, or `all`, commas between; in the paper's order.

    Raises:
        InputError: there is no such corruption or group.

    >>> named("fog,noise")
    ('gaussian_noise', 'shot_noise', 'impulse_noise', 'fog')
    """
    asked = [word.strip() for word in text.split(",") if word.strip()]
    chosen: set[str] = set()
    for word in asked:
        if word == "all":
            chosen |= set(NAMES)
        elif word in GROUPS:
            chosen |= set(GROUPS[word])
        elif word in _FUNCTIONS:
            chosen.add(word)
        else:
            near = difflib.get_close_matches(word, [*NAMES, *GROUPS], n=1)
            remedy = f"did you mean {near[0]}?" if near else ""
            expected = f"all, {', '.join(GROUPS)}, or of {', '.join(NAMES)}"
            raise InputError("--corruptions", expected, word, remedy)
    if not chosen:
        raise InputError("--corruptions", f"all, {', '.join(GROUPS)}, or of {', '.join(NAMES)}", "none")
    return tuple(name for name in NAMES if name in chosen)
