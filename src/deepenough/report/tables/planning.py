"""Tables of what could be decided before anything is trained: margins, designs, time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deepenough.comparison.planning import Prospect, Scenario
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table


def margins(prospect: Prospect) -> Table:
    """The smallest margin that the images at hand are sure to decide, by seeds."""
    caption = f"Smallest margin sure to be decided on {numbers.count(prospect.images)} test images, {prospect.unit}"
    return _by_seeds("margins", caption, prospect, lambda scenario, k: numbers.rounded_up(scenario.margins[k]))


def sure(prospect: Prospect) -> Table:
    """Test images that are sure to decide the margin, by seeds."""
    caption = f"Test images that are sure to decide a margin of {_margin(prospect)}"
    return _by_seeds("sure", caption, prospect, lambda s, k: _images(s.needed.guaranteed, k))


def likely(prospect: Prospect) -> Table:
    """Test images that are likely to decide the margin, by seeds."""
    truth = "the gain is none, or the margin" if prospect.pilot is None else "the gain is as in the pilot"
    caption = f"Test images likely to decide it (80 %, where {truth})"
    return _by_seeds("likely", caption, prospect, lambda s, k: _images(s.needed.likely, k))


def _by_seeds(key: str, caption: str, prospect: Prospect, cell: Callable[[Scenario, int], str]) -> Table:
    first = "seed SD, points" if prospect.pilot is None else "seed SD"
    heads = [first, *(f"{k} seeds" for k in prospect.seeds)]
    rows = [(scenario.name, *(cell(scenario, k) for k in prospect.seeds)) for scenario in prospect.scenarios]
    return table(key, caption, heads, rows)


def _images(designs: list[dict[str, float]], seeds: int) -> str:
    """Designs that save nothing over fewer seeds are not listed; then what fewer seeds need is enough."""
    enough = [design["samples"] for design in designs if design["seeds"] <= seeds]
    return numbers.at_least(min(enough)) if enough else "never"


def time(forecasts: Mapping[int, Mapping[str, float]]) -> Table:
    """Time and memory here, by seeds.

    Args:
        forecasts: seeds -> training_s, evaluation_s, total_s and peak_bytes.
    """
    rows = [
        (
            numbers.count(k),
            numbers.duration(parts["training_s"]),
            numbers.duration(parts["evaluation_s"]),
            numbers.duration(parts["total_s"]),
            numbers.size(parts["peak_bytes"]),
        )
        for k, parts in forecasts.items()
    ]
    return table(
        "time", "Time and memory here, as forecast", ["seeds", "training", "testing", "whole study", "memory"], rows
    )


def curves(prospect: Prospect) -> Table:
    """The data behind the picture: the smallest margin sure to be decided, by images and seeds."""
    heads = ["seed SD", "test images", *(f"{k} seeds" for k in prospect.seeds)]
    rows = [
        (scenario.name, numbers.count(n), *(numbers.rounded_up(scenario.curves[k][at]) for k in prospect.seeds))
        for scenario in prospect.scenarios
        for at, n in enumerate(prospect.grid)
    ]
    return table("curves", f"Smallest margin sure to be decided, {prospect.unit}", heads, rows)


def _margin(prospect: Prospect) -> str:
    return numbers.amount(numbers.shortest(prospect.margin), prospect.unit)
