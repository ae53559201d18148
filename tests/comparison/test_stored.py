"""Scores read run by run decide as the same scores in one frame do."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deepenough.comparison import decide_study, stored, stored_scores
from deepenough.comparison.labels import labels_share

SAMPLES, CLASSES = 40, ("cat", "dog", "owl")


@pytest.fixture
def frame() -> pl.DataFrame:
    """Two contenders, three seeds, two scales: blocks of rows, samples in one order."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, SAMPLES)
    parts = []
    for contender in ("resnet50", "resnet101"):
        for scale in (64, 96):
            for seed in range(3):
                said = np.where(rng.random(SAMPLES) < 0.8, target, rng.integers(0, 3, SAMPLES))
                parts.append(
                    pl.DataFrame(
                        {
                            "contender": contender,
                            "seed": seed,
                            "scale": scale,
                            "sample_id": [f"s{place}" for place in range(SAMPLES)],
                            "prediction": [CLASSES[code] for code in said],
                            "score": (said == target).astype(float),
                            "confidence": rng.random(SAMPLES),
                        }
                    )
                )
    return pl.concat(parts)


def written(frame: pl.DataFrame, folder: Path) -> Path:
    path = folder / "scores.parquet"
    frame.write_parquet(path, row_group_size=100)  # not the size of a run
    return path


@pytest.mark.parametrize("rows", [10, 100, 10_000])  # at most one run, two runs, all runs at a time
def test_stored_scores_decide_as_the_frame_does(
    frame: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(stored, "_ROWS", rows)
    found = stored_scores(written(frame, tmp_path))
    assert found is not None
    assert decide_study(found, margin=1.0, scale=96) == decide_study(frame, margin=1.0, scale=96)


def test_noise_beside_stored_scores_is_that_beside_the_frame(frame: pl.DataFrame, tmp_path: Path) -> None:
    extra = frame.filter((pl.col("seed") == 0) & (pl.col("scale") == 96)).with_columns(
        source=pl.lit("order"), run=pl.lit(1, pl.Int64), score=1.0 - pl.col("score")
    )
    found = stored_scores(written(frame, tmp_path))
    assert found is not None
    same = [decide_study(scores, margin=1.0, scale=96, noise_runs=extra).noise for scores in (found, frame)]
    assert len(same[0]["sources"]) == 2
    assert same[0] == same[1]


def test_a_run_holds_its_own_rows(frame: pl.DataFrame, tmp_path: Path) -> None:
    found = stored_scores(written(frame, tmp_path))
    assert found is not None
    own = frame.filter((pl.col("contender") == "resnet101") & (pl.col("seed") == 1) & (pl.col("scale") == 64))
    columns = ["sample_id", "prediction"]
    assert found.run("resnet101", 1, 64, [*columns, "not there"]).equals(own.select(columns))


def test_no_share_of_labels_without_predictions_or_where_one_prediction_is_scored_two_ways(
    frame: pl.DataFrame, tmp_path: Path
) -> None:
    pair = ("resnet50", "resnet101")
    alike = frame.with_columns(prediction=pl.lit("cat"))
    gap = frame.with_columns(prediction=pl.when(pl.col("sample_id") == "s3").then(None).otherwise("prediction"))
    for torn in (frame.drop("prediction"), alike, gap):
        found = stored_scores(written(torn, tmp_path))
        assert found is not None
        assert labels_share(found, pair, 96) is None


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda frame: frame.sample(fraction=1.0, shuffle=True, seed=1),  # in another order
        lambda frame: frame.head(frame.height - 1),  # a run lacks a sample
        lambda frame: pl.concat([frame, frame.head(SAMPLES)]),  # a run twice
        lambda frame: frame.with_columns(sample_id=pl.lit("s1")),  # a sample twice
        lambda frame: frame.with_columns(
            score=pl.when(pl.int_range(pl.len()) == 7).then(float("nan")).otherwise("score")
        ),
        lambda frame: frame.with_columns(score=pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise("score")),
        lambda frame: frame.with_columns(seed=pl.when(pl.col("seed") == 0).then(None).otherwise("seed")),
        lambda frame: frame.with_columns(
            sample_id=pl.when(pl.col("sample_id") == "s1").then(None).otherwise("sample_id")
        ),
        lambda frame: frame.drop("score"),
        lambda frame: frame.head(0),
    ],
)
def test_what_does_not_stand_run_by_run_in_whole_scores_is_left_to_the_frame(
    frame: pl.DataFrame, tmp_path: Path, spoiled: object
) -> None:
    assert callable(spoiled)
    assert stored_scores(written(spoiled(frame), tmp_path)) is None


def test_a_torn_file_is_left_to_the_frame(frame: pl.DataFrame, tmp_path: Path) -> None:
    path = written(frame, tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    assert stored_scores(path) is None
