"""Every network at every scale in one pass over the pictures."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from deepenough.data import Preprocessing, TestPixels
from deepenough.evaluation.batches import CHUNK, Batches, batch_at
from deepenough.evaluation.folding import folded
from deepenough.evaluation.outcomes import Outcomes, Shown
from deepenough.machine import Machine
from deepenough.ranks import ALONE, Ranks
from deepenough.tasks.contract import Targets, Task

Found = tuple[str, int, int, np.ndarray]  # a contender's outcomes at a scale from a picture on


def evaluate(  # noqa: PLR0913  all that a score depends on
    networks: Mapping[str, nn.Module],
    pixels: TestPixels,
    targets: Targets,
    *,
    seed: int,
    scales: Sequence[int],
    task: Task,
    machine: Machine,
    preprocessing: Preprocessing,
    averages: Mapping[str, tuple[str, Sequence[int]]] = MappingProxyType({}),
) -> pl.DataFrame:
    """Scores of every network at every scale on every picture, in one frame; see `examine`.

    Args:
        networks: by contender's name, placed on the machine; left in evaluation mode.
        pixels: the pictures, cut for each scale.
        targets: of each picture, as `Task.targets` gives them.
        seed: of the cells that the networks belong to, written into the rows.
        scales: image sides in pixels, each one that `pixels` was cut for.
        task: what is asked of the pictures.
        machine: the arithmetic.
        preprocessing: mean and standard deviation of the pixels.
        averages: by contender's name, whose network it is tested with and the scales whose probabilities it averages.

    Returns:
        A frame of `records.SCORES`, ordered by contender, scale and the order of the pictures.
    """
    shown = Shown(sample_ids=pixels.sample_ids, targets=targets)
    names = [*networks, *averages]
    with io.BytesIO() as stream:
        outcomes = Outcomes(stream, shown, names, scales, task)
        examine(networks, pixels, outcomes, batches=Batches(machine, preprocessing), averages=averages)
        return pl.concat(part for name in names for part in outcomes.tables(name, seed=seed))


def examine(
    networks: Mapping[str, nn.Module],
    pixels: TestPixels,
    outcomes: Outcomes,
    *,
    batches: Batches,
    averages: Mapping[str, tuple[str, Sequence[int]]] = MappingProxyType({}),
    exact: bool = False,
    ranks: Ranks = ALONE,
) -> None:
    """Test every network at every scale on every picture, a chunk of pictures at a time.

    Memory does not grow with the number of pictures. Networks are tested folded (`folding`), in the machine's
    arithmetic.

    Args:
        networks: by contender's name, placed on the machine; left in evaluation mode.
        pixels: the pictures of `outcomes`, in its order, cut for each of its scales.
        outcomes: takes what each contender said, and knows the task.
        batches: shows the pictures to the networks.
        averages: by contender's name, whose network it is tested with and the scales whose probabilities it averages;
            as it sees the same sides whatever the scale, its outcomes are the same at every one.
        exact: test the networks as they are, in fp32, whatever the machine's precision.
        ranks: take blocks of pictures by turns, in the batches that one process would show; `outcomes` are whole on the
            first of them, each picture once, and empty on the others.
    """
    means = {name: _Mean(network, tuple(sides)) for name, (network, sides) in averages.items()}
    tested, batches = as_tested(networks, batches, exact=exact)
    asked = _asked(list(networks), outcomes.scales, means.values())
    squares = {side: pixels.at(side) for side in sorted(asked)}
    size = CHUNK if not ranks.several else max(map(batch_at, squares))  # whole batches of every side
    shown = {side: ({name: tested[name] for name in names}, squares[side]) for side, names in asked.items()}
    for start in range(0, len(pixels), size * ranks.size):
        first = start + size * ranks.rank
        own = _outcomes(shown, slice(first, first + size), outcomes, batches, means) if first < len(pixels) else ()
        for found in ranks.gathered(list(own)):
            for each in found:
                outcomes.put(*each)


def _outcomes(
    shown: Mapping[int, tuple[Mapping[str, nn.Module], np.ndarray]],
    chunk: slice,
    outcomes: Outcomes,
    batches: Batches,
    means: Mapping[str, _Mean],
) -> Iterator[Found]:
    """What is said of a chunk of the pictures, as `Outcomes.put` takes it.

    Args:
        shown: by side the networks, and all pictures at that side.
        chunk: of the pictures.
        outcomes: whose task, targets and scales they are.
        batches: shows the pictures to the networks.
        means: by contender's name, of several sides.
    """
    task, truth, ids = outcomes.task, outcomes.shown.targets[chunk], outcomes.shown.sample_ids[chunk]
    for side in sorted(shown):
        calls, clean = shown[side][0], shown[side][1][chunk]
        harmed = task.inputs(clean, ids)
        for at, outputs in batches.outputs(calls, harmed):
            for name, gave in outputs.items():
                here = slice(at, at + len(gave))
                said = task.completed(gave, harmed[here])
                if side in outcomes.scales:
                    yield name, side, chunk.start + at, task.outcomes(said, truth[here], clean[here])
                for mean in (mean for mean in means.values() if mean.wants(name, side)):
                    mean.add(at, task.probabilities(said), len(truth))
    for name, mean in means.items():
        clean = shown[mean.sides[0]][1][chunk]
        found = task.outcomes(task.from_probabilities(mean.taken()), truth, clean)
        for scale in outcomes.scales:
            yield name, scale, chunk.start, found


def _asked(networks: Sequence[str], scales: Sequence[int], means: Iterable[_Mean]) -> dict[int, list[str]]:
    """Which networks see the pictures at each side, for a scale or for a mean."""
    asked = {side: list(networks) for side in scales}
    for mean in means:
        for side in mean.sides:
            there = asked.setdefault(side, [])
            if mean.network not in there:
                there.append(mean.network)
    return asked


def as_tested(
    networks: Mapping[str, nn.Module], batches: Batches, *, exact: bool
) -> tuple[dict[str, nn.Module], Batches]:
    """The networks and the batches in the arithmetic of a test: folded, or with `exact` as they are and in fp32."""
    if exact:
        for network in networks.values():
            network.eval()
        return dict(networks), replace(batches, machine=replace(batches.machine, precision="fp32"), exact=True)
    return {name: folded(network, batches.machine) for name, network in networks.items()}, batches


@dataclass(slots=True)
class _Mean:
    """The mean of a network's probabilities over several sides, for a chunk of pictures."""

    network: str
    sides: tuple[int, ...]
    total: Tensor = field(default_factory=lambda: torch.empty(0))

    def wants(self, network: str, side: int) -> bool:
        return network == self.network and side in self.sides

    def add(self, first: int, probabilities: Tensor, samples: int) -> None:
        if not len(self.total):
            self.total = torch.zeros(samples, *probabilities.shape[1:])
        self.total[first : first + len(probabilities)] += probabilities

    def taken(self) -> Tensor:
        """The mean; the next chunk begins anew."""
        total, self.total = self.total, torch.empty(0)
        return total / len(self.sides)


def evaluate_batch_seconds(network: nn.Module, images: Tensor, machine: Machine) -> float:
    """Seconds of one forward pass in evaluation mode, folded as at test, after one that is not counted."""
    tested = folded(network, machine)
    with torch.inference_mode(), machine.autocast():
        tested(images).float().sum().item()
        started = time.perf_counter()
        tested(images).float().sum().item()
        return time.perf_counter() - started
