"""Looking more than once: seeds in declared looks, and two checkpoints watched image by image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepenough.stats.checkpoints import mcnemar_mid_p
from deepenough.stats.mrmc import nested_spread
from deepenough.stats.sequential import TOTAL_ERROR, Look, log_evidence, schedule
from deepenough.stats.simulation import Experiment, draw
from gates.row import Row

MARGIN = 0.005
SEEDS = (3, 5, 8, 12)
DISAGREEMENT = 0.063
PRIORS = (1.0, 10.0, 30.0)


@dataclass(frozen=True)
class Claims:
    """Of one family of looks in one setting: flags by repetition and look."""

    missed: np.ndarray  # the interval leaves out the true gain
    above_zero: np.ndarray
    below_margin: np.ndarray
    settled: np.ndarray  # the study would stop
    looks: Sequence[Look]

    def mean_stop(self, at: np.ndarray) -> float:
        """Seeds trained where a study stops at the first look so flagged, or else at the last."""
        first = np.where(at.any(1), at.argmax(1), len(self.looks) - 1)
        return float(np.array([look.seeds for look in self.looks])[first].mean())


def ever(flags: np.ndarray) -> float:
    return float(flags.any(1).mean())


def small_seed_sd(repetitions: int, seed: int) -> list[Row]:
    return _four_looks(repetitions, seed, 0.001)


def middle_seed_sd(repetitions: int, seed: int) -> list[Row]:
    return _four_looks(repetitions, seed, 0.003)


def _four_looks(repetitions: int, seed: int, sd: float) -> list[Row]:
    settings = [Experiment(seeds=(12, 12), samples=5000, seed_sds=(sd, sd), gain=gain) for gain in (0.0, MARGIN, 0.01)]
    spent = schedule(SEEDS)
    families = {
        "naive": [Look(seeds=k, guard=2) for k in SEEDS],
        "spending": spent,
        "spending, guard 1": [replace(look, guard=1) for look in spent],
    }
    at_zero, at_margin, at_point = claims(settings, families, repetitions, (seed, int(1e4 * sd)))
    where = f"seeds 3, 5, 8, 12; n=5000 SD {100 * sd:g}"
    high = 0.025 + 2.5 * math.sqrt(0.025 * 0.975 / min(repetitions, 4000))
    shown = {name: ever(at_zero[name].missed) for name in families}
    ours = [each["spending"] for each in (at_zero, at_margin, at_point)]
    return [
        Row("any-look false alarm, 95 % at each look", where, shown["naive"], 0.05, 0.2),
        Row("any-look false alarm, spending", where, shown["spending"], 0.0, 0.05),
        Row("any-look false alarm, spending, guard 1", where, shown["spending, guard 1"], 0.0, 0.07),
        Row("any-look false 'better', gain = 0", where, ever(ours[0].above_zero), 0.0, high),
        Row("any-look false 'enough', gain = margin", where, ever(ours[1].below_margin), 0.0, high),
        Row("any-look miss of the true gain of 1", where, ever(ours[2].missed), 0.0, 0.05),
        Row("shown a gain of 1, spending", where, ever(ours[2].above_zero), 0.5, 1.0),
        Row("mean seeds trained, gain 1", where, ours[2].mean_stop(ours[2].settled), 3.0, 12.0),
        Row("mean seeds, were any gain enough, gain 1", where, ours[2].mean_stop(ours[2].above_zero), 3.0, 12.0),
        Row("mean seeds trained, gain 0", where, ours[0].mean_stop(ours[0].settled), 3.0, 12.0),
    ]


def first_look_at_two_seeds(repetitions: int, seed: int) -> list[Row]:
    """Allowed with a warning: the last row is why."""
    sds = (((0.001, 0.001), 0.06), ((0.003, 0.003), 0.06), ((0.001, 0.01), 0.12))
    settings = [Experiment(seeds=(5, 5), samples=5000, seed_sds=pair) for pair, _ in sds]
    found = claims(settings, {"spending": schedule((2, 3, 5))}, repetitions, (seed, 2))
    rows = []
    for each, ((a, b), high) in zip(found, sds, strict=True):
        where = f"seeds 2, 3, 5; n=5000 SD {100 * a:g} and {100 * b:g}"
        rows.append(Row("any-look false alarm, spending", where, ever(each["spending"].missed), 0.0, high))
    return rows


def claims(
    settings: list[Experiment], families: dict[str, Sequence[Look]], repetitions: int, seed: tuple[int, ...]
) -> list[dict[str, Claims]]:
    """What every look of every family claims in each setting; an earlier look sees the first of the seeds drawn."""
    flags = [{name: [] for name in families} for _ in settings]
    seeds = sorted({look.seeds for looks in families.values() for look in looks})
    for block in draw(settings, repetitions, np.random.default_rng(seed)):
        for kept, setting, (a, b) in zip(flags, settings, block, strict=True):
            spreads = {k: nested_spread(a[:, :k], b[:, :k]) for k in seeds}
            for name, looks in families.items():
                kept[name].append(np.stack([_claimed(spreads[look.seeds], look, setting) for look in looks], -1))
    return [
        {name: Claims(*np.concatenate(kept[name], 1), looks=looks) for name, looks in families.items()}
        for kept in flags
    ]


def _claimed(spread, look: Look, setting: Experiment) -> np.ndarray:  # noqa: ANN001
    """Missed, above zero, below margin, settled: bool (4, repetitions)."""
    half = replace(spread, guard=look.guard).half_width(look.level)
    low, high = spread.difference - half, spread.difference + half
    missed = (low > setting.gain) | (high < setting.gain)
    return np.stack([missed, low > 0, high < MARGIN, (high < MARGIN) | (low > MARGIN)])


def checkpoints_watched(repetitions: int, seed: int) -> list[Row]:
    """40 looks at 250 images each, up to 10,000."""
    where = f"40 looks up to n=10000, disagreement {100 * DISAGREEMENT:g} %"
    rng = np.random.default_rng((seed, 40))
    null, gain = (_discordant(difference, repetitions, rng) for difference in (0.0, 0.01))
    naive = _mid_p(*null) <= TOTAL_ERROR
    rows = [
        Row("false alarm, McNemar mid-p at the end alone", where, float(naive[:, -1].mean()), 0.04, 0.06),
        Row("any-look false alarm, McNemar mid-p at each", where, ever(naive), 0.05, 0.4),
    ]
    for prior in PRIORS:
        alarm, found = (log_evidence(*counts, prior=prior) >= -math.log(TOTAL_ERROR) for counts in (null, gain))
        stop = 250 * (np.where(found.any(1), found.argmax(1), 39) + 1)
        rows += [
            Row(f"any-look false alarm, e-process, prior {prior:g}", where, ever(alarm), 0.0, 0.05),
            Row(f"power at a gain of 1, e-process, prior {prior:g}", where, ever(found), 0.5, 1.0),
            Row(f"mean images at the stop, gain 1, prior {prior:g}", where, float(stop.mean()), 250.0, 10_000.0),
        ]
    return rows


def _discordant(difference: float, repetitions: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Samples that A alone and B alone get right so far, each (repetitions, 40)."""
    shares = [(DISAGREEMENT + difference) / 2.0, (DISAGREEMENT - difference) / 2.0]
    counts = rng.multinomial(250, [*shares, 1.0 - sum(shares)], (repetitions, 40)).cumsum(1)
    return counts[..., 0], counts[..., 1]


def _mid_p(only_a: np.ndarray, only_b: np.ndarray) -> np.ndarray:
    pairs, place = np.unique(np.stack([only_a.ravel(), only_b.ravel()]), axis=1, return_inverse=True)
    values = np.array([mcnemar_mid_p(int(a), int(b)) for a, b in pairs.T])
    return values[place.ravel()].reshape(only_a.shape)


PARTS = (small_seed_sd, middle_seed_sd, first_look_at_two_seeds, checkpoints_watched)
