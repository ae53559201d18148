"""Outcomes that come chunk by chunk against the table that they make."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import torch

from deepenough.evaluation import Outcomes, Shown, outcomes
from deepenough.records import SCORES, read_table, write_table, write_table_in_parts
from deepenough.tasks.classification import Classification, rows_of
from deepenough.tasks.values import Scores

CLASSES, SCALES, NAMES = ("cat", "dog", "owl"), (32, 64), ("one", "two")


def drawn(rng, count):
    return Scores(
        torch.from_numpy(rng.integers(0, 3, count)),
        torch.from_numpy(rng.integers(0, 2, count).astype(float)),
        torch.from_numpy(rng.random(count)),
    )


def filled(stream, samples=11):
    """Outcomes put in another order than the table's, and the same as plain rows."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, samples)
    shown = Shown(sample_ids=[f"s{i}" for i in range(samples)], targets=labels)
    kept, rows = Outcomes(stream, shown, NAMES, SCALES, Classification(CLASSES)), {}
    for first in (4, 0, 8):
        for scale in reversed(SCALES):
            for name in NAMES:
                scores = drawn(rng, min(4, samples - first))
                kept.put(name, scale, first, rows_of(scores))
                for i, (p, s, c) in enumerate(zip(scores.prediction, scores.score, scores.confidence, strict=True)):
                    sample = first + i
                    rows[name, scale, sample] = (f"s{sample}", CLASSES[labels[sample]], CLASSES[p], float(s), float(c))
    return kept, rows


def test_tables_are_ordered_by_scale_and_sample_whatever_the_order_of_coming(monkeypatch):
    monkeypatch.setattr(outcomes, "BLOCK", 5)
    kept, rows = filled(io.BytesIO())
    for name in NAMES:
        parts = list(kept.tables(name, seed=7, called="called"))
        assert [len(part) for part in parts] == [5, 5, 1] * 2
        found = pl.concat(parts)
        assert dict(found.schema) == SCORES
        assert set(found["contender"]) == {"called"}
        assert set(found["seed"]) == {7}
        columns = ("sample_id", "target", "prediction", "score", "confidence")
        expected = [rows[name, scale, sample] for scale in SCALES for sample in range(11)]
        assert found.select(columns).rows() == expected
        assert found["scale"].to_list() == [scale for scale in SCALES for _ in range(11)]


def test_the_mean_is_that_of_the_scores(monkeypatch):
    monkeypatch.setattr(outcomes, "BLOCK", 5)
    kept, rows = filled(io.BytesIO())
    assert kept.mean("two", 64) == sum(rows["two", 64, sample][3] for sample in range(11)) / 11


def test_a_table_written_in_parts_reads_as_one_written_at_once(tmp_path):
    with (tmp_path / "spool").open("w+b") as stream:
        kept, _ = filled(stream)
        write_table_in_parts(tmp_path / "parts.parquet", kept.tables("one", seed=0), SCORES)
        write_table(tmp_path / "whole.parquet", pl.concat(kept.tables("one", seed=0)), SCORES)
    assert read_table(tmp_path / "parts.parquet", SCORES).equals(read_table(tmp_path / "whole.parquet", SCORES))
