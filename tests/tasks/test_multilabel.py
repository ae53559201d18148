"""Every measure of several labels against scikit-learn, label by label; thresholds from validation alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score, recall_score, roc_auc_score

from deepenough.errors import InputError
from deepenough.tasks import Given, MultiLabel, Run, make_task
from deepenough.tasks.graded import MEASURES
from deepenough.tasks.thresholds import threshold_at

LABELS = ("effusion", "mass", "oedema")


def drawn(seed, size=150):
    rng = np.random.default_rng(seed)
    true = (rng.random((size, 3)) < (0.5, 0.3, 0.15)).astype(np.float32)
    logits = (rng.normal(size=(size, 3)) + 1.5 * true - 0.7).astype(np.float32)
    task = MultiLabel(LABELS)
    rows = task.outcomes(torch.from_numpy(logits), true, np.empty(0))
    return Run(rows, true), torch.from_numpy(logits).sigmoid().double().numpy(), true > 0.5


def mean(run, reference=None, **options):
    return MultiLabel(LABELS, **options).judged(run, reference)["score"].mean()


def given(labels, **options):
    samples = pl.DataFrame(
        {
            "split": [split for split in ("train", "val", "test") for _ in labels],
            "target": [label for _ in range(3) for label in labels],
        }
    )
    return Given(classes=LABELS, samples=samples, options=options)


@pytest.mark.parametrize("measure", MEASURES)
def test_each_measure_is_the_mean_of_scikit_learns_over_labels(measure):
    (run, chances, true), (validation, known, there) = drawn(0), drawn(1)

    def truth(label):
        if measure == "auroc":
            return roc_auc_score(true[:, label], chances[:, label])
        if measure == "average_precision":
            return average_precision_score(true[:, label], chances[:, label])
        if measure == "balanced_accuracy":
            return balanced_accuracy_score(true[:, label], chances[:, label] > 0.5)
        cut = threshold_at(known[:, label], there[:, label], 0.9)
        return recall_score(true[:, label], chances[:, label] > cut)

    found = mean(run, validation, measure=measure, specificity=0.9)
    assert found == pytest.approx(np.mean([truth(label) for label in range(3)]), abs=1e-6)


def test_sensitivity_has_a_threshold_of_each_label_and_keeps_validations_specificity():
    validation, chances, there = drawn(1)
    for label in range(3):
        cut = threshold_at(chances[:, label], there[:, label], 0.9)
        kept = (chances[~there[:, label], label] <= cut).mean()
        assert 0.9 <= kept < 0.9 + 1.0 / (~there[:, label]).sum() + 1e-9
    own = mean(validation, measure="sensitivity", specificity=0.9)
    other = mean(validation, drawn(2)[0], measure="sensitivity", specificity=0.9)
    assert own != other


def test_auroc_of_each_label_alone_stands_beside_the_mean():
    run, chances, true = drawn(3)
    task = make_task("multilabel", given(["effusion", "effusion|mass", "mass", "", "", "oedema"]))
    beside = {other.metric.name: other.judged(run)["score"].mean() for other in task.also()}
    assert list(beside) == [
        "average precision",
        "sensitivity at 95 % specificity",
        "balanced accuracy",
        "AUROC of effusion",
        "AUROC of mass",
    ]  # one picture of oedema is too few to judge it alone
    assert beside["AUROC of mass"] == pytest.approx(roc_auc_score(true[:, 1], chances[:, 1]), abs=1e-6)


def test_metric_and_specificity_are_options_and_nothing_else_is():
    task = make_task("multilabel", given(["mass", "mass", "", ""], metric="sensitivity", specificity=0.8))
    assert task.metric.name == "sensitivity at 80 % specificity"
    for options, said in (({"metric": "f1"}, "balanced_accuracy"), ({"specificity": 2}, "below 1"), ({"k": 1}, "k")):
        with pytest.raises(InputError, match=said):
            make_task("multilabel", given(["mass", "mass", "", ""], **options))


def test_sensitivity_is_refused_where_no_label_is_in_validation_and_in_test():
    samples = pl.DataFrame({"split": ["train"] * 2 + ["val"] * 4 + ["test"] * 4})
    targets = ["mass", "oedema", "mass", "mass", "", "", "oedema", "oedema", "", ""]
    data = Given(classes=LABELS, samples=samples.with_columns(target=pl.Series(targets)), options={})
    assert make_task("multilabel", data).metric.name == "AUROC"
    with pytest.raises(InputError, match="two images of val and two of test"):
        make_task("multilabel", Given(classes=LABELS, samples=data.samples, options={"metric": "sensitivity"}))
