from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from deepenough.errors import InputError
from deepenough.records import SAMPLES
from deepenough.tasks import Given, Run, make_task
from deepenough.tasks.pairs import PLACES, all_pairs
from deepenough.tasks.verification import GREY, Identification, grey_copies
from deepenough.tasks.verifying import Measure, threshold_of

PEOPLE = {"train": "abcd", "val": "efg", "test": "hijk"}


def samples(each=5, pairs=None):
    rows = [
        (f"{name}{number}", f"{name}/{number}.png", name, split, name, 40, 50)
        for split, names in PEOPLE.items()
        for name in names
        for number in range(each)
    ]
    frame = pl.DataFrame(rows, schema=SAMPLES, orient="row")
    if pairs is None:
        return frame
    return frame.with_columns(annotations=pl.col("path").replace_strict(pairs, default=None))


def made(frame=None, **options):
    frame = samples() if frame is None else frame
    return make_task("verification", Given(classes=tuple("abcdefghijk"), samples=frame, options=options))


def run_of(task, split="test", spread=0.5, frame=None):
    rows = (samples() if frame is None else frame).filter(pl.col("split") == split)
    people = task.targets(rows)
    rng = np.random.default_rng(len(rows))
    found = np.zeros(len(rows), task.row)
    centres = rng.normal(size=(people.max() + 1, task.dimensions))
    found["embedding"] = centres[people] + spread * rng.normal(size=(len(rows), task.dimensions))
    return Run(found, people, task.units(rows))


def test_scores_average_to_the_auc_of_sklearn():
    task = made(dimensions=4)
    run = run_of(task)
    vectors = run.rows["embedding"] / np.linalg.norm(run.rows["embedding"], axis=1, keepdims=True)
    first, second = run.units[PLACES].to_numpy().T
    truth = roc_auc_score(run.targets[first] == run.targets[second], (vectors[first] * vectors[second]).sum(1))
    assert 0.5 < truth < 1
    assert task.judged(run)["score"].mean() == pytest.approx(truth, abs=1e-6)


def test_every_pair_of_a_split_is_asked_about_once_with_both_its_people():
    units = made().units(samples().filter(pl.col("split") == "test"))
    assert len(units) == 20 * 19 // 2
    assert units["sample_id"].n_unique() == len(units)
    assert dict(units["target"].value_counts().iter_rows()) == {"same": 40, "different": 150}
    assert ((units["group"] == units["group_other"]) == (units["target"] == "same")).all()


def test_pairs_are_those_of_the_protocol_unless_all_are_asked_for():
    said = {"h/0.png": '{"pairs": ["h/1.png", "i/0.png", "gone.png"]}', "i/1.png": '{"pairs": ["h/0.png", "i/0.png"]}'}
    frame = samples(pairs=said)
    rows = frame.filter(pl.col("split") == "test")
    units = made(frame).units(rows)
    assert sorted(units["path"]) == [
        "h/0.png | h/1.png",
        "h/0.png | i/0.png",
        "h/0.png | i/1.png",
        "i/0.png | i/1.png",
    ]
    assert len(made(frame, pairs="all").units(rows)) == 190


def test_pairs_beyond_the_bound_are_a_balanced_choice_that_repeats():
    people = np.repeat(np.arange(30), 10)
    found = all_pairs(people, 1000)
    same = people[found[:, 0]] == people[found[:, 1]]
    assert (len(found), same.sum()) == (1000, 500)
    assert (found[:, 0] < found[:, 1]).all()
    assert len(np.unique(found, axis=0)) == 1000
    np.testing.assert_array_equal(found, all_pairs(people, 1000))
    assert (people[all_pairs(people, 5000)[:, 0]] == people[all_pairs(people, 5000)[:, 1]]).sum() == 1350


def test_accuracy_takes_its_threshold_from_validation_and_weighs_both_kinds_alike():
    task = made(metric="accuracy", dimensions=4)
    test, validation = run_of(task), run_of(task, "val")
    own = task.judged(test, validation)
    shares = [((own["prediction"] == kind) & (own["target"] == kind)).sum() for kind in ("same", "different")]
    assert own["score"].mean() == pytest.approx((shares[0] / 40 + shares[1] / 150) / 2)
    shifted = validation.rows.copy()
    shifted["embedding"] += 5.0  # all cosines near 1: a threshold that no test pair reaches
    other = task.judged(test, replace(validation, rows=shifted))
    assert (other["prediction"] == "same").mean() < (own["prediction"] == "same").mean()


def test_accuracy_on_validation_itself_is_by_folds_and_below_that_of_its_own_best_threshold():
    measure, rng = Measure("accuracy"), np.random.default_rng(0)
    genuine = np.arange(400) % 2 == 0
    noise = rng.normal(size=400)  # nothing to be found: the best threshold on the pairs themselves flatters
    assert measure.scores(noise, genuine, None).mean() < 0.55


def test_accuracy_by_folds_is_that_of_a_cut_on_the_other_nine_tenths_and_asks_no_validation():
    rng = np.random.default_rng(1)
    genuine = np.arange(200) % 2 == 0
    similarity = rng.normal(size=200) + genuine
    right = {True: 0, False: 0}
    for fold in range(10):
        here = (np.arange(200) // 2) % 10 == fold  # each kind dealt in turn
        cuts = np.concatenate([[-np.inf], np.sort(similarity[~here])])
        shares = [
            balanced_accuracy_score(genuine[~here], similarity[~here] > cut) for cut in cuts
        ]  # of equally good cuts the test asks for none in particular
        cut = threshold_of(similarity[~here], genuine[~here])
        assert balanced_accuracy_score(genuine[~here], similarity[~here] > cut) == pytest.approx(max(shares))
        for kind in right:
            right[kind] += int(((similarity[here] > cut) == genuine[here])[genuine[here] == kind].sum())
    expected = (right[True] + right[False]) / 200
    measure = Measure("fold_accuracy")
    for threshold in (None, -9.0, 9.0):
        assert measure.scores(similarity, genuine, threshold).mean() == pytest.approx(expected)


def test_rate_at_a_false_accept_rate_is_refused_with_the_rule_when_impostors_are_too_few():
    asked = {"metric": "tar_at_far", "far": 0.01}
    rule = r"expected at least 1,000 impostor pairs for FAR 0\.01, so that 10 are accepted; got "
    many = {split: samples(each).filter(pl.col("split") == split) for split, each in (("val", 20), ("test", 20))}
    many["train"] = samples().filter(pl.col("split") == "train")
    for split, pairs in (("val", 75), ("test", 150)):
        few = samples().filter(pl.col("split") == split)
        with pytest.raises(InputError, match=f"source, split {split}: {rule}{pairs}"):
            made(pl.concat([*(frame for name, frame in many.items() if name != split), few]), **asked)
    assert made(pl.concat(many.values()), **asked).metric.name == "TAR at FAR 0.01"
    with pytest.raises(InputError, match="metric tar_at_far"):
        made(far=0.1)


def test_too_few_people_or_pairs_are_refused():
    few = samples().filter(~pl.col("target").is_in(["j", "k"]))
    with pytest.raises(InputError, match=r"split test: expected at least 3 identities; got 2"):
        made(few)
    with pytest.raises(InputError, match="at least two pairs of one identity"):
        made(samples(each=1))


def test_grey_copies_are_means_over_areas():
    squares = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    means = squares.mean(3).reshape(2, GREY, 64 // GREY, GREY, 64 // GREY).mean((2, 4))
    assert np.abs(grey_copies(squares).reshape(2, GREY, GREY) - means).max() <= 0.51


def test_rank_one_is_that_of_pytorch_metric_learning_and_of_sklearn():
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN
    from sklearn.neighbors import KNeighborsClassifier

    task = Identification.beside(made(dimensions=4))
    run = run_of(task, spread=1.2)
    judged = task.judged(run)
    vectors = run.rows["embedding"] / np.linalg.norm(run.rows["embedding"], axis=1, keepdims=True)
    found = CustomKNN(CosineSimilarity())
    calculator = AccuracyCalculator(include=("precision_at_1",), device=torch.device("cpu"), knn_func=found)
    vectors, people = torch.from_numpy(vectors), torch.from_numpy(run.targets)
    truth = calculator.get_accuracy(vectors, people)["precision_at_1"]  # of each among all others
    assert 0.3 < truth < 1
    assert judged["score"].mean() == pytest.approx(truth)
    last = KNeighborsClassifier(1).fit(vectors[:-1], people[:-1]).predict(vectors[-1:])
    assert judged["prediction"][-1] == task.people[last[0]]


def test_a_picture_whose_person_has_no_other_one_asks_nothing_and_may_be_answered():
    frame = samples(each=2).filter(pl.col("path") != "h/1.png")
    task = Identification.beside(made(frame, dimensions=4))
    units = task.units(frame.filter(pl.col("split") == "test"))
    assert units["sample_id"].to_list() == ["i0", "i1", "j0", "j1", "k0", "k1"]
    assert units["group"].to_list() == ["i", "i", "j", "j", "k", "k"]
    run = run_of(task, frame=frame)
    run.rows["embedding"][1] = run.rows["embedding"][0]  # i0 is told to be h, the one that asks nothing
    assert task.judged(run).row(0, named=True)["prediction"] == "h"


def test_further_metrics_are_those_that_the_pairs_of_strangers_can_tell():
    few, many = made(), made(samples(each=20))
    assert [each.metric.name for each in few.also()] == [
        "pair accuracy",
        "pair accuracy by ten folds",
        "TAR at FAR 0.1",
        "rank-1",
    ]
    assert few.impostors == 150
    assert [each.metric.name for each in many.also()][2:4] == ["TAR at FAR 0.1", "TAR at FAR 0.01"]


def test_the_baseline_asks_raw_pixels_of_each_picture_alone():
    task = made(dimensions=4)
    squares = np.random.default_rng(0).integers(0, 256, (5, 20, 20, 3), dtype=np.uint8)
    (rows,) = task.baselines(squares, np.zeros(5), "abcde").values()
    np.testing.assert_array_equal(rows["embedding"], grey_copies(squares))
    assert task.baselines(squares[:0], [], []).keys() == {"raw pixels"}
    alone = task.baselines(squares[3:4], np.zeros(1), "d")["raw pixels"]
    np.testing.assert_array_equal(alone["embedding"][0], rows["embedding"][3])
