"""Exports of FiftyOne in JSON: a dataset's `samples.json` (a run a field), and `labels.json` (a run a file).

`FiftyOneDataset` writes `{"samples": [...]}`, each sample with its `filepath` and its fields; a classification is
`{"_cls": "Classification", "label": ..., "confidence": ...}`. `FiftyOneImageClassificationDataset` writes
`{"classes": [...], "labels": {id: ...}}`, where an entry is a place in `classes` (or the name itself where `classes` is
null), or an object with `label` and `confidence`, and the id is the file's name without its suffix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from deepenough.comparison.predictions.form import Content, Context, Form, with_run
from deepenough.comparison.predictions.names import Run, parse_run
from deepenough.errors import RecordError

TRUTH = "ground_truth"
_ROW = {
    "sample_id": pl.String,
    "target": pl.String,
    "prediction": pl.String,
    "confidence": pl.Float64,
    "group": pl.String,
}


def _fits_samples(content: Content) -> bool:
    document = content.document
    return isinstance(document, Mapping) and isinstance(document.get("samples"), list)


def _read_samples(content: Content, context: Context) -> pl.DataFrame:
    where = str(content.path)
    if not _fits_samples(content):
        raise RecordError(where, 'FiftyOne\'s {"samples": [...]}', "another form")
    samples = [sample for sample in content.document["samples"] if isinstance(sample, Mapping)]
    fields = dict.fromkeys(name for sample in samples for name, value in sample.items() if _is_classification(value))
    runs = {name: parse_run(name, f"{where}, field {name}") for name in fields if name != TRUTH}
    if not runs:
        got = f"the classification fields {', '.join(fields)}" if fields else "no field that is a Classification"
        raise RecordError(where, f"a Classification field for each run, beside {TRUTH}", got)
    met: dict[Run, str] = {}
    for name, run in runs.items():
        if run in met:
            raise RecordError(where, "one field for each run", f"{met[run]} and {name}, the same run", "rename one")
        met[run] = name
    group_name = context.reading.group_column or "group"
    parts = []
    for name, run in runs.items():
        rows = [_row(sample, name, group_name, where) for sample in samples if _is_classification(sample.get(name))]
        parts.append(with_run(pl.DataFrame(rows, schema=_ROW, orient="row"), run))
    frame = pl.concat(parts)
    return frame.drop("group") if frame["group"].null_count() == frame.height else frame


def _row(sample: Mapping[str, Any], name: str, group_name: str, where: str) -> tuple[object, ...]:
    path, found, truth = sample.get("filepath"), sample[name], sample.get(TRUTH)
    if not isinstance(path, str):
        raise RecordError(where, "a filepath in every sample", repr(path))
    target = truth["label"] if truth is not None and _is_classification(truth) else None
    group = sample.get(group_name)
    group = str(group) if isinstance(group, str | int) else None
    return path, target, found["label"], _confidence(found), group


def _is_classification(value: Any) -> bool:  # noqa: ANN401  JSON
    return isinstance(value, Mapping) and value.get("_cls") == "Classification" and isinstance(value.get("label"), str)


def _confidence(entry: Mapping[str, Any]) -> float | None:
    given = entry.get("confidence")
    return float(given) if isinstance(given, int | float) else None


def _fits_labels(content: Content) -> bool:
    document = content.document
    return isinstance(document, Mapping) and isinstance(document.get("labels"), Mapping)


def _read_labels(content: Content, context: Context) -> pl.DataFrame:
    frame = labels_of(content).rename({"label": "prediction"})
    return with_run(frame, content.run(context.reading))


def labels_of(content: Content) -> pl.DataFrame:
    """`sample_id`, `label` and `confidence` of a `labels.json`; a sample whose entry is null has no row.

    Raises:
        RecordError: if the file is of another form, bears several labels a sample, or a number that is no class.
    """
    where = str(content.path)
    if not _fits_labels(content):
        raise RecordError(where, 'FiftyOne\'s {"classes": [...], "labels": {...}}', "another form")
    classes, rows = content.document.get("classes"), []
    for sample, entry in content.document["labels"].items():
        if entry is None:
            continue
        value = entry.get("label") if isinstance(entry, Mapping) else entry
        confidence = _confidence(entry) if isinstance(entry, Mapping) else None
        rows.append((sample, _name(value, classes, sample, where), confidence))
    schema = {"sample_id": pl.String, "label": pl.String, "confidence": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _name(value: Any, classes: Sequence[Any] | None, sample: str, where: str) -> str:  # noqa: ANN401  JSON
    if isinstance(value, str):
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        raise RecordError(where, "one label for each sample", f"{str(value)[:60]} for {sample}")
    if not classes:
        return str(value)
    if not 0 <= value < len(classes):
        raise RecordError(where, f"a place in the {len(classes)} classes", f"{value} for {sample}")
    return str(classes[value])


SAMPLES = Form(
    "fiftyone", "FiftyOne's samples.json, one field a run", '{"samples": [...]}', _fits_samples, _read_samples
)
LABELS = Form("labels", "FiftyOne's labels.json, one run a file", '{"labels": {...}}', _fits_labels, _read_labels)
