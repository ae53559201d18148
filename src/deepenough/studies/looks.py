"""Look by look: train the seeds of a look, decide, and stop where that settles the question.

Most studies declare no looks; they are looked at once, after all seeds. Nothing about an earlier look is kept but what
its cells hold: a study that goes on decides it again from the same scores, to the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from deepenough.cost.memory import most_held
from deepenough.records import Verdict
from deepenough.stats import Look, settled
from deepenough.studies.bench import Bench
from deepenough.studies.deciding import Decided, decide
from deepenough.studies.executor import Executor
from deepenough.studies.head import run_probe
from deepenough.training import Seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Where a study ended, and what it took beside the trainings."""

    decided: Decided
    cost_s: float  # of measuring costs
    peak_bytes: int  # the most memory that training and testing held


def run_looks(bench: Bench, executor: Executor, measure_costs: Callable[[], float]) -> Ended:
    """Train and decide, look after look, until one is settled or none is left.

    Args:
        bench: of the study.
        executor: trains and tests.
        measure_costs: measures them where an earlier run did not; returns the seconds that it took.
    """
    looks, taken, peak_bytes = bench.design.looks, [], 0
    for number, look in enumerate(looks, start=1):
        if bench.study.recipe.train == "head":
            run_probe(bench)
            held = most_held(torch.device(bench.setting.machine.device))
        else:
            held = executor.run(bench, [Seeds.of(seed) for seed in range(look.seeds)], bench.design.scales)
        peak_bytes = max(peak_bytes, held)  # before the costs, whose measurement resets the mark
        cost_s = measure_costs()
        bench.listener.stage("deciding")
        decided = decide(bench, look)
        taken.append(_as_taken(look, decided.verdict))
        stops = number == len(looks) or is_settled(decided.verdict)
        if bench.design.declares_looks:
            bench.listener.note(_in_words(decided, number, looks, stops=stops))
            decided = decided.with_looks([*taken, *(_as_taken(left, None) for left in looks[number:])])
        if stops:
            return Ended(decided=decided, cost_s=cost_s, peak_bytes=peak_bytes)
    raise ValueError("a design has at least one look")


def is_settled(verdict: Verdict) -> bool:
    """Whether a study stops at this verdict: it speaks of the architectures, and more seeds are not called for.

    A gain that may or may not exceed the margin is not settled: with more seeds the small network may still turn out to
    be enough, and the declared looks that are left have been paid for.
    """
    return verdict.scope == "architecture" and settled(verdict.answer, verdict.beyond_margin)


def _as_taken(look: Look, verdict: Verdict | None) -> dict[str, Any]:
    """A look for the record; what it found is None where it was not taken."""
    found = {"answer": None, "beyond_margin": None, "difference": None, "interval": None, "scale": None}
    if verdict is not None:
        found = {name: getattr(verdict, name) for name in found} | {"interval": list(verdict.interval)}
    return {"seeds": look.seeds, "alpha": look.alpha, "level": look.level, **found}


def _in_words(decided: Decided, number: int, looks: tuple[Look, ...], *, stops: bool) -> str:
    verdict, look = decided.verdict, decided.look
    interval = f"{round(100 * look.level, 2):g} % interval {verdict.interval[0]:.2f} to {verdict.interval[1]:.2f}"
    seen = f"gain {verdict.difference:.2f} {verdict.unit}, {interval}"
    if not stops:
        then = f"open, on to {looks[number].seeds} seeds"
    elif number < len(looks):
        then = f"settled, so {looks[-1].seeds} seeds are not needed"
    else:
        then = "the last look"
    return f"look {number} of {len(looks)}, after {look.seeds} seeds: {seen}; {then}"
