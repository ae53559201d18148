from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from deepenough.comparison.levels import MISSING, OTHER, partitions, require_sliceable, samples_of_predictions
from deepenough.errors import InputError


def parts(size=100, **columns):
    ids = [f"s{i:03d}" for i in range(size)]
    scores = pl.DataFrame({"sample_id": ids, "target": ["a", "b"] * (size // 2)})
    samples = pl.DataFrame({"sample_id": ids, **columns})
    return {part.column: part for part in partitions(scores, samples, scores["sample_id"])}


def named(part):
    return [part.levels[code] for code in part.codes]


def test_class_size_and_shape_are_there_without_a_manifest():
    found = parts(width=[100, 640] * 50, height=[300, 480] * 50)
    assert list(found) == ["class", "size", "aspect"]
    assert named(found["class"])[:2] == ["a", "b"]
    assert named(found["size"])[:2] == ["100 px", "480 px"]
    assert named(found["aspect"])[:2] == ["portrait, below 4:5", "landscape, above 5:4"]


def test_numbers_fall_into_five_bins_of_like_size_whose_names_hold_their_ends():
    values = np.random.default_rng(0).permutation(100)
    part = parts(age=values)["age"]
    assert part.levels == ("0 to 19", "20 to 39", "40 to 59", "60 to 79", "80 to 99")
    assert np.bincount(part.codes).tolist() == [20] * 5
    for value, level in zip(values, named(part), strict=True):
        low, _, high = level.split()
        assert int(low) <= value <= int(high)


def test_ties_never_straddle_bins_and_few_values_stand_alone():
    assert parts(grade=[1, 2, 3, 3] * 25)["grade"].levels == ("1", "2", "3")
    part = parts(amount=[0] * 90 + list(range(1, 11)))["amount"]
    assert len({part.levels[code] for code in part.codes[:90]}) == 1
    assert part.levels == ("0", "1 to 10")


def test_text_that_is_all_numbers_is_binned_and_codes_with_leading_zeros_are_not():
    texts = [f"{value / 7:.4f}" for value in range(100)]
    assert len(parts(weight=texts)["weight"].levels) == 5
    assert parts(site=["007", "012"] * 50)["site"].levels == ("007", "012")


def test_missing_values_are_a_level_of_their_own():
    part = parts(camera=["x", "", None, "y"] * 25)["camera"]
    assert part.levels == ("x", "y", MISSING)
    assert np.bincount(part.codes).tolist() == [25, 25, 50]
    numbers = parts(age=[1.5, None, float("nan"), float("inf")] * 25)["age"]
    assert numbers.levels == ("1.50", MISSING)


def test_rare_texts_share_a_level():
    texts = [f"k{i % 50:02d}" if i < 96 else "k00" for i in range(100)]
    part = parts(kind=texts)["kind"]
    assert len(part.levels) == 31
    assert part.levels[-1] == OTHER
    assert "k00" in part.levels


def test_columns_that_divide_nothing_are_left_out():
    found = parts(constant=["x"] * 100, name=[f"file{i}" for i in range(100)], empty=[None] * 100, nested=[[1]] * 100)
    assert list(found) == ["class"]


@pytest.mark.parametrize("outcome", ["confidence", "prediction", "score"])
def test_outcomes_are_never_levels_and_asking_for_them_says_why(outcome):
    assert list(parts(**{outcome: ["x", "y"] * 50})) == ["class"]
    with pytest.raises(InputError, match="which the networks themselves bring about"):
        require_sliceable(outcome, ["class"])


def test_an_unknown_column_is_refused_with_those_there():
    with pytest.raises(InputError, match="one of class, size; got camera"):
        require_sliceable("camera", ["class", "size"])


def test_samples_that_the_table_lacks_are_missing():
    scores = pl.DataFrame({"sample_id": ["s0", "s1", "new", "s2"], "target": ["a", "b", "a", "b"]})
    samples = pl.DataFrame(
        {"sample_id": ["s2", "s1", "s0"], "camera": ["x", "x", "y"], "width": 9, "height": [7, 8, 9]}
    )
    found = {part.column: named(part) for part in partitions(scores, samples, scores["sample_id"])}
    assert found["camera"] == ["y", "x", MISSING, "x"]
    assert found["size"] == ["9 px", "8 px", MISSING, "7 px"]


def test_predictions_may_bring_columns_that_all_runs_agree_on(tmp_path):
    rows = {
        "sample_id": ["1", "2"] * 2,
        "target": ["a", "b"] * 2,
        "prediction": ["a", "a", "b", "b"],
        "contender": ["x", "x", "y", "y"],
        "camera": ["c", "d"] * 2,
        "logit": [1, 2, 3, 4],
    }
    path = tmp_path / "p.csv"
    pl.DataFrame(rows).write_csv(path)
    found = samples_of_predictions(path)
    assert found is not None
    assert found.columns == ["sample_id", "camera"]
    outputs = pl.DataFrame(rows).drop("prediction").with_columns(prob_a=0.75, prob_b=0.25)
    outputs.write_csv(path)
    found = samples_of_predictions(path)
    assert found is not None
    assert found.columns == ["sample_id", "camera"]
    pl.DataFrame(rows).drop("camera", "logit").write_csv(path)
    assert samples_of_predictions(path) is None
