"""The verdict as a picture: the interval of the gain, held against zero and the margin."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.figures.canvas import (
    GRID,
    HALO,
    INK,
    MUTED,
    PAPER,
    Caption,
    Picture,
    colour,
    gain_label,
    minus,
    picture,
    printable,
)
from deepenough.report.language import say, term
from deepenough.report.tables import numbers, results

LETTER = 6.4  # width of a letter at the labels' size, CSS pixels: decides which zone has room for its name


def verdict_picture(verdict: Verdict) -> Picture:
    """The deciding interval on one axis; the zones it may lie in are named where they have room."""
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    decimals = words.decimals_of(verdict)
    description = say(
        "A line from {low} to {high} {unit}, with a dot at {difference}, on an axis with marks at 0 and at the "
        "margin of {margin}. {answer}.",
        low=minus(numbers.fixed(verdict.interval[0], decimals)),
        high=minus(numbers.fixed(verdict.interval[1], decimals)),
        unit=term(verdict.unit),
        difference=minus(numbers.fixed(verdict.difference, decimals)),
        margin=numbers.shortest(verdict.margin),
        answer=words.answer_in_words(verdict),
    )
    level = numbers.confidence(verdict.level)
    caption = Caption(
        key="verdict",
        title=say(
            "Gain of {big} over {small} at {scale} px, with its {level} interval",
            big=big,
            small=small,
            scale=verdict.scale,
            level=level,
        ),
        description=description,
        twin=results.key_facts(verdict),
    )
    return picture(caption, lambda figure, narrow: _draw(figure, verdict, narrow), heights=(176, 168))


def _draw(figure: Figure, verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    low, high = _limits(verdict)
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _zones(axes, verdict, narrow)
    _interval(axes, verdict)
    big = words.display_name(verdict.big)
    axes.set_xlabel(gain_label(big, verdict.unit, 40))


def _limits(verdict: Verdict) -> tuple[float, float]:
    """Zero, the margin and the interval, with room at both ends for the interval's own labels."""
    low = min(verdict.interval[0], -0.5 * verdict.margin)
    high = max(verdict.interval[1], 1.5 * verdict.margin)
    room = 0.16 * (high - low)
    return low - room, high + room


def _zones(axes: Axes, verdict: Verdict, narrow: bool) -> None:
    low, high = axes.get_xlim()
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    zones = [
        (low, 0.0, colour(0), say("{small} ahead", small=small)),
        (0.0, verdict.margin, MUTED, say("too small to pay for")),
        (verdict.margin, high, colour(1), say("{big} pays", big=big)),
    ]
    over = blended_transform_factory(axes.transData, axes.transAxes)
    sheet = 330 if narrow else 710
    for start, end, tint, name in zones:
        axes.axvspan(start, end, color=tint, alpha=0.05 if tint == MUTED else 0.11, linewidth=0)
        if LETTER * len(name) < sheet * (end - start) / (high - low):
            ink = MUTED if tint == MUTED else tint
            axes.text(
                (start + end) / 2, 0.09, printable(name), transform=over, ha="center", va="bottom", size=11, color=ink
            )
    margin = say("your margin, {margin}", margin=numbers.shortest(verdict.margin))
    for place, name, side in ((0.0, say("no gain"), "right"), (verdict.margin, margin, "left")):
        axes.axvline(
            place, color=INK if place == 0 else MUTED, linewidth=1.2, linestyle="-" if place == 0 else (0, (4, 2))
        )
        axes.text(place, 1.02, name, transform=over, ha=side, va="bottom", size=11, color=MUTED)
    axes.spines["bottom"].set_color(GRID)


def _interval(axes: Axes, verdict: Verdict) -> None:
    decimals = words.decimals_of(verdict)
    low, high = verdict.interval
    height = 0.53
    axes.plot([low, high], [height, height], color=INK, linewidth=5, solid_capstyle="round")
    axes.plot([verdict.difference], [height], "o", markersize=13, color=INK, markeredgecolor=PAPER, markeredgewidth=2.5)
    label = minus(numbers.signed(verdict.difference, decimals))
    axes.annotate(
        label, (verdict.difference, height), (0, 12), textcoords="offset points", ha="center", size=15, weight="bold"
    )
    for end, side, shift in ((low, "right", -9), (high, "left", 9)):
        text = minus(numbers.fixed(end, decimals))
        axes.annotate(
            text, (end, height), (shift, 0), textcoords="offset points", ha=side, va="center", size=12, gid=HALO
        )
