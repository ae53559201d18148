"""The tornado of an ablation: a bar from zero to each effect with its interval, the largest on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from deepenough.report.figures.canvas import (
    INK,
    Caption,
    Picture,
    colour,
    in_two_lines,
    legend_above,
    picture,
    printable,
)
from deepenough.report.language import say, term
from deepenough.report.naming import display_name
from deepenough.report.tables import ablation as tables
from deepenough.report.tables import numbers


def tornado(record: Mapping[str, Any]) -> Picture | None:
    """None where no setting has an effect on record."""
    rows = tables.by_size(record)
    if not rows:
        return None
    name, largest = rows[-1]
    top = max(largest, key=lambda each: abs(each["difference"]))
    caption = Caption(
        key="tornado",
        title=say("Effect of each setting at {scale} px, with its 95 % interval", scale=record["scale"]),
        description=say(
            "Bars from zero, the largest effect on top: {setting} of {base} with {effect} {unit}.",
            setting=printable(name),
            base=display_name(top["base"]),
            effect=numbers.signed(top["difference"], 1),
            unit=term(record["unit"]),
        ),
        twin=tables.effects(record),
    )
    tall = 90 + (18 + 16 * len(record["bases"])) * len(rows)
    return picture(caption, lambda figure, narrow: _draw(figure, record, narrow), heights=(tall, tall))


def _draw(figure: Figure, record: Mapping[str, Any], narrow: bool) -> None:
    axes, rows, bases = figure.add_subplot(), tables.by_size(record), list(record["bases"])
    thick = 0.7 / len(bases)
    for height, (_, found) in enumerate(rows):
        for each in found:
            place = bases.index(each["base"])
            at = height + thick * ((len(bases) - 1) / 2 - place)
            axes.barh(at, each["difference"], height=0.8 * thick, color=colour(place), alpha=0.75)
            axes.plot(each["interval"], [at, at], color=INK, linewidth=1.2)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(rows)), labels=[in_two_lines(name, 20 if narrow else 36) for name, _ in rows])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(say("effect, {unit}", unit=term(record["unit"])))
    handles = [Patch(color=colour(place), label=printable(display_name(name), 44)) for place, name in enumerate(bases)]
    legend_above(figure, handles, narrow)
