"""What every task keeps, whatever it asks."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from deepenough.tasks import Classification, Task

TASKS: list[Task] = [Classification(("cat", "dog", "owl"))]


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param


@pytest.fixture
def outputs(task):
    """Outputs of a network for 64 samples, and the labels of a task with as many classes."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(64, task.outputs, generator=generator, requires_grad=True)
    return logits, torch.randint(task.outputs, (64,), generator=generator)


def test_task_is_a_frozen_value_with_words_for_people(task):
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.classes = ()
    assert task.name
    assert task.sample
    assert task.metric.name
    assert task.metric.lowest < task.metric.highest
    assert task.outputs >= 1


def test_loss_is_a_finite_scalar_that_teaches_every_output(task, outputs):
    logits, labels = outputs
    value = task.loss(logits, labels)
    value.backward()
    assert value.shape == ()
    assert torch.isfinite(value)
    assert (logits.grad != 0).all()


def test_loss_falls_when_followed_downhill(task, outputs):
    logits, labels = outputs
    value = task.loss(logits, labels)
    value.backward()
    assert task.loss(logits - logits.grad, labels) < value


def test_scores_lie_in_the_metrics_range_one_a_sample(task, outputs):
    logits, labels = outputs
    found = task.scores(logits, labels)
    assert found.prediction.shape == found.score.shape == found.confidence.shape == (64,)
    assert (found.score.dtype, found.confidence.dtype) == (torch.float64, torch.float64)
    assert task.metric.lowest <= found.score.min() < found.score.max() <= task.metric.highest
    assert 0 <= found.confidence.min() <= found.confidence.max() <= 1
    assert not found.score.requires_grad


def test_scores_judge_each_sample_alone_and_in_order(task, outputs):
    logits, labels = outputs
    whole = task.scores(logits, labels)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    shuffled = task.scores(logits[order], labels[order])
    assert torch.equal(shuffled.prediction, whole.prediction[order])
    assert torch.equal(shuffled.score, whole.score[order])
    assert torch.equal(shuffled.confidence, whole.confidence[order])
