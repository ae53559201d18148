"""A search from what was asked for to its record: the one path of `deepenough tune`."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from deepenough.data import PixelFolder
from deepenough.search.proposals import without_password
from deepenough.studies.executor import Executor
from deepenough.studies.listener import Listener, Silent
from deepenough.studies.ray_executor import RayExecutor
from deepenough.studies.stops import resumable, stoppable
from deepenough.studies.store import hold_if_free
from deepenough.studies.tune.asked import Asked, claim
from deepenough.studies.tune.concluding import conclude
from deepenough.studies.tune.concluding import confirm as confirm_winner
from deepenough.studies.tune.laying import Laid, lay_out
from deepenough.studies.tune.on_ray import run_trials_on_ray
from deepenough.studies.tune.running import run_trials


def searched(
    asked: Asked,
    folder: Path,
    *,
    confirm: bool | None = None,
    listener: Listener | None = None,
    command: str = "",
    began: float | None = None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Search, or go on with a search, or join one that runs; then train the winner anew and compare it.

    Args:
        asked: what for.
        folder: of the search; made where it is not there.
        confirm: whether the winner's study follows; None where the hours that were asked for suffice, or none were.
        listener: told what happens; None for nobody.
        command: the command line, which goes on with it.
        began: `time.monotonic` from which the hours count; now where None.
        executor: trains the trials, where it is Ray's, and the winner's study; None for this process.

    Returns:
        The record, as `tune.json` holds it.

    Raises:
        InputError: the source, the budget, the folder or the store cannot be used.
        Interrupted: stopped; the same call goes on.
    """
    listener, began = listener or Silent(), time.monotonic() if began is None else began
    again = command or "the same call"
    claim(asked, folder)
    with (
        resumable(folder, again),
        contextlib.closing(listener),
        contextlib.closing(PixelFolder(folder / "cache", None)) as shared,
    ):
        with stoppable(again) as check_stop:
            laid = lay_out(asked, folder, listener, check_stop, command=command, shared=shared)
            _say_plan(laid, listener)

            def spent() -> float:
                return time.monotonic() - began

            def over() -> bool:
                """Whether what is left of the hours is the winner's."""
                left = laid.confirm_s if confirm is not False else 0.0
                return asked.hours is not None and spent() > max(0.1 * 3600 * asked.hours, 3600 * asked.hours - left)

            if isinstance(executor, RayExecutor):
                run_trials_on_ray(laid, executor.address, until=over)
            else:
                run_trials(laid, until=over)
            record, others = conclude(laid)
        enough = asked.hours is None or spent() + laid.confirm_s <= 1.1 * 3600.0 * asked.hours
        wanted = enough if confirm is None else confirm
        if wanted and record["winner"] is not None and not others and _is_ours(folder / "confirm", listener):
            record = confirm_winner(laid, record, listener, command=command, shared=shared, executor=executor)
    return record


def _is_ours(folder: Path, listener: Listener) -> bool:
    """Whether no other process of this search, which ended at the same moment, is at the winner's study already."""
    with hold_if_free(folder) as free:
        if not free:
            listener.note("another process trains the winner anew")
        return free


def _say_plan(laid: Laid, listener: Listener) -> None:
    study, asked = laid.bench.study, laid.asked
    bounds = ", ".join(f"{name.replace('_', ' ')} {most:,.4g}" for name, most in asked.budget.bounds.items())
    kept = asked.storage and without_password(asked.storage)
    rungs = ", ".join(map(str, laid.rungs[:-1]))
    said = [
        f"up to {asked.trials} networks of at most {bounds}, at {', '.join(map(str, laid.space.sides))} px",
        f"{_counted(study.epochs, 'epoch')} each" + (f", held against each other after {rungs}" if rungs else ""),
        f"forecast about {_minutes(laid.search_s)} for the trials, {_minutes(laid.confirm_s)} for the winner's study",
        f"kept in {kept or laid.folder / 'tune.journal'}",
    ]
    listener.note("; ".join(said))


def _minutes(seconds: float) -> str:
    return _counted(max(1, round(seconds / 60)), "minute")


def _counted(count: int | None, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
