"""The trials of a search, one after the other, in this process; others may run beside it on the same store."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepenough.errors import RecordError, StudyError
from deepenough.records import write_json
from deepenough.search.rungs import Judgement
from deepenough.search.space import Fitted, fit
from deepenough.studies.store import hold_if_free
from deepenough.studies.tune.laying import Laid
from deepenough.studies.tune.trials import Scores, Trial, begin_trial, proof

if TYPE_CHECKING:
    import optuna

_MOST_REFUSED = 50  # draws above the budget in a row, after which there is none within it to be found


def run_trials(laid: Laid, *, until: Callable[[], bool] = lambda: False) -> None:
    """Train until all trials are begun that were asked for, or `until` says that no more may begin.

    A trial that a killed process left in this folder is gone on with first.

    Raises:
        Interrupted: stopped; what was trained is saved, and the same call goes on.
        StudyError: the space holds nothing within the budget.
    """
    for number, fitted in drawn(laid, until):
        train(laid, number, fitted)


def drawn(laid: Laid, until: Callable[[], bool], busy: Container[int] = ()) -> Iterator[tuple[int, Fitted]]:
    """Trials to train, by number, each drawn when it is asked for; those above the budget are ended here.

    Args:
        laid: the search.
        until: see `run_trials`.
        busy: trials that are trained on the caller's behalf already.
    """
    refused = 0
    while True:
        with _next(laid, until, busy) as trial:
            if trial is None:
                return
            fitted = fit(
                laid.space.draw(trial), laid.asked.budget, laid.pricing, strength=laid.bench.study.augmentation.strength
            )
            over = fitted.share > 1.0
            if over:
                _say(laid, trial, fitted)
                laid.proposals.end(trial, "over_budget", None, over=fitted.share - 1.0)
                _keep(laid, trial.number)
        if not over:
            yield trial.number, fitted
        refused = refused + 1 if over else 0
        if refused >= _MOST_REFUSED:
            raise StudyError(
                "tune", "a network within the budget", f"{refused} above it in a row", "allow more, or fewer --sides"
            )


def _say(laid: Laid, trial: optuna.Trial, fitted: Fitted) -> None:
    """What a trial is, and who has it now."""
    said = {"contender": fitted.contender, "side": fitted.side, "share": fitted.share, **fitted.price}
    laid.proposals.say(trial, **said, process=f"{platform.node()} {os.getpid()}")


@contextlib.contextmanager
def _next(laid: Laid, until: Callable[[], bool], busy: Container[int]) -> Iterator[optuna.Trial | None]:
    """A trial to draw, its folder held: one left by a killed process, else a new one; None where there is no more."""
    for number in _running(laid):
        if number not in busy:
            with _held(laid, number) as ours:
                if ours:
                    yield laid.proposals.take_up(number)
                    return
    laid.bench.check_stop()
    while (trial := None if until() else laid.proposals.ask(laid.asked.trials)) is not None:
        _folder(laid, trial.number).mkdir(parents=True, exist_ok=True)
        with _held(laid, trial.number) as ours:
            if ours:  # else a process beside this one took it for one that was left
                yield trial
                return
    yield None


def _running(laid: Laid) -> list[int]:
    """Trials begun and not ended, of those that this folder holds."""
    return [number for number in laid.proposals.running() if _folder(laid, number).is_dir()]


@contextlib.contextmanager
def _held(laid: Laid, number: int) -> Iterator[bool]:
    """Hold a trial's folder; False where a process beside this one has it, or has ended it since it was asked of."""
    with hold_if_free(_folder(laid, number)) as free:
        yield free and number in _running(laid)


def train(laid: Laid, number: int, fitted: Fitted) -> bool:
    """Train a trial to its end, or to the rung that ends it.

    Returns:
        Whether it has ended; False where another process has it.
    """
    with _held(laid, number) as ours:
        if ours:
            _train(laid, laid.proposals.take_up(number), fitted)
            return True
    return number not in laid.proposals.running()


def _train(laid: Laid, trial: optuna.Trial, fitted: Fitted) -> None:
    bench, folder, proposals = laid.bench, _folder(laid, trial.number), laid.proposals
    _say(laid, trial, fitted)

    def told(epoch: int, judgement: Judgement, scores: Scores) -> None:
        proposals.reached(trial, epoch, asdict(judgement), scores)

    started = time.process_time()
    parts = {
        "rungs": laid.rungs,
        "folder": folder,
        "rivals": lambda epoch: proposals.rivals(epoch, but=trial.number),
        "told": told,
        "judged": {
            int(key.removeprefix("rung ")): Judgement(**{**value, "interval": _pair(value["interval"])})
            for key, value in trial.user_attrs.items()
            if key.startswith("rung ")
        },
    }
    try:
        running = begin_trial(bench, fitted.contender, fitted.side, **parts)
    except RecordError as error:
        bench.listener.note(f"{error}; {folder.name} trains from its start")
        (folder / "resume.safetensors").unlink()
        running = begin_trial(bench, fitted.contender, fitted.side, **{**parts, "judged": {}})
    title = f"trial {trial.number}: {fitted.contender}, {fitted.side} px"
    bench.listener.stage(title, total=running.stream.total_steps, done=running.cell.step)
    running.train()
    _end(laid, trial, running, fitted, time.process_time() - started)


def _pair(value: Any) -> tuple[float, float] | None:  # noqa: ANN401  a list, from JSON
    return None if value is None else (value[0], value[1])


def _end(laid: Laid, trial: optuna.Trial, running: Trial, fitted: Fitted, processor_s: float) -> None:
    """Tell what became of a trial, with the proof of what it trained, and keep its record."""
    cell, last = running.cell, laid.rungs[-1]
    ran = proof(running, fitted.contender, fitted.side)
    whole = cell.status == "trained" and last in running.judged
    status = "diverged" if cell.status == "diverged" else "trained" if whole else "ended"
    laid.proposals.say(
        trial,
        config_sha256=ran["config_sha256"],
        structure_sha256=ran["structure_sha256"],
        training_s=cell.elapsed_s,
        processor_s=processor_s,
        epochs=running.stream.epochs_at(cell.step),
    )
    laid.proposals.end(trial, status, running.judged[last].mean if whole else None)
    _keep(laid, trial.number, ran=ran)
    running.resume.unlink(missing_ok=True)
    laid.bench.listener.note(_in_words(laid, trial.number, running, status))


def _keep(laid: Laid, number: int, **more: Any) -> None:  # noqa: ANN401  what JSON holds
    """A trial's own record, in its folder."""
    record = next(each for each in laid.proposals.known() if each["number"] == number)
    write_json(_folder(laid, number) / "trial.json", {**record, **more})


def _in_words(laid: Laid, number: int, running: Trial, status: str) -> str:
    """What became of a trial, one line."""
    task = laid.bench.setting.task
    reached = max(running.judged, default=None)
    if reached is None or status == "diverged":
        return f"trial {number}: diverged at step {running.cell.step}"
    judgement, unit = running.judged[reached], task.metric.multiplier
    said = f"trial {number}: {task.metric.name} {unit * judgement.mean:.1f} after {reached} epochs"
    if judgement.interval is not None and status == "ended":
        low, high = (unit * end for end in judgement.interval)
        said += f", ended: {low:.1f} to {high:.1f} against trial {judgement.best}"
    return said


def _folder(laid: Laid, number: int) -> Path:
    return laid.folder / "trials" / f"{number:04d}"
