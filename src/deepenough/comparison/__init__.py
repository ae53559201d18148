"""From scores on disk to a verdict: pairing over samples, the deciding pair and scale, the frontier, the slices.

Owns data frames of scores by contender, seed, scale and sample, and every sentence of caution that a verdict bears.
Refuses torch, images and drawing; what a difference is worth is left to `stats`, how it is phrased to `report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepenough.comparison.classes import confusion, disagreements
from deepenough.comparison.frontier import frontier
from deepenough.comparison.grouping import groups_of, read_groups
from deepenough.comparison.levels import require_sliceable, samples_of_predictions
from deepenough.comparison.measure import Measure, measure_of
from deepenough.comparison.order import deciding_pair, from_small_to_big, natural_key
from deepenough.comparison.pairing import Aligned, Cells, align, read_scores
from deepenough.comparison.slices import differing_samples, slice_table
from deepenough.comparison.verdict import decide_study

if TYPE_CHECKING:
    from deepenough.comparison.predictions import read_predictions

__all__ = [
    "Aligned",
    "Cells",
    "Measure",
    "align",
    "confusion",
    "decide_study",
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
]


def __getattr__(name: str) -> object:
    """What reads foreign predictions, imported when first asked for: a study's folder has no need of it."""
    if name != "read_predictions":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deepenough.comparison import predictions

    return getattr(predictions, name)
