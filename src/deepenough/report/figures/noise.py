"""Where the noise comes from: one bar a part of the squared standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from deepenough.records import Verdict
from deepenough.report.figures.canvas import INK, MUTED, Caption, Picture, colour, in_two_lines, picture, printable
from deepenough.report.language import say
from deepenough.report.tables import noise, numbers


def noise_parts(verdict: Verdict, account: Mapping[str, Any]) -> Picture | None:
    """A bar for each part, as long as its share; None where nothing varies or all is due to the test images."""
    drawn = [part for part in account["parts"] if part["share"] is not None]
    if len(drawn) < 2:
        return None
    listed = ", ".join(f"{noise.part_name(part)} {numbers.share(part['share'], 0)}" for part in drawn)
    caption = Caption(
        key="noise",
        title=say("Shares of the squared standard error of the gain"),
        description=say("Bars, one a part: {listed}.", listed=printable(listed)),
        twin=noise.parts(verdict, account),
    )
    tall = 64 + 34 * len(drawn)
    return picture(caption, lambda figure, narrow: _draw(figure, drawn, verdict, narrow), heights=(tall, tall))


def _draw(figure: Figure, drawn: Sequence[Mapping[str, Any]], verdict: Verdict, narrow: bool) -> None:
    axes = figure.add_subplot()
    heights = list(range(len(drawn)))[::-1]  # the first part on top
    for height, part in zip(heights, drawn, strict=True):
        places = {verdict.small: 0, verdict.big: 1}
        tint = colour(places[part["contender"]]) if part["contender"] in places else MUTED
        axes.barh(height, 100 * part["share"], height=0.62, color=tint)
        label = numbers.share(part["share"], 0)
        axes.annotate(
            label,
            (100 * part["share"], height),
            (6, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            size=12,
            color=INK,
        )
    names = [in_two_lines(noise.part_name(part), 20 if narrow else 34) for part in drawn]
    axes.set_yticks(heights, labels=names)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_xlim(0, 112)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(say("share of the variance, %"))
