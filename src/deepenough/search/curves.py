"""Accuracy over what is spent: training images, training time, network size, image side; for both depths, with bands.

Between two settings that were trained, a curve is the straight line over the logarithm of what is spent, so every value
of it, and every difference of two curves, is a weighted sum of means, whose error `stats.joint` knows. Where the curves
cross is where their difference is 0; its interval is all places at which the difference's own interval reaches 0 (E.
Fieller, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16, 1954, in this form).

Beyond what was trained there is a power law of the error, `e = a x^-b` (J. Hestness et al., "Deep learning scaling is
predictable, empirically", arXiv 1712.00409), and no more than twice as far. It is fitted without the last setting first
and held against that; where it misses it by more than chance, nothing is extrapolated, and where it does not, what it
misses widens the band.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deepenough.errors import StudyError
from deepenough.stats import Joint, joint_means

AXES = ("images", "time", "size", "side")
LAWFUL = ("images", "time")  # axes along which the error is taken to fall by a power law
FARTHEST = 2.0  # times the last setting
FEWEST_FOR_LAW = 4  # settings: three to fit and one to hold out
FEWEST_SEEDS = 2
_GRID = 41  # places between the ends at which curves and their difference are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One setting of a curve.

    Args:
        base: the contender whose curve it is on.
        contender: that was trained.
        scale: at which it was tested, px.
        x: what was spent; above 0.
    """

    base: str
    contender: str
    scale: int
    x: float


Scores = Mapping[tuple[str, int], npt.NDArray[np.float64]]


def curve(
    axis: str, settings: Sequence[Spent], scores: Scores, *, multiplier: float, highest: float | None
) -> dict[str, Any]:
    """The curves of one axis, their difference, where they cross, and what may be said beyond them.

    Args:
        axis: of `AXES`.
        settings: of two bases, the small one first; at least two of each.
        scores: by contender and scale, (seeds, samples), the samples the same and in the same order.
        multiplier: from scores to the unit shown.
        highest: the most that a mean can be, for the power law; None where there is no such thing.

    Returns:
        Plain values: `points`, `difference` (rows of place, difference, and the ends of its interval), `crossing` (None
        where the curves do not cross), `leads`, `leads_surely`, and `beyond` by base; means and differences in the
        unit, the second base minus the first.

    Raises:
        StudyError: fewer than two seeds.
    """
    bases = list(dict.fromkeys(each.base for each in settings))
    ordered = [each for base in bases for each in sorted(_of(settings, base), key=lambda each: each.x)]
    joint, places = _joint(ordered, scores)
    lines = {base: _Line(_of(ordered, base), places, len(joint.means)) for base in bases}
    low, high = (end(line.ends[at] for line in lines.values()) for at, end in ((0, max), (1, min)))
    grid = np.geomspace(low, high, _GRID) if low < high else np.array([])
    return {
        "axis": axis,
        "bases": bases,
        "points": [_point(each, joint, places, multiplier) for each in ordered],
        "difference": _differences(grid, lines, bases, joint, multiplier),
        **_crossing(grid, lines, bases, joint),
        "beyond": {
            base: _beyond(line, joint, multiplier, highest) if axis in LAWFUL and highest is not None else None
            for base, line in lines.items()
        },
    }


def _of(settings: Sequence[Spent], base: str) -> list[Spent]:
    return [each for each in settings if each.base == base]


def _joint(settings: Sequence[Spent], scores: Scores) -> tuple[Joint, dict[tuple[str, int], int]]:
    """The joint means, and the column of each contender and scale; scales of one contender share its seeds."""
    names = list(dict.fromkeys(each.contender for each in settings))
    groups, places = [], {}
    for name in names:
        scales = sorted({each.scale for each in settings if each.contender == name})
        places |= {(name, scale): len(places) + at for at, scale in enumerate(scales)}
        groups.append(np.stack([scores[name, scale] for scale in scales], axis=1))
    if min(len(group) for group in groups) < FEWEST_SEEDS:
        raise StudyError("--seeds", f"at least {FEWEST_SEEDS} to tell a curve from luck", "1", "train more seeds")
    return joint_means(groups), places


class _Line:
    """A curve as weights of the means at any place of it."""

    def __init__(self, settings: Sequence[Spent], places: Mapping[tuple[str, int], int], columns: int) -> None:
        self.x = np.array([each.x for each in settings])
        self.columns = [places[each.contender, each.scale] for each in settings]
        self._all = columns

    @property
    def ends(self) -> tuple[float, float]:
        return float(self.x[0]), float(self.x[-1])

    def weights(self, x: float) -> npt.NDArray[np.float64]:
        """Of all columns; those of the two settings beside `x`, by its distance to either in logarithms."""
        units = np.eye(len(self.x))
        own = [np.interp(math.log(x), np.log(self.x), unit) for unit in units]
        return self.spread(own)

    def spread(self, own: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Weights of this curve's settings as weights of all columns."""
        found = np.zeros(self._all)
        found[self.columns] = own
        return found


def _point(each: Spent, joint: Joint, places: Mapping[tuple[str, int], int], multiplier: float) -> dict[str, Any]:
    weights = np.zeros(len(joint.means))
    weights[places[each.contender, each.scale]] = 1.0
    found = joint.contrast(weights).scaled(multiplier)
    return {
        "base": each.base,
        "contender": each.contender,
        "scale": each.scale,
        "x": each.x,
        "mean": found.difference,
        "interval": list(found.interval),
    }


def _differences(
    grid: npt.NDArray[np.float64], lines: Mapping[str, _Line], bases: Sequence[str], joint: Joint, multiplier: float
) -> list[list[float]]:
    small, big = (lines[base] for base in bases)
    rows = []
    for x in grid:
        found = joint.contrast(big.weights(x) - small.weights(x)).scaled(multiplier)
        rows.append([float(x), found.difference, *found.interval])
    return rows


def _crossing(
    grid: npt.NDArray[np.float64], lines: Mapping[str, _Line], bases: Sequence[str], joint: Joint
) -> dict[str, Any]:
    """Where the difference last changes its sign, and the places around it that cannot be told from a crossing.

    An end of the interval is None where it reaches the end of what was trained: there it is open.
    """
    rows = _differences(grid, lines, bases, joint, 1.0)
    signs = [math.copysign(1.0, row[1]) for row in rows]
    turns = [at for at in range(1, len(rows)) if signs[at] != signs[at - 1]]
    if not turns:
        sure = bool(rows) and all(low > 0 or high < 0 for _, _, low, high in rows)
        leads = None if not rows else bases[1] if signs[0] > 0 else bases[0]
        return {"crossing": None, "leads": leads, "leads_surely": sure}
    at = turns[-1]
    (x0, d0, *_), (x1, d1, *_) = rows[at - 1], rows[at]
    place = math.exp(math.log(x0) + (math.log(x1) - math.log(x0)) * d0 / (d0 - d1))
    open_ = [low <= 0.0 <= high for _, _, low, high in rows]
    first, last = at - 1, at
    while first > 0 and open_[first]:
        first -= 1
    while last < len(rows) - 1 and open_[last]:
        last += 1
    low = None if open_[first] else rows[first][0]
    high = None if open_[last] else rows[last][0]
    return {
        "crossing": {"x": place, "low": low, "high": high},
        "leads": bases[1] if signs[-1] > 0 else bases[0],
        "leads_surely": high is not None,
    }


def _beyond(line: _Line, joint: Joint, multiplier: float, highest: float) -> dict[str, Any] | None:
    """What the power law says up to `FARTHEST` times the last setting, and how it did on that when held out."""
    errors = highest - joint.means[line.columns]
    if len(line.x) < FEWEST_FOR_LAW or not (errors > 0).all():
        return None
    last = float(line.x[-1])
    held = _law(line.x[:-1], last)
    log_predicted = float(held @ np.log(errors[:-1]))
    miss = math.log(errors[-1]) - log_predicted
    # the error of a logarithm is that of its mean over the mean; of 1 - mean, with the other sign
    off = joint.contrast(line.spread(np.append(held, -1.0) / errors))
    half = (off.interval[1] - off.interval[0]) / 2.0
    tested = {
        "x": last,
        "observed": multiplier * (highest - errors[-1]),
        "predicted": multiplier * (highest - math.exp(log_predicted)),
        "interval": [multiplier * (highest - math.exp(log_predicted + sign * half)) for sign in (1, -1)],
        "passed": abs(miss) <= half,
    }
    rows = []
    for x in np.geomspace(last, FARTHEST * last, 9):
        weights = _law(line.x, float(x))
        said = joint.contrast(line.spread(weights / errors))
        wide = (said.interval[1] - said.interval[0]) / 2.0 + abs(miss)
        log_error = float(weights @ np.log(errors))
        rows.append([float(x), *(multiplier * (highest - math.exp(log_error + by)) for by in (0.0, wide, -wide))])
    return {"held_out": tested, "rows": rows if tested["passed"] else []}


def _law(x: npt.NDArray[np.float64], at: float) -> npt.NDArray[np.float64]:
    """Weights of the logarithms at `x` whose sum is the least-squares line's value at `at`, in logarithms.

    >>> _law(np.array([1.0, 10.0]), 100.0).round(6).tolist()
    [-1.0, 2.0]
    """
    logs = np.log(x)
    centred = logs - logs.mean()
    return 1.0 / len(x) + centred * (math.log(at) - logs.mean()) / float(centred @ centred)
