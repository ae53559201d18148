"""The metric by which contenders are compared: the score as it is, or the influence values of one that is no mean.

A table of predictions with its `score` replaced by influence values goes through pairing, clusters and the verdict as
any other: rows of a cell average to the cell's metric. See `deepenough.stats.linearise`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import polars as pl

from deepenough.errors import InputError, RecordError
from deepenough.stats.distributions import FloatArray
from deepenough.stats.linearise import (
    auroc_scores,
    average_precision_scores,
    balanced_accuracy_scores,
    macro_f1_scores,
)

_BY_LABEL: Mapping[str, Callable[..., FloatArray]] = MappingProxyType(
    {"macro_f1": macro_f1_scores, "balanced_accuracy": balanced_accuracy_scores}
)
#: Those that look for one class.
BY_RANK: Mapping[str, Callable[..., FloatArray]] = MappingProxyType(
    {"auroc": auroc_scores, "average_precision": average_precision_scores}
)
#: Names that `with_metric` knows.
METRICS: tuple[str, ...] = ("accuracy", *_BY_LABEL, *BY_RANK)
_CELL = ("contender", "seed", "scale")
_SHOWN = 5  # classes named in a message


def as_recorded(metric: str) -> str:
    """What the scores measure as they were recorded, where a verdict is by `metric`.

    >>> as_recorded("macro_f1"), as_recorded("psnr")
    ('accuracy', 'psnr')
    """
    return "accuracy" if metric in METRICS else metric


def with_metric(scores: pl.DataFrame, name: str, *, positive: str | None = None, where: str = "scores") -> pl.DataFrame:
    """The same table with `score` replaced by one influence value a sample, by contender, seed and scale.

    - `accuracy`: the score as it is.
    - `macro_f1`, `balanced_accuracy`: from `target` and `prediction`; the classes are those of the targets.
    - `auroc`, `average_precision`: for two classes, ranked by the probability of the positive one, which is
      `confidence` where `prediction` is positive and 1 - `confidence` elsewhere. AUROC is the same whichever class is
      called positive.

    Args:
        scores: `records.SCORES`; further columns are kept.
        name: one of `METRICS`.
        positive: the class that is looked for; needed by `average_precision`.
        where: the file's name, for messages.

    Raises:
        InputError: if the name is not known, a class has a single sample, or `positive` is missing or no class.
        RecordError: if a column that the metric needs is missing or has gaps, or there are not two classes for a
            metric that needs two.

    >>> table = pl.DataFrame({"contender": "a", "seed": 0, "scale": 0, "sample_id": list("wxyz"), "score": 1.0,
    ...     "target": ["cat", "cat", "dog", "dog"], "prediction": ["cat", "dog", "dog", "dog"]})
    >>> round(with_metric(table, "macro_f1")["score"].mean(), 4)
    0.7333
    """
    if name not in METRICS:
        raise InputError("--metric", f"one of {', '.join(METRICS)}", name or "an empty name")
    if name == "accuracy":
        return scores
    ranked = name in BY_RANK
    _refuse_gaps(scores, (*_CELL, "target", "prediction", *(["confidence"] if ranked else [])), name, where)
    classes = scores["target"].unique().sort().cast(pl.String).to_list()
    target, prediction = (_codes(scores[column], classes) for column in ("target", "prediction"))
    values = np.empty(scores.height)
    if ranked:
        chosen = _positive_class(scores, classes, name, positive, where)
        confidence = scores["confidence"].cast(pl.Float64).to_numpy()
        ranks, found = np.where(prediction == chosen, confidence, 1.0 - confidence), target == chosen
        for rows in _cells(scores):
            values[rows] = BY_RANK[name](ranks[rows], found[rows])[0]
    else:
        for rows in _cells(scores):
            _refuse_single(target[rows], classes, name)
            values[rows] = _BY_LABEL[name](prediction[rows], target[rows])[0]
    return scores.with_columns(pl.Series("score", values, dtype=pl.Float64))


def _cells(scores: pl.DataFrame) -> list[np.ndarray]:
    """Row numbers of each run."""
    rows = scores.select(_CELL).with_row_index("row").group_by(_CELL, maintain_order=True).agg("row")["row"]
    return [cell.to_numpy() for cell in rows]


def _codes(labels: pl.Series, classes: list[str]) -> np.ndarray:
    """Place of each label among the classes; one past the last where it is none of them."""
    known = {label: code for code, label in enumerate(classes)}
    return labels.cast(pl.String).replace_strict(known, default=len(classes), return_dtype=pl.Int64).to_numpy()


def _positive_class(scores: pl.DataFrame, classes: list[str], name: str, positive: str | None, where: str) -> int:
    """Number of the positive class, once it is sure that the confidences tell its probability."""
    said = sorted({*classes, *scores["prediction"].unique().cast(pl.String).to_list()})
    if len(classes) != 2 or len(said) > 2:
        got = f"{len(said)} in targets and predictions: {_listed(said)}"
        raise RecordError(where, f"two classes for {name}", got, f"use {' or '.join(_BY_LABEL)}")
    inside = scores["confidence"].cast(pl.Float64, strict=False).is_between(0.0, 1.0).fill_null(value=False)
    if not inside.all():
        outside = scores["confidence"].filter(~inside)
        got = f"{outside[0]} ({len(outside)} such rows)"
        raise RecordError(where, "the probability of the prediction, 0 to 1, in column confidence", got)
    if positive is None and name == "average_precision":
        raise InputError("positive", f"the class that is looked for, {' or '.join(classes)}", "none", "name it")
    if positive is not None and positive not in classes:
        raise InputError("positive", f"one of the classes {' and '.join(classes)}", positive)
    return classes.index(positive) if positive is not None else 1


def _refuse_gaps(scores: pl.DataFrame, needed: tuple[str, ...], name: str, where: str) -> None:
    if scores.is_empty():
        raise RecordError(where, "at least one row", "an empty table")
    missing = [column for column in needed if column not in scores.columns]
    gaps = [column for column in needed if column not in missing and scores[column].null_count()]
    if missing or gaps:
        got = f"no column {', '.join(missing)}" if missing else f"empty cells in column {', '.join(gaps)}"
        wanted = f"a value in every row of the columns {', '.join(needed)} for {name}"
        raise RecordError(where, wanted, got, "add them to the predictions, or use another metric")


def _refuse_single(target: np.ndarray, classes: list[str], name: str) -> None:
    """Name classes with one sample, of whose error nothing can be known."""
    alone = np.flatnonzero(np.bincount(target, minlength=len(classes)) == 1).tolist()
    if alone:
        got = f"1 of {_listed([classes[code] for code in alone])}"
        remedy = "leave such samples out for all contenders, or use accuracy"
        raise InputError("metric", f"at least 2 samples of every class for {name}", got, remedy)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)})" if len(names) > _SHOWN else "")
