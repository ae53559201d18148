"""Accuracy over the image side for every contender, and the gain of the deciding pair at each side."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from deepenough.records import ContenderResult, Verdict
from deepenough.report import words
from deepenough.report.figures.canvas import (
    HALO,
    INK,
    MUTED,
    NARROW,
    WIDE,
    Caption,
    Picture,
    colour,
    dashes,
    legend_above,
    marker,
    picture,
    printable,
)
from deepenough.report.language import say, term
from deepenough.report.tables import numbers, results

SEEDS_BESIDE = 8  # CSS pixels from the mean to the dots of its seeds, which it would hide
_LABEL = 84  # CSS pixels that "your margin" takes


def accuracy_over_scale(verdict: Verdict) -> Picture:
    """Lines for the means, bands for their intervals, dots for the seeds."""
    names = results.contender_order(verdict)
    best = {name: max(_of(verdict, name), key=lambda entry: entry.mean, default=None) for name in names}
    reached = "; ".join(
        say(
            "{name} is highest at {scale} px with {mean}",
            name=words.display_name(name),
            scale=entry.scale,
            mean=numbers.level(entry.mean, verdict.unit, 1),
        )
        for name, entry in best.items()
        if entry is not None
    )
    level = numbers.confidence(verdict.level)
    caption = Caption(
        key="scale",
        title=say("Test {metric} over the image side", metric=term(verdict.metric)),
        description=say(
            "{reached}. Bands are {level} intervals over seeds and images, dots single training runs.",
            reached=reached,
            level=level,
        ),
        twin=results.scales(verdict),
    )
    return picture(caption, lambda figure, narrow: _draw_scales(figure, verdict, narrow), heights=(360, 320))


def _of(verdict: Verdict, name: str) -> list[ContenderResult]:
    return sorted((entry for entry in verdict.contenders if entry.contender == name), key=lambda entry: entry.scale)


def _draw_scales(figure: Figure, verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    handles = []
    for place, name in enumerate(results.contender_order(verdict)):
        entries = _of(verdict, name)
        if not entries:
            continue
        _draw_contender(figure, axes, entries, place)
        label = printable(words.display_name(name), 44)
        style = {"color": colour(place), "marker": marker(place), "linestyle": dashes(place)}
        handles.append(Line2D([], [], label=label, **style))
    _scale_axis(axes, [entry.scale for entry in verdict.contenders], narrow)
    _mark_deciding(axes, verdict)
    axes.grid(visible=True, axis="y")
    axes.set_ylabel(f"{term(verdict.metric)}, {numbers.level_unit(verdict.unit)}")
    legend_above(figure, handles, narrow)


def _draw_contender(figure: Figure, axes: Axes, entries: Sequence[ContenderResult], place: int) -> None:
    sides = [entry.scale for entry in entries]
    tint, mark = colour(place), marker(place)
    banded = [entry for entry in entries if entry.interval is not None]
    bounds = [entry.interval for entry in banded if entry.interval is not None]
    if len(banded) > 1:
        lows, highs = [bound[0] for bound in bounds], [bound[1] for bound in bounds]
        axes.fill_between([entry.scale for entry in banded], lows, highs, color=tint, alpha=0.14, linewidth=0)
    elif banded:
        axes.plot([banded[0].scale] * 2, bounds[0], color=tint, alpha=0.5, linewidth=5, solid_capstyle="round")
    dots = [(entry.scale, value) for entry in entries for _, value in sorted(entry.per_seed.items())]
    if len(dots) > len(entries):
        beside = ScaledTranslation((-1 if place % 2 == 0 else 1) * SEEDS_BESIDE / 72, 0, figure.dpi_scale_trans)
        style = {"color": tint, "alpha": 0.55, "markersize": 4, "markeredgewidth": 0, "linestyle": ""}
        axes.plot(*zip(*dots, strict=True), mark, transform=axes.transData + beside, **style)
    means = [entry.mean for entry in entries]
    axes.plot(sides, means, color=tint, marker=mark, markersize=7, linestyle=dashes(place))


def _scale_axis(axes: Axes, sides: Sequence[int], narrow: bool) -> None:
    """Ticks at the tested sides and nowhere else; where they would touch, every second one."""
    known = sorted(set(sides))
    shown = known[:: 2 if narrow and len(known) > 6 else 1]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(say("image side at test, px"))
    if len(known) == 1:
        axes.set_xlim(known[0] - 1, known[0] + 1)


def _mark_deciding(axes: Axes, verdict: Verdict) -> None:
    axes.axvline(verdict.scale, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), zorder=0)
    axes.annotate(
        say("decides"),
        (verdict.scale, 0),
        (4, 5),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        size=11,
        color=MUTED,
        gid=HALO,
    )


def gain_over_scale(verdict: Verdict) -> Picture | None:
    """The gain at each side with its interval; None where the pair was compared at one side only."""
    pairs = results.deciding_pairs(verdict)
    if len(pairs) < 2:
        return None
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    decimals, level = words.decimals_of(verdict), numbers.confidence(verdict.level)
    listed = "; ".join(
        say(
            "{scale} px: {difference} ({interval})",
            scale=pair.scale,
            difference=numbers.signed(pair.difference, decimals),
            interval=numbers.interval(pair.interval, decimals),
        )
        for pair in pairs
    )
    caption = Caption(
        key="gain",
        title=say("Gain of {big} over {small} at each image side", big=big, small=small),
        description=say(
            "In {unit}, {level} intervals. {listed}. Margin: {margin}.",
            unit=term(verdict.unit),
            level=level,
            listed=listed,
            margin=numbers.shortest(verdict.margin),
        ),
        twin=results.pairs(verdict),
    )
    return picture(caption, lambda figure, narrow: _draw_gains(figure, verdict, narrow), heights=(250, 240))


def _draw_gains(figure: Figure, verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    pairs = results.deciding_pairs(verdict)
    axes.axhline(0, color=INK, linewidth=1)
    axes.axhline(verdict.margin, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    for pair in pairs:
        axes.plot([pair.scale] * 2, pair.interval, color=INK, linewidth=3.5, solid_capstyle="round")
        filled = pair.scale == verdict.scale
        axes.plot(
            pair.scale, pair.difference, "o", color=INK, markersize=9, markerfacecolor=INK if filled else "#fefefe"
        )
    _scale_axis(axes, [pair.scale for pair in pairs], narrow)
    axes.margins(x=0.08, y=0.12)
    left, right = axes.get_xlim()
    axes.set_xlim(left, right + (right - left) * _LABEL / (NARROW if narrow else WIDE))  # a place of its own
    axes.annotate(
        say("your margin"),
        (1, verdict.margin),
        (-2, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        size=11,
        color=MUTED,
    )
    axes.set_ylabel(say("gain, {unit}", unit=term(verdict.unit)))
