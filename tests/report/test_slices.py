import polars as pl

from deepenough import records
from deepenough.report.slices import lead


def test_the_lead_names_the_metric_of_the_slices_where_the_verdict_is_by_another(made_up):
    row = {"column": "class", "level": "cat", "scale": 64, "samples": 20, "difference": 1.0, "q_value": 0.5}
    frame = pl.DataFrame([{**dict.fromkeys(records.SLICES), **row}], schema=records.SLICES)
    own = lead(frame, made_up.verdict())
    other = lead(frame, made_up.verdict(metric="macro_f1"))
    assert other == (
        "These gains are in accuracy, as the scores were recorded; the verdict is by macro_f1.",
        *own,
    )
