"""Single: one run a file, one row a sample; the file's name or `--run` names the run."""

from __future__ import annotations

import polars as pl

from deepenough.comparison.predictions.form import Content, Context, Form, with_run
from deepenough.comparison.predictions.probabilities import beside_outputs, predicted, probability_columns
from deepenough.errors import RecordError

_KEPT = ("sample_id", "target", "prediction", "score", "confidence", "group")


def _fits(content: Content) -> bool:
    if content.frame is None or content.id_column is None or "contender" in content.columns:
        return False
    return bool({"prediction", "score"} & set(content.columns)) or (
        content.id_column == "sample_id" and bool(probability_columns(content.frame))
    )


def _read(content: Content, context: Context) -> pl.DataFrame:
    frame, where = content.table, str(content.path)
    if content.id_column is None:
        raise RecordError(where, "a column sample_id", f"only {', '.join(frame.columns)}")
    frame = frame.rename({content.id_column: "sample_id"})
    if probability_columns(frame):
        frame = predicted(frame, where)
    if not {"prediction", "score"} & set(frame.columns):
        raise RecordError(where, "a column prediction, score or prob_CLASS", f"only {', '.join(frame.columns)}")
    kept = frame.select(name for name in _KEPT if name in frame.columns)
    return with_run(kept, content.run(context.reading))


FORM = Form("single", "one run a file", "sample_id, prediction", _fits, _read, beside_outputs)
