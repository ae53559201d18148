"""The cascade's clock, with networks that sleep."""

import time

import pytest
import torch
from torch import nn

from deepenough.cost import measure_cascade


class Sleeper(nn.Module):
    """Sure of images whose mean is above 0; takes a fixed time, of which only the last call is remembered."""

    def __init__(self, seconds):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seconds = seconds

    def forward(self, images):
        time.sleep(self.seconds)
        sure = images.mean(dim=(1, 2, 3)) * 10
        return torch.stack([sure, torch.zeros_like(sure)], dim=1) * self.weight


def images(kept, passed):
    return [torch.full((1, 3, 8, 8), value) for value in [1.0] * kept + [0.0] * passed]


def timed(kept, passed, share):
    return measure_cascade(
        Sleeper(0.004), Sleeper(0.012), images(kept, passed), threshold=0.9, share=share, seed=1, budget_s=0.2
    )


def test_measured_time_is_the_predicted_one_when_shares_differ_from_the_images_at_hand():
    found = timed(kept=3, passed=3, share=0.25)
    assert (found.images, found.share, found.seed) == (6, 0.25, 1)
    assert found.predicted_s == pytest.approx(found.small_s + 0.25 * found.big_s)
    assert found.measured_s == pytest.approx(0.75 * found.kept_s + 0.25 * found.passed_s)
    assert found.measured_s == pytest.approx(found.predicted_s, rel=0.3)
    assert found.passed_s > 2 * found.kept_s  # 16 ms against 4


@pytest.mark.parametrize(("kept", "passed"), [(2, 0), (0, 2)])
def test_one_kind_of_call_alone_is_measured_when_there_is_no_other(kept, passed):
    found = timed(kept, passed, share=float(passed > 0))
    assert (found.kept_s is None, found.passed_s is None) == (kept == 0, passed == 0)
    assert found.measured_s == (found.kept_s if kept else found.passed_s)
