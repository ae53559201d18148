"""Schedules of image sides: which pictures are seen at which side, in batches of the same memory."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.data.schedules import Schedule, batch_at, lay_out, work

SCHEDULES = st.sampled_from(
    [
        Schedule(),
        Schedule("mixed"),
        Schedule("progressive"),
        Schedule("mixed", (32, 80)),
        Schedule("progressive", (96,)),
    ]
)


@given(
    schedule=SCHEDULES,
    pictures=st.integers(1, 500),
    scale=st.integers(32, 256),
    batch=st.integers(2, 64),
    epochs=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_an_epoch_is_gone_through_once_in_batches_of_the_same_memory(schedule, pictures, scale, batch, epochs, seed):
    steps, ends = lay_out(schedule, pictures=pictures, scale=scale, batch=batch, epochs=epochs, seed=seed)
    assert len(ends) == epochs
    assert ends[-1] == len(steps)
    for epoch, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        own = steps[begin:end]
        assert own, "no epoch is empty"
        assert {step.epoch for step in own} == {epoch}
        assert [step.first for step in own] == [0, *np.cumsum([step.size for step in own])][:-1]
        assert sum(step.size for step in own) <= pictures
        for step in own:
            full = batch_at(step.side, scale=scale, batch=batch)
            assert min(full, batch, pictures) <= step.size <= full
        if schedule.kind != "mixed":  # where each epoch has one side, less than a batch of the recipe's is left out
            assert pictures - sum(step.size for step in own) < batch


def test_a_batch_has_the_pixels_of_one_at_the_training_scale():
    for side in (32, 48, 96, 128, 224):
        assert batch_at(side, scale=64, batch=64) * side**2 == pytest.approx(64 * 64**2, rel=0.06)


def test_a_fixed_schedule_is_the_plain_training():
    steps, ends = lay_out(Schedule(), pictures=100, scale=50, batch=8, epochs=3, seed=1)
    assert {(step.side, step.size) for step in steps} == {(50, 8)}
    assert ends == [12, 24, 36]


def test_mixed_draws_each_side_equally_often_and_by_the_seed():
    def drawn(seed):
        steps, _ = lay_out(Schedule("mixed", (48, 64, 96)), pictures=5000, scale=64, batch=8, epochs=4, seed=seed)
        return [step.side for step in steps]

    counts = Counter(drawn(0))
    expected = len(drawn(0)) / 3
    assert all(abs(counts[side] - expected) < 4 * np.sqrt(expected * 2 / 3) for side in (48, 64, 96))
    assert drawn(0) == drawn(0) != drawn(1)


def test_progressive_grows_and_gives_each_side_as_many_epochs():
    steps, _ = lay_out(Schedule("progressive"), pictures=400, scale=64, batch=8, epochs=6, seed=0)
    sides = [next(step.side for step in steps if step.epoch == epoch) for epoch in range(6)]
    assert sides == [32, 32, 48, 48, 64, 64]
    assert len({(step.epoch, step.side) for step in steps}) == 6


@pytest.mark.parametrize("schedule", [Schedule(), Schedule("mixed"), Schedule("progressive")])
def test_the_work_foretold_is_that_of_the_pixels_gone_through(schedule):
    steps, _ = lay_out(schedule, pictures=20_000, scale=64, batch=16, epochs=12, seed=3)
    pixels = sum(step.size * step.side**2 for step in steps) / (12 * 20_000 * 64**2)
    assert pixels == pytest.approx(work(schedule, 64), rel=0.03)
