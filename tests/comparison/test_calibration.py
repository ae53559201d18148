import numpy as np
import polars as pl
import pytest

from deepenough.comparison import calibration_of


def runs(seeds, size, shift=0.0, rng=None):
    """Answers that are right with their confidence, plus a shift of what they say."""
    frames = []
    for seed in range(seeds):
        truth = rng.uniform(0.3, 0.98, size)
        right = (rng.uniform(size=size) < truth).astype(float)
        frames.append(
            pl.DataFrame(
                {
                    "contender": "a",
                    "seed": seed,
                    "scale": 64,
                    "confidence": np.clip(truth + shift, 0, 1),
                    "score": right,
                }
            )
        )
    return pl.concat(frames)


def brute_force(frame):
    """Naeini et al., equation 3, run by run in plain loops."""
    errors = []
    for _, run in frame.group_by("seed", maintain_order=True):
        total = 0.0
        for place in range(15):
            inside = [
                (c, s)
                for c, s in zip(run["confidence"], run["score"], strict=True)
                if place / 15 < c <= (place + 1) / 15 or (place == 0 and c == 0)
            ]
            if inside:
                sure, right = (sum(column) / len(inside) for column in zip(*inside, strict=True))
                total += len(inside) / run.height * abs(sure - right)
        errors.append(total)
    return sum(errors) / len(errors)


def test_error_is_that_of_its_definition():
    frame = runs(3, 200, 0.05, np.random.default_rng(2))
    assert calibration_of(frame, contender="a", scale=64).error == pytest.approx(brute_force(frame), rel=1e-9)


def test_error_of_a_network_that_can_be_believed_is_what_chance_makes_it():
    found = calibration_of(runs(40, 500, 0.0, np.random.default_rng(4)), contender="a", scale=64)
    assert found.error == pytest.approx(found.by_chance, rel=0.1)
    assert found.confidence == pytest.approx(found.right, abs=0.01)


def test_error_of_a_network_that_is_too_sure_grows_by_as_much():
    found = calibration_of(runs(4, 20_000, 0.02, np.random.default_rng(6)), contender="a", scale=64)
    assert found.error == pytest.approx(0.02, abs=0.004)
    assert found.confidence > found.right


@pytest.mark.parametrize("change", [{"confidence": None}, {"score": 0.5}, {"confidence": 1.7}])
def test_nothing_is_said_when_confidence_is_missing_or_scores_are_no_outcomes(change):
    frame = runs(2, 20, 0.0, np.random.default_rng(8)).with_columns(
        **{name: pl.lit(value, dtype=pl.Float64) for name, value in change.items()}
    )
    assert calibration_of(frame, contender="a", scale=64) is None
