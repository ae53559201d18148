"""A finished study's networks on corrupted copies of its test images, and what that says of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from torch import nn

from deepenough.comparison import groups_of
from deepenough.comparison.robustness import decide_robustness
from deepenough.data import TestPixels
from deepenough.data.corruptions import SEVERITIES, corrupted
from deepenough.data.indexed import fingerprint_of
from deepenough.data.threads import in_threads
from deepenough.errors import RecordError, StudyError
from deepenough.evaluation import Batches, Shown
from deepenough.evaluation.batches import CHUNK
from deepenough.evaluation.onepass import as_tested
from deepenough.evaluation.outcomes import table
from deepenough.records import read_json, read_table, write_json, write_table_in_parts
from deepenough.records.robustness import CORRUPTED, Robustness
from deepenough.studies.finished import Finished, require_alone, require_single_scale
from deepenough.tasks.contract import Run as Said
from deepenough.training import cell_name

FORM = 1  # of a corrupted copy: raised when the same sample would be corrupted otherwise

Tell = Callable[[str], None]
Run = tuple[str, int]  # contender, seed


def evaluate_corrupted(
    finished: Finished,
    names: Sequence[str],
    severities: Sequence[int] = SEVERITIES,
    *,
    tell: Tell = lambda _text: None,
) -> Robustness:
    """Show corrupted copies of the test images to the verdict's two networks, every seed of them, at its scale.

    Each image is corrupted once, for all networks, from its id alone. What is done is kept in the study's folder,
    `corruptions/NAME.parquet`, so a call that was stopped goes on; the answer is `robustness.json`.

    Args:
        finished: the study.
        names: of `data.corruptions.NAMES`, at least one.
        severities: from 1 to 5, at least one.
        tell: told what is being done.

    Raises:
        InputError: (of its kinds) the severities are out of range, or weights or pictures are not there.
    """
    chosen = sorted(set(severities))
    if not chosen or not set(chosen) <= set(SEVERITIES):
        raise StudyError("--severities", "some of 1, 2, 3, 4, 5", ", ".join(map(str, severities)) or "none")
    verdict, scores = finished.verdict, finished.scores("test")
    require_alone(finished, "--corruptions")
    require_single_scale((verdict.small, verdict.big), "--corruptions")
    runs = [(name, seed) for name in (verdict.small, verdict.big) for seed in verdict.seeds[name]]
    folder = finished.store.root / "corruptions"
    folder.mkdir(exist_ok=True)
    _forget_others(finished, runs)
    asked = _Asked(finished, runs)
    found: dict[str, pl.DataFrame] = {}
    for place, name in enumerate(names, start=1):
        path = folder / f"{name}.parquet"
        known = _known(path, finished, runs, chosen)
        if known is None:
            tell(f"{name} ({place} of {len(names)}), severities {', '.join(map(str, chosen))}")
            write_table_in_parts(path, asked.frames(name, chosen), CORRUPTED)
            known = read_table(path, CORRUPTED)
        found[name] = known.filter(pl.col("severity").is_in(chosen))
    answer = decide_robustness(verdict, scores, found, groups=groups_of(finished.samples))
    write_json(finished.store.root / "robustness.json", answer)
    return answer


class _Asked:
    """All networks at once, loaded when the first corruption is not on record yet."""

    def __init__(self, finished: Finished, runs: Sequence[Run]) -> None:
        self._finished, self._runs = finished, runs
        self._ready: tuple[TestPixels, Shown, dict[str, nn.Module], Batches] | None = None

    def frames(self, name: str, severities: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Rows of `CORRUPTED`, by severity and chunk of images."""
        pixels, shown, networks, batches = self._made()
        finished, scale = self._finished, self._finished.verdict.scale
        stored, task = pixels.at(scale), finished.setting.task
        for severity in severities:
            for first in range(0, len(pixels), CHUNK):
                clean = stored[first : first + CHUNK]
                seen = task.inputs(clean, shown.sample_ids[first : first + CHUNK])
                squares = _corrupted(finished, seen, shown, first, name, severity)
                for at, outputs in batches.outputs(networks, squares):
                    begin = first + at
                    for (contender, seed), said in zip(self._runs, outputs.values(), strict=True):
                        truth = shown.targets[begin : begin + len(said)]
                        here = slice(at, at + len(said))
                        kept = task.outcomes(task.completed(said, squares[here]), truth, clean[here])
                        rows = table(contender, seed, scale, shown, begin, task.judged(Said(kept, truth)))
                        yield rows.with_columns(corruption=pl.lit(name), severity=pl.lit(severity))

    def _made(self) -> tuple[TestPixels, Shown, dict[str, nn.Module], Batches]:
        if self._ready is None:
            finished = self._finished
            networks = {cell_name(*run): finished.network(*run) for run in self._runs}
            tested, batches = as_tested(networks, finished.batches, exact=finished.study.exact)
            pixels = finished.pixels("test")
            self._ready = pixels, finished.shown(pixels.sample_ids), tested, batches
        return self._ready


def _corrupted(
    finished: Finished, squares: np.ndarray, shown: Shown, first: int, name: str, severity: int
) -> np.ndarray:
    def one(place: int) -> np.ndarray:
        return corrupted(np.asarray(squares[place]), name, severity, shown.sample_ids[first + place])

    return np.stack(list(in_threads(one, range(len(squares)), finished.setting.machine.threads)))


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


def _known(path: Path, finished: Finished, runs: Sequence[Run], severities: Sequence[int]) -> pl.DataFrame | None:
    """What is on record of a corruption, where that is whole and holds all that is asked for."""
    if not path.is_file():
        return None
    try:
        frame = read_table(path, CORRUPTED)
    except RecordError:
        return None
    tested = int((finished.samples["split"] == "test").sum())
    there = frame.filter(pl.col("severity").is_in(list(severities)))
    return frame if there.height == tested * len(runs) * len(severities) else None
