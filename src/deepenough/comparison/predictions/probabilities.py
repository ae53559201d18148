"""Columns of probabilities, one a class: the prediction is the most probable class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from deepenough.comparison.predictions.form import ID_COLUMNS, NUMBERS, PROBABILITY, TEXT
from deepenough.errors import RecordError

_SUM_TOLERANCE = 0.02  # of a row's sum from 1: probabilities rounded to a few decimals are fine


def probability_columns(frame: pl.DataFrame) -> dict[str, str]:
    """Column by class, of the columns `prob_CLASS`, or else `p_CLASS`; empty where there are fewer than two.

    >>> probability_columns(pl.DataFrame({"sample_id": ["a"], "prob_cat": [0.7], "prob_dog": [0.3]}))
    {'cat': 'prob_cat', 'dog': 'prob_dog'}
    """
    for prefix in PROBABILITY:
        found = {
            name[len(prefix) :]: name for name in frame.columns if name.startswith(prefix) and len(name) > len(prefix)
        }
        if len(found) > 1:
            return found
    return {}


def beside_outputs(frame: pl.DataFrame) -> list[str]:
    """The columns of a table with a row a sample and run that are no id, target, run, output or probability.

    A column `prob_CLASS` is a probability even where it is the only one, as with two classes; `p_CLASS` has to be one
    of several, since a name such as `p_site` can mean anything.

    >>> beside_outputs(pl.DataFrame({"sample_id": ["a"], "prob_cat": [0.7], "p_site": ["x"], "camera": ["y"]}))
    ['p_site', 'camera']
    """
    families = [[name for name in frame.columns if name.startswith(prefix)] for prefix in PROBABILITY]
    outputs = {name for names in families for name in names if names is families[0] or len(names) > 1}
    return [name for name in frame.columns if name not in {*ID_COLUMNS, *TEXT, *NUMBERS, *outputs}]


def predicted(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """The frame with `prediction` and `confidence` from its columns of probabilities.

    A column `prediction` or `confidence` that is there already is kept; the confidence is then the probability of that
    prediction, so long as it is one of the classes.

    Raises:
        RecordError: if a value is no probability, a row does not sum to 1, or two classes tie for the most probable.
    """
    columns = probability_columns(frame)
    classes, values = list(columns), matrix(frame, list(columns.values()), where)
    outside = ~np.isfinite(values).all(1) | (values < 0).any(1) | (values > 1).any(1)
    outside |= np.abs(values.sum(1) - 1.0) > _SUM_TOLERANCE
    if outside.any():
        row = int(np.argmax(outside))
        shown = ", ".join(f"{value:g}" for value in values[row, :4]) + (", ..." if values.shape[1] > 4 else "")
        got = f"{int(outside.sum())} rows that are not, first row {row + 1} ({shown})"
        remedy = "write softmax probabilities, or a column prediction"
        raise RecordError(where, f"in {next(iter(columns.values()))}, ... probabilities that sum to 1", got, remedy)
    if "prediction" in frame.columns:
        names = frame["prediction"].cast(pl.String).str.strip_chars().to_list()
        known = {name: place for place, name in enumerate(classes)}
        places = np.array([known.get(name, -1) for name in names])
        chosen = np.where(places >= 0, values[np.arange(len(values)), places], np.nan)
        confidence = pl.Series("confidence", chosen).fill_nan(None)
        return frame if "confidence" in frame.columns else frame.with_columns(confidence)
    places = most_probable(values, where)
    return frame.with_columns(
        pl.Series("prediction", np.array(classes, dtype=object)[places], dtype=pl.String),
        pl.Series("confidence", values[np.arange(len(values)), places]),
    )


def most_probable(values: np.ndarray, where: str) -> np.ndarray:
    """Place of the largest value of each row.

    Args:
        values: shape (samples, classes).
        where: the file's name, for messages.

    Raises:
        RecordError: if two classes share the largest value of a row: which one was meant is not ours to choose.
    """
    largest = values.max(1, keepdims=True)
    tied = (values == largest).sum(1) > 1
    if tied.any():
        got = f"a tie in {int(tied.sum())} rows, first row {int(np.argmax(tied)) + 1}"
        remedy = "write more digits, or add a column prediction"
        raise RecordError(where, "one most probable class in each row", got, remedy)
    return values.argmax(1)


def matrix(frame: pl.DataFrame, columns: Sequence[str], where: str) -> np.ndarray:
    """The columns as numbers, shape (rows, columns); an empty cell is NaN.

    Raises:
        RecordError: if a value is no number.
    """
    parts = []
    for name in columns:
        given = frame[name].str.strip_chars() if frame[name].dtype == pl.String else frame[name]
        numbers = given.cast(pl.Float64, strict=False)
        bad = (numbers.is_null() & given.is_not_null()).fill_null(value=False)
        if bad.any():
            row = int(bad.arg_max() or 0)
            raise RecordError(where, f"numbers in column {name}", f"{given[row]!r} in row {row + 1}")
        parts.append(numbers.fill_null(float("nan")).to_numpy())
    return np.stack(parts, axis=1)
