"""Training batches that depend on nothing but the seed and the step.

Every random choice has a generator of its own, seeded by what it belongs to: the order by (seed, epoch), a picture's
augmentation by (seed, epoch, picture), the mixing of a batch by (seed, step). So any number of workers gives the same
bits, a stream can begin at any step without producing the ones before, and torch's global generator is left as it was.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import signal
import threading
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from deepenough.data.augment import Augmentation, mix, sample_transform
from deepenough.data.kept import FreshPixels, SomePixels, TrainPixels
from deepenough.data.schedules import Schedule, Step, lay_out
from deepenough.ranks import ALONE, Ranks

_ORDER, _AUGMENT, _MIX = 0, 1, 2  # keeps the generators of different purposes apart
_GIVES_WAY = 10  # how much nicer than the training a worker is; batches are made ahead, so it can wait


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One training batch.

    Args:
        step: the optimiser step it is for, from 0.
        images: uint8 (batch, 3, side, side); the schedule says which side.
        targets: as `Teaching.collate` gives them; of classes int64 (batch,), or under mixup and CutMix float32
            (batch, classes).
        labels: the same before mixing.
        whole: pictures of the batch over all ranks; None where they are all here.
    """

    step: int
    images: Tensor
    targets: Any
    labels: Any
    whole: int | None = None


class Teaching(Protocol):
    """What a task knows of its targets that a stream of batches must know too."""

    def view(self, augmentation: Augmentation, side: int) -> Callable[[Tensor, Any], tuple[Tensor, Any]] | None:
        """How a picture and its target are augmented together; None where the target stays as it is."""
        ...

    def collate(self, targets: Sequence[Any]) -> Any:  # noqa: ANN401  a tensor, or a list with an entry a picture
        """The targets of a batch."""
        ...


class TrainingStream:
    """The augmented batches of one seed.

    An epoch goes through a new order of the pictures; `schedules.lay_out` says what its batches are.

    Args:
        pixels: the training pictures.
        targets: of each picture; without `teaching` its class number.
        augmentation: what is done at random.
        side: of the images, pixels; under a schedule the training scale that it goes by.
        batch: images a step at that side.
        epochs: how often the pictures are gone through.
        seed: of order, augmentation and mixing, at least 0.
        order_seed: of the order alone, where it is not `seed`.
        workers: processes that augment; 0 augments in this process.
        classes: how many there are; the width of the targets under mixup and CutMix.
        schedule: of the images' sides.
        teaching: how targets move with the pixels and become a batch; None for class numbers.
        ranks: whose part of every batch this gives, mixed as in the whole batch.

    Attributes:
        epochs, augmentation: as given.
        total_steps: of the whole training.
        sides: of all batches, pixels, ascending.
        steps_per_epoch: the mean over the epochs, which under a schedule need not have the same number.
    """

    def __init__(  # noqa: PLR0913  the contract between data and training
        self,
        pixels: TrainPixels | FreshPixels | SomePixels,
        targets: Sequence[Any] | np.ndarray,
        augmentation: Augmentation,
        *,
        side: int,
        batch: int,
        epochs: int,
        seed: int,
        workers: int,
        classes: int,
        order_seed: int | None = None,
        schedule: Schedule | None = None,
        teaching: Teaching | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        if len(pixels) != len(targets) or len(pixels) == 0:
            raise ValueError(f"a label a picture is needed, but got {len(targets)} labels for {len(pixels)} pictures")
        if min(side, batch, epochs) < 1 or min(seed, workers) < 0:
            raise ValueError("side, batch and epochs must be at least 1, seed and workers at least 0")
        self._views = _Views(pixels, targets, augmentation, seed, teaching)
        self._pictures = len(targets)
        self.augmentation, self._seed, self._workers, self._classes = augmentation, seed, workers, classes
        self._order_seed, self._ranks = seed if order_seed is None else order_seed, ranks
        self._steps, self._ends = lay_out(
            schedule or Schedule(), pictures=len(pixels), scale=side, batch=batch, epochs=epochs, seed=seed
        )
        self.epochs, self.total_steps = epochs, len(self._steps)
        self.sides = tuple(sorted({step.side for step in self._steps}))
        self.steps_per_epoch = self.total_steps / epochs

    def ends_epoch(self, step: int) -> bool:
        """Whether an epoch is over once `step` steps are done."""
        place = bisect_left(self._ends, step)
        return place < len(self._ends) and self._ends[place] == step

    def epochs_at(self, step: int) -> float:
        """Epochs done after `step` steps, the one under way counted in part."""
        whole = bisect_left(self._ends, step)
        if whole == len(self._ends) or self._ends[whole] == step:
            return float(min(whole + 1, len(self._ends)))
        begun = self._ends[whole - 1] if whole else 0
        return whole + (step - begun) / (self._ends[whole] - begun)

    def batches(self, first_step: int = 0) -> Iterator[Batch]:
        """The batches from `first_step` to the end, the same whatever came before."""
        for step, (images, targets) in enumerate(self._loaded(first_step), start=first_step):
            yield self._finished(step, images, targets)

    def _loaded(self, first_step: int) -> Iterator[tuple[Tensor, Any]]:
        """Images and their targets, batch by batch; the workers end with the iterator."""
        plan = _Plan(self._pictures, self._order_seed, self._steps[first_step:], self._rows)
        with warnings.catch_warnings():
            # the number of workers is the caller's; torch advises against more than there are cores
            warnings.filterwarnings("ignore", message="This DataLoader will create", category=UserWarning)
            loader = DataLoader(
                self._views,
                batch_sampler=plan,
                num_workers=self._workers,
                collate_fn=_as_it_is,
                pin_memory=torch.cuda.is_available(),
                worker_init_fn=_start_worker,
                multiprocessing_context=_context() if self._workers else None,
                prefetch_factor=4 if self._workers else None,
                generator=torch.Generator().manual_seed(0),  # else the loader draws from the global generator
            )
            return iter(loader)

    @property
    def smallest(self) -> int:
        """Pictures of the smallest batch, over all ranks."""
        return min(step.size for step in self._steps)

    def _rows(self, size: int) -> Sequence[int]:
        """This rank's places in a batch; where torchvision mixes each with the one before it, that one too."""
        own = self._ranks.part(size)
        return [(own.start - 1) % size, *own] if self._ranks.several and self.augmentation.mixes else own

    def _finished(self, step: int, images: Tensor, labels: Any) -> Batch:  # noqa: ANN401
        whole = self._steps[step].size
        if not self.augmentation.mixes:
            return Batch(step, images, labels, labels, whole)
        with _seeded(self._seed, _MIX, step):
            mixed, targets = mix(images, labels, self.augmentation, self._classes)
        partners = len(images) - len(self._ranks.part(whole))
        return Batch(step, mixed[partners:], targets[partners:], labels[partners:], whole)


def order(samples: int, *, seed: int, epoch: int) -> np.ndarray:
    """The order of one epoch: a permutation of range(samples) that depends on seed and epoch alone."""
    return np.random.default_rng(np.random.SeedSequence((seed, _ORDER, epoch))).permutation(samples)


class _Plan:
    """Which (epoch, picture, side) make each batch; re-iterable."""

    def __init__(self, pictures: int, seed: int, steps: Sequence[Step], rows: Callable[[int], Sequence[int]]) -> None:
        self._pictures, self._seed, self._steps, self._rows = pictures, seed, steps, rows

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        current, indices = -1, np.empty(0, np.int64)
        for step in self._steps:
            if step.epoch != current:
                current, indices = step.epoch, order(self._pictures, seed=self._seed, epoch=step.epoch)
            chosen = indices[step.first : step.first + step.size]
            yield [(step.epoch, int(chosen[row]), step.side) for row in self._rows(len(chosen))]


class _Views(Dataset):
    """The augmented views of (epoch, picture, side); the same random choices at every side."""

    def __init__(
        self,
        pixels: TrainPixels | FreshPixels | SomePixels,
        targets: Sequence[Any] | np.ndarray,
        augmentation: Augmentation,
        seed: int,
        teaching: Teaching | None,
    ) -> None:
        self._pixels, self._targets, self._augmentation = pixels, targets, augmentation
        self._seed, self._teaching = seed, teaching

    @cached_property
    def _transforms(self) -> dict[int, Callable[[Tensor, Any], tuple[Tensor, Any]]]:
        return {}

    def _transform(self, side: int) -> Callable[[Tensor, Any], tuple[Tensor, Any]]:
        if side not in self._transforms:
            own = None if self._teaching is None else self._teaching.view(self._augmentation, side)
            self._transforms[side] = own or _PictureAlone(sample_transform(self._augmentation, side))
        return self._transforms[side]

    def __getitems__(self, keys: Sequence[tuple[int, int, int]]) -> tuple[Tensor, Any]:
        """The whole batch, which torch's loader asks for at once: uint8 (batch, 3, side, side), and its targets."""
        images = torch.empty(len(keys), 3, keys[0][2], keys[0][2], dtype=torch.uint8)
        targets = []
        with torch.random.fork_rng(devices=[]):
            for place, (epoch, index, side) in enumerate(keys):
                picture = torch.from_numpy(self._pixels[index]).permute(2, 0, 1)
                _seed(self._seed, _AUGMENT, epoch, index)
                images[place], target = self._transform(side)(picture, self._targets[index])
                targets.append(target)
        if self._teaching is None:
            return images, torch.from_numpy(np.array(targets, dtype=np.int64))
        return images, self._teaching.collate(targets)


class _PictureAlone:
    """The transform of a picture whose target stays as it is."""

    def __init__(self, transform: Callable[[Tensor], Tensor]) -> None:
        self._transform = transform

    def __call__(self, picture: Tensor, target: Any) -> tuple[Tensor, Any]:  # noqa: ANN401
        return self._transform(picture), target


def _as_it_is(batch: Any) -> Any:  # noqa: ANN401  torch's hint is for a list of single views
    return batch


@contextmanager
def _seeded(*entropy: int) -> Iterator[None]:
    """Torch's global generator, which torchvision draws from, seeded for a moment and then put back."""
    with torch.random.fork_rng(devices=[]):
        _seed(*entropy)
        yield


def _seed(*entropy: int) -> None:
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    torch.default_generator.manual_seed(int(state[0]) & (2**63 - 1))


def _start_worker(_worker: int) -> None:
    if hasattr(os, "nice"):  # torch's threads wait for one another: a core taken from one of them stops them all
        os.nice(_GIVES_WAY)
    for number in (signal.SIGINT, signal.SIGTERM):  # both reach the whole group; the process that uses it decides
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)  # workers are many already; threads in each would fight for the same cores
    threading.Thread(target=_end_with_parent, daemon=True, name="end with the parent").start()


def _end_with_parent() -> None:
    """End this worker when the process that uses it is killed.

    torch's own watch looks at the parent of the operating system, which under forkserver is the server, not the user.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _context() -> multiprocessing.context.BaseContext:
    """A way of starting workers that is safe beside threads; forking a process that has threads can hang it."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["deepenough.data.streams"])  # torch is imported once, not once a worker
    return context
