"""Average precision of found boxes as COCO counts it, with the matches made once and any weights of the images.

Boxes are matched within an image and a class, the surest first, each to the box of the truth that it overlaps most and
that is free; at ten overlaps from 0.50 to 0.95. Precision is made monotone and read at 101 recalls. Lin et al. 2014,
arXiv 1405.0312, and the rules of its evaluation (cocodataset.org/#detection-eval): a crowd may be matched by any
number of boxes, and what is matched to a crowd, to an ignored box or to one of another size counts neither way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepenough.stats.distributions import FloatArray

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
SIZES = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
MOST = 100  # boxes of an image and class that are judged, the surest


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The objects of an image.

    Args:
        boxes: left, top, right, bottom in pixels, (objects, 4).
        labels: class numbers, (objects,).
        areas: square pixels, by which they are small, medium or large, (objects,).
        crowd: whether a box holds many, (objects,).
        ignored: whether to find it counts neither way, (objects,); crowds are ignored too.
    """

    boxes: np.ndarray
    labels: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    ignored: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The boxes that were found in an image: boxes as in `Truth`, scores and labels (boxes,)."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What became of the boxes of one class in all images, the surest first.

    Args:
        image: of each box, (boxes,).
        right: whether it is a true positive at each overlap, (overlaps, boxes).
        wrong: whether it is a false one; neither where it does not count.
        positives: objects of each image that count, (images,).
    """

    image: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    positives: np.ndarray

    @property
    def judged(self) -> bool:
        """Whether two images show the class, so that it has a precision without any one of them."""
        return int((self.positives > 0).sum()) >= 2

    def precision(self, weights: FloatArray) -> FloatArray:
        """Average precision at each overlap, (resamples, overlaps), under weights (resamples, images); NaN of none.

        Where all images of the class count once it is computed once, so leaving out each image in turn costs no more
        than the images that show the class or were said to.
        """
        touched = np.union1d(self.image, np.flatnonzero(self.positives)).astype(np.int64)
        once = (weights[:, touched] == 1.0).all(axis=1)
        result = np.empty((len(weights), len(self.right)))
        if once.any():
            result[once] = self._at(weights[np.argmax(once)])
        for row in np.flatnonzero(~once):
            result[row] = self._at(weights[row])
        return result

    def _at(self, weight: FloatArray) -> FloatArray:
        total = float(weight @ self.positives)
        if total <= 0:
            return np.full(len(self.right), np.nan)
        each = weight[self.image]
        right = np.cumsum(self.right * each, axis=1)
        wrong = np.cumsum(self.wrong * each, axis=1)
        precision = right / (right + wrong + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        padded = np.concatenate([precision, np.zeros((len(precision), 1))], axis=1)  # recalls that are never reached
        places = (np.searchsorted(reached, RECALLS) for reached in right / total)
        return np.array([row[place].mean() for row, place in zip(padded, places, strict=True)])


def match(found: Sequence[Found], truth: Sequence[Truth], label: int, size: str = "all") -> Matches:
    """Match the boxes of one class in all images.

    Args:
        found: of each image.
        truth: of each image, in the same order.
        label: the class's number.
        size: a key of `SIZES`; objects of another size are ignored, and so are boxes of another size that match none.
    """
    parts = [_in_image(boxes, objects, label, SIZES[size]) for boxes, objects in zip(found, truth, strict=True)]
    scores = np.concatenate([part[0] for part in parts])
    order = np.argsort(-scores, kind="stable")
    image = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    right, wrong = (np.concatenate([part[which] for part in parts], axis=1)[:, order] for which in (1, 2))
    positives = np.array([part[3] for part in parts], np.float64)
    return Matches(image[order], right, wrong, positives)


def overlaps(boxes: np.ndarray, objects: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Intersection over union, (boxes, objects); over the box's own area where the object is a crowd.

    >>> overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [0, 0, 9, 9]]), np.array([False, True])).round(3)
    array([[0.333, 1.   ]])
    """
    low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], objects[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    own, other = (np.prod(rows[:, 2:] - rows[:, :2], axis=1) for rows in (boxes, objects))
    union = np.where(crowd[None, :], own[:, None], own[:, None] + other[None, :] - shared)
    return np.divide(shared, union, out=np.zeros_like(shared, dtype=np.float64), where=union > 0)


def _in_image(
    found: Found, truth: Truth, label: int, size: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Scores (boxes,), right and wrong (overlaps, boxes) of an image's boxes of a class, and its objects that count."""
    chosen, there = np.flatnonzero(found.labels == label), np.flatnonzero(truth.labels == label)
    if not len(chosen) and not len(there):
        return _NOTHING
    chosen = chosen[np.argsort(-found.scores[chosen], kind="stable")][:MOST]
    boxes, scores = found.boxes[chosen].astype(np.float64), found.scores[chosen].astype(np.float64)
    areas, crowd = truth.areas[there], truth.crowd[there]
    ignored = crowd | truth.ignored[there] | (areas < size[0]) | (areas > size[1])
    own = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    outside = (own < size[0]) | (own > size[1])
    shared = overlaps(boxes, truth.boxes[there].astype(np.float64), crowd)
    state = _matched(shared, crowd, ignored)
    right, aside = state == _RIGHT, (state == _ASIDE) | ((state == _ALONE) & outside)
    return scores, right, ~right & ~aside, int((~ignored).sum())


_ALONE, _RIGHT, _ASIDE = 0, 1, 2
_NOTHING = np.zeros(0), np.zeros((len(OVERLAPS), 0), bool), np.zeros((len(OVERLAPS), 0), bool), 0


def _matched(shared: np.ndarray, crowd: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """What becomes of each box at each overlap, int8 (overlaps, boxes), the boxes in their order.

    An object that counts goes before an ignored one; of two that overlap alike the later is taken, as COCO's code does.
    """
    boxes, objects = shared.shape
    state = np.zeros((len(OVERLAPS), boxes), np.int8)
    if not objects:
        return state
    taken = np.zeros((len(OVERLAPS), objects), bool)
    least, rows = np.minimum(OVERLAPS, 1 - 1e-10)[:, None], np.arange(len(OVERLAPS))
    for box in np.flatnonzero(shared.max(axis=1) >= least[0]):
        free = (shared[box] >= least) & (~taken | crowd)
        for kind, said in ((~ignored, _RIGHT), (ignored, _ASIDE)):
            value = np.where(free & kind, shared[box], -1.0)
            best = objects - 1 - value[:, ::-1].argmax(axis=1)
            new = (value[rows, best] >= 0) & (state[:, box] == _ALONE)
            state[new, box] = said
            taken[rows[new], best[new]] = True
    return state
