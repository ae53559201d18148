"""The verdict in plain words, one phrase for each row of the decision rule; numbers come rounded from `tables`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from deepenough.records import Needed, Verdict
from deepenough.report import stopping
from deepenough.report.naming import display_name
from deepenough.report.needs import more_about
from deepenough.report.noise import gap_in_words
from deepenough.report.tables import numbers

ANSWERS = {
    "small_is_enough": "the smaller network is enough",
    "big_is_better": "the bigger network is better",
    "small_is_better": "the smaller network is better",
    "undecided": "undecided",
}
_CHOSEN_ON = {
    "validation": "The scale was chosen on the validation images; the test images had no say in it.",
    "only_scale": "It is the only scale that was tested.",
    "declared": "The scale was declared before looking.",
    "test": "The scale was picked on the test images themselves, so the interval is too optimistic.",
}


def answer_in_words(verdict: Verdict, answer: str | None = None) -> str:
    """The answer alone, with the contenders' names: `ResNet-50 is enough`."""
    small, big = display_name(verdict.small), display_name(verdict.big)
    return {
        "small_is_enough": f"{small} is enough",
        "big_is_better": f"{big} is better",
        "small_is_better": f"{small} is better",
        "undecided": "Undecided",
    }[answer or verdict.answer]


def headline(verdict: Verdict) -> str:
    """The decision in one sentence: the answer, the difference with its interval, and the margin it was held against.

    A verdict over single runs says "this ResNet-50": it speaks of two checkpoints and of no other.
    """
    small, big = display_name(verdict.small), display_name(verdict.big)
    margin = numbers.shortest(verdict.margin)
    if verdict.scope == "checkpoint":
        small, big = f"this {small}", f"this {big}"
    body = {
        "small_is_enough": _enough,
        "big_is_better": _big_better,
        "small_is_better": _small_better,
        "undecided": _undecided,
    }[verdict.answer](verdict, small, big, margin)
    return body[0].upper() + body[1:] if body.startswith(("this ", "undecided")) else body


def _enough(verdict: Verdict, small: str, big: str, margin: str) -> str:
    at = _at(verdict)
    if verdict.interval[0] > 0:
        return f"{small} is enough: {at}{big} is better, by {_gain(verdict)}, but by less than your margin of {margin}."
    if verdict.difference < 0:
        behind = f"{at}{big} is {_gain(verdict, verdict.difference < 0)}"
        return f"{small} is enough: {behind}, and a gain as large as your margin of {margin} is ruled out."
    return f"{small} is enough: {at}{big} gains {_gain(verdict)}, less than your margin of {margin}."


def _big_better(verdict: Verdict, _: str, big: str, margin: str) -> str:
    gain = f"{big} is better: {_at(verdict)}it gains {_gain(verdict)}"
    if verdict.beyond_margin:
        return f"{gain}, more than your margin of {margin}."
    return f"{gain}; whether by more than your margin of {margin} is open."


def _small_better(verdict: Verdict, small: str, big: str, _: str) -> str:
    return f"{small} is better: {_at(verdict)}{big} is {_gain(verdict, True)}."


def _undecided(verdict: Verdict, _: str, big: str, margin: str) -> str:
    gain = f"{big} is {_gain(verdict, True)}" if verdict.difference < 0 else f"{big} gains {_gain(verdict)}"
    open_still = f"no gain at all and a gain of your margin of {margin} are both still possible"
    return f"undecided: {_at(verdict)}{gain}; {open_still}."


def _at(verdict: Verdict) -> str:
    return f"at {verdict.scale} px " if verdict.scale > 0 else ""


def _gain(verdict: Verdict, behind: bool = False) -> str:
    """The difference with its interval; the interval is always that of the gain, big minus small."""
    decimals = decimals_of(verdict)
    bounds = numbers.interval(verdict.interval, decimals)
    amount = f"{numbers.fixed(abs(verdict.difference), decimals)} {verdict.unit}"
    level = numbers.confidence(verdict.level)
    if behind:
        return f"{amount} behind ({level} interval of its gain {bounds})"
    return f"{amount} ({level} interval {bounds})"


def decimals_of(verdict: Verdict) -> int:
    """Decimals for this verdict: two digits of the half width, more where a bound comes near a landmark."""
    return numbers.decimals_for(verdict.standard_error, verdict.interval, (0.0, verdict.margin))


def sentences(verdict: Verdict) -> list[str]:
    """What a reader must know beside the headline: the evidence, the scope, and what would settle what is open.

    The verdict's own caveats are not repeated; print them beside these.
    """
    return [
        _levels(verdict),
        _CHOSEN_ON.get(verdict.scale_chosen_on, f"The scale was chosen on: {verdict.scale_chosen_on}."),
        _any_margin(verdict),
        *stopping.in_words(verdict),
        *_scope(verdict),
        *gap_in_words(verdict),
        *needed_in_words(verdict),
    ]


def _levels(verdict: Verdict) -> str:
    means = {entry.contender: entry.mean for entry in verdict.contenders if entry.scale == verdict.scale}
    small, big = display_name(verdict.small), display_name(verdict.big)
    runs = [len(verdict.seeds.get(name, [])) for name in (verdict.small, verdict.big)]
    seeds = f"{plural(runs[0], 'training run')} of " + (
        "each network" if runs[0] == runs[1] else f"{small} and {runs[1]} of {big}"
    )
    text = f"Measured on {numbers.count(verdict.samples)} test images with {seeds}"
    if verdict.small in means and verdict.big in means:
        reached = [
            f"{display_name(name)} reaches {numbers.level(means[name], verdict.unit, decimals_of(verdict))}"
            for name in (verdict.small, verdict.big)
        ]
        text += f": {reached[0]}, {reached[1]} {verdict.metric}"
    return text + "."


def _any_margin(verdict: Verdict) -> str:
    small, big = display_name(verdict.small), display_name(verdict.big)
    upper = verdict.enough_for_any_margin_above
    if upper <= 0:
        return f"{small} is enough whatever the margin: no gain of {big} is compatible with the data."
    if verdict.beyond_margin:
        bound = f"{numbers.fixed(verdict.interval[0], decimals_of(verdict))} {verdict.unit}"
        return f"Without any margin in mind: {big} pays for every margin below {bound}."
    bound = f"{numbers.fixed(upper, decimals_of(verdict))} {verdict.unit}"
    if verdict.interval[0] > 0:
        low = f"{numbers.fixed(verdict.interval[0], decimals_of(verdict))}"
        return f"Without any margin in mind: {big} pays for every margin below {low}, {small} is enough above {bound}."
    return f"Without any margin in mind: {small} is enough for every margin above {bound}."


def _scope(verdict: Verdict) -> list[str]:
    if verdict.scope == "architecture":
        return [
            "It holds for both architectures freshly trained by this recipe, on new images like these; "
            "another recipe, another image size or other images can change it."
        ]
    if verdict.trained == "head":
        return [
            "It holds for these two networks' weights, each with a linear head of its own: a linear probe. Nothing can "
            "be said about the architectures, nor about these weights where all of a network is trained."
        ]
    single = [display_name(name) for name, seeds in verdict.seeds.items() if len(seeds) == 1]
    runs = f"one training run of {single[0]}" if len(single) == 1 else "one training run each"
    lines = [f"It holds for these two trained networks only: with {runs}, nothing can be said about the architectures."]
    sd = verdict.needed.tipping_seed_sd if verdict.needed else None
    if sd is None:
        return lines
    if sd <= 0:
        return [
            *lines,
            "The images alone leave the sign of the difference open, however little a new training run would change.",
        ]
    amount = f"{numbers.fixed(sd, numbers.decimals_for(sd / 2))} {verdict.unit}"
    return [
        *lines,
        f"If training anew moves the {verdict.metric} by a standard deviation of {amount} or more, "
        "the difference is no longer significant; more seeds would measure that.",
    ]


def needed_in_words(verdict: Verdict) -> list[str]:
    """What would settle an open question, or nothing where all is settled."""
    needed = verdict.needed
    if needed is None or not _open(verdict):
        return []
    lines = _floors(verdict, needed)
    it = "it" if verdict.scope == "architecture" else "it for these two networks"
    if needed.guaranteed:
        designs = _designs(verdict, needed.guaranteed)
        lines.append(f"Sure to settle {it}, where the interval comes out as wide as foretold: {designs}.")
    if needed.likely and needed.likely != needed.guaranteed:
        lines.append(f"Likely to settle {it} (80 %, if the truth is as measured): {_designs(verdict, needed.likely)}.")
    if not (needed.guaranteed or needed.likely) and verdict.scope == "architecture":
        lines.append(
            "No affordable number of seeds and images is sure to settle it at this margin; a larger margin could."
        )
    runs = min((len(seeds) for seeds in verdict.seeds.values()), default=0)
    return lines + more_about(needed, runs=runs, describe=lambda designs: _designs(verdict, designs))


def _open(verdict: Verdict) -> bool:
    return verdict.answer == "undecided" or (verdict.answer == "big_is_better" and verdict.beyond_margin is False)


def _floors(verdict: Verdict, needed: Needed) -> list[str]:
    if verdict.scope == "checkpoint":
        return []
    half = verdict.margin / 2
    runs = min((len(seeds) for seeds in verdict.seeds.values()), default=0)
    lines = []
    if needed.seed_floor is not None and needed.seed_floor > half:
        floor = numbers.fixed(needed.seed_floor, decimals_of(verdict))
        lines.append(
            f"With {plural(runs, 'seed')} no number of images is sure to settle it: "
            f"the seeds alone leave ±{floor} {verdict.unit}."
        )
    if needed.sample_floor is not None and needed.sample_floor > half:
        floor = numbers.fixed(needed.sample_floor, decimals_of(verdict))
        lines.append(
            f"With these {numbers.count(verdict.samples)} test images no number of seeds is sure to settle it: "
            f"the images alone leave ±{floor} {verdict.unit}."
        )
    return lines


def _designs(verdict: Verdict, designs: Sequence[dict[str, float]]) -> str:
    chosen = list(designs[:1])
    affordable = [design for design in designs[1:] if design["samples"] <= 2 * verdict.samples]
    if len(designs) > 1:
        chosen.append(affordable[0] if affordable else designs[-1])
    return ", or ".join(_design(design) for design in chosen)


def _design(design: dict[str, float]) -> str:
    images = f"{numbers.at_least(design['samples'])} test images"
    return images if design["seeds"] <= 1 else f"{numbers.count(design['seeds'])} seeds each on {images}"


def next_steps(verdict: Verdict, folder: Path | str) -> list[str]:
    """Two commands to paste into a terminal, each with its reason as a shell comment."""
    home = str(folder)
    study = shlex.quote(str(Path(home) / "study.yaml"))
    runs = max((len(seeds) for seeds in verdict.seeds.values()), default=1)
    if verdict.looks and _open(verdict):  # the declared looks are spent: the same images with more seeds are one more
        first = (
            f"deepenough plan --pilot {shlex.quote(home)} --margin {numbers.shortest(verdict.margin)}  # plan the next"
        )
    elif _open(verdict) or verdict.scope == "checkpoint":
        seeds = _seeds_to_try(verdict, runs)
        out = shlex.quote(f"{home.rstrip('/')}-{seeds}seeds")
        change, why = "", "what would make the answer surer"
        if verdict.trained == "head":
            change, why = " --train all", "train all of the networks"
        first = f"deepenough compare {study}{change} --seeds {seeds} --out {out}  # {why}"
    else:
        first = "deepenough compare my_photos/  # the same question about your own images"
        if not _of_digits(Path(home)):
            first = f"deepenough slices {shlex.quote(home)}  # where it is won and lost: class, size, any column"
    margin = _other_margin(verdict)
    second = f"deepenough verdict {shlex.quote(home)} --margin {margin}  # decide anew with another margin, in a second"
    return [first, second]


def _of_digits(folder: Path) -> bool:
    """Whether a study was of the tiny set that comes with the program; so too where its folder does not say."""
    study = folder / "study.yaml"
    return not study.is_file() or "\nsource: digits\n" in f"\n{study.read_text(encoding='utf-8')}"


def _seeds_to_try(verdict: Verdict, runs: int) -> int:
    needed = verdict.needed or Needed()
    for designs in (needed.guaranteed, needed.likely):
        fitting = [int(design["seeds"]) for design in designs if design["samples"] <= verdict.samples]
        if fitting and fitting[0] > runs:
            return fitting[0]
    return 3 if runs < 3 else runs + 2


def _other_margin(verdict: Verdict) -> str:
    """Twice the margin where that was too narrow to be settled, else half of it; never one taken from the result."""
    return numbers.shortest(verdict.margin * (2 if verdict.answer == "undecided" else 0.5))


def plural(amount: int, noun: str) -> str:
    """An amount with its noun.

    >>> plural(1, "seed"), plural(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{numbers.count(amount)} {noun}" + ("" if amount == 1 else "s")
