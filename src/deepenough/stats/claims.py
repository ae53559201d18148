"""What two published figures can and cannot show.

A paper prints an accuracy for each of two networks and seldom more: not the number of test images, not which images
both got right, not how far another training run would have moved either. Each gap leaves a range, and the range often
says enough. The two networks are taken to be tested on the same images.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

from deepenough.errors import InputError
from deepenough.stats.granularity import Figure, Fit, Unit, fit, parse_figure, sizes_to_try, smallest_fitting
from deepenough.stats.pairings import (
    MOST_IMAGES,
    decided_at_best,
    decided_whatever_the_pairing,
    gap_of,
    most_discordant,
    ranges,
    tipping_sd,
)

MOST_RUNS = 100
_RUNS = (2, 3, 5, 10)  # for `sd_needed_by_runs`


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is known of A minus B; differences, intervals and SDs in points, accuracies in percent."""

    figures: tuple[Figure, Figure]
    difference: float  # of the figures as printed
    images: int | None
    runs: int  # of each network, whose mean the figures are
    fits: tuple[Fit, ...]  # granularity at the number of images given and its usual test splits, or at usual sizes
    smallest_fitting: tuple[int, ...]  # numbers of images
    discordance: tuple[float, float]  # share of images, in percent, that (in one run) one gets right and the other not
    p_range: tuple[float, float] | None  # most to least favourable; None where the number of images is not known
    ci_range: tuple[float, float] | None  # holds the 95 % interval of every possible pairing
    n_min_for_any_pairing: int | None  # from here on significant whatever the pairing; None where never
    n_first_for_any_pairing: int | None  # the first such number; those between depend on rounding
    n_min_for_best_pairing: int | None  # below this never significant
    tipping_seed_sd: tuple[float, float] | None  # least to most favourable pairing
    tipping_seed_sd_limit: float  # on any number of images
    sd_needed_by_runs: dict[int, float]  # runs of each -> SD below which the difference would be significant

    @property
    def fits_as_given(self) -> bool | None:
        """Whether both figures are plain shares of the number of images given."""
        return None if self.images is None else self.fits[-1].both


def audit(
    acc_a: str,
    acc_b: str,
    images: int | None = None,
    runs: int = 1,
    *,
    unit: Unit = "percent",
    of_errors: bool = False,
) -> Audit:
    """Ranges that two printed figures leave open.

    With one run each, p is McNemar's mid-p and the interval that of Agresti and Min over all tables that agree with
    the figures; with several, both are those of a paired t over images, for these runs as they are. Where no whole
    number of right answers prints as given, the nearest ones stand in.

    Args:
        acc_a: accuracy of A as printed: text, since its decimals count.
        acc_b: accuracy of B.
        images: number of test images, up to 100 million, where known.
        runs: of each network; the figures are means over them where more than 1.
        unit: of the figures.
        of_errors: the figures are error rates.

    Raises:
        InputError: if a figure is no number or above 100 %, both are equal, or a count is out of range.

    >>> found = audit("98.67", "96.86", images=10_000)
    >>> [round(share, 2) for share in found.discordance], [round(end, 2) for end in found.ci_range]
    ([1.81, 4.47], [1.4, 2.22])
    >>> found.n_min_for_any_pairing, round(found.tipping_seed_sd_limit, 3)
    (590, 0.653)
    """
    a, b = (
        parse_figure(text, where, unit=unit, of_errors=of_errors)
        for text, where in ((acc_a, "first figure"), (acc_b, "second figure"))
    )
    images = None if images is None else _whole("images", images, MOST_IMAGES)
    runs = _whole("runs", runs, MOST_RUNS)
    _check_pair(a, b, in_percent=unit == "percent" and not any("%" in text for text in (acc_a, acc_b)))
    high, low = (a, b) if a.accuracy > b.accuracy else (b, a)
    sign = 1.0 if high is a else -1.0
    gap = gap_of(high, low)
    known = None if images is None else ranges(high, low, images, runs)
    any_first, any_min = decided_whatever_the_pairing(high, low, runs)
    return Audit(
        figures=(a, b),
        difference=sign * gap * 100.0,
        images=images,
        runs=runs,
        fits=tuple(fit(a, b, size, runs) for size in sizes_to_try(images)),
        smallest_fitting=tuple(smallest_fitting(a, b, runs)),
        discordance=(gap * 100.0, most_discordant(high, low) * 100.0),
        p_range=None if known is None else known.p_value,
        ci_range=None if known is None else _in_points(known.interval, sign),
        n_min_for_any_pairing=any_min,
        n_first_for_any_pairing=any_first,
        n_min_for_best_pairing=decided_at_best(high, low, runs),
        tipping_seed_sd=None if known is None else _in_points(known.tipping_sd, 1.0),
        tipping_seed_sd_limit=100.0 * tipping_sd(gap, 0.0, runs),
        sd_needed_by_runs={k: 100.0 * tipping_sd(gap, 0.0, k) for k in sorted({*_RUNS, runs} - {1})},
    )


def _whole(name: str, value: int, most: int) -> int:
    expected = f"a whole number from 1 to {most:,}"
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(name, expected, repr(value)) from None
    if not 1 <= number <= most:
        raise InputError(name, expected, f"{number:,}")
    return number


def _check_pair(a: Figure, b: Figure, *, in_percent: bool) -> None:
    if a.digits * b.scale == b.digits * a.scale:
        got = f"{a.text} and {b.text}"
        raise InputError("figures", "two that differ", got, "equal figures claim no difference to audit")
    if in_percent and max(a.digits / a.scale, b.digits / b.scale) <= 0.01:
        got = f"{a.text} and {b.text}"
        remedy = "add --share (unit='share') if they are shares of 1, or a % sign to each if they are that low"
        raise InputError("figures", "percentages, at least one above 1", got, remedy)


def _in_points(ends: tuple[float, float], sign: float) -> tuple[float, float]:
    low, high = sorted(100.0 * sign * end for end in ends)
    return low, high
