"""A study's folder is looked at before it is used: what is torn is made again, or refused where it cannot be.

Every record holds its checksum (`records.seals`), the weights theirs in the cell's note, the cache its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from deepenough.data import Prepared
from deepenough.errors import RecordError, StudyError
from deepenough.records import (
    COSTS,
    HISTORY,
    NOISE,
    SAMPLES,
    SCORES,
    read_json,
    read_table,
    require_whole_text,
)
from deepenough.studies.listener import Listener
from deepenough.studies.store import CellFolder, StudyFolder
from deepenough.studies.study import Study, load_study

_NOTED = {"contender", "seed", "status", "steps", "total_steps", "training_s", "evaluation_s", "weights_sha256"}
_SHOWN = 3
_TORN = "put it back from a copy, or choose another --out"


def forget_torn(store: StudyFolder, contenders: Collection[str], listener: Listener) -> None:
    """Forget what is torn and can be made again, aloud: a cell trains again, costs are measured again."""
    for folder in sorted(store.root.glob("cells/*")):
        cell = store.cell(folder.name)
        torn = _torn_in(cell, contenders) if cell.done else None
        if torn is not None:
            cell.note.unlink()
            listener.note(f"{torn}; {folder.name} is trained again")
    costs = store.root / "costs.json"
    for paths, what in (((store.costs, costs), "costs are measured again"), ((store.noise,), "it is gathered again")):
        torn = _first_torn(path for path in paths if path.is_file())
        if torn is not None:
            for path in paths:
                path.unlink(missing_ok=True)
            listener.note(f"{torn}; {what}")


def _first_torn(paths: Iterable[Path]) -> RecordError | None:
    kinds = {"costs.parquet": COSTS, "noise.parquet": NOISE}
    try:
        for path in paths:
            read_table(path, kinds[path.name]) if path.name in kinds else read_json(path)["took_s"]
    except RecordError as error:
        return error
    except (KeyError, TypeError):
        return RecordError("costs.json", "the seconds that measuring took", "another form")
    return None


def _torn_in(cell: CellFolder, contenders: Collection[str]) -> RecordError | None:
    """What is wrong with a cell that was done; weights that were deleted are no fault, as no score depends on them."""
    try:
        note = read_json(cell.note)
        if not isinstance(note, dict) or not note.keys() >= _NOTED:
            return RecordError(str(cell.note), "a cell's note", "another form")
        read_table(cell.history, HISTORY)
        for path in (cell.test, cell.validation):
            if path.is_file() or (note["status"] == "trained" and note["contender"] in contenders):
                read_table(path, SCORES)
        if cell.shifted.is_file():
            read_table(cell.shifted, SCORES)
        if cell.weights.is_file() and sha256_of(cell.weights) != note["weights_sha256"]:
            return RecordError(str(cell.weights), "the weights that were tested", "others")
    except RecordError as error:
        return error
    return None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def stored_study(store: StudyFolder) -> Study:
    """The resolved study of the folder.

    Raises:
        StudyError: it is torn or was changed by hand, so that other settings would be mixed with those trained under.
    """
    try:
        require_whole_text(store.study.read_text(encoding="utf-8", errors="replace"), store.study)
    except (RecordError, OSError) as error:
        got = error.got if isinstance(error, RecordError) else error.strerror or str(error)
        raise StudyError(str(store.study), "the study as it was resolved when it began", got, _TORN) from error
    return load_study(store.study)


def require_study_of_cells(store: StudyFolder) -> None:
    """Refuse a folder with trainings whose study is gone: another would be mixed with them.

    Raises:
        StudyError: it is.
    """
    if not store.study.is_file() and any(store.root.glob("cells/*/*")):
        raise StudyError(str(store.study), "the study that cells/ was trained for", "no such file", _TORN)


def samples_sha256(samples: pl.DataFrame) -> str:
    """SHA-256 of which pictures there are, with their class, split and group; neither paths nor their order count."""
    digest = hashlib.sha256()
    for row in samples.select("sample_id", "target", "split", "group").sort("sample_id").iter_rows():
        digest.update(repr(row).encode())
    return digest.hexdigest()


def require_unchanged(prepared: Prepared, store: StudyFolder, listener: Listener) -> None:
    """Refuse pictures other than those the study began with; which is said by their names.

    Raises:
        StudyError: a picture was edited, added or taken away, or has another class, split or group.
    """
    expected, remedy = "the pictures that this study began with", "put them back, or choose another --out"
    try:
        stored = read_table(store.samples, SAMPLES)
    except RecordError as error:
        if _samples_noted(store) != samples_sha256(prepared.samples):
            raise StudyError(str(store.samples), expected, f"{error.got}, so that cannot be seen", _TORN) from error
        listener.note(f"{error}; the pictures are those that the study began with, and it is written again")
        return
    if samples_sha256(stored) != samples_sha256(prepared.samples):
        raise StudyError(prepared.audit.source, expected, what_changed(stored, prepared.samples), remedy)


def _samples_noted(store: StudyFolder) -> object:
    try:
        plan = read_json(store.plan)
    except RecordError:
        return None
    return plan.get("samples_sha256") if isinstance(plan, dict) else None


def what_changed(before: pl.DataFrame, after: pl.DataFrame) -> str:
    """How the pictures of two tables of samples differ, counted and by name."""
    both = before.join(after, on="sample_id", suffix="_now")
    renamed = pl.col("target").ne_missing(pl.col("target_now"))
    moved = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_now")) for name in ("split", "group"))
    gone, new = (one.join(two, on="sample_id", how="anti") for one, two in ((before, after), (after, before)))
    edited = set(gone["path"]) & set(new["path"])
    kinds = {
        "edited": sorted(edited),
        "new": sorted(set(new["path"]) - edited),
        "gone": sorted(set(gone["path"]) - edited),
        "of another class": sorted(both.filter(renamed)["path_now"]),
        "of another split or group": sorted(both.filter(moved & ~renamed)["path_now"]),
    }
    return ", ".join(f"{len(paths)} {kind} ({_listed(paths)})" for kind, paths in kinds.items() if paths)


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
