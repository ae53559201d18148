"""What to do after a verdict: two commands to paste into a terminal, each with its reason."""

from __future__ import annotations

import shlex
from pathlib import Path

from deepenough.records import Needed, Verdict, read_json
from deepenough.report.language import say
from deepenough.report.tables import numbers


def is_open(verdict: Verdict) -> bool:
    """Whether the question is still open, in part or whole."""
    return verdict.answer == "undecided" or (verdict.answer == "big_is_better" and verdict.beyond_margin is False)


def next_steps(verdict: Verdict, folder: Path | str) -> list[str]:
    """Two commands to paste into a terminal, each with its reason as a shell comment."""
    home = str(folder)
    study = shlex.quote(str(Path(home) / "study.yaml"))
    runs = max((len(seeds) for seeds in verdict.seeds.values()), default=1)
    if verdict.looks and is_open(verdict):  # the declared looks are spent: the same images with more seeds are one more
        why = say("plan the next")
        first = f"deepenough plan --pilot {shlex.quote(home)} --margin {numbers.shortest(verdict.margin)}  # {why}"
    elif is_open(verdict) or verdict.scope == "checkpoint":
        seeds = _seeds_to_try(verdict, runs)
        out = shlex.quote(f"{home.rstrip('/')}-{seeds}seeds")
        change, why = "", say("what would make the answer surer")
        if verdict.trained == "head":
            change, why = " --train all", say("train all of the networks")
        time = "" if change else _time(Path(home), seeds / runs)
        first = f"deepenough compare {study}{change} --seeds {seeds} --out {out}  # {why}{time}"
    else:
        first = f"deepenough compare my_photos/  # {say('the same question about your own images')}"
        if not _of_digits(Path(home)):
            why = say("where it is won and lost: class, size, any column")
            first = f"deepenough slices {shlex.quote(home)}  # {why}"
    margin = _other_margin(verdict)
    why = say("decide anew with another margin, in a second")
    second = f"deepenough verdict {shlex.quote(home)} --margin {margin}  # {why}"
    return [first, second]


def _time(folder: Path, times: float) -> str:
    """How long a study of so many times the seeds computes, after a comma; empty where none says what this one took.

    A sum over trainings: of several at a time, on several machines, more than the clock says.
    """
    plan = folder / "plan.json"
    took = (read_json(plan).get("took") or {}) if plan.is_file() else {}
    if not {"total_s", "training_s", "evaluation_s"} <= set(took):
        return ""
    span = took["total_s"] + (times - 1) * (took["training_s"] + took["evaluation_s"])
    return say(", about {span} of computing as here", span=numbers.duration(span))


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
