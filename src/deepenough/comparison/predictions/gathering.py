"""From files to one table of scores: read each in its form, join targets and class names, check, score."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from deepenough.comparison.predictions import checking
from deepenough.comparison.predictions.form import ID_COLUMNS, Content, Context, Form, Reading
from deepenough.comparison.predictions.forms import form_of
from deepenough.comparison.predictions.names import Run, listed
from deepenough.comparison.predictions.opening import open_file
from deepenough.comparison.predictions.targets import read_classes, read_targets, with_class_names
from deepenough.errors import RecordError
from deepenough.records import SCORES


@dataclass(frozen=True, slots=True)
class Gathered:
    """All predictions, scored. Samples may still differ between runs: see `matching.settle`.

    `scores` has the columns of `records.SCORES`, and `group` where there are groups. `targetless` are samples with a
    prediction and no target, which cannot be scored. `read_as` says in one line each how the files were read.
    """

    scores: pl.DataFrame
    targetless: pl.Series
    read_as: tuple[str, ...]
    where: str


def read_predictions(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], reading: Reading | None = None
) -> pl.DataFrame:
    """Read predictions into the columns of `records.SCORES`, and `group` where there is one.

    The form is recognised by the columns; docs/predictions.md lists all forms. The score is 1 where `prediction` equals
    `target`, unless the file gives a `score` (higher is better). `seed` and `scale` are 0 where absent. Class names are
    compared as text.

    Args:
        source: one file, or several.
        reading: what the files do not say themselves.

    Raises:
        RecordError: if a file or a column is missing, a value is missing or not a number where it must be, a sample
            occurs twice in a run or has no target, a sample's target or group differs between rows, or a run and the
            targets have no class in common. That all runs hold the same samples is checked by `align`.
    """
    named = [source] if isinstance(source, str | os.PathLike) else source
    gathered = gather([Path(each) for each in named], reading or Reading())
    if len(gathered.targetless):
        got = f"none for {checking.listed(gathered.targetless)}"
        raise RecordError(gathered.where, "a target for each sample", got, "add them, or remove these rows")
    return gathered.scores


def gather(paths: Sequence[Path], reading: Reading) -> Gathered:
    """Read all files as one set of runs.

    Raises:
        RecordError: as `read_predictions`; samples without a target are listed in the result instead.
    """
    if not paths:
        raise RecordError("predictions", "at least one file", "none")
    targets = None if reading.targets is None else read_targets(reading.targets, reading.group_column)
    numbered = targets is not None and bool(targets["target"].str.contains(r"^[0-9]+$").all())
    context = Context(reading, targets is not None, numbered, len(paths) > 1)
    parts, forms = [], []
    for path in paths:
        form, frame = _read(_with_group(open_file(path), reading.group_column), context)
        forms.append(form)
        parts.append(frame)
    where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    frame = _joined(pl.concat(parts), targets, where)
    if reading.classes is not None:
        frame = with_class_names(frame, read_classes(reading.classes), str(reading.classes))
    checking.refuse_duplicates(frame, where)
    for name in ("target", "group"):
        checking.refuse_contradictions(frame, name, where)
    if reading.group_column is not None and frame["group"].null_count() == frame.height:
        raise RecordError("--group-column", "a column of the predictions or of the targets", reading.group_column)
    checking.refuse_foreign_classes(frame.filter(pl.col("score").is_null()), where)
    right = (pl.col("prediction") == pl.col("target")).cast(pl.Float64)
    frame = frame.with_columns(pl.coalesce("score", right).alias("score"))
    scored = frame.filter(pl.col("score").is_not_null())
    if scored.is_empty():
        raise _without_targets(frame, targets, forms, where)
    kept = [*SCORES, *([] if frame["group"].null_count() == frame.height else ["group"])]
    targetless = frame.filter(pl.col("score").is_null())["sample_id"].unique(maintain_order=True)
    return Gathered(scored.select(kept), targetless, _read_as(paths, parts, forms), where)


def _with_group(content: Content, name: str | None) -> Content:
    """The content with the column `name` as its groups."""
    if name is None or name == "group" or name not in content.columns:
        return content
    frame = content.table.drop("group", strict=False).with_columns(pl.col(name).alias("group"))
    return replace(content, frame=frame if name in (*ID_COLUMNS, "target", "path") else frame.drop(name))


def _read(content: Content, context: Context) -> tuple[Form, pl.DataFrame]:
    """The form of a file and its rows, with a message that names the form where they cannot be used."""
    form, where = form_of(content, context.reading.form), str(content.path)
    if content.path in context.reading.runs and form.name in ("long", "wide", "fiftyone"):
        raise RecordError("--run", "a file with one run", f"{where}, read as {form.name}", "leave its name out")
    try:
        if content.frame is not None and content.frame.is_empty():
            raise RecordError(where, "at least one prediction", "no rows")
        frame = checking.typed(form.read(content, context), where, partly=form.name == "fiftyone")
    except RecordError as error:
        said = f"{error.where} (read as {form.name})" if error.where == where else error.where
        raise RecordError(said, error.expected, error.got, error.remedy) from None
    if frame.is_empty():
        raise RecordError(f"{where} (read as {form.name})", "at least one prediction", "none")
    return form, frame


def _joined(frame: pl.DataFrame, targets: pl.DataFrame | None, where: str) -> pl.DataFrame:
    """Targets and groups where a row has none: from the file of targets, else from another file of predictions."""
    for name in ("target", "group"):
        own = frame.select("sample_id", name).drop_nulls()
        given = own.clear() if targets is None or name not in targets.columns else targets.select("sample_id", name)
        if given.height:
            checking.refuse_contradictions(pl.concat([given, own]).unique(), name, where)
        if not frame[name].null_count() or not own.height + given.height:
            continue
        known = pl.concat([given, own]).drop_nulls().unique("sample_id", keep="first", maintain_order=True)
        found = frame.select("sample_id").join(known, on="sample_id", how="left", maintain_order="left")[name]
        frame = frame.with_columns(pl.coalesce(pl.col(name), found).alias(name))
    return frame


def _without_targets(
    frame: pl.DataFrame, targets: pl.DataFrame | None, forms: Sequence[Form], where: str
) -> RecordError:
    if targets is not None:
        ids = [checking.listed(table["sample_id"].unique(maintain_order=True)) for table in (frame, targets)]
        got = f"none shared: {ids[0]} there, {ids[1]} among the targets"
        return RecordError(where, "sample ids that the targets have too", got, "write the ids alike in both")
    remedy = "add a column target, or give --targets FILE"
    if any(form.name == "timm" for form in forms):
        remedy += ", or run inference.py with --fullname on class folders"
    return RecordError(where, "the target of each sample", "none", remedy)


def _read_as(paths: Sequence[Path], parts: Sequence[pl.DataFrame], forms: Sequence[Form]) -> tuple[str, ...]:
    """One line a form: what it is, which files, which runs."""
    said = []
    for form in dict.fromkeys(forms):
        own = [(path, part) for path, part, its in zip(paths, parts, forms, strict=True) if its is form]
        rows = pl.concat([part.select("contender", "scale", "seed").unique(maintain_order=True) for _, part in own])
        runs = listed(dict.fromkeys(Run(*row) for row in rows.iter_rows()))
        files = own[0][0].name if len(own) == 1 else f"{len(own)} files"
        said.append(f"{files} read as: {form.summary}: {runs}")
    return tuple(said)
