"""Designs counted in samples where the estimate counts clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deepenough.records import Needed

_COUNTED = ("samples", "total_samples", "more_samples")


def in_samples(found: Needed, samples_per_unit: float) -> Needed:
    """The designs with every number of samples multiplied by how many samples a unit (a cluster) holds on average.

    >>> in_samples(Needed(likely=[{"seeds": 3, "samples": 100}]), 2.5).likely
    [{'seeds': 3, 'samples': 250}]
    """
    if samples_per_unit == 1.0:
        return found

    def one(design: Mapping[str, float]) -> dict[str, float]:
        return {key: round(value * samples_per_unit) if key in _COUNTED else value for key, value in design.items()}

    def some(designs: list[dict[str, float]] | None) -> list[dict[str, float]] | None:
        return None if designs is None else [one(design) for design in designs]

    return replace(
        found,
        guaranteed=[one(design) for design in found.guaranteed],
        likely=[one(design) for design in found.likely],
        guaranteed_at_upper_sd=some(found.guaranteed_at_upper_sd),
        likely_at_upper_sd=some(found.likely_at_upper_sd),
        cheapest=None if found.cheapest is None else one(found.cheapest),
        cheapest_likely=None if found.cheapest_likely is None else one(found.cheapest_likely),
    )
