"""Areas under deletion and insertion curves against closed forms."""

from __future__ import annotations

import pytest
import torch

from deepenough.evaluation.erasing import erased

SIDE, STEPS = 16, 16
REGION = torch.zeros(SIDE, SIDE)
REGION[4:12, 4:12] = 1  # a quarter of the pixels


def pictures(count=3):
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def telling(images):
    """Class 1 is as probable as the region is still what it was in the first picture of `pictures`, pixel by pixel."""
    there = (images == pictures()[: len(images)]).all(dim=1) * REGION
    share = there.sum(dim=(1, 2)) / REGION.sum()
    return torch.stack([1 - share, share], dim=1)


@pytest.mark.parametrize(("order", "deletion", "insertion"), [(REGION, 1 / 8, 7 / 8), (-REGION, 7 / 8, 1 / 8)])
def test_the_best_and_the_worst_order_have_the_areas_of_their_triangles(order, deletion, insertion):
    maps, asked = order.expand(3, -1, -1), torch.ones(3, dtype=torch.int64)
    fell, rose = erased(telling, pictures(), maps, asked, STEPS)
    assert fell.tolist() == pytest.approx([deletion] * 3)
    assert rose.tolist() == pytest.approx([insertion] * 3)


def test_an_order_by_chance_has_about_half_and_each_picture_its_own_class():
    maps = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    fell, rose = erased(telling, pictures(), maps, torch.tensor([1, 0, 1]), STEPS)
    assert fell.tolist() == pytest.approx([0.5, 0.5, 0.5], abs=0.12)
    assert float(rose[0] + 1 - rose[1]) == pytest.approx(1.0, abs=0.2)
    assert fell.dtype == torch.float64


def test_a_picture_is_judged_alone():
    maps = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(2))

    def answers(images):
        return torch.stack([images.mean(dim=(1, 2, 3)), -images.mean(dim=(1, 2, 3))], dim=1).softmax(1)

    together = erased(answers, pictures(), maps, torch.ones(3, dtype=torch.int64))
    for place in range(3):
        part = slice(place, place + 1)
        alone = erased(answers, pictures()[part], maps[part], torch.ones(1, dtype=torch.int64))
        torch.testing.assert_close(torch.stack(alone)[:, 0], torch.stack(together)[:, place])
