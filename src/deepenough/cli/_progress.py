"""How a running study looks on a terminal: live bars where there is one, plain lines where there is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from deepenough.cli import _output
from deepenough.report.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from deepenough.studies.plan import Plan

PLAIN_EVERY_S = 30.0
_NAMED = 8  # contenders in the plan, at most
_UNITS = (("h", 3600), ("min", 60), ("s", 1))


class Terminal:
    """Prints what a study does, on standard error, so that standard output holds the result alone.

    Args:
        quiet: say nothing, not even notes.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._live = self._console.is_terminal and not quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._cells: dict[str, TaskID] = {}
        self._printed_at = time.monotonic()
        self._left_to_do: int | None = None  # when the stage began
        self._done, self._began = 0, time.monotonic()

    def note(self, text: str) -> None:
        """One sentence."""
        self._print(_output.wrap(text, hanging="  "))

    def plan(self, plan: Plan) -> None:
        """The plan, as a few aligned lines."""
        self.close()
        for name, value in _plan_rows(plan):
            self._print(_output.wrap(value, indent=f"{name:<10}", hanging=" " * 10))

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """A new stage."""
        self.close()
        self._left_to_do = None if total is None else total - done
        self._done, self._began = 0, time.monotonic()
        if not self._live:
            self._print(name)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(6),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.start()
        self._task = self._progress.add_task(name, total=total, completed=done)

    def advance(self, amount: int) -> None:
        """The stage came further."""
        self._done += amount
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, amount)

    def trained(
        self, cell: str, *, step: int, steps: int, loss: float, accuracy: float | None, images_per_s: float
    ) -> None:
        """A step of a cell."""
        parts = [cell, f"loss {loss:.2f}", *([] if accuracy is None else [f"val {_validated(accuracy)}"])]
        if self._progress is not None:
            text = " ".join([*parts, f"{images_per_s:.0f} img/s"])  # the bar and the time left want their columns
            if cell not in self._cells:
                self._cells[cell] = self._progress.add_task(text, total=steps)
            self._progress.update(self._cells[cell], description=text, completed=step)
        elif time.monotonic() - self._printed_at >= PLAIN_EVERY_S:
            self._printed_at = time.monotonic()
            text = "  ".join([*parts, f"{images_per_s:.0f} images/s", f"step {step}/{steps}"])
            self._print(f"  {text}{self._left()}")

    def finished(self, cell: str, folder: Path) -> None:
        """Nothing: the bars say so."""

    def close(self) -> None:
        """Take the bars away."""
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._task, self._cells = None, None, {}

    def _left(self) -> str:
        if not self._left_to_do or not self._done:
            return ""
        seconds = (time.monotonic() - self._began) / self._done * (self._left_to_do - self._done)
        return f"  {duration(seconds)} left"

    def _print(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text, soft_wrap=True)


def duration(seconds: float) -> str:
    """A duration for people.

    >>> duration(5400), duration(95), duration(3)
    ('1 h 30 min', '1 min 35 s', '3 s')
    """
    whole, parts = round(seconds), []
    for name, size in _UNITS:
        amount, whole = divmod(whole, size)
        if amount:
            parts.append(f"{amount} {name}")
    return " ".join(parts[:2]) or "0 s"


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _few(names: Sequence[str]) -> Sequence[str]:
    """All of some names, or the first and how many others there are.

    >>> _few(["a", "b"]), _few(list("abcdefghi"))
    (['a', 'b'], ['a', 'b', 'c', 'd', '5 more'])
    """
    return names if len(names) <= _NAMED else [*names[: _NAMED // 2], f"{len(names) - _NAMED // 2} more"]


def _plan_rows(plan: Plan) -> list[tuple[str, str]]:
    sizes, forecast = plan.sizes, plan.forecast
    shifted = f", {sizes.shifted} shifted" if sizes.shifted else ""
    seeds = plural(plan.seeds, "seed") if plan.looks is None else f"up to {plan.seeds} seeds"
    rows = [
        (
            "Plan",
            f"{' against '.join(_few(plan.contenders))}, {seeds} each: {len(plan.cells)} trainings",
        ),
        *_looks_row(plan),
        ("images", f"{sizes.train} train{_views(sizes.views)}, {sizes.val} validation, {sizes.test} test{shifted}"),
        ("training", _training(plan)),
        ("", f"{plan.recipe}; {plan.precision}"),
        *([("start", plan.start)] if plan.start else []),
        ("test", f"at {', '.join(map(str, plan.scales))} px"),
        (
            "forecast",
            f"{_first_look(plan)}about {duration(forecast.total_s)} "
            f"(training {duration(forecast.training_s + forecast.noise_s)}), "
            f"{forecast.peak_bytes / 2**30:.1f} GiB of memory, {_size(plan.cache_bytes)} of decoded images on disk",
        ),
    ]
    return [*rows, *(("given up" if index == 0 else "", text) for index, text in enumerate(plan.gave_up))]


def _validated(score: float) -> str:
    """A mean score: a share in per cent, what goes beyond one (dB) as it is.

    >>> _validated(0.9012), _validated(28.0871)
    ('90.1 %', '28.09')
    """
    return f"{100 * score:.1f} %" if abs(score) <= 1 else f"{score:.2f}"


def _views(views: int) -> str:
    return "" if views == 1 else f" (each cut {views} times an epoch)"


def _training(plan: Plan) -> str:
    if plan.train == "head":
        return f"{plan.train_scale} px, a linear head alone, on features that are computed once"
    return (
        f"{plan.train_scale} px, {plural(plan.epochs, 'epoch')}, batch {plan.batch}: {plan.steps_per_cell} steps each"
    )


def _looks_row(plan: Plan) -> list[tuple[str, str]]:
    if plan.looks is None:
        return []
    *some, last = map(str, plan.looks)
    when = f"after {', '.join(some)} and {last} seeds"
    return [("looks", f"{when}; stops at the first that settles it, with an error of 5 % in all")]


def _first_look(plan: Plan) -> str:
    return "" if plan.first_look is None else f"about {duration(plan.first_look.total_s)} to the first look, for all "
