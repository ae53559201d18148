"""Figures as they were printed, and the whole numbers behind them.

A share of `n` images is a whole number over `n`, so not every figure can come from every `n`. N. Brown and J. Heathers,
"The GRIM test: A simple technique detects numerous anomalies in the reporting of results in psychology", Social
Psychological and Personality Science 8 (2017), ask the same of means of whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from deepenough.errors import InputError

Unit = Literal["percent", "share"]
Convention = Literal["rounded", "truncated"]
CONVENTIONS: tuple[Convention, ...] = ("rounded", "truncated")

#: Sizes of test sets that are met often, for figures that come without one.
USUAL_SIZES = (100, 150, 200, 250, 300, 400, 500, 600, 750, 1000, 1500, 2000, 2500, 3000, 3333, 5000, 10_000, 50_000)
#: Divisors of a whole set that give its usual test splits: 5, 10, 15, 20, 25, 30, 33.3 and 50 %, as (parts, of).
_USUAL_SPLITS = ((1, 20), (1, 10), (3, 20), (1, 5), (1, 4), (3, 10), (1, 3), (1, 2))

MOST_DECIMALS = 6  # of a figure in percent: keeps every product below in 64 bits
_FEWEST_TESTED = 20  # smaller splits are not looked at
_SEARCHED = 100_000  # largest number of images that `smallest_fitting` tries
_NUMBER = re.compile(r"(\d*)(?:\.(\d*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Figure:
    """An accuracy or error rate as printed: `digits` of `scale`, exactly.

    98.67 % is 9,867 of 10,000; so is 0.9867 as a share.
    """

    text: str
    digits: int
    scale: int
    of_errors: bool = False
    unit: Unit = "percent"  # as printed

    @property
    def right(self) -> int:
        """Right answers of `scale`."""
        return self.scale - self.digits if self.of_errors else self.digits

    @property
    def accuracy(self) -> float:
        """Share that is right, 0 to 1."""
        return self.right / self.scale

    @property
    def step(self) -> float:
        """One unit in the last printed place, as a share."""
        return 1.0 / self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether two figures can be whole numbers of so many images; counts of right answers, lowest and highest."""

    images: int
    a: tuple[int, int] | None  # over both conventions; None where no whole number prints as the figure
    b: tuple[int, int] | None
    both: bool  # by one convention for both figures


def parse_figure(text: str, where: str, *, unit: Unit = "percent", of_errors: bool = False) -> Figure:
    """Read a figure as it was printed; its decimals count, so it is text.

    Args:
        text: digits with at most one point, such as `98.67`; in percent a `%` may follow.
        where: what the error calls it.
        unit: of the figure.
        of_errors: whether it is the share that is wrong.

    Raises:
        InputError: if it is no such number, above 100 % or has more than 6 decimals in percent.

    >>> parse_figure("98.670", "first").digits, parse_figure("0.9867", "first", unit="share").accuracy
    (98670, 0.9867)
    """
    name, most, example = ("a percentage", 100, "98.67") if unit == "percent" else ("a share", 1, "0.9867")
    expected = f"a number from 0 to {most}, such as {example}"
    bare = text.strip()
    if unit == "percent":
        bare = bare.removesuffix("%").rstrip()
    match = _NUMBER.fullmatch(bare)
    if match is None or not any(match.groups()):
        remedy = "write the decimal point as a point" if "," in text else "give the figure as it was printed"
        raise InputError(where, expected, repr(text), remedy)
    decimals = match[2] or ""
    limit = MOST_DECIMALS + (2 if most == 1 else 0)
    if len(decimals) > limit:
        raise InputError(where, f"at most {limit} decimals", repr(text), "round it")
    digits, scale = int((match[1] or "0")[-20:] + decimals), most * 10 ** len(decimals)
    if digits > scale or len(match[1].lstrip("0")) > 3:
        remedy = "figures are in percent" if most == 100 else "leave out --share where figures are in percent"
        raise InputError(where, f"{name} of at most {most}", repr(text), remedy)
    return Figure(bare, digits, scale, of_errors, unit)


def counts(figure: Figure, total, convention: Convention):  # noqa: ANN001, ANN201  whole numbers or arrays of them
    """Lowest and highest number of right answers out of `total` that print as the figure; none where lowest > highest.

    A tie may be rounded either way. `total` may be an int or an array of int64.

    >>> counts(parse_figure("98.67", "a"), 10_000, "rounded"), counts(parse_figure("66.6", "a"), 3, "truncated")
    ((9867, 9867), (2, 2))
    """
    digits, scale = figure.digits, figure.scale
    if convention == "rounded":
        low, high = -(-total * (2 * digits - 1) // (2 * scale)), total * (2 * digits + 1) // (2 * scale)
    else:
        low, high = -(-total * digits // scale), -(-total * (digits + 1) // scale) - 1
    low, high = low * (low > 0), high - (high - total) * (high > total)
    return (total - high, total - low) if figure.of_errors else (low, high)


def nearest_count(figure: Figure, total):  # noqa: ANN001, ANN201  whole numbers or arrays of them
    """Number of right answers out of `total` that comes nearest to the figure; a tie goes up.

    >>> nearest_count(parse_figure("98.67", "a"), 150)
    148
    """
    return (2 * total * figure.right + figure.scale) // (2 * figure.scale)


def fit(a: Figure, b: Figure, images: int, runs: int = 1) -> Fit:
    """Whether both figures can be plain shares of `images` (means over `runs` of them).

    >>> fit(parse_figure("98.67", "a"), parse_figure("96.86", "b"), 1000).both
    False
    """
    found = {c: [counts(figure, images * runs, c) for figure in (a, b)] for c in CONVENTIONS}
    fitting = [[low <= high for low, high in found[c]] for c in CONVENTIONS]

    def hull(which: int) -> tuple[int, int] | None:
        ranges = [found[c][which] for c, fits in zip(CONVENTIONS, fitting, strict=True) if fits[which]]
        return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None

    return Fit(images=images, a=hull(0), b=hull(1), both=any(all(fits) for fits in fitting))


def sizes_to_try(images: int | None) -> tuple[int, ...]:
    """The number of images given and the usual test splits of so many; without one, usual sizes.

    >>> sizes_to_try(10_000)
    (500, 1000, 1500, 2000, 2500, 3000, 3333, 5000, 10000)
    """
    if images is None:
        return USUAL_SIZES
    splits = {images * parts // of for parts, of in _USUAL_SPLITS} - {0}
    return (*sorted(size for size in splits - {images} if size >= _FEWEST_TESTED), images)


def smallest_fitting(a: Figure, b: Figure, runs: int = 1, most: int = 5) -> Sequence[int]:
    """The smallest numbers of images that fit both figures, at most `most`, among those up to 100,000.

    >>> smallest_fitting(parse_figure("50", "a"), parse_figure("66.7", "b"), most=3)
    [6, 12, 18]
    """
    images = np.arange(1, _SEARCHED + 1, dtype=np.int64)
    fits = np.zeros(len(images), bool)
    for convention in CONVENTIONS:
        ranges = [counts(figure, images * runs, convention) for figure in (a, b)]
        fits |= np.logical_and(*(low <= high for low, high in ranges))
    return images[fits][:most].tolist()
