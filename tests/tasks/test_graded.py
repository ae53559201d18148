"""Rankings, sensitivity and classes alike against scikit-learn, and thresholds that come from validation alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score, roc_curve

from deepenough.errors import InputError
from deepenough.tasks import Classification, Given, MultiLabel, Run
from deepenough.tasks.graded import MEASURES, Graded
from deepenough.tasks.thresholds import sensitivity_scores, threshold_at

CLASSES = ("glioma", "none", "pituitary")
SICK = ("glioma", "pituitary")


def drawn(seed, size=200):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=size)
    logits = rng.normal(size=(size, 3)).astype(np.float32)
    logits[np.arange(size), labels] += 1.0
    return logits, labels


def run_of(task, seed):
    logits, labels = drawn(seed)
    rows = task.outcomes(torch.from_numpy(logits), labels, np.empty(0))
    return Run(rows, labels), torch.from_numpy(logits).softmax(1).numpy(), labels


def mean(task, seed, reference=None):
    run, chances, labels = run_of(task, seed)
    return task.judged(run, reference)["score"].mean(), chances, labels


def test_auroc_and_average_precision_of_the_positive_classes_are_scikit_learns():
    for measure, truth in (("auroc", roc_auc_score), ("average_precision", average_precision_score)):
        found, chances, labels = mean(Graded(CLASSES, measure, SICK), 0)
        assert found == pytest.approx(truth(labels != 1, chances[:, [0, 2]].sum(1)), abs=1e-6)


def test_auroc_without_positive_classes_is_the_mean_of_each_against_the_rest():
    found, chances, labels = mean(Graded(CLASSES, "auroc"), 1)
    assert found == pytest.approx(roc_auc_score(labels, chances, multi_class="ovr", average="macro"), abs=1e-6)


def test_balanced_accuracy_is_scikit_learns():
    found, chances, labels = mean(Graded(CLASSES, "balanced_accuracy"), 2)
    assert found == pytest.approx(balanced_accuracy_score(labels, chances.argmax(1)), abs=1e-12)


def test_sensitivity_uses_the_threshold_of_validation_and_no_other():
    task = Graded(CLASSES, "sensitivity", SICK, 0.9)
    validation, chances, labels = run_of(task, 3)
    sick = chances[:, [0, 2]].astype(float).sum(1)
    false, true, cuts = roc_curve(labels != 1, sick, drop_intermediate=False)
    on_itself = task.judged(validation)["score"].mean()
    assert on_itself == pytest.approx(true[false <= 0.1].max(), abs=1e-9)
    found, test_chances, test_labels = mean(task, 4, validation)
    cut = threshold_at(sick, labels != 1, 0.9)
    assert cut in cuts.astype(float) or np.isclose(cuts, cut).any()
    expected = (test_chances[test_labels != 1][:, [0, 2]].astype(float).sum(1) > cut).mean()
    assert found == pytest.approx(expected)


def test_sensitivity_varies_as_a_share_of_the_positives_does():
    rng = np.random.default_rng(5)
    found, errors = [], []
    for _ in range(400):
        positive = rng.random(300) < 0.3
        values = sensitivity_scores(rng.normal(size=300) + positive, positive, 0.8)
        found.append(values.mean())
        errors.append(values.var(ddof=1) / 300)
    assert np.mean(errors) == pytest.approx(np.var(found), rel=0.15)


def test_threshold_keeps_the_specificity_also_where_negatives_tie():
    chances, positive = np.array([0.5] * 9 + [0.9]), np.zeros(10, bool)
    assert threshold_at(chances, positive, 0.9) == 0.5
    assert threshold_at(chances, positive, 0.95) == 0.9
    assert threshold_at(chances, positive, 0.05) == 0.5


def test_outputs_that_are_not_finite_are_no_hits():
    task = Graded(CLASSES, "balanced_accuracy")
    labels = np.array([0, 0, 1, 1, 2, 2])
    rows = task.outcomes(torch.full((6, 3), float("nan")), labels, np.empty(0))
    judged = task.judged(Run(rows, labels))
    assert judged["score"].mean() == 0
    assert (judged["prediction"] != judged["target"]).all()


def samples(counts):
    """The samples of a source with so many pictures of each class in every split."""
    rows = [(name, split) for split in ("train", "val", "test") for name, count in counts.items() for _ in range(count)]
    return pl.DataFrame(rows, schema=["target", "split"], orient="row")


def given(**options):
    return Given(classes=CLASSES, samples=samples({"glioma": 4, "none": 3, "pituitary": 5}), options=options)


def test_classification_is_judged_by_the_metric_among_its_options():
    assert Classification.of(given()) == Classification(CLASSES)
    task = Classification.of(given(metric="sensitivity", positive="pituitary | glioma", specificity=0.8))
    assert (task.measure, task.positive, task.specificity) == ("sensitivity", SICK, 0.8)
    assert task.metric.name == "sensitivity at 80 % specificity"
    assert {each.measure for each in task.also()} == set(MEASURES) - {"sensitivity"}
    without = Classification.of(given(metric="auroc"))
    assert {each.measure for each in without.also()} == {"average_precision", "balanced_accuracy"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "f1"}, "expected one of accuracy, auroc"),
        ({"metric": "sensitivity"}, "the classes that are looked for"),
        ({"metric": "auroc", "positive": "tumour"}, "got tumour"),
        ({"metric": "auroc", "positive": "glioma|none|pituitary"}, "got all of them"),
        ({"metric": "auroc", "specificity": 1.5}, "above 0 and below 1"),
        ({"positive": "glioma"}, "accuracy looks for no class"),
        ({"metrik": "auroc"}, "metric?"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(InputError) as caught:
        Classification.of(given(**options))
    assert words in str(caught.value)


def test_too_few_images_of_a_kind_are_refused_for_a_metric_that_needs_them():
    few = Given(classes=CLASSES, samples=samples({"glioma": 1, "none": 3, "pituitary": 3}), options={"metric": "auroc"})
    with pytest.raises(InputError, match="split val: expected at least 2 images of each kind for AUROC; got 1 glioma"):
        Classification.of(few)


def test_balanced_accuracy_needs_two_images_of_every_class_also_where_some_are_looked_for():
    few = samples({"glioma": 4, "none": 3, "pituitary": 1})
    options = {"metric": "balanced_accuracy", "positive": "glioma|pituitary"}
    with pytest.raises(InputError, match="for balanced accuracy; got 1 pituitary"):
        Classification.of(Given(classes=CLASSES, samples=few, options=options))
    Classification.of(Given(classes=CLASSES, samples=few, options={**options, "metric": "auroc"}))


@pytest.mark.parametrize("measure", ["auroc", "average_precision"])
def test_images_in_which_nothing_can_be_ranked_are_refused_and_not_judged_as_no_number(measure):
    chances = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    for task in (Graded(CLASSES, measure), Graded(CLASSES, measure, SICK)):
        labels = np.array([1, 1, 1, 1])  # all of one class
        with pytest.raises(InputError):
            task.judged(Run(task.outcomes(chances, labels, np.empty(0)), labels))
    task = MultiLabel(CLASSES, measure)
    labels = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0]], np.float32)
    with pytest.raises(InputError, match="a label that 2 of them have and 2 have not"):
        task.judged(Run(task.outcomes(chances, labels, np.empty(0)), labels))


def test_sensitivity_without_two_positive_images_is_refused():
    task, labels = Graded(CLASSES, "sensitivity", SICK), np.array([1, 1, 1, 0])
    run = Run(task.outcomes(torch.zeros(4, 3), labels, np.empty(0)), labels)
    with pytest.raises(InputError, match="at least 2 positive ones for sensitivity at 95 % specificity; got 1"):
        task.judged(run, run_of(task, 3)[0])


def test_mean_auroc_over_labels_is_scikit_learns():
    rng = np.random.default_rng(6)
    true = (rng.random((80, 3)) < 0.3).astype(np.float32)
    logits = torch.from_numpy(rng.normal(size=(80, 3)).astype(np.float32)) + torch.from_numpy(true)
    for measure, truth in (("auroc", roc_auc_score), ("average_precision", average_precision_score)):
        task = MultiLabel(("a", "b", "c"), measure)
        judged = task.judged(Run(task.outcomes(logits, true, np.empty(0)), true))
        assert judged["score"].mean() == pytest.approx(truth(true, logits.sigmoid().numpy(), average="macro"), abs=1e-6)
    assert judged["target"][0] == "|".join(name for name, has in zip("abc", true[0], strict=True) if has)


def test_labels_that_cannot_be_ranked_are_left_out_of_the_mean():
    rng = np.random.default_rng(7)
    true = (rng.random((30, 2)) < 0.5).astype(np.float32)
    true[:, 1] = 0
    true[0, 1] = 1  # of one image nothing is known
    logits = torch.from_numpy(rng.normal(size=(30, 2)).astype(np.float32))
    task = MultiLabel(("a", "b"))
    found = task.judged(Run(task.outcomes(logits, true, np.empty(0)), true))["score"].mean()
    assert found == pytest.approx(roc_auc_score(true[:, 0], logits[:, 0]), abs=1e-6)
