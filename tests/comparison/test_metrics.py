from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score

from deepenough.comparison import decide_study
from deepenough.comparison.metrics import METRICS, with_metric
from deepenough.errors import InputError, RecordError

CELL = ["contender", "seed", "scale"]


@pytest.fixture
def two_classes() -> pl.DataFrame:
    """Two contenders, three seeds; rare `sick` samples; the confidence is that of the prediction."""
    rng = np.random.default_rng(0)
    sick, easy = rng.random(400) < 0.25, rng.normal(size=400)
    parts = []
    for contender, gain in (("small", 1.0), ("big", 1.6)):
        for seed in range(3):
            chance = 1 / (1 + np.exp(-(gain * (2 * sick - 1) + 0.7 * easy + 0.7 * rng.normal(size=400))))
            said = chance > 0.5
            parts.append(
                pl.DataFrame(
                    {
                        "contender": contender,
                        "seed": seed,
                        "scale": 224,
                        "sample_id": [f"s{i}" for i in range(400)],
                        "target": np.where(sick, "sick", "well"),
                        "prediction": np.where(said, "sick", "well"),
                        "score": (said == sick).astype(float),
                        "confidence": np.where(said, chance, 1 - chance),
                    }
                )
            )
    return pl.concat(parts)


def truth(cell: pl.DataFrame, name: str) -> float:
    target, prediction = cell["target"].to_numpy(), cell["prediction"].to_numpy()
    chance = np.where(prediction == "sick", cell["confidence"], 1 - cell["confidence"].to_numpy())
    return {
        "accuracy": lambda: (target == prediction).mean(),
        "macro_f1": lambda: f1_score(target, prediction, average="macro"),
        "balanced_accuracy": lambda: balanced_accuracy_score(target, prediction),
        "auroc": lambda: roc_auc_score(target == "sick", chance),
        "average_precision": lambda: average_precision_score(target == "sick", chance),
    }[name]()


@pytest.mark.parametrize("name", METRICS)
def test_rows_of_every_run_average_to_the_metric_of_sklearn(two_classes, name):
    shuffled = two_classes.sample(fraction=1.0, shuffle=True, seed=1)
    for cell in with_metric(shuffled, name, positive="sick").partition_by(CELL):
        assert cell["score"].mean() == pytest.approx(truth(cell, name), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_verdict_is_about_the_metric(two_classes, name):
    verdict = decide_study(with_metric(two_classes, name, positive="sick"), margin=1.0, small="small", big="big")
    means = {
        contender: np.mean([truth(cell, name) for cell in part.partition_by(CELL)])
        for (contender,), part in two_classes.partition_by("contender", as_dict=True).items()
    }
    assert verdict.difference == pytest.approx(100 * (means["big"] - means["small"]), abs=1e-9)
    assert verdict.interval[0] < verdict.difference < verdict.interval[1]
    assert verdict.scope == "architecture"


def test_groups_are_clusters_of_influence_values(two_classes):
    groups = {f"s{i}": f"g{i // 4}" for i in range(400)}
    frame = with_metric(two_classes, "auroc")
    plain, grouped = (decide_study(frame, margin=1.0, small="small", big="big", groups=g) for g in (None, groups))
    assert grouped.difference == pytest.approx(plain.difference, abs=1e-9)
    assert "cluster" in grouped.method


def test_one_run_each_is_compared_as_two_checkpoints(two_classes):
    frame = with_metric(two_classes.filter(pl.col("seed") == 0), "auroc")
    verdict = decide_study(frame, margin=1.0, small="small", big="big")
    assert verdict.scope == "checkpoint"
    assert "paired t" in verdict.method
    assert verdict.needed is not None
    assert verdict.needed.tipping_seed_sd is not None


def test_nothing_but_the_score_changes(two_classes):
    frame = two_classes.with_columns(pl.lit("g").alias("group"))
    for name in METRICS:
        after = with_metric(frame, name, positive="sick")
        assert_frame_equal(after.drop("score"), frame.drop("score"))
        assert after.columns == frame.columns
    assert_frame_equal(with_metric(frame, "accuracy"), frame)


def test_auroc_is_the_same_whichever_class_is_positive(two_classes):
    assert with_metric(two_classes, "auroc", positive="sick")["score"].to_numpy() == pytest.approx(
        with_metric(two_classes, "auroc", positive="well")["score"].to_numpy(), abs=1e-12
    )
    assert_frame_equal(with_metric(two_classes, "auroc"), with_metric(two_classes, "auroc", positive="well"))


def test_many_classes_have_a_macro_f1_and_no_auroc(make_scores):
    scores = make_scores({("a", 64): 0.8, ("b", 64): 0.9})
    for cell in with_metric(scores, "macro_f1").partition_by(CELL):
        expected = f1_score(cell["target"], cell["prediction"], average="macro")
        assert cell["score"].mean() == pytest.approx(expected, abs=1e-12)
    with pytest.raises(RecordError, match=r"two classes for auroc; got 3 .*class0.*use macro_f1 or balanced_accuracy"):
        with_metric(scores, "auroc")


def test_perfect_runs_give_a_verdict_all_the_same(make_scores):
    scores = make_scores({("a", 64): 1.0, ("b", 64): 1.0}, samples=100)
    verdict = decide_study(with_metric(scores, "macro_f1"), margin=5.0, small="a", big="b")
    assert verdict.difference == 0
    assert verdict.interval[0] < 0 < verdict.interval[1]


def test_unknown_metric_lists_the_known_ones(two_classes):
    with pytest.raises(
        InputError,
        match="--metric: expected one of accuracy, macro_f1, balanced_accuracy, auroc, average_precision; got f1",
    ):
        with_metric(two_classes, "f1")


def test_average_precision_asks_for_the_positive_class(two_classes):
    with pytest.raises(InputError, match="sick or well; got none"):
        with_metric(two_classes, "average_precision")
    with pytest.raises(InputError, match="sick and well; got healthy"):
        with_metric(two_classes, "average_precision", positive="healthy")


@pytest.mark.parametrize(
    ("change", "name", "text"),
    [
        (lambda f: f.drop("confidence"), "auroc", "no column confidence"),
        (lambda f: f.with_columns(confidence=pl.lit(None, pl.Float64)), "auroc", "empty cells in column confidence"),
        (lambda f: f.with_columns(confidence=pl.lit(1.5)), "auroc", r"0 to 1, in column confidence; got 1.5 \(2400"),
        (lambda f: f.with_columns(confidence=pl.lit(float("nan"))), "auroc", "0 to 1, in column confidence; got nan"),
        (lambda f: f.with_columns(confidence=pl.lit("sure")), "auroc", "0 to 1, in column confidence; got sure"),
        (lambda f: f.with_columns(prediction=pl.lit("other")), "auroc", "two classes for auroc; got 3"),
        (lambda f: f.with_columns(target=pl.lit("sick")), "auroc", "two classes"),
        (lambda f: f.with_columns(target=pl.lit(None, pl.String)), "macro_f1", "empty cells in column target"),
        (lambda f: f.drop("target", "prediction"), "macro_f1", "no column target, prediction"),
        (lambda f: f.drop("seed"), "macro_f1", "no column seed"),
        (lambda f: f.clear(), "macro_f1", "an empty table"),
    ],
)
def test_tables_that_lack_what_the_metric_needs_are_refused(two_classes, change, name, text):
    with pytest.raises(RecordError, match=text):
        with_metric(change(two_classes), name, where="mine.csv")


def test_a_class_with_one_sample_is_named(make_scores):
    scores = make_scores({("a", 64): 0.8, ("b", 64): 0.9}, samples=5)
    with pytest.raises(InputError, match=r"at least 2 samples of every class for macro_f1; got 1 of class2"):
        with_metric(scores, "macro_f1")
