"""The question asked again with the reader's own numbers: what the page's sliders start from and compute with.

The page computes in the browser, from the outcomes embedded in it, what `comparison` computes here: the same estimate,
the same rule, the same bill. This module holds the starting state, which is also what is printed and shown without
scripts, and what the script needs to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepenough.comparison.estimating import estimate_gain
from deepenough.comparison.frontier import latency_of
from deepenough.comparison.pairing import FEWEST_PAIRS, shared_seeds
from deepenough.comparison.price import Bill, Prices, bill
from deepenough.records import Verdict
from deepenough.report import billing, words
from deepenough.report.evidence import Evidence
from deepenough.report.language import say, term
from deepenough.report.tables import Table, machine, numbers
from deepenough.report.tables.model import table
from deepenough.stats import Estimate
from deepenough.stats.mrmc import Guard

START = Prices(millisecond=3e-8, error=0.01, images_a_day=1e6)  # a small rented machine: 0.1 an hour, in any currency
_SAME = 1e-9  # relative: what two ways to compute one number may differ by


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """One control: what it asks, where it starts, and the powers of ten between which it slides."""

    key: str
    label: str
    unit: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The panel as it starts; `state` is what the script reads."""

    sliders: tuple[Slider, ...]
    scales: tuple[int, ...]
    machines: tuple[str, ...]
    answer: str
    facts: Table
    money: Table | None
    pays: str  # what the money says, in a sentence
    billed: str  # how the money is reckoned
    state: Mapping[str, Any]


def panel(evidence: Evidence) -> Panel | None:
    """The panel of a study; None where the verdict is no mean over the outcomes at hand, or runs lack some of them."""
    verdict = evidence.verdict
    guard = guard_of(evidence)
    if guard is None or evidence.outcomes is None:
        return None
    scales = _scales(evidence)
    latencies = _latencies(evidence, scales)
    priced = verdict.unit == "points" and latencies
    sliders = [_margin(verdict)] + (_prices(verdict) if priced else [])
    first = bill_of(evidence, latencies[0], START) if priced else None
    said = _words(verdict)
    state = {
        "small": verdict.small,
        "big": verdict.big,
        "scale": verdict.scale,
        "scales": list(scales),
        "margin": verdict.margin,
        "level": verdict.level,
        "unit": verdict.unit,
        "multiplier": multiplier(verdict),
        "guard": guard,
        "paired": verdict.paired_seeds,
        "words": said,
        "machines": latencies if priced else [],
    }
    decided = verdict.answer + ("_open" if verdict.beyond_margin is False else "")
    at = numbers.filled(said["at"], scale=verdict.scale) if verdict.scale > 0 else ""
    return Panel(
        sliders=tuple(sliders),
        scales=scales,
        machines=tuple(entry["name"] for entry in latencies) if priced else (),
        answer=_sentence(numbers.filled(said[decided], at=at)),
        facts=_facts(verdict),
        money=None if first is None else billing.table_of(verdict, latencies[0], first),
        pays="" if first is None else _pays(first, said),
        billed=billing.in_words(verdict, [entry["name"] for entry in latencies]),
        state=state,
    )


def multiplier(verdict: Verdict) -> float:
    """Units for a score of 1."""
    return 100.0 if verdict.unit == "points" else 1.0


def estimate_at(evidence: Evidence, scale: int, guard: Guard) -> Estimate | None:
    """Big minus small from the embedded outcomes at a scale, in the verdict's unit; None where one has none there."""
    verdict, aligned = evidence.verdict, evidence.outcomes
    if aligned is None or any((name, scale) not in aligned.cells for name in (verdict.small, verdict.big)):
        return None
    cells = [aligned.cells[name, scale] for name in (verdict.big, verdict.small)]
    seeds = shared_seeds(*cells) if verdict.paired_seeds else ()
    paired = len(seeds) >= FEWEST_PAIRS
    sides = [cell.of(seeds) if paired else cell.scores for cell in cells]
    clusters = evidence.clusters()
    found = estimate_gain(sides[0], sides[1], clusters, level=verdict.level, guard=guard, pairs=paired)
    return found.scaled(multiplier(verdict))


def guard_of(evidence: Evidence) -> Guard | None:
    """The guard under which the outcomes give the verdict's own interval; None where no guard does."""
    verdict, aligned = evidence.verdict, evidence.outcomes
    if aligned is None or not all(cell.complete for cell in aligned.cells.values()):
        return None
    for guard in (1, 2):
        found = estimate_at(evidence, _scale(evidence), guard)
        if found is not None and _same(found, verdict):
            return guard
    return None


def bill_of(evidence: Evidence, latencies: Mapping[str, Any], prices: Prices) -> Bill | None:
    """What the pair costs at the deciding scale; None where its latency there is not known."""
    verdict = evidence.verdict
    spans = [latencies["latency_s"].get(name, {}).get(str(verdict.scale)) for name in (verdict.small, verdict.big)]
    means = {entry.contender: entry.mean for entry in verdict.contenders if entry.scale == verdict.scale}
    if None in spans or not {verdict.small, verdict.big} <= means.keys():
        return None
    low, high = (end / 100.0 for end in verdict.interval)
    return bill((spans[0], spans[1]), (means[verdict.small] / 100.0, means[verdict.big] / 100.0), (low, high), prices)


def _same(found: Estimate, verdict: Verdict) -> bool:
    pairs = [(found.difference, verdict.difference), *zip(found.interval, verdict.interval, strict=True)]
    return all(abs(a - b) <= _SAME * max(1.0, abs(b)) for a, b in pairs)


def _scale(evidence: Evidence) -> int:
    aligned = evidence.outcomes
    scales = () if aligned is None else aligned.scales
    return scales[0] if len(scales) == 1 else evidence.verdict.scale


def _scales(evidence: Evidence) -> tuple[int, ...]:
    """Those at which both of the pair were tested."""
    verdict, aligned = evidence.verdict, evidence.outcomes
    if aligned is None:
        return ()
    pair = (verdict.small, verdict.big)
    return tuple(scale for scale in aligned.scales if all((name, scale) in aligned.cells for name in pair))


def _latencies(evidence: Evidence, scales: tuple[int, ...]) -> list[dict[str, Any]]:
    """The median seconds an image of both, on every machine that has measured both at the deciding scale."""
    verdict, found = evidence.verdict, []
    own = [] if evidence.costs is None else [(machine.where_measured(evidence.costs), evidence.costs)]
    for name, costs in [*own, *((each.name, each.costs) for each in evidence.elsewhere)]:
        seconds = latency_of(costs)
        known = {
            who: {str(scale): seconds[who, scale] for scale in scales if (who, scale) in seconds}
            for who in (verdict.small, verdict.big)
        }
        if all(str(verdict.scale) in of_one for of_one in known.values()):
            found.append({"name": name, "latency_s": known})
    return found


def _words(verdict: Verdict) -> dict[str, str]:
    """The sentences of the panel; what stands in braces is filled in by whoever shows them."""
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    return {
        "at": say("at {scale} px ", scale="{scale}"),
        "small_is_enough": say(
            "{at}{small} is enough: a gain of {big} as large as your margin is ruled out.",
            at="{at}",
            small=small,
            big=big,
        ),
        "small_is_better": say("{at}{small} is better.", at="{at}", small=small),
        "big_is_better": say("{at}{big} is better, by more than your margin.", at="{at}", big=big),
        "big_is_better_open": say("{at}{big} is better; whether by more than your margin is open.", at="{at}", big=big),
        "undecided": say(
            "{at}it is undecided: no gain at all and a gain of your margin are both still possible.", at="{at}"
        ),
        "interval": say("{low} to {high}", low="{low}", high="{high}"),
        "changed": say("A margin or an image side chosen after the results are known makes the answer too bold."),
        "bad": say("Every number must be 0 or above, and the margin above 0."),
        "unmeasured": say("The time at this image side was not measured on this machine."),
        "big_pays": say("At these prices {big} costs less.", big=big),
        "small_pays": say("At these prices {small} costs less.", small=small),
        "open_pays": say("At these prices it is open which of the two costs less."),
        "break_even": say("{big} pays for its time from a gain of {points} points on.", big=big, points="{points}"),
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _pays(asked: Bill, said: Mapping[str, str]) -> str:
    low, high = asked.interval
    key = "big_pays" if high < 0 else "small_pays" if low > 0 else "open_pays"
    if asked.break_even is None:
        return said[key]
    even = numbers.filled(said["break_even"], points=numbers.money(100.0 * asked.break_even))
    return f"{said[key]} {even}"


def _margin(verdict: Verdict) -> Slider:
    low = min(0.01, verdict.margin)
    return Slider(key="margin", label=say('Margin: the gain too small to pay for'), unit=term(verdict.unit),
                  value=verdict.margin, low=low, high=max(20.0, verdict.margin))  # fmt: skip


def _prices(verdict: Verdict) -> list[Slider]:
    return [
        Slider(
            key="millisecond",
            label=say("Price of a millisecond"),
            unit="",
            value=START.millisecond,
            low=1e-10,
            high=1e-4,
        ),
        Slider(key="error", label=billing.at_stake(verdict), unit="", value=START.error, low=1e-5, high=1e4),
        Slider(key="traffic", label=say("Images a day"), unit="", value=START.images_a_day, low=10, high=1e10),
    ]


def _facts(verdict: Verdict) -> Table:
    decimals = words.decimals_of(verdict)
    degrees = verdict.degrees_of_freedom
    rows = [
        (
            say("gain of {big}, {unit}", big=words.display_name(verdict.big), unit=term(verdict.unit)),
            numbers.signed(verdict.difference, decimals),
        ),
        (
            say("{level} interval", level=numbers.confidence(verdict.level)),
            numbers.interval(verdict.interval, decimals),
        ),
        (say("degrees of freedom"), numbers.ABSENT if degrees is None else numbers.fixed(degrees, 1)),
        (say("p-value (no difference)"), numbers.probability(verdict.p_value)),
    ]
    return table("asked", say("The answer in numbers"), ["", ""], rows)
