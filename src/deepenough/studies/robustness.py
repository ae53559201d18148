"""A finished study's networks on corrupted copies of its test images, and what that says of the two."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import polars as pl
from torch import nn

from deepenough.comparison import read_groups
from deepenough.comparison.robustness import decide_robustness
from deepenough.data import TestPixels
from deepenough.data.corruptions import SEVERITIES, corrupted
from deepenough.data.indexed import fingerprint_of
from deepenough.data.preprocess import part_shown
from deepenough.data.threads import in_threads
from deepenough.errors import RecordError, StudyError
from deepenough.evaluation import Batches, Shown
from deepenough.evaluation.batches import CHUNK
from deepenough.evaluation.onepass import as_tested
from deepenough.evaluation.outcomes import Outcomes
from deepenough.records import read_json, read_table, samples_of, write_json, write_table_in_parts
from deepenough.records.robustness import CORRUPTED, Robustness
from deepenough.studies.finished import Finished, require_single_scale
from deepenough.training import cell_name

FORM = 1  # of a corrupted copy: raised when the same sample would be corrupted otherwise

Tell = Callable[[str], None]
Run = tuple[str, int]  # contender, seed
_Seen = tuple[np.ndarray, tuple[int, int], str]  # a square, so many rows and columns that show a picture, and its id


def evaluate_corrupted(
    finished: Finished,
    names: Sequence[str],
    severities: Sequence[int] = SEVERITIES,
    *,
    tell: Tell = lambda _text: None,
) -> Robustness:
    """Show corrupted copies of the test images to the verdict's two networks, every seed of them, at its scale.

    Each image is corrupted once, for all networks, from its id alone, as the networks see it: after what the task does
    to it itself, and only where its square shows it. What a task chooses on validation it chooses there as in the
    study, on images as they are. What is done is kept in the study's folder,
    `corruptions/NAME.parquet`, so a call that was stopped goes on; the answer is `robustness.json`.

    Args:
        finished: the study.
        names: of `data.corruptions.NAMES`, at least one.
        severities: from 1 to 5, at least one.
        tell: told what is being done.

    Raises:
        InputError: (of its kinds) the severities are out of range, weights or pictures are not there, or the verdict
            was decided anew by a metric that the networks were not tested by.
    """
    chosen = sorted(set(severities))
    if not chosen or not set(chosen) <= set(SEVERITIES):
        raise StudyError("--severities", "some of 1, 2, 3, 4, 5", ", ".join(map(str, severities)) or "none")
    verdict, scores, metric = finished.verdict, finished.scores("test"), finished.setting.task.metric.name
    if verdict.metric != metric:
        raise StudyError("--corruptions", f"a verdict on the study's own metric, {metric}", f"one on {verdict.metric}")
    require_single_scale((verdict.small, verdict.big), "--corruptions")
    runs = [(name, seed) for name in (verdict.small, verdict.big) for seed in verdict.seeds[name]]
    tested = scores.filter(pl.col("scale") == verdict.scale)["sample_id"].n_unique()
    folder = finished.store.root / "corruptions"
    folder.mkdir(exist_ok=True)
    _forget_others(finished, runs)
    asked = _Asked(finished, runs)

    def found() -> Iterator[tuple[str, pl.DataFrame]]:
        for place, name in enumerate(names, start=1):
            path = folder / f"{name}.parquet"
            known = _known(path, tested * len(runs), chosen)
            if known is None:
                tell(f"{name} ({place} of {len(names)}), severities {', '.join(map(str, chosen))}")
                write_table_in_parts(path, asked.frames(name, chosen), CORRUPTED)
                known = read_table(path, CORRUPTED)
            yield name, known.filter(pl.col("severity").is_in(chosen))

    answer = decide_robustness(verdict, scores, found(), groups=read_groups(samples_of(finished.store.root)))
    write_json(finished.store.root / "robustness.json", answer)
    return answer


class _Asked:
    """All networks at once, loaded when the first corruption is not on record yet."""

    def __init__(self, finished: Finished, runs: Sequence[Run]) -> None:
        self._finished, self._runs = finished, {cell_name(*run): run for run in runs}
        self._ready: tuple[TestPixels, Shown, dict[str, nn.Module], Batches] | None = None
        self._validated = cache(lambda cell, scale: finished.validated(*self._runs[cell], scale))

    def frames(self, name: str, severities: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Rows of `CORRUPTED`, by severity, run and sample."""
        _, shown, _, _ = self._made()
        finished, scale = self._finished, self._finished.verdict.scale
        for severity in severities:
            with tempfile.TemporaryFile(dir=finished.store.root) as stream:
                outcomes = Outcomes(stream, shown, list(self._runs), [scale], finished.setting.task)
                self._show(outcomes, partial(_corrupted, name, severity))
                for cell, (contender, seed) in self._runs.items():
                    for rows in outcomes.tables(cell, seed=seed, called=contender, reference=self._validated):
                        yield rows.with_columns(corruption=pl.lit(name), severity=pl.lit(severity))

    def _show(self, outcomes: Outcomes, corrupt: Callable[[_Seen], np.ndarray]) -> None:
        """What every run says of every picture, corrupted."""
        pixels, shown, networks, batches = self._made()
        (scale,), task, setting = outcomes.scales, outcomes.task, self._finished.setting
        stored, sizes = pixels.at(scale), self._finished.pictures(shown.sample_ids).select("width", "height").rows()
        parts = [part_shown(size, scale, setting.preprocessing.fit) for size in sizes]
        for first in range(0, len(pixels), CHUNK):
            chunk = slice(first, first + CHUNK)
            clean, ids = stored[chunk], shown.sample_ids[chunk]
            seen = list(zip(task.inputs(clean, ids), parts[chunk], ids, strict=True))
            squares = np.stack(list(in_threads(corrupt, seen, setting.machine.threads)))
            for at, outputs in batches.outputs(networks, squares):
                for cell, said in outputs.items():
                    here = slice(at, at + len(said))
                    mended = task.completed(said, squares[here])
                    rows = task.outcomes(mended, shown.targets[chunk][here], clean[here])
                    outcomes.put(cell, scale, first + at, rows)

    def _made(self) -> tuple[TestPixels, Shown, dict[str, nn.Module], Batches]:
        if self._ready is None:
            finished = self._finished
            networks = {cell: finished.network(*run) for cell, run in self._runs.items()}
            tested, batches = as_tested(networks, finished.batches, exact=finished.study.exact)
            pixels = finished.pixels("test")
            self._ready = pixels, finished.shown(pixels.sample_ids), tested, batches
        return self._ready


def _corrupted(name: str, severity: int, seen: _Seen) -> np.ndarray:
    """A square whose picture is corrupted, and not what lies beyond it."""
    square, (rows, columns), sample_id = seen
    changed = np.array(square)
    changed[:rows, :columns] = corrupted(changed[:rows, :columns], name, severity, sample_id)
    return changed


def _forget_others(finished: Finished, runs: Sequence[Run]) -> None:
    """Delete what was found of other weights, another scale or another arithmetic."""
    folder, machine = finished.store.root / "corruptions", finished.setting.machine
    weights = [read_json(finished.store.cell(cell_name(*run)).note)["weights_sha256"] for run in runs]
    arithmetic = [machine.device, machine.precision, finished.study.exact]
    now = fingerprint_of(FORM, [list(run) for run in runs], weights, finished.verdict.scale, arithmetic)
    index = folder / "index.json"
    try:
        before = read_json(index)["fingerprint"]
    except (RecordError, KeyError, TypeError):
        before = None
    if before != now:
        for path in folder.glob("*.parquet"):
            path.unlink()
        write_json(index, {"fingerprint": now})


def _known(path: Path, scores: int, severities: Sequence[int]) -> pl.DataFrame | None:
    """What is on record of a corruption, where that holds so many scores at each severity that is asked for."""
    if not path.is_file():
        return None
    try:
        frame = read_table(path, CORRUPTED)
    except RecordError:
        return None
    there = frame.filter(pl.col("severity").is_in(list(severities)))
    return frame if there.height == scores * len(severities) else None
