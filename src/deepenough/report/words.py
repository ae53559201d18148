"""The verdict in plain words, one phrase for each row of the decision rule; numbers come rounded from `tables`."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.records import Needed, Verdict
from deepenough.records.robustness import Robustness
from deepenough.report import baselines, stopping, teaching
from deepenough.report.headlines import answer_in_words, decimals_of, headline
from deepenough.report.language import later, say, term
from deepenough.report.naming import display_name
from deepenough.report.needs import more_about
from deepenough.report.noise import gap_in_words
from deepenough.report.steps import is_open, next_steps
from deepenough.report.tables import numbers

__all__ = [
    "answer_in_words",
    "decimals_of",
    "display_name",
    "headline",
    "needed_in_words",
    "next_steps",
    "plural",
    "sentences",
]

_CHOSEN_ON = {
    "validation": later("The scale was chosen on the validation images; the test images had no say in it."),
    "only_scale": later("It is the only scale that was tested."),
    "declared": later("The scale was declared before looking."),
    "test": later("The scale was picked on the test images themselves, so the interval is too optimistic."),
}


def sentences(verdict: Verdict) -> list[str]:
    """What a reader must know beside the headline: the evidence, the scope, and what would settle what is open.

    The verdict's own caveats are not repeated; print them beside these.
    """
    return [
        _levels(verdict),
        _chosen_on(verdict),
        _any_margin(verdict),
        *stopping.in_words(verdict),
        *_scope(verdict),
        *teaching.in_words(verdict),
        *baselines.in_words(verdict),
        *gap_in_words(verdict),
        *needed_in_words(verdict),
    ]


_TESTED = {"image": later("{samples} test images"), "pair": later("{samples} test pairs")}


def _chosen_on(verdict: Verdict) -> str:
    known = _CHOSEN_ON.get(verdict.scale_chosen_on)
    return say("The scale was chosen on: {where}.", where=verdict.scale_chosen_on) if known is None else say(known)


def _levels(verdict: Verdict) -> str:
    means = {entry.contender: entry.mean for entry in verdict.contenders if entry.scale == verdict.scale}
    small, big = display_name(verdict.small), display_name(verdict.big)
    runs = [len(verdict.seeds.get(name, [])) for name in (verdict.small, verdict.big)]
    samples, first = tested(verdict, numbers.count(verdict.samples)), plural(runs[0], "training run")
    if runs[0] == runs[1]:
        measured = say("Measured on {tested} with {runs} of each network", tested=samples, runs=first)
    else:
        measured = say(
            "Measured on {tested} with {runs} of {small} and {others} of {big}",
            tested=samples,
            runs=first,
            small=small,
            others=runs[1],
            big=big,
        )
    if verdict.small not in means or verdict.big not in means:
        return say("{measured}.", measured=measured)
    reached = [numbers.level(means[name], verdict.unit, decimals_of(verdict)) for name in (verdict.small, verdict.big)]
    return say(
        "{measured}: {small} reaches {first}, {big} reaches {second} {metric}.",
        measured=measured,
        small=small,
        first=reached[0],
        big=big,
        second=reached[1],
        metric=term(verdict.metric),
    )


def _any_margin(verdict: Verdict) -> str:
    small, big = display_name(verdict.small), display_name(verdict.big)
    upper = verdict.enough_for_any_margin_above
    if upper <= 0:
        return say(
            "{small} is enough whatever the margin: no gain of {big} is compatible with the data.", small=small, big=big
        )
    if verdict.beyond_margin:
        bound = f"{numbers.fixed(verdict.interval[0], decimals_of(verdict))} {term(verdict.unit)}"
        return say("Without any margin in mind: {big} pays for every margin below {bound}.", big=big, bound=bound)
    bound = f"{numbers.fixed(upper, decimals_of(verdict))} {term(verdict.unit)}"
    if verdict.interval[0] > 0:
        low = f"{numbers.fixed(verdict.interval[0], decimals_of(verdict))}"
        return say(
            "Without any margin in mind: {big} pays for every margin below {low}, {small} is enough above {bound}.",
            big=big,
            low=low,
            small=small,
            bound=bound,
        )
    return say(
        "Without any margin in mind: {small} is enough for every margin above {bound}.", small=small, bound=bound
    )


def _scope(verdict: Verdict) -> list[str]:
    if verdict.scope == "architecture":
        return [
            say(
                "It holds for both architectures freshly trained by this recipe, on new images like these; "
                "another recipe, another image size or other images can change it."
            )
        ]
    if verdict.trained == "head":
        return [
            say(
                "It holds for these two networks' weights, each with a linear head of its own: a linear probe. "
                "Nothing can be said about the architectures, nor about these weights where all of a network is "
                "trained."
            )
        ]
    single = [display_name(name) for name, seeds in verdict.seeds.items() if len(seeds) == 1]
    runs = say("one training run of {network}", network=single[0]) if len(single) == 1 else say("one training run each")
    lines = [
        say(
            "It holds for these two trained networks only: with {runs}, nothing can be said about the architectures.",
            runs=runs,
        )
    ]
    sd = verdict.needed.tipping_seed_sd if verdict.needed else None
    if sd is None:
        return lines
    if sd <= 0:
        return [
            *lines,
            say(
                "The images alone leave the sign of the difference open, however little a new training run would "
                "change."
            ),
        ]
    amount = f"{numbers.fixed(sd, numbers.decimals_for(sd / 2))} {term(verdict.unit)}"
    return [
        *lines,
        say(
            "If training anew moves the {metric} by a standard deviation of {amount} or more, the difference is "
            "no longer significant; more seeds would measure that.",
            metric=term(verdict.metric),
            amount=amount,
        ),
    ]


def needed_in_words(verdict: Verdict) -> list[str]:
    """What would settle an open question, or nothing where all is settled."""
    needed = verdict.needed
    if needed is None or not is_open(verdict):
        return []
    lines = _floors(verdict, needed)
    it = say("it") if verdict.scope == "architecture" else say("it for these two networks")
    if needed.guaranteed:
        designs = _designs(verdict, needed.guaranteed)
        lines.append(
            say(
                "Sure to settle {it}, where the interval comes out as wide as foretold: {designs}.",
                it=it,
                designs=designs,
            )
        )
    if needed.likely and needed.likely != needed.guaranteed:
        lines.append(
            say(
                "Likely to settle {it} (80 %, if the truth is as measured): {designs}.",
                it=it,
                designs=_designs(verdict, needed.likely),
            )
        )
    if not (needed.guaranteed or needed.likely) and verdict.scope == "architecture":
        lines.append(
            say("No affordable number of seeds and images is sure to settle it at this margin; a larger margin could.")
        )
    runs = min((len(seeds) for seeds in verdict.seeds.values()), default=0)
    return lines + more_about(needed, runs=runs, describe=lambda designs: _designs(verdict, designs))


def _floors(verdict: Verdict, needed: Needed) -> list[str]:
    if verdict.scope == "checkpoint":
        return []
    half = verdict.margin / 2
    runs = min((len(seeds) for seeds in verdict.seeds.values()), default=0)
    lines = []
    if needed.seed_floor is not None and needed.seed_floor > half:
        more = needed.sample_floor is None or needed.sample_floor <= half
        lines.append(_seeds_alone(verdict, plural(runs, "seed"), needed.seed_floor, more_could=more))
    if needed.sample_floor is not None and needed.sample_floor > half:
        floor = numbers.fixed(needed.sample_floor, decimals_of(verdict))
        lines.append(
            say(
                "With these {tested} no number of seeds is sure to settle it: they alone leave ±{floor} {unit}.",
                tested=tested(verdict, numbers.count(verdict.samples)),
                floor=floor,
                unit=term(verdict.unit),
            )
        )
    return lines


def _seeds_alone(verdict: Verdict, runs: str, floor: float, *, more_could: bool) -> str:
    """What the seeds leave open at any number of images; without the figure where that would be no help.

    A half-width of seeds alone has fewer degrees of freedom (Satterthwaite's) than the interval of seeds and images, so
    with two or three seeds it may come out wider than what was measured, which no reader could make sense of.
    """
    low, high = verdict.interval
    if floor >= (high - low) / 2:
        if more_could:
            return say("With {runs} no number of images is sure to settle it; more seeds could.", runs=runs)
        return say("With {runs} no number of images is sure to settle it.", runs=runs)
    return say(
        "With {runs} no number of images is sure to settle it: the seeds alone leave ±{floor} {unit}.",
        runs=runs,
        floor=numbers.fixed(floor, decimals_of(verdict)),
        unit=term(verdict.unit),
    )


def _designs(verdict: Verdict, designs: Sequence[dict[str, float]]) -> str:
    chosen = list(designs[:1])
    affordable = [design for design in designs[1:] if design["samples"] <= 2 * verdict.samples]
    if len(designs) > 1:
        chosen.append(affordable[0] if affordable else designs[-1])
    return say(", or ").join(_design(verdict, design) for design in chosen)


def _design(verdict: Verdict, design: dict[str, float]) -> str:
    images = tested(verdict, numbers.at_least(design["samples"]))
    return (
        images
        if design["seeds"] <= 1
        else say("{seeds} seeds each on {images}", seeds=numbers.count(design["seeds"]), images=images)
    )


def tested(record: Verdict | Robustness, samples: str) -> str:
    """So many samples of a test, by the task's own word for one."""
    return say(_TESTED.get(record.sample, later("{samples} test samples")), samples=samples)


def plural(amount: int, noun: str) -> str:
    """An amount with its noun.

    >>> plural(1, "seed"), plural(3, "seed")
    ('1 seed', '3 seeds')
    """
    known = term(noun)
    return f"{numbers.count(amount)} {known}" + ("" if amount == 1 or known != noun else "s")
