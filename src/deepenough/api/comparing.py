"""Run a study and write its report: the one path of `deepenough compare` and of `deepenough.compare`."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from deepenough import report
from deepenough.api.opened import OpenStudy, open_study
from deepenough.errors import StudyError
from deepenough.ranks import is_follower, processes
from deepenough.records import Verdict
from deepenough.report.language import require_known
from deepenough.studies.absent import require_obtainable
from deepenough.studies.asking import folder_of, request_of
from deepenough.studies.listener import Listener, Silent
from deepenough.studies.store import hold

if TYPE_CHECKING:
    from deepenough.data import PixelFolder
    from deepenough.studies import Study
    from deepenough.studies.executor import Executor
    from deepenough.studies.plan import Plan


class Settings(TypedDict, total=False):
    """The entries of a study file but `source`; see `studies.Study` for what each means."""

    task: str
    task_options: Mapping[str, object]
    allow_outside: bool
    contenders: Sequence[str]
    seeds: int
    looks: Sequence[int]
    margin: float
    train_scale: int
    scales: Sequence[int]
    scale_factors: Sequence[float]
    epochs: int
    batch: int | str
    parts: int
    budget: str
    recipe: Mapping[str, object]
    augmentation: Mapping[str, object]
    weights: str | Mapping[str, str]
    crop: float
    split_seed: int
    workers: int
    precision: str
    pixels: str
    threads: int
    images: bool
    noise: Sequence[str]
    noise_runs: int
    exact: bool
    paired_seeds: bool
    at_once: int
    batch_norm: str
    published: Mapping[str, object]


def compare(
    source: str | os.PathLike[str] = "digits",
    *,
    out: str | os.PathLike[str] | None = None,
    track: Sequence[str] = (),
    listener: Listener | None = None,
    quiet: bool = False,
    shared: PixelFolder | None = None,
    executor: str = "local",
    ray_address: str | None = None,
    **settings: Unpack[Settings],
) -> OpenStudy:
    """Train, test and compare networks on your images: what `deepenough compare` does.

    A study that was stopped goes on where it was by the same call. In a script that torchrun starts, all its processes
    train together, and each returns the study.

    Args:
        source: a folder of class folders, a manifest (.csv, .parquet), `torchvision:NAME`, `digits`, or a study file.
        out: folder of the study; `runs/NAME` where left out.
        track: trackers that follow it, `tensorboard` or `mlflow`.
        listener: told what happens; by default a few lines are printed.
        quiet: print nothing.
        shared: a `deepenough.data.PixelFolder` of decoded images that studies share.
        executor: `local`, this process, or `ray`, a task of a Ray cluster for each training; see docs/scale.md.
        ray_address: of the cluster, `auto` for the one that this machine belongs to; None to begin one here.
        settings: entries of the study file by their names, such as `margin=1`, `seeds=3`, `scales=[64, 96]`; they
            override those of a study file. docs/study-file.md says what each means.

    Returns:
        The finished study, which displays itself in a notebook.

    Raises:
        InputError: the source, a setting or the folder cannot be used.
        Interrupted: stopped; the same call goes on.
    """
    request = request_of(source, settings, where="compare()")
    folder = folder_of(source) if out is None else Path(out)
    if is_follower():
        from deepenough.studies.spread_executor import follow

        follow()
        return open_study(folder)
    require_obtainable(request, folder)  # before torch is imported
    told = listener or (Silent() if quiet else Printed())
    by = executor_of(executor, ray_address)
    carry_out(request, folder, listener=told, track=track, shared=shared, executor=by)
    return open_study(folder)


def carry_out(
    request: Study,
    folder: Path,
    *,
    listener: Listener | None = None,
    track: Sequence[str] = (),
    command: str = "",
    shared: PixelFolder | None = None,
    executor: Executor | None = None,
    language: str = "en",
) -> Verdict:
    """Run a study, or go on where it was stopped, decide, and write its report.

    Args:
        request: the study as a person wrote it.
        folder: of the study.
        listener: told what happens; None for nobody.
        track: trackers by name.
        command: the command line, kept so that others can repeat it.
        shared: decoded images that studies share; None for this study's own alone.
        executor: from `executor_of`; None for this process.
        language: of the report's words.

    Returns:
        The verdict.

    Raises:
        InputError: as `studies.run_study`; or a tracker is unknown or not installed, or there is no such language.
        Interrupted: as `studies.run_study`.
    """
    require_known(language)  # before anything is trained
    carried = partial(_carry_out, request, folder, command=command, shared=shared, executor=executor, language=language)
    if not track:
        return carried(listener or Silent())
    from deepenough.studies.trackers import Tracking, open_tracker  # their libraries are heavy, and extras

    tracking = Tracking(listener or Silent(), [open_tracker(kind) for kind in dict.fromkeys(track)], folder)
    try:
        verdict = carried(tracking)
        tracking.conclude(verdict, report.headline(verdict))
    finally:
        tracking.end()
    return verdict


def executor_of(name: str, ray_address: str | None = None) -> Executor | None:
    """The executor of that name; None for this process.

    Raises:
        StudyError: no such executor, an address of Ray's without it, Ray is not installed, or this is one of several
            processes of torchrun, which are an executor themselves.
    """
    if name != "local" and processes() > 1:
        raise StudyError("--executor", "none beside torchrun, whose processes train together", name, "leave it out")
    if name not in ("local", "ray"):
        raise StudyError("--executor", "local or ray", repr(name))
    if name == "local":
        if ray_address is not None:
            raise StudyError("--ray-address", "an executor that takes it", "the local one", "add --executor ray")
        return None
    from deepenough.studies.ray_cluster import require_ray  # torch
    from deepenough.studies.ray_executor import RayExecutor

    require_ray()
    return RayExecutor(address=ray_address)


def _carry_out(
    request: Study,
    folder: Path,
    listener: Listener,
    *,
    command: str,
    shared: PixelFolder | None,
    executor: Executor | None,
    language: str,
) -> Verdict:
    from deepenough.studies import run_study  # torch

    with _with_others(executor) as by:
        verdict = run_study(request, folder, listener=listener, command=command, shared=shared, executor=by)
        with hold(folder):
            report.write(folder, language=language)
    return verdict


@contextlib.contextmanager
def _with_others(executor: Executor | None) -> Iterator[Executor | None]:
    """The executor that this process was given; where torchrun started it as one of several, all of them."""
    if processes() == 1:
        yield executor
        return
    from deepenough.ranks import connected
    from deepenough.studies.spread_executor import SpreadExecutor

    with connected() as ranks:
        together = SpreadExecutor(ranks)
        yield together
        together.close()


class Printed(Silent):
    """Prints notes, the forecast and stages on standard output, where a notebook keeps them."""

    def note(self, text: str) -> None:
        """One sentence."""
        sys.stdout.write(textwrap.fill(text, 100, subsequent_indent="  ", break_long_words=False) + "\n")

    def plan(self, plan: Plan) -> None:
        """How much there is to do."""
        forecast, amount = report.duration(plan.forecast.total_s), len(plan.cells)
        self.note(f"{' against '.join(plan.contenders)}: {amount} trainings at {plan.train_scale} px, about {forecast}")

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """A stage begins."""
        self.note(name)
