"""Round numbers for a logarithmic axis, as many as there is room for."""

from __future__ import annotations

import itertools
import math

from matplotlib.ticker import MaxNLocator

_WITHIN_A_DECADE = (
    (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9),
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 2, 3, 5),
    (1, 2, 5),
    (1, 3),
)
_FEWEST = 3


def round_ticks(low: float, high: float, *, room: float) -> list[float]:
    """Ticks of a logarithmic axis from `low` to `high`, no two nearer than the share `room` of its length.

    Where no power of ten or round part of one gives three, as on an axis over a few per cent, they are evenly spaced.

    >>> round_ticks(60, 180, room=0.05)
    [60.0, 70.0, 80.0, 90.0, 100.0, 120.0, 150.0]
    >>> round_ticks(60, 180, room=0.1), round_ticks(0.5, 2000, room=0.1)
    ([70.0, 100.0, 150.0], [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0])
    >>> round_ticks(61, 64.5, room=0.1)
    [61.0, 62.0, 63.0, 64.0]
    """
    least = room * math.log10(high / low)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in (*_WITHIN_A_DECADE, (1,)):
        ticks = [float(f"{part}e{decade}") for decade in decades for part in parts]
        inside = [tick for tick in ticks if low <= tick <= high]
        gaps = [math.log10(after / tick) for tick, after in itertools.pairwise(inside)]
        if len(inside) >= _FEWEST and min(gaps) >= least:
            return inside
    return [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
