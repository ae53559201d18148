"""Before anything is trained: what a study of some size can decide, from assumptions or from a pilot's components.

All here is in points of accuracy (a pilot of another score: in its unit), and says what it assumes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepenough.comparison.needs import in_samples
from deepenough.comparison.pilot import Pilot
from deepenough.errors import InputError
from deepenough.records import Needed
from deepenough.stats import Components, Price, check_margin, needed, smallest_margin, with_upper_seed_sds
from deepenough.stats.prediction import predicted_estimate
from deepenough.stats.simulation import Family

SEEDS = (3, 5, 10, 20)  # of each network; fewer than 3 make no verdict on architectures that keeps its error rate
SEED_SDS = (0.0, 0.1, 0.3, 1.0)  # points; shown side by side where nothing is known
POINTS = 100.0
MOST_IMAGES = 10**9  # test images; more than anybody will have
_SHARE_ACROSS = 0.35  # of what two unrelated networks of that accuracy would differ on: 6.3 % at 90 %
_SAME_TO_ACROSS = 0.045 / 0.063  # docs/statistics.md: the family on which the error rates were measured
_CURVE = 25  # numbers of samples at which curves are drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is taken for true where nothing was measured; accuracy and disagreements in per cent of the images."""

    accuracy: float  # of both networks
    same: float  # two trainings of one network differ in being right
    across: float  # one training of each network

    def components(self, seed_sd: float) -> Components:
        """Variance components in squared points, for a seed SD in points."""
        family = Family(accuracy=self.accuracy / POINTS, same=self.same / POINTS, across=self.across / POINTS)
        return in_points(family.components((seed_sd / POINTS, seed_sd / POINTS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One set of variance components and what follows; a number of seeds is that of each network."""

    name: str
    seed_sd: tuple[float, ...]  # of each network, or of the one value assumed for both
    components: Components
    margins: dict[int, float]  # seeds -> the smallest margin that the images at hand are sure to decide
    curves: dict[int, list[float]]  # seeds -> the same for each number of `Prospect.grid`
    needed: Needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What can be decided, before it is done."""

    margin: float
    unit: str
    images: int  # test images at hand
    seeds: tuple[int, ...]
    grid: list[int]  # numbers of test images
    assumed: Assumptions | None  # None where a pilot was measured
    pilot: Pilot | None
    price: Price | None
    scenarios: list[Scenario]


def assume(accuracy: float | None = None, disagreement: float | None = None) -> Assumptions:
    """Assumptions, with what is not given filled in from the family on which the error rates were measured.

    Args:
        accuracy: of both networks, in per cent; 90 where not given.
        disagreement: share of images on which one training of each network differ in being right, in per cent; where
            not given, 35 % of what two unrelated networks of that accuracy would have. Two trainings of one network are
            taken to differ on 5/7 of it.

    Raises:
        InputError: if the accuracy or the disagreement cannot be.

    >>> assume()
    Assumptions(accuracy=90.0, same=4.5, across=6.3)
    """
    right = 90.0 if accuracy is None else float(accuracy)
    if not 0 < right < 100:
        raise InputError("--accuracy", "a number between 0 and 100, in per cent", f"{right:g}")
    if right <= 1:
        raise InputError("--accuracy", "per cent", f"{right:g}", f"for {right:g} as a share write {right * 100:g}")
    unrelated = 2.0 * right * (100.0 - right) / 100.0
    across = _SHARE_ACROSS * unrelated if disagreement is None else float(disagreement)
    if not 0 < across <= unrelated:
        expected = (
            f"more than 0 and at most {unrelated:.1f} % of the images, on which two unrelated networks of {right:g} % "
            "accuracy differ in being right"
        )
        raise InputError("--disagreement", expected, f"{across:g}", "give another, or another --accuracy")
    return Assumptions(accuracy=right, same=round(_SAME_TO_ACROSS * across, 10), across=round(across, 10))


def prospect_of_assumptions(
    assumed: Assumptions, seed_sd: float | None, *, images: int, margin: float, price: Price | None = None
) -> Prospect:
    """What can be decided under assumptions, for one seed SD in points or for the ladder `SEED_SDS`.

    Raises:
        InputError: if the margin, the images or the seed SD cannot be.
    """
    _check(images, margin)
    most = math.sqrt(assumed.accuracy * (100.0 - assumed.accuracy))
    if seed_sd is not None and not 0 <= seed_sd <= most:
        expected = f"a number from 0 to {most:.1f} points, the most that {assumed.accuracy:g} % accuracy allows"
        raise InputError("--seed-sd", expected, f"{seed_sd:g}")
    grid = _grid(images)
    scenarios = [
        _scenario(
            f"{sd:g}", (sd,), assumed.components(sd), gain=0.0, per_unit=1.0, images=images, margin=margin, price=price
        )
        for sd in (SEED_SDS if seed_sd is None else (seed_sd,))
    ]
    return Prospect(
        margin=margin,
        unit="points",
        images=images,
        seeds=SEEDS,
        grid=grid,
        assumed=assumed,
        pilot=None,
        price=price,
        scenarios=scenarios,
    )


def prospect_of_pilot(pilot: Pilot, *, images: int, margin: float, price: Price | None = None) -> Prospect:
    """What can be decided if the components are those of a pilot, as measured and with seeds at their upper bound."""
    _check(images, margin)
    estimate = pilot.estimate
    parts = {"as measured": estimate.components, "upper bound": with_upper_seed_sds(estimate)}
    scenarios = [
        _scenario(
            name,
            tuple(math.sqrt(v) for v in own.seed_variances),
            own,
            gain=estimate.difference,
            per_unit=pilot.images / estimate.samples,
            images=images,
            margin=margin,
            price=price,
        )
        for name, own in parts.items()
    ]
    return Prospect(
        margin=margin,
        unit=pilot.measure.unit,
        images=images,
        seeds=SEEDS,
        grid=_grid(images),
        assumed=None,
        pilot=pilot,
        price=price,
        scenarios=scenarios,
    )


def in_points(parts: Components) -> Components:
    """Components of shares as those of points."""
    square = POINTS * POINTS
    return Components(
        seed_variances=tuple(v * square for v in parts.seed_variances),
        residual_variances=tuple(v * square for v in parts.residual_variances),
        sample_variance=parts.sample_variance * square,
    )


def _check(images: int, margin: float) -> None:
    check_margin(margin)
    if images < 2:
        raise InputError("--images", "at least 2 test images", str(images))
    if images > MOST_IMAGES:
        raise InputError("--images", f"at most {MOST_IMAGES:,} test images", str(images))


def _grid(images: int) -> list[int]:
    """Numbers of images for curves: from 100, or a third of those at hand, to 100,000, or thirty times as many."""
    low, high = min(100, max(images // 3, 10)), max(100_000, 30 * images)
    return sorted({*(int(n) for n in np.geomspace(low, high, _CURVE)), max(images, 10)})


def _scenario(
    name: str,
    seed_sd: tuple[float, ...],
    parts: Components,
    *,
    gain: float,
    per_unit: float,
    images: int,
    margin: float,
    price: Price | None,
) -> Scenario:
    """`per_unit`: images that one independent unit (a cluster, or an image) holds on average."""

    def widths(k: int, numbers: Sequence[int]) -> list[float]:
        units = np.maximum(np.asarray(numbers, np.float64) / per_unit, 2.0)
        return [float(width) for width in smallest_margin(parts, k, units)]

    units = max(round(images / per_unit), 2)
    own = None
    if price is not None:
        own = replace(price, image=price.image * per_unit, test=price.test * per_unit, at_hand=units)
    typical = predicted_estimate(parts, gain, SEEDS[0], units)
    return Scenario(
        name=name,
        seed_sd=seed_sd,
        components=parts,
        margins={k: widths(k, [images])[0] for k in SEEDS},
        curves={k: widths(k, _grid(images)) for k in SEEDS},
        needed=in_samples(needed(typical, margin, ladder=SEEDS, price=own), per_unit),
    )
