"""What each lever buys: from the scores of an ablation to effects with intervals, costs, and interactions with depth.

An effect is a setting's mean score minus its base's, on the same test images, its error estimated jointly over images
and seeds (`stats.joint`). All effects are one family: p-values are Holm's. An interaction is the effect at the larger
depth minus that at the smaller; these are a family of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from deepenough.errors import StudyError
from deepenough.search.levers import Setting
from deepenough.stats import Estimate, holm, joint_means

FEWEST_SEEDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One setting against its base.

    Args:
        lever: of the article.
        label: the setting in words.
        base: contender without it.
        contender: with it; None in an interaction.
        difference: in the unit of the ablation, with it minus without it; None where a training of either diverged in
            all but one seed.
        interval: of that, each for itself.
        p_value: two-sided, for no effect.
        p_adjusted: Holm's, over the family.
        costs: factors of the base's: `training_s`, `latency_s`, `macs`, `parameters`, `peak_bytes`; those that are
            known.
    """

    lever: str
    label: str
    base: str
    contender: str | None
    difference: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    p_adjusted: float | None
    costs: Mapping[str, float]


def effects(
    settings: Sequence[Setting],
    scores: pl.DataFrame,
    costs: Mapping[str, Mapping[str, float]],
    *,
    multiplier: float,
) -> tuple[list[Effect], list[Effect]]:
    """Effects of all settings, and their interactions with depth where there are two bases.

    Args:
        settings: of one base or of two, the smaller depth first; those of two in the same order.
        scores: columns of `records.SCORES` at one scale.
        costs: by contender: seconds, counts and bytes by name.
        multiplier: from scores to the unit, 100 for points.

    Raises:
        StudyError: fewer than two seeds.
    """
    known = _by_contender(scores)
    if max((len(runs) for runs in known.values()), default=0) < FEWEST_SEEDS:
        raise StudyError("--seeds", f"at least {FEWEST_SEEDS} to tell an effect from luck", "1", "train more seeds")
    found = [
        _effect(setting, _contrast(known, [setting.contender, setting.base], [1, -1], multiplier), costs)
        for setting in settings
    ]
    bases = list(dict.fromkeys(setting.base for setting in settings))
    both: list[Effect] = []
    if len(bases) == 2:
        small, big = ([each for each in settings if each.base == base] for base in bases)
        pairs = {(each.lever, each.label): each for each in big}
        for one in small:
            other = pairs.get((one.lever, one.label))
            if other is not None:
                names = [other.contender, other.base, one.contender, one.base]
                estimate = _contrast(known, names, [1, -1, -1, 1], multiplier)
                both.append(_made(one.lever, one.label, other.base, None, estimate, {}))
    return _adjusted(found), _adjusted(both)


def as_record(**parts: Any) -> dict[str, Any]:  # noqa: ANN401  what JSON holds
    """The record of an ablation, in plain values."""

    def plain(value: Any) -> Any:  # noqa: ANN401
        return asdict(value) if isinstance(value, Effect) else value

    return {
        name: [plain(each) for each in value] if isinstance(value, list) else value for name, value in parts.items()
    }


def _by_contender(scores: pl.DataFrame) -> dict[str, np.ndarray]:
    """Scores of each contender, (seeds, samples), the samples in the same order."""
    ordered = scores.sort("contender", "seed", "sample_id")
    found: dict[str, np.ndarray] = {}
    for (name,), rows in ordered.group_by("contender", maintain_order=True):
        seeds = rows["seed"].n_unique()
        found[str(name)] = rows["score"].cast(pl.Float64).to_numpy().reshape(seeds, -1)
    return found


def _contrast(
    known: Mapping[str, np.ndarray], names: Sequence[str], weights: Sequence[int], multiplier: float
) -> Estimate | None:
    if any(name not in known or len(known[name]) < FEWEST_SEEDS for name in names):
        return None
    return joint_means([known[name] for name in names]).contrast(list(weights)).scaled(multiplier)


def _effect(setting: Setting, estimate: Estimate | None, costs: Mapping[str, Mapping[str, float]]) -> Effect:
    own, base = costs.get(setting.contender, {}), costs.get(setting.base, {})
    factors = {name: own[name] / base[name] for name in own if base.get(name)}
    return _made(setting.lever, setting.label, setting.base, setting.contender, estimate, factors)


def _made(
    lever: str,
    label: str,
    base: str,
    contender: str | None,
    estimate: Estimate | None,
    costs: Mapping[str, float],
) -> Effect:
    return Effect(
        lever=lever,
        label=label,
        base=base,
        contender=contender,
        difference=None if estimate is None else estimate.difference,
        interval=None if estimate is None else estimate.interval,
        p_value=None if estimate is None else estimate.p_value,
        p_adjusted=None,
        costs=costs,
    )


def _adjusted(found: Sequence[Effect]) -> list[Effect]:
    """The same with Holm's p-values, over those that have one."""
    p_values = [each.p_value for each in found if each.p_value is not None]
    adjusted = iter(holm(p_values) if p_values else [])
    return [each if each.p_value is None else replace(each, p_adjusted=next(adjusted)) for each in found]
