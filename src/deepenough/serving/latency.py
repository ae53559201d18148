"""How long a model takes here, beside torch: from uint8 squares to labels, in turns, with the same threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from deepenough.cost.timing import take_turns
from deepenough.serving.predicting import BATCH, Model

BUDGET_S = 1.0  # for each model and batch
_STEADY = 1.4  # of a 95th percentile to its median; 1.0 to 1.2 where nothing else runs
_FEWEST = {1: 10, BATCH: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of one model at one batch; decoding and resizing are not in it.

    Args:
        title: of the model.
        batch: squares a call.
        p50_s: median of the calls, seconds.
        p95_s: 95th percentile.
        calls: that were timed.
        threads: of the runtime.
    """

    title: str
    batch: int
    p50_s: float
    p95_s: float
    calls: int
    threads: int


def unsteady(rows: Sequence[Latency]) -> str:
    """A sentence of warning where a machine was too busy to time anything, else nothing."""
    if all(row.p95_s < _STEADY * row.p50_s for row in rows):
        return ""
    return "The times vary much: this machine was busy, and threads that wait for each other suffer most; time again."


def measure_latency(models: Sequence[Model], threads: int) -> list[Latency]:
    """Every model at batch 1 and 32, one call each a round, so that a busy machine slows all of them alike.

    What mends pictures is asked about one at a time, as it is in use.
    """
    rows, mends = [], models[0].about.answers().mends
    for batch, fewest in _FEWEST.items() if not mends else [(1, _FEWEST[1])]:
        calls = {model.title: partial(model, _squares(model, batch)) for model in models}
        for call in calls.values():  # the first call allocates and chooses algorithms
            call()
        seconds = take_turns(calls, fewest=fewest, budget_s=BUDGET_S)
        for title, times in seconds.items():
            p50, p95 = np.percentile(times, [50, 95])
            row = Latency(
                title=title, batch=batch, p50_s=float(p50), p95_s=float(p95), calls=len(times), threads=threads
            )
            rows.append(row)
    return rows


def _squares(model: Model, batch: int) -> list[np.ndarray]:
    """A fixed ramp: no kernel here takes longer for other values."""
    sides = model.about.sides
    return [np.resize(np.arange(256, dtype=np.uint8), (batch, side, side, 3)) for side in sides]
