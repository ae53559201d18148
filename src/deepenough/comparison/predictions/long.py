"""Long: one row a sample and run."""

from __future__ import annotations

import polars as pl

from deepenough.comparison.predictions.form import NUMBERS, TEXT, Content, Context, Form
from deepenough.comparison.predictions.probabilities import beside_outputs, predicted, probability_columns
from deepenough.errors import RecordError

COLUMNS = "sample_id,target,contender,prediction[,seed,scale,score,confidence,group]"


def _fits(content: Content) -> bool:
    return "contender" in content.columns


def _read(content: Content, context: Context) -> pl.DataFrame:
    frame, where = content.table, str(content.path)
    if content.id_column is not None:
        frame = frame.rename({content.id_column: "sample_id"})
    if probability_columns(frame):
        frame = predicted(frame, where)
    required = ["sample_id", "contender"]
    if "score" not in frame.columns:
        elsewhere = context.has_targets or (context.several and "target" not in frame.columns)
        required = ["sample_id", *([] if elsewhere else ["target"]), "contender", "prediction"]
    missing = [name for name in required if name not in frame.columns]
    if missing:
        got = f"no column {', '.join(missing)} among {', '.join(frame.columns)}"
        raise RecordError(where, f"the columns {COLUMNS}", got, "rename the columns of your file")
    return frame.select(name for name in (*TEXT, *NUMBERS) if name in frame.columns)


FORM = Form("long", "long, one row a sample and run", "sample_id, contender, prediction", _fits, _read, beside_outputs)
