"""Slices: the false discovery rate where many share seeds, and the level of single slices that are small."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from deepenough.stats.discovery import benjamini_hochberg, benjamini_yekutieli
from deepenough.stats.distributions import t_two_sided
from deepenough.stats.grouped import nested_spread_by_group
from deepenough.stats.mrmc import Guard
from deepenough.stats.simulation import Experiment, Family, draw
from gates.row import Row

SLICES, CLAIM = 20, 0.05
SHARED_SDS = (0.001, 0.003)
HARD = Family(accuracy=0.6, same=0.2, across=0.26)


def null_rate(repetitions: int, seed: int) -> list[Row]:
    """No slice differs, so any claim is false."""
    rows = []
    for sd in SHARED_SDS:
        for n in (400, 2000):
            blocks = shared(3, n, sd, 0.0, repetitions, (seed, n, int(1e4 * sd)))
            found = np.concatenate([p_values(a, b) for a, b in blocks])
            rows.append(_rate("FDR, no effects", f"k=3 n={n} SD {100 * sd:g}, 20 slices", found, 0))
    found = np.concatenate([p_values(a, b) for a, b in shared(3, 2000, 0.003, 0.0, repetitions, (seed, 60), HARD)])
    return [*rows, _rate("FDR, no effects", "k=3 n=2000 SD 0.3, accuracy 60 %, 20 slices", found, 0)]


def true_effects(repetitions: int, seed: int) -> list[Row]:
    """5 of 20 slices gain; claims in the other 15 are false."""
    rows = []
    for sd in SHARED_SDS:
        for n, gain in ((2000, 0.08), (10_000, 0.05)):
            count = repetitions if n == 2000 else min(repetitions, 2000)
            blocks = shared(3, n, sd, gain, count, (seed, n, int(1e4 * sd), 1))
            found = np.concatenate([p_values(a, b) for a, b in blocks])
            setting = f"k=3 n={n} SD {100 * sd:g}, 5 of 20 slices gain {100 * gain:g}"
            rows.append(_rate("FDR, true effects", setting, found, 5))
            power = np.mean([np.asarray(benjamini_yekutieli(p))[:5] <= CLAIM for p in found])
            rows.append(Row("share of true effects found", setting, float(power), 0.0, 1.0))
    return rows


def seeds_by_slice(repetitions: int, seed: int) -> list[Row]:
    """Each slice has seed effects of its own, SD 3 points: the far tail of the published df is then too light."""
    rows = []
    for n in (100, 500):
        count = repetitions if n == 100 else min(repetitions, 4000)
        experiment = Experiment(seeds=(3, 3), samples=n, seed_sds=(0.03, 0.03))
        guarded, published = [], []
        for [(a, b)] in draw([experiment], count * SLICES, np.random.default_rng((seed, n, 2))):
            flat = [side.transpose(1, 0, 2).reshape(3, -1) for side in (a, b)]
            codes = np.repeat(np.arange(len(a)), n)
            for kept, guard in ((guarded, 2), (published, 1)):
                kept.append(_p(*flat, codes, len(a), guard))
        by_study = [np.concatenate(kept).reshape(count, SLICES) for kept in (guarded, published)]
        setting = f"k=3, 20 slices of {n}, own seed effects of SD 3"
        rows.append(_rate("FDR, seeds vary by slice", setting, by_study[0], 0))
        plain = np.mean([min(benjamini_hochberg(p)) <= CLAIM for p in by_study[1]])
        rows.append(Row("FDR by Hochberg on published df, not used", setting, float(plain), 0.0, 1.0))
    return rows


def small_slices(repetitions: int, seed: int) -> list[Row]:
    """Level of single slices of 5 to 50 images by the published degrees of freedom, as in the table."""
    rows = []
    for name, family in (("90 %", Family()), ("60 %", HARD)):
        for n in (5, 10, 20, 50):
            blocks = shared(3, n * SLICES, 0.003, 0.0, min(repetitions, 4000), (seed, n, 3), family)
            found = np.concatenate([p_values(a, b, guard=1) for a, b in blocks])
            high = CLAIM + 2.5 * math.sqrt(CLAIM * (1 - CLAIM) / len(found))  # slices of a study are not independent
            rows.append(Row("type-I, small slices", f"k=3, {n} images, accuracy {name}", _level(found), 0.0, high))
    return rows


def shared(
    k: int, n: int, sd: float, gain: float, repetitions: int, seed: tuple[int, ...], family: Family | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scores of studies whose slices share their seeds; the first 5 of 20 slices gain."""
    rng, gaining = np.random.default_rng(seed), np.arange(n) % SLICES < 5
    settings = [Experiment(seeds=(k, k), samples=n, seed_sds=(sd, sd), gain=size) for size in (gain, 0.0)]
    for (a, b), (plain, _) in draw(settings, repetitions, rng, family):
        yield np.where(gaining, a, plain), b


def p_values(a: np.ndarray, b: np.ndarray, guard: Guard = 2) -> np.ndarray:
    """Of each study's slices, shape (studies, slices)."""
    studies, k, n = a.shape
    flat = [side.transpose(1, 0, 2).reshape(k, -1) for side in (a, b)]
    codes = (np.arange(studies)[:, None] * SLICES + np.arange(n) % SLICES).ravel()
    return _p(*flat, codes, studies * SLICES, guard).reshape(studies, SLICES)


def _p(a: np.ndarray, b: np.ndarray, codes: np.ndarray, groups: int, guard: Guard) -> np.ndarray:
    spread = nested_spread_by_group(a, b, codes, groups, guard)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = t_two_sided(spread.difference / np.sqrt(spread.variance), spread.degrees_of_freedom)
    return np.where(spread.variance > 0, p, 1.0)  # nothing varies: perfect runs, or the counts of two checkpoints


def _rate(gate: str, setting: str, found: np.ndarray, true: int) -> Row:
    claims = np.array([benjamini_yekutieli(p) for p in found]) <= CLAIM
    false = claims[:, true:].sum(1) / np.maximum(claims.sum(1), 1)
    high = CLAIM + 2.5 * math.sqrt(CLAIM * (1 - CLAIM) / len(found))
    return Row(gate, setting, float(false.mean()), 0.0, high)


def _level(found: np.ndarray) -> float:
    return float((found <= CLAIM).mean())


PARTS = (null_rate, true_effects, seeds_by_slice, small_slices)
