"""What would settle an undecided question: how many seeds and samples, guaranteed or likely, and what cannot.

The variance components of one study predict the interval of another (`prediction`). The prediction is slightly rosy at
k = 3 (measured power is up to 0.035 lower), since the degrees of freedom of the coming study are random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepenough.errors import InputError
from deepenough.records import Needed
from deepenough.stats.decision import check_margin
from deepenough.stats.distributions import FloatArray, t_quantile
from deepenough.stats.estimate import Components, Estimate
from deepenough.stats.prediction import (
    BoolArray,
    fewest_samples,
    interval_half_width,
    predicted_power,
    with_upper_seed_sds,
)

LADDER = (3, 5, 8, 10, 15, 20, 30)
MOST_SEEDS = 100  # that a cheapest design may have
Settles = Callable[[int, FloatArray], BoolArray]  # seeds, numbers of samples -> whether each is enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a study costs, in one unit of the caller's choice: seconds, or money.

    Args:
        seed: one more training of all contenders.
        image: one more test sample, found and labelled.
        test: scoring one sample in all contenders of one seed.
        at_hand: samples that are there already and cost nothing more.
    """

    seed: float
    image: float
    test: float = 0.0
    at_hand: int = 0

    def __post_init__(self) -> None:
        parts = (self.seed, self.image, self.test, self.at_hand)
        if not (all(np.isfinite(parts)) and min(parts) >= 0 and max(parts[:3]) > 0):
            raise InputError("price", "finite prices, at least 0 and not all 0", f"{parts}")

    def of(self, seeds: int, samples: int) -> float:
        """The price of a design.

        >>> Price(seed=600, image=10, test=.01, at_hand=400).of(3, 1000)
        7830.0
        """
        return seeds * self.seed + max(samples - self.at_hand, 0) * self.image + seeds * samples * self.test


def needed(
    estimate: Estimate,
    margin: float,
    *,
    target: float | None = None,
    ladder: Sequence[int] = LADDER,
    power: float = 0.8,
    price: Price | None = None,
    level: float = 0.95,
    guard: int = 1,
) -> Needed:
    """Designs that would settle the question, from the components of an estimate of big minus small.

    Guaranteed designs have an interval narrower than the margin, which is never undecided whatever the truth. Likely
    ones decide with probability `power` if the truth is as estimated. A design is listed only where it needs fewer
    samples than every design with fewer seeds. Where the seeds' spread was seen, both are also given for its upper
    bound (`with_upper_seed_sds`): three seeds know their SD only within a factor of 2.1.

    Args:
        estimate: of big minus small, in the unit of `margin`.
        margin: above 0.
        target: how far the truth is taken to lie from the bound that the interval must clear; by default the larger of
            `difference` (to show a gain above 0) and `margin - difference` (to show one below the margin). Given one,
            the question is whether the gain passes a bound inside the interval, for which no design is a guarantee.
        ladder: numbers of seeds to consider; those of the estimate are always among them.
        power: of the likely designs.
        price: of seeds and samples, to find the cheapest designs, with any number of seeds from the estimate's on.
        level: of the interval that is to decide.
        guard: of its degrees of freedom, as in `nested`.

    Returns:
        Designs hold `seeds` a contender, `samples` of the test set in all, `total_samples` scored in all (seeds x
        samples x contenders), `more_seeds` and `more_samples`; the cheapest also `price`.

    >>> parts = Components(seed_variances=(0, 0), residual_variances=(.0225, .0225), sample_variance=.018)
    >>> seen = Estimate(difference=0.0, standard_error=.0018, degrees_of_freedom=20, interval=(-.004, .004),
    ...     p_value=1.0, design="nested", seeds=(3, 3), samples=10_000, components=parts)
    >>> found = needed(seen, 0.005, ladder=(3, 5), price=Price(seed=3600, image=10))
    >>> [(d["seeds"], round(d["samples"], -2)) for d in found.guaranteed]
    [(3, 23100), (5, 17200)]
    >>> found.cheapest["seeds"], round(found.cheapest["samples"], -2)
    (9, 14200)
    """
    check_margin(margin)
    fixed_runs = not estimate.components.seed_variances
    seeds_now = max(estimate.seeds)
    rungs = [seeds_now] if fixed_runs else sorted({*(k for k in ladder if k >= seeds_now), max(seeds_now, 2)})
    distance = max(estimate.difference, margin - estimate.difference) if target is None else abs(target)

    def narrow(parts: Components) -> Settles | None:
        if target is not None:
            return None
        return lambda k, n: 2.0 * interval_half_width(parts, k, n, level=level, guard=guard) <= margin

    def likely(parts: Components) -> Settles | None:
        sure = narrow(parts)

        def settles(k: int, n: FloatArray) -> BoolArray:
            enough = predicted_power(parts, k, n, distance, level=level, guard=guard) >= power
            return enough if sure is None else enough | sure(k, n)  # a narrow interval decides whatever the truth

        return settles if distance > 0 else None

    parts = estimate.components
    found = Needed(
        guaranteed=_designs(narrow(parts), rungs, estimate),
        likely=_designs(likely(parts), rungs, estimate),
        seed_floor=None if fixed_runs else _seed_floor(estimate, level),
        sample_floor=_sample_floor(estimate, level),
    )
    if estimate.seed_sd and not fixed_runs:
        upper = with_upper_seed_sds(estimate)
        found = replace(
            found,
            guaranteed_at_upper_sd=_designs(narrow(upper), rungs, estimate),
            likely_at_upper_sd=_designs(likely(upper), rungs, estimate),
        )
    if price is None or fixed_runs:
        return found
    return replace(
        found,
        cheapest=cheapest_design(narrow(parts), price, estimate),
        cheapest_likely=cheapest_design(likely(parts), price, estimate),
    )


def cheapest_design(settles: Settles | None, price: Price, estimate: Estimate) -> dict[str, float] | None:
    """The design of the lowest price among all numbers of seeds from the estimate's (at least 2) to `MOST_SEEDS`.

    Without residual variance and with many seeds its seeds and samples are as
    `seeds / samples = sqrt(sum(seed variances) * image / (sample variance * seed))`, the stationary point of the price
    at a given variance; with few seeds the degrees of freedom call for more of them, so all are tried.
    """
    best: dict[str, float] | None = None
    if settles is None:
        return None
    for k in range(max(*estimate.seeds, 2), MOST_SEEDS + 1):
        if best is not None and price.of(k, 0) >= best["price"]:
            break
        samples = fewest_samples(lambda n, k=k: settles(k, n))
        if samples is not None and (best is None or price.of(k, samples) < best["price"]):
            best = {**_design(k, samples, estimate), "price": price.of(k, samples)}
    return best


def _designs(settles: Settles | None, rungs: Sequence[int], estimate: Estimate) -> list[dict[str, float]]:
    """The fewest samples for each number of seeds; those that save no samples over fewer seeds are left out."""
    found: list[dict[str, float]] = []
    fewest = float("inf")
    if settles is None:
        return found
    for k in rungs:
        samples = fewest_samples(lambda n, k=k: settles(k, n))
        if samples is None or samples >= fewest:
            continue
        fewest = samples
        found.append(_design(k, samples, estimate))
    return found


def _design(seeds: int, samples: int, estimate: Estimate) -> dict[str, float]:
    return {
        "seeds": seeds,
        "samples": samples,
        "total_samples": seeds * samples * len(estimate.seeds),
        "more_seeds": seeds - min(estimate.seeds),
        "more_samples": max(samples - estimate.samples, 0),
    }


def _seed_floor(estimate: Estimate, level: float) -> float:
    """Half width with these seeds and endless samples."""
    counts = estimate.seeds[: len(estimate.components.seed_variances)]
    share = np.array([s / k for s, k in zip(estimate.components.seed_variances, counts, strict=True)])
    if not share.any():
        return 0.0
    weights = share / share.sum()  # squares of tiny variances would vanish
    df = 1.0 / sum(w * w / (k - 1.0) for w, k in zip(weights, counts, strict=True))
    return float(t_quantile(df, 0.5 + level / 2.0) * np.sqrt(share.sum()))


def _sample_floor(estimate: Estimate, level: float) -> float:
    """Half width with these samples and endless seeds."""
    error = np.sqrt(estimate.components.sample_variance / estimate.samples)
    return float(t_quantile(estimate.samples - 1.0, 0.5 + level / 2.0) * error)
