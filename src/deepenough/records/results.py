"""Single results: frozen dataclasses that JSON holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

Answer = Literal["small_is_enough", "big_is_better", "small_is_better", "undecided"]
Scope = Literal["architecture", "checkpoint"]
Trained = Literal["all", "head"]
NoiseSource = Literal["initialisation", "order", "augmentation", "nondeterminism"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderResult:
    """What one contender reached at one scale; accuracy and its interval in the verdict's unit."""

    contender: str
    scale: int
    mean: float
    interval: tuple[float, float] | None  # over seeds and samples; None where it cannot be had
    per_seed: dict[int, float]
    validation_mean: float | None
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairResult:
    """Big minus small at one scale, in the verdict's unit; the same fields as the verdict's own."""

    small: str
    big: str
    scale: int
    answer: Answer
    difference: float
    interval: tuple[float, float]
    p_value: float
    degrees_of_freedom: float | None
    standard_error: float
    p_adjusted: float | None = None  # Holm over all pairs but the deciding one
    simultaneous_interval: tuple[float, float] | None = None  # Bonferroni over the same; None for the deciding one


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What would settle an undecided question; every entry is a design that one can go and buy.

    Each design is `{"seeds": k, "samples": n, "total_samples": ...}`; lists are ordered by seeds.
    """

    guaranteed: list[dict[str, float]] = field(default_factory=list)  # decides whatever the truth is
    likely: list[dict[str, float]] = field(default_factory=list)  # decides in 80 % of cases if the truth is as seen
    seed_floor: float | None = None  # half width of the interval with these seeds and endless samples
    sample_floor: float | None = None  # half width with these samples and endless seeds
    tipping_seed_sd: float | None = None  # one seed only: run-to-run SD that would overturn the difference
    guaranteed_at_upper_sd: list[dict[str, float]] | None = None  # each seed SD at its one-sided 80 % upper bound
    likely_at_upper_sd: list[dict[str, float]] | None = None  # None where no spread over seeds was seen
    labels_share: float | None = None  # of the samples: those on which runs differ in class; only they need a label
    cheapest: dict[str, float] | None = None  # of all guaranteed designs, with its `price`; where prices are known
    cheapest_likely: dict[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineResult:
    """What a method without a trained network reached at the deciding scale, and what each contender gains over it.

    In the verdict's unit, each interval by itself and at the verdict's level.
    """

    baseline: str
    mean: float
    interval: tuple[float, float] | None  # over samples; None where it cannot be had
    samples: int  # on which it was tried; gains are over these alone
    gains: dict[str, float]  # by contender
    intervals: dict[str, tuple[float, float] | None]  # over seeds and samples


class AboutSamples(Protocol):
    """Who knows what samples and confidences are: a task, or the verdict that it told."""

    @property
    def sample(self) -> str:
        """What one sample is, in a word."""
        ...

    @property
    def confidence_is_probability(self) -> bool:
        """Of being right."""
        ...

    @property
    def one_class(self) -> bool:
        """Each sample has one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision. Differences, intervals and margins are big minus small, in `unit` (for accuracy: points)."""

    answer: Answer
    scope: Scope
    small: str
    big: str
    metric: str
    unit: str
    scale: int
    difference: float
    interval: tuple[float, float]
    margin: float
    p_value: float
    degrees_of_freedom: float | None
    standard_error: float
    samples: int
    seeds: dict[str, list[int]]
    method: str
    beyond_margin: bool | None  # for big_is_better: shown to exceed the margin; None where the question does not arise
    enough_for_any_margin_above: float  # the upper end of the interval
    needed: Needed | None
    caveats: list[str]
    scale_chosen_on: str  # validation, only_scale, declared or test (with a caveat)
    contenders: list[ContenderResult]
    pairs: list[PairResult]
    noise: dict[str, Any] | None = None  # where the standard error comes from: comparison.noise, docs/study-folder.md
    level: float = 0.95  # of every interval here
    looks: list[dict[str, Any]] | None = None  # those declared, in order; None where the seeds were looked at once
    trained: Trained = "all"  # of the networks; `head` is a linear probe, in which no seed has a part
    paired_seeds: bool = False  # by declaration: run s of one contender was held against run s of the other
    baselines: list[BaselineResult] = field(default_factory=list)  # where the task knows any
    sample: str = "image"  # what one is, in a word of the task's
    confidence_is_probability: bool = True  # of being right; where not, confidences only have an order
    one_class: bool = True  # of each sample, so that one can be taken for another

    def told_by(self, who: AboutSamples) -> Verdict:
        """The same, with what a task or another verdict says of its samples."""
        said = {"confidence_is_probability": who.confidence_is_probability, "one_class": who.one_class}
        return replace(self, sample=who.sample, **said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the audit of the data found: `severity` is info, warning or error; `paths` at most 20 examples."""

    kind: str
    severity: Literal["info", "warning", "error"]
    message: str
    count: int
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate:
    """Two pictures of which one is nearly a copy of the other; `agreement` is a correlation, at most 1."""

    sample_id: str
    path: str
    target: str
    split: str
    other_sample_id: str
    other_path: str
    other_target: str
    other_split: str
    agreement: float
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the data holds. `found` = every file met = `used` + `quarantined` + `ignored`."""

    source: str
    found: int
    used: int
    quarantined: int
    classes: dict[str, dict[str, int]]  # class -> split -> samples
    splits: dict[str, int]
    reasons: dict[str, int]  # reason -> files quarantined or ignored for it
    findings: list[Finding]
    notes: list[str] = field(default_factory=list)
    ignored: int = 0  # never meant as samples: hidden files, files beside the class folders, rows of another split
    near_duplicates: list[NearDuplicate] = field(default_factory=list)  # at most 500, those across splits first

    def pairs_in_doubt(self, most: int = 12) -> list[NearDuplicate]:
        """The nearly identical pictures that a person should see, at most so many pairs.

        Those under different classes, then those in different splits; half the places for each where both are many.
        """
        divided = [pair for pair in self.near_duplicates if pair.target != pair.other_target]
        across = [p for p in self.near_duplicates if p.target == p.other_target and p.split != p.other_split]
        first = divided[: max(most // 2, most - len(across))]
        return [*first, *across[: most - len(first)]]
