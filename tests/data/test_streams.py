from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from deepenough.data import build_train_pixels, open_source, prepare
from deepenough.data.augment import Augmentation
from deepenough.data.streams import TrainingStream, order

EVERYTHING = Augmentation(trivial_augment=True, erasing=0.5, mixup=0.2, cutmix=1.0)


@pytest.fixture
def stream(folder_of, tmp_path):
    prepared = prepare(open_source(str(folder_of({"cat": 20, "dog": 20}))))
    pixels = build_train_pixels(prepared, tmp_path / "cache", short_side=24)
    targets = prepared.samples.filter(prepared.samples["split"] == "train")["target"]
    labels = np.array([prepared.classes.index(target) for target in targets])

    def make(augmentation=EVERYTHING, **options) -> TrainingStream:
        defaults = {"side": 16, "batch": 8, "epochs": 3, "seed": 0, "workers": 0, "classes": 2}
        return TrainingStream(pixels, labels, augmentation, **{**defaults, **options})

    make.labels, make.pixels = labels, pixels
    return make


def assert_same(ours, theirs) -> None:
    ours, theirs = list(ours), list(theirs)
    assert [batch.step for batch in ours] == [batch.step for batch in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)
        assert torch.equal(one.labels, other.labels)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_batches_are_bitwise_the_same_for_any_number_of_workers(workers, stream):
    assert_same(stream(workers=workers).batches(), stream().batches())


@pytest.mark.parametrize("first_step", [1, 3, 5, 8, 9])
def test_batches_from_a_later_step_are_bitwise_those_of_the_whole(first_step, stream):
    assert_same(stream().batches(first_step), itertools.islice(stream().batches(), first_step, None))


def test_batches_from_a_later_step_are_the_same_with_workers(stream):
    assert_same(stream(workers=2).batches(4), itertools.islice(stream().batches(), 4, None))


def test_more_epochs_do_not_change_the_batches_before(stream):
    assert_same(stream(epochs=2).batches(), itertools.islice(stream(epochs=5).batches(), 6))


def test_batches_do_not_depend_on_nor_change_the_global_generators(stream):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002  the global generator is what is under test
    before = torch.random.get_rng_state()
    one = list(stream().batches())
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert_same(stream().batches(), one)


def test_seeds_differ_in_order_and_augmentation(stream):
    one, other = (next(stream(seed=seed).batches()) for seed in (0, 1))
    assert not torch.equal(one.images, other.images)
    assert not np.array_equal(order(28, seed=0, epoch=0), order(28, seed=1, epoch=0))


def test_an_epoch_shows_a_picture_at_most_once_and_leaves_out_less_than_a_batch(stream):
    plain = stream(Augmentation(min_area=1.0, flip=0.0), batch=8)
    assert (plain.steps_per_epoch, plain.total_steps) == (3, 9)
    for epoch in range(3):
        seen = order(28, seed=0, epoch=epoch)
        assert sorted(seen) == list(range(28))
        labels = np.concatenate([b.labels.numpy() for b in itertools.islice(plain.batches(3 * epoch), 3)])
        np.testing.assert_array_equal(labels, stream.labels[seen[:24]])
    assert not np.array_equal(order(28, seed=0, epoch=0), order(28, seed=0, epoch=1))


def test_a_picture_is_augmented_otherwise_in_another_epoch(stream):
    small = stream(Augmentation(), batch=28, epochs=2)
    first, second = small.batches()
    where = np.argsort(order(28, seed=0, epoch=0)), np.argsort(order(28, seed=0, epoch=1))
    same = [torch.equal(first.images[a], second.images[b]) for a, b in zip(*where, strict=True)]
    assert sum(same) == 0


def test_batches_have_the_promised_shapes_and_types(stream):
    plain, mixed = next(stream(Augmentation()).batches()), next(stream().batches())
    for batch in (plain, mixed):
        assert batch.images.shape == (8, 3, 16, 16)
        assert batch.images.dtype == torch.uint8
        assert batch.labels.dtype == torch.int64
    assert torch.equal(plain.targets, plain.labels)
    assert mixed.targets.shape == (8, 2)
    torch.testing.assert_close(mixed.targets.sum(dim=1), torch.ones(8))


def test_without_augmentation_the_pictures_come_through_untouched(folder_of, tmp_path, photo, encode):
    root = folder_of({"a": 1, "b": 1})
    for name in "ab":
        for number in range(8):
            (root / name / f"{number}.png").write_bytes(encode(photo(50 + 10 * ord(name) + number, 16, 16)))
    pixels = build_train_pixels(prepare(open_source(str(root))), tmp_path / "c", short_side=16)
    labels = np.arange(len(pixels))  # a label that tells which picture it is
    whole = Augmentation(min_area=1.0, flip=0.0)
    made = TrainingStream(pixels, labels, whole, side=16, batch=4, epochs=20, seed=0, workers=0, classes=99)
    equal = 0
    for batch in made.batches():
        for image, label in zip(batch.images, batch.labels, strict=True):
            equal += np.array_equal(image.permute(1, 2, 0).numpy(), pixels[int(label)])
    assert equal > 0  # the crop's aspect is random, so only some keep the whole square


def test_a_train_set_smaller_than_the_batch_is_one_batch(stream):
    small = stream(batch=100, epochs=2)
    assert (small.steps_per_epoch, small.total_steps) == (1, 2)
    assert [len(batch.images) for batch in small.batches()] == [28, 28]
    assert [len(batch.labels) for batch in small.batches()] == [28, 28]


def test_a_stream_that_is_left_early_stops_its_workers(stream):
    import gc
    import multiprocessing

    batches = stream(workers=2, epochs=50).batches()
    next(batches)
    batches.close()
    gc.collect()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("options", [{"side": 0}, {"batch": 0}, {"epochs": 0}, {"seed": -1}, {"workers": -1}])
def test_a_stream_refuses_sizes_that_make_no_sense(options, stream):
    with pytest.raises(ValueError, match="must be at least"):
        stream(**options)


def test_a_stream_refuses_labels_that_do_not_fit(stream):
    with pytest.raises(ValueError, match="got 3 labels for 28 pictures"):
        TrainingStream(
            stream.pixels, np.zeros(3), Augmentation(), side=8, batch=2, epochs=1, seed=0, workers=0, classes=2
        )


def test_an_order_of_its_own_leaves_every_picture_its_augmentation(stream):
    kept, moved = (
        list(stream(Augmentation(), batch=28, epochs=2, order_seed=seed).batches()) for seed in (None, 2**62 + 1)
    )
    for epoch, (one, other) in enumerate(zip(kept, moved, strict=True)):
        ours = np.argsort(order(28, seed=0, epoch=epoch))
        theirs = np.argsort(order(28, seed=2**62 + 1, epoch=epoch))
        assert not np.array_equal(ours, theirs)
        assert torch.equal(one.images[ours], other.images[theirs])
        assert torch.equal(one.labels[ours], other.labels[theirs])
