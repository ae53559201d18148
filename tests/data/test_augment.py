from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from deepenough.data.augment import Augmentation, mix, sample_transform


def tensor(photo, seed, height=24, width=32) -> torch.Tensor:
    return torch.from_numpy(photo(seed, height, width).copy()).permute(2, 0, 1)


@pytest.fixture(autouse=True)
def _own_generator():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(trivial_augment=True, erasing=1.0)])
@pytest.mark.parametrize("size", [(24, 32), (5, 200), (1, 1)])
def test_a_transform_gives_squares_of_bytes_from_any_picture(augmentation, size, photo):
    transform = pickle.loads(pickle.dumps(sample_transform(augmentation, 16)))
    for _ in range(20):
        out = transform(tensor(photo, 1, *size))
        assert out.shape == (3, 16, 16)
        assert out.dtype == torch.uint8


@pytest.mark.parametrize(("min_area", "flip"), [(0.35, 0.5), (0.08, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("size", [(24, 32), (90, 30), (16, 16)])
def test_crop_and_flip_are_bitwise_torchvisions_and_draw_as_often(min_area, flip, size, photo):
    theirs = v2.Compose([v2.RandomResizedCrop(16, (min_area, 1.0), antialias=True), v2.RandomHorizontalFlip(flip)])
    ours = sample_transform(Augmentation(min_area=min_area, flip=flip), 16)
    for seed in range(20):
        picture = tensor(photo, seed, *size)
        torch.manual_seed(seed)
        expected, drawn = theirs(picture), torch.get_rng_state()
        torch.manual_seed(seed)
        assert torch.equal(ours(picture), expected)
        assert torch.equal(torch.get_rng_state(), drawn) or flip == 0.0  # which torchvision would draw for


def test_erasing_fills_with_the_mean_colour():
    white = torch.full((3, 32, 32), 255, dtype=torch.uint8)
    out = sample_transform(Augmentation(erasing=1.0), 32)(white)
    erased = out[:, (out != 255).any(dim=0)]
    assert erased.shape[1] > 0
    assert erased.unique(dim=1).flatten().tolist() == [124, 116, 104]


def test_flip_mirrors_half_of_the_pictures():
    ramp = torch.arange(32, dtype=torch.uint8).expand(3, 32, 32).contiguous()
    transform = sample_transform(Augmentation(min_area=1.0), 32)
    mirrored = sum(bool(transform(ramp)[0, 0, 0] > 15) for _ in range(400))
    assert 150 < mirrored < 250


def test_crops_keep_at_least_the_declared_area():
    # a ramp whose slope tells how much of the width was kept
    ramp = torch.arange(0, 256, 4, dtype=torch.uint8).expand(3, 64, 64).contiguous()
    for least in (0.25, 0.8):
        transform = sample_transform(Augmentation(min_area=least, flip=0.0), 64)
        widths = [
            float(int(out[0, 32, 63]) - int(out[0, 32, 0])) / 252 for out in (transform(ramp) for _ in range(200))
        ]
        assert min(widths) > np.sqrt(least * 3 / 4) - 0.05


def test_mixup_is_the_weighted_mean_of_two_pictures_and_their_labels(photo):
    images = torch.stack([tensor(photo, seed) for seed in range(4)])
    labels = torch.tensor([0, 1, 2, 0])
    mixed, targets = mix(images, labels, Augmentation(mixup=1.0), 3)
    share = float(targets[1, 1])
    assert 0 < share < 1
    expected = images.double() * share + images.roll(1, 0).double() * (1 - share)
    assert (mixed.double() - expected).abs().max() <= 0.51
    np.testing.assert_allclose(targets.sum(dim=1), 1, rtol=1e-6)


def test_cutmix_pastes_a_box_whose_area_is_the_other_labels_share(photo):
    images = torch.stack([torch.full((3, 40, 40), 10 * n, dtype=torch.uint8) for n in range(1, 4)])
    mixed, targets = mix(images, torch.tensor([0, 1, 2]), Augmentation(cutmix=1.0), 3)
    pasted = float((mixed[1] == 10).double().mean())
    assert targets[1, 0].item() == pytest.approx(pasted, abs=1e-6)
    assert set(mixed[1].unique().tolist()) <= {10, 20}


def test_mixup_and_cutmix_take_turns_when_both_are_on(photo):
    images = torch.stack([torch.full((3, 16, 16), 100 * n, dtype=torch.uint8) for n in range(2)])
    both = Augmentation(mixup=1.0, cutmix=1.0)
    pastes = sum(set(mix(images, torch.tensor([0, 1]), both, 2)[0].unique().tolist()) <= {0, 100} for _ in range(200))
    assert 60 < pastes < 140


@pytest.mark.parametrize("values", [{"min_area": 0}, {"flip": 1.5}, {"erasing": -1}, {"mixup": -0.1}, {"cutmix": -1}])
def test_augmentation_refuses_values_out_of_range(values):
    with pytest.raises(ValueError, match="must be"):
        Augmentation(**values)
