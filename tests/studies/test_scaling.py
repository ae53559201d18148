"""A study on many GPUs, on paper: against published times, and bounds that no schedule beats."""

from __future__ import annotations

import math

import pytest

from deepenough.errors import InputError
from deepenough.studies.scaling import Assumptions, Network, Work, scaling

IMAGENET = {"train": 1_281_167, "val": 50_000, "test": 50_000, "train_scale": 224, "scales": (224,)}
# ffcv, rn50 configurations on 8 A100: epochs and minutes, as its README has them
FFCV = {16: 14.9, 24: 21.7, 32: 28.7, 40: 35.6, 56: 49.4, 88: 77.2}
BARE = {"cores": 10_000, "storage_gb_s": 1e6, "node_gb_s": 1e6, "link_gb_s": 1e6}  # nothing but the GPUs counts


def work(**changed):
    return Work(**{**IMAGENET, "epochs": 90, "seeds": 1, "batch": 1024, **changed})


def hours(gpus, each, rate, assumed=None, **changed):
    network = Network(name="resnet50", images_per_s=rate, parameters=25_557_032)
    found = scaling([network], work(**changed), [gpus], assumed or Assumptions.given(BARE, "here"))
    return next(layout.hours for layout in found.layouts if layout.each == each)


def test_times_of_ffcv_follow_from_the_shortest_of_them():
    rate = 1000.0 * hours(8, 8, 1000.0, epochs=16) * 60 / FFCV[16]  # of one GPU, as its 16 epochs say
    for epochs, minutes in FFCV.items():
        assert 60 * hours(8, 8, rate, epochs=epochs) == pytest.approx(minutes, rel=0.07)


def test_an_hour_of_256_gpus_follows_from_29_hours_of_eight():
    """Goyal et al. 2017, section 5: 90 epochs of ResNet-50, 29 hours on 8 P100 and about one on 256, 50 Gbit/s."""
    there = Assumptions.given({**BARE, "node_gb_s": 20.0, "link_gb_s": 6.25}, "here")
    rate = 100.0 * hours(8, 8, 100.0, there, batch=256) / 29
    assert hours(256, 256, rate, there, batch=8192) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("gpus", [1, 5, 8, 64, 512])
def test_no_layout_beats_the_bounds_of_any_schedule(gpus):
    networks = [Network(name=str(n), images_per_s=300.0 + 90 * n, parameters=30_000_000) for n in range(8)]
    assumed = Assumptions.given({**BARE, "efficiency": 1.0}, "here")
    found = scaling(networks, work(seeds=5), [gpus], assumed)
    assert found.trainings == 40
    for layout in found.layouts:
        assert layout.each * layout.at_once <= gpus
        assert layout.hours >= layout.longest_h
        assert layout.hours >= 0.999 * found.gpu_hours / gpus
        assert layout.busy <= 1.0
        # Graham 1969: longest first is within 4/3 of the best
        assert (
            layout.hours <= 4 / 3 * max(layout.longest_h, found.gpu_hours / (gpus // layout.each * layout.each)) * 1.01
        )


def test_beyond_a_gpu_for_each_training_the_longest_bounds_and_the_rest_is_idle():
    networks = [
        Network(name="a", images_per_s=1000.0, parameters=1),
        Network(name="b", images_per_s=500.0, parameters=1),
    ]
    found = scaling(networks, work(seeds=2), [64], Assumptions.given(BARE, "here"))
    alone, spread = found.layouts
    assert (alone.each, alone.at_once, alone.bound) == (1, 4, "training")
    assert alone.hours == pytest.approx(alone.longest_h, rel=0.01)
    assert alone.busy == pytest.approx(4 / 64 * 0.75, rel=0.02)  # two of four half as long
    assert spread.hours < alone.hours / 8


def test_slow_storage_stretches_what_it_feeds():
    fast, slow = (
        hours(64, 1, 1000.0, Assumptions.given({**BARE, "storage_gb_s": speed}, "here"), seeds=64)
        for speed in (1e6, 0.5)
    )
    pixels = Assumptions().pixels * Assumptions().kept
    assert slow / fast == pytest.approx(64 * 1000.0 * pixels / 1e9 / 0.5, rel=0.02)


def test_gradients_that_travel_slower_than_the_backward_pass_hold_up_a_step():
    slow = Assumptions.given({**BARE, "node": 1, "link_gb_s": 10.0, "smallest_part": 16}, "here")
    exchange = 2 * 63 / 64 * 4 * 25_557_032 / 10e9
    computing = 1024 / 64 / 1000.0 / 0.9
    steps = 90 * (1_281_167 // 1024)
    expected = 1.08 * steps * (computing / 3 + exchange) / 3600
    assert expected > 1.08 * steps * 1.2 * computing / 3600
    assert hours(64, 64, 1000.0, slow) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"linkgb": 3}, "one of efficiency, node"),
        ({"efficiency": 1.5}, "a number above 0, at most 1"),
        ({"cores": 0.5}, "a whole number"),
        ({"storage_gb_s": 0}, "a number above 0"),
        ({"link_gb_s": math.nan}, "a number above 0"),
        ({"link_gb_s": math.inf}, "a number above 0"),
    ],
)
def test_an_assumption_that_cannot_be_is_refused(given, said):
    with pytest.raises(InputError, match=said):
        Assumptions.given(given, "--assume")
