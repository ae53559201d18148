"""From scores on disk to a verdict: pairing over samples, the deciding pair and scale, the frontier, the slices.

Owns data frames of scores by contender, seed, scale and sample, and every sentence of caution that a verdict bears.
Refuses torch, images and drawing; what a difference is worth is left to `stats`, how it is phrased to `report`.
A name's module is loaded when the name is first used, as in `stats`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from deepenough.comparison.frontier import (
    Turn,
    frontier,
    steps,
    turns,
)  # now: later its module, of the same name, might stand for it

if TYPE_CHECKING:
    from deepenough.comparison.calibration import Calibration, as_answered, calibration_of
    from deepenough.comparison.classes import confusion, disagreements
    from deepenough.comparison.grouping import groups_of, read_groups
    from deepenough.comparison.levels import require_sliceable, samples_of_predictions
    from deepenough.comparison.measure import Measure, measure_of
    from deepenough.comparison.order import deciding_pair, from_small_to_big, natural_key
    from deepenough.comparison.pairing import Aligned, Cells, align, read_scores
    from deepenough.comparison.predictions import read_predictions
    from deepenough.comparison.slices import differing_samples, slice_table
    from deepenough.comparison.stored import StoredScores, stored_scores
    from deepenough.comparison.third import decide_third
    from deepenough.comparison.verdict import decide_study

__all__ = [
    "Aligned",
    "Calibration",
    "Cells",
    "Measure",
    "StoredScores",
    "Turn",
    "align",
    "as_answered",
    "calibration_of",
    "confusion",
    "decide_study",
    "decide_third",
    "deciding_pair",
    "differing_samples",
    "disagreements",
    "from_small_to_big",
    "frontier",
    "groups_of",
    "measure_of",
    "natural_key",
    "read_groups",
    "read_predictions",
    "read_scores",
    "require_sliceable",
    "samples_of_predictions",
    "slice_table",
    "steps",
    "stored_scores",
    "turns",
]

_NAMES = {
    "calibration": "Calibration as_answered calibration_of",
    "classes": "confusion disagreements",
    "grouping": "groups_of read_groups",
    "levels": "require_sliceable samples_of_predictions",
    "measure": "Measure measure_of",
    "order": "deciding_pair from_small_to_big natural_key",
    "pairing": "Aligned Cells align read_scores",
    "predictions": "read_predictions",
    "slices": "differing_samples slice_table",
    "stored": "StoredScores stored_scores",
    "third": "decide_third",
    "verdict": "decide_study",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
