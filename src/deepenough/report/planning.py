"""A prospect in words: what was assumed, what the images at hand can decide, and what it would take."""

from __future__ import annotations

from deepenough.comparison.pilot import Pilot
from deepenough.comparison.planning import Prospect, Scenario
from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.words import plural

_WIDER = (  # python benchmarks/calibration.py --repetitions 10000 --only planning
    "Sure means: where the interval comes out as wide as foretold. In simulations it came out wider in nearly half of "
    "all studies; where the gain was half the margin, the worst case, 13 to 16 % stayed undecided with 3 seeds, 8 % "
    "with 5 and 4 % with 10. Never means: not with 10 million images."
)


def basis(prospect: Prospect) -> list[str]:
    """What the plan rests on."""
    pilot, assumed = prospect.pilot, prospect.assumed
    if pilot is not None:
        first, second = (display_name(name) for name in (pilot.small, pilot.big))
        runs = pilot.seeds[0] if pilot.seeds[0] == pilot.seeds[1] else min(pilot.seeds)
        sds, upper = ([_sd(sd, prospect) for sd in reversed(each.seed_sd)] for each in prospect.scenarios)
        return [
            f"Measured in the pilot {pilot.source}: {plural(runs, 'seed')} of {first} and {second} on "
            f"{numbers.count(pilot.images)} test images, {_mean(pilot)}. Seed SD of "
            f"{first} {sds[0]} {prospect.unit}, of {second} {sds[1]}, sampling noise taken off; at the 80 % "
            f"upper bound of each {upper[0]} and {upper[1]}."
        ]
    if assumed is None:
        return []
    said = (
        f"Assumed, since nothing is measured yet: {numbers.shortest(assumed.accuracy)} % accuracy; two trainings of "
        f"one network differ in being right on {numbers.fixed(assumed.same, 1)} % of the images, trainings of "
        f"different networks on {numbers.fixed(assumed.across, 1)} %."
    )
    if len(prospect.scenarios) > 1:
        said += (
            " How far accuracy moves from training to training (seed SD) is rarely known beforehand, so several "
            "values are shown; a pilot of 3 seeds measures it."
        )
    return [said]


def _mean(pilot: Pilot) -> str:
    if pilot.measure.metric == "accuracy":
        return f"{numbers.level(pilot.mean, pilot.measure.unit, 1)} accuracy"
    return f"a mean score of {numbers.plain(pilot.mean)} {pilot.measure.unit}"


def _sd(sd: float, prospect: Prospect) -> str:
    return numbers.fixed(sd, 2) if prospect.unit == "points" else numbers.plain(sd)


def answers(prospect: Prospect) -> list[str]:
    """What the images at hand can decide, what it would take, and what is cheapest."""
    fewest, most = prospect.seeds[0], prospect.seeds[-1]
    images = plural(prospect.images, "test image")
    best, worst = (_range(prospect, k) for k in (most, fewest))
    said = [
        f"With {images} and {fewest} seeds of each network the smallest margin that is sure to be decided is {worst}"
        f"{', by how much seeds vary' if len(prospect.scenarios) > 1 else ''}; with {most} seeds, {best}.",
        _verdict(prospect),
        _WIDER,
    ]
    if prospect.pilot is not None and prospect.pilot.labels_share:
        share = numbers.share(prospect.pilot.labels_share, 0)
        said.append(
            f"Only {share} of new images would need a label: those on which runs disagree, as often as in the pilot "
            "(more seeds disagree somewhat more)."
        )
    return [*said, *_cheapest(prospect)]


def _range(prospect: Prospect, seeds: int) -> str:
    low, high = (edge(scenario.margins[seeds] for scenario in prospect.scenarios) for edge in (min, max))
    shown = numbers.rounded_up(low), numbers.rounded_up(high)
    if shown[0] == shown[1]:
        return f"{shown[0]} {prospect.unit}"
    return f"{shown[0]} to {shown[1]} {prospect.unit}"


def _verdict(prospect: Prospect) -> str:
    margin = numbers.amount(numbers.shortest(prospect.margin), prospect.unit)
    within = [_fewest_within(scenario, prospect) for scenario in prospect.scenarios]
    most = prospect.seeds[-1]
    if all(k is None for k in within):
        far = f"A margin of {margin} is out of reach of these images, even with {most} seeds."
        settled = any(scenario.needed.guaranteed for scenario in prospect.scenarios)
        return far if settled else f"{far} No number of images is sure to decide it with so few seeds."
    known = [k for k in within if k is not None]
    if len(known) < len(within):
        return f"A margin of {margin} is within their reach with {min(known)} seeds or more if seeds vary little."
    if min(known) == max(known):
        return f"A margin of {margin} is within their reach with {known[0]} seeds."
    return (
        f"A margin of {margin} is within their reach with {min(known)} to {max(known)} seeds, by how much seeds vary."
    )


def _fewest_within(scenario: Scenario, prospect: Prospect) -> int | None:
    return next((k for k in prospect.seeds if scenario.margins[k] <= prospect.margin), None)


def _cheapest(prospect: Prospect) -> list[str]:
    """The cheapest design of each scenario."""
    if prospect.price is None:
        return []
    said = []
    for scenario in prospect.scenarios:
        name = f"seed SD {scenario.name}"
        if scenario.needed.cheapest is None:
            said.append(f"{name}: none up to 100 seeds is sure")
            continue
        design = scenario.needed.cheapest
        images = numbers.at_least(max(design["samples"], 2))
        said.append(f"{name}: {numbers.count(design['seeds'])} seeds on {images} images")
    return ["Cheapest of the sure designs, at these prices: " + "; ".join(said) + "."]
