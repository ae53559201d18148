"""Read a pilot: a study's folder, or a table of predictions. Needs neither torch nor the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from deepenough.comparison import groups_of, read_groups, read_predictions
from deepenough.comparison.pilot import Pilot, measure_pilot
from deepenough.comparison.predictions import Reading
from deepenough.errors import RecordError
from deepenough.records import COSTS, SCORES, read_json, read_table, samples_of, verdict_from_json
from deepenough.studies.store import StudyFolder


def read_pilot(sources: Sequence[Path], reading: Reading | None = None) -> Pilot:
    """The pilot in one folder, or in files; in a folder that holds a verdict, its pair and scale.

    `reading` says how to read the files, where they do not say it themselves.

    Raises:
        InputError: (of its kinds) if there are no scores, or they cannot be used.
    """
    path = sources[0]
    if len(sources) > 1 or not path.is_dir():
        predictions = read_predictions(sources, reading)
        source = str(path) if len(sources) == 1 else f"{path} and {len(sources) - 1} more"
        return measure_pilot(predictions, source=source, groups=groups_of(predictions))
    store = StudyFolder(path)
    if not store.scores.is_file():
        expected = "the folder of a finished study, with scores.parquet in it, or a file of predictions"
        raise RecordError(f"--pilot {path}", expected, "no scores.parquet", "finish the study, or plan without --pilot")
    scores = read_table(store.scores, SCORES)
    verdict = verdict_from_json(read_json(store.verdict)) if store.verdict.is_file() else None
    return measure_pilot(
        scores,
        source=str(path),
        validation=_if_there(store.validation, SCORES),
        pair=(None, None) if verdict is None else (verdict.small, verdict.big),
        scale=None if verdict is None else verdict.scale,
        costs=_if_there(store.costs, COSTS),
        groups=read_groups(samples_of(store.root)),
        seed_s=_seed_seconds(store),
    )


def _if_there(path: Path, schema: dict[str, Any]) -> pl.DataFrame | None:
    return read_table(path, schema) if path.is_file() else None


def _seed_seconds(store: StudyFolder) -> float | None:
    """Seconds that one training of all networks took; None where the folder does not say."""
    if not store.plan.is_file():
        return None
    plan = read_json(store.plan)
    took, seeds = (plan.get("took") or {}).get("training_s"), plan.get("seeds")
    return took / seeds if isinstance(took, int | float) and isinstance(seeds, int) and seeds > 0 else None
