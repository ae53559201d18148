"""Tell-tale shortcuts: whether the form of a file, which shows nothing, predicts its class.

Each property alone predicts the class of a fifth of the pictures from the other four: the largest class among pictures
of the same value, for numbers of the same 32nd part of the ordered values. That is compared, picture by picture, with
the largest class of all. A gain counts where the lower end of its interval (normal, 95 %, Bonferroni over properties)
is at least `LEAST_GAIN`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from deepenough.data.opened import Opened
from deepenough.records import Finding

LEAST_GAIN = 0.05
FEWEST = 100  # pictures; below it the intervals mean little
_FOLDS = 5
_BINS = 32

_NUMBERS: Mapping[str, Callable[[Opened], float]] = {
    "width": lambda item: item.width,
    "height": lambda item: item.height,
    "ratio of width to height": lambda item: item.width / item.height,
    "number of bytes a pixel": lambda item: item.bytes / (item.width * item.height),
}
_KINDS: Mapping[str, Callable[[Opened], object]] = {
    "exact size": lambda item: (item.width, item.height),
    "file format": lambda item: item.format,
    "strength of JPEG compression": lambda item: item.compression,
    "kind of colour": lambda item: tuple(sorted(item.traits & {"grey", "palette", "cmyk", "alpha", "deep"})),
    "colour profile": lambda item: "profile" in item.traits,
    "EXIF orientation": lambda item: "rotated" in item.traits,
}


class Shortcut(NamedTuple):
    """What one property alone predicts; shares of pictures."""

    name: str
    accuracy: float
    majority: float
    low: float  # of the gain
    high: float


def shortcuts(kept: Sequence[Opened]) -> list[Shortcut]:
    """The properties that predict the class, the most telling first.

    Args:
        kept: in the order of their content hash, which is as good as chance.
    """
    if len(kept) < FEWEST:
        return []
    targets = np.unique([item.target for item in kept], return_inverse=True)[1]
    properties = {name: (np.array([float(of(item)) for item in kept]), True) for name, of in _NUMBERS.items()}
    properties |= {name: (_numbered([of(item) for item in kept]), False) for name, of in _KINDS.items()}
    reach = NormalDist().inv_cdf(1 - 0.025 / len(properties))
    majority = _right(np.zeros(len(kept)), targets, ordered=False)
    found = []
    for name, (values, ordered) in properties.items():
        right = _right(values, targets, ordered=ordered)
        gain = right.astype(float) - majority
        half = reach * gain.std(ddof=1) / len(gain) ** 0.5
        if gain.mean() - half >= LEAST_GAIN:
            found.append(Shortcut(name, right.mean(), majority.mean(), gain.mean() - half, gain.mean() + half))
    return sorted(found, key=lambda shortcut: -shortcut.accuracy)


def shortcut_findings(kept: Sequence[Opened]) -> list[Finding]:
    """The same, for people."""
    return [
        Finding(
            kind="shortcut",
            severity="warning",
            message=(
                f"The {found.name} alone predicts the class of {100 * found.accuracy:.1f}% of the pictures, where "
                f"always the largest class is right for {100 * found.majority:.1f}% (gain {100 * found.low:.1f} to "
                f"{100 * found.high:.1f} points): a network may learn that instead of what they show."
            ),
            count=len(kept),
        )
        for found in shortcuts(kept)
    ]


def _numbered(values: Sequence[object]) -> np.ndarray:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values])


def _right(values: np.ndarray, targets: np.ndarray, *, ordered: bool) -> np.ndarray:
    """Whether each picture's class is the one predicted from the pictures of the other folds; bool (pictures,)."""
    right = np.empty(len(targets), bool)
    for fold in range(_FOLDS):
        held = np.arange(len(targets)) % _FOLDS == fold
        cells = _binned(values, values[~held]) if ordered else values.astype(int)
        counts = np.zeros((cells.max() + 1, targets.max() + 1), int)
        np.add.at(counts, (cells[~held], targets[~held]), 1)
        answers = np.where(counts.sum(1) > 0, counts.argmax(1), counts.sum(0).argmax())
        right[held] = answers[cells[held]] == targets[held]
    return right


def _binned(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
    return np.searchsorted(edges, values, side="right")
