"""A study on many GPUs, on paper: hours, storage and traffic, and where more GPUs no longer help.

A study is trainings that wait for nobody, so GPUs help until each training has its own; from there on only one
training spread over several GPUs gets faster (DDP), at a loss, and the longest one bounds the study. Rates are measured
or given; everything else that is assumed is in `Assumptions`, with its origin.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from deepenough.errors import InputError
from deepenough.studies.plan import OVERHEAD, VALIDATIONS

_BYTES_A_WEIGHT = 4  # weights, moments and gradients are fp32
_BACKWARD = 2 / 3  # of a step's time; during it gradients travel
_LITTLE = 0.1  # of the hours, which twice as many GPUs must save to be worth naming
_NEARLY = 0.02  # of the fastest way's hours, for which no more GPUs are put on a training
_MOST_GPUS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is assumed beside the networks' rates.

    Args:
        efficiency: of a training on several machines against one, links aside: 0.9, what Goyal et al. 2017 (arXiv
            1706.02677, abstract) kept from 8 to 256 GPUs.
        node: GPUs of a machine.
        node_gb_s: at which gradients are summed up within a machine, GB/s.
        link_gb_s: the same between machines.
        storage_gb_s: at which all machines together read decoded pictures, GB/s.
        test_speed: of a tested image against a trained one, which is passed forward only.
        smallest_part: images of a batch that a GPU must get to be kept busy.
        pixels: of a picture as it is stored; 469 x 387 is the mean of ImageNet.
        kept: bytes of a decoded training picture's pixel: 3, or 0.6 as JPEG (`--pixels jpeg`, docs/log.md).
        cores: of the machine that checks and decodes the pictures, once.
        checked_s: pictures that a core checks a second, and
        decoded_s: decodes into the cache; both from docs/log.md, 2 cores.
        save_s: seconds between two saved states.
    """

    efficiency: float = 0.9
    node: int = 8
    node_gb_s: float = 100.0
    link_gb_s: float = 25.0
    storage_gb_s: float = 10.0
    test_speed: float = 3.0
    smallest_part: int = 32
    pixels: int = 469 * 387
    kept: float = 0.6
    cores: int = 64
    checked_s: float = 190.0
    decoded_s: float = 80.0
    save_s: float = 120.0

    @classmethod
    def given(cls, values: Mapping[str, float], where: str) -> Assumptions:
        """The usual ones but for those given.

        Raises:
            InputError: an unknown name, or a value that is not above 0; an efficiency above 1.
        """
        whole = {each.name: each.type == "int" for each in fields(cls)}
        for name, value in values.items():
            if name not in whole:
                raise InputError(where, f"one of {', '.join(whole)}", repr(name))
            place, most = f"{where} {name}", 1.0 if name == "efficiency" else float("inf")
            if not 0 < value <= most or value == float("inf"):
                raise InputError(place, "a number above 0" + ", at most 1" * (most == 1), f"{value:g}")
            if whole[name] and value != int(value):
                raise InputError(place, "a whole number", f"{value:g}")
        taken: dict[str, Any] = {name: int(value) if whole[name] else value for name, value in values.items()}
        return cls(**taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A contender as it counts here: images that one GPU trains a second, and its weights."""

    name: str
    images_per_s: float
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done: images of each split, epochs, seeds, batch, sides in pixels."""

    train: int
    val: int
    test: int
    epochs: int
    seeds: int
    batch: int
    train_scale: int
    scales: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A study on so many GPUs.

    Args:
        gpus: that there are.
        each: that one training has.
        at_once: trainings at a time.
        hours: of the clock, preparation and tests included.
        longest_h: of the longest training alone.
        busy: share of the GPUs' hours in which they train or test.
        read_gb_s: that they read at a time, GB/s, if storage gives it.
        exchanged_tb: of gradients in all, TB.
        bound: `gpus`, `training` (the longest one) or `storage`: what to have more, or faster, of.
    """

    gpus: int
    each: int
    at_once: int
    hours: float
    longest_h: float
    busy: float
    read_gb_s: float
    exchanged_tb: float
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A study on several numbers of GPUs.

    Args:
        layouts: for each number, one GPU a training and the fastest way.
        enough: GPUs from which twice as many save less than a tenth of the hours.
        trainings: how many there are.
        gpu_hours: of all trainings on one GPU each.
        prepare_h: hours of checking and decoding, in which GPUs wait.
        pictures_tb: decoded pictures on disk, TB.
        weights_gb: weights of all cells, kept, GB.
        state_gb: the state of all cells at once, rewritten every `save_s`, GB.
        read_tb: decoded training pictures read in all, TB, if no machine keeps them in memory.
    """

    layouts: list[Layout]
    enough: int
    trainings: int
    gpu_hours: float
    prepare_h: float
    pictures_tb: float
    weights_gb: float
    state_gb: float
    read_tb: float


def scaling(networks: Sequence[Network], work: Work, gpus: Sequence[int], assumed: Assumptions) -> Scaling:
    """What a study of these networks takes on so many GPUs, laid out as well as one size for all trainings can be."""
    paper = _Paper(networks, work, assumed)
    layouts = []
    for count in sorted(set(gpus)):
        alone, best = paper.layout(count, 1), paper.best(count)
        layouts += [alone] if best.each == 1 else [alone, best]
    weights = sum(each.parameters for each in networks) * work.seeds * _BYTES_A_WEIGHT
    cells = len(networks) * work.seeds
    return Scaling(
        layouts=layouts,
        enough=paper.enough(),
        trainings=cells,
        gpu_hours=sum(paper.training_s(each, 1) for each in networks) * work.seeds / 3600,
        prepare_h=paper.prepare_s / 3600,
        pictures_tb=(work.train * paper.picture_bytes + paper.squares_bytes) / 1e12,
        weights_gb=weights / 1e9,
        state_gb=3 * weights / 1e9,
        read_tb=cells * work.epochs * work.train * paper.picture_bytes / 1e12,
    )


@dataclass(frozen=True, slots=True)
class _Paper:
    networks: Sequence[Network]
    work: Work
    assumed: Assumptions

    @property
    def prepare_s(self) -> float:
        """Checking and decoding every picture once, on one machine."""
        work, assumed = self.work, self.assumed
        images = work.train + work.val + work.test
        return images * (1 / assumed.checked_s + 1 / assumed.decoded_s) / assumed.cores

    @property
    def picture_bytes(self) -> float:
        return self.assumed.pixels * self.assumed.kept

    @property
    def squares_bytes(self) -> float:
        return (
            3 * (self.work.val + self.work.test) * sum(side**2 for side in {*self.work.scales, self.work.train_scale})
        )

    def step_s(self, network: Network, each: int) -> float:
        """Seconds of a step on `each` GPUs: computing, and what of the exchange is not hidden behind it."""
        assumed = self.assumed
        computing = self.work.batch / each / network.images_per_s
        if each == 1:
            return computing
        within = each <= assumed.node
        exchange = self._exchanged(network, each) / each / (1e9 * (assumed.node_gb_s if within else assumed.link_gb_s))
        computing /= 1.0 if within else assumed.efficiency
        return computing + max(0.0, exchange - _BACKWARD * computing)

    def training_s(self, network: Network, each: int) -> float:
        """Seconds of one training with its validations and tests."""
        work = self.work
        steps = work.epochs * (work.train // work.batch)
        tested = min(VALIDATIONS, work.epochs) * work.val
        tested += (work.val + work.test) * sum((side / work.train_scale) ** 2 for side in work.scales)
        return OVERHEAD * steps * self.step_s(network, each) + tested / (
            self.assumed.test_speed * network.images_per_s * each
        )

    def layout(self, gpus: int, each: int) -> Layout:
        """The longest trainings first, each on the GPUs that are free soonest."""
        slots, work = gpus // each, self.work
        times = sorted((self.training_s(net, each) for net in self.networks for _ in range(work.seeds)), reverse=True)
        at_once = min(slots, len(times))
        rate = sum(work.batch / self.step_s(net, each) for net in self.networks) / len(self.networks)
        reads = at_once * rate * self.picture_bytes / 1e9
        slower = max(1.0, reads / self.assumed.storage_gb_s)
        ends = [0.0] * slots
        for seconds in times:
            heapq.heappush(ends, heapq.heappop(ends) + seconds * slower)
        whole = max(ends)
        bound = "storage" if slower > 1 else "training" if at_once == len(times) and slots >= len(times) else "gpus"
        steps = work.seeds * work.epochs * (work.train // work.batch)
        return Layout(
            gpus=gpus,
            each=each,
            at_once=at_once,
            hours=(whole + self.prepare_s) / 3600,
            longest_h=times[0] / 3600,
            busy=sum(times) * each / (gpus * (whole + self.prepare_s)),
            read_gb_s=reads,
            exchanged_tb=sum(self._exchanged(net, each) for net in self.networks) * steps / 1e12,
            bound=bound,
        )

    def best(self, gpus: int) -> Layout:
        """The fastest way, with fewer GPUs a training where that is nearly as fast."""
        most = max(1, min(gpus, self.work.batch // self.assumed.smallest_part))
        ways = [self.layout(gpus, 1 << power) for power in range(most.bit_length())]
        fastest = min(way.hours for way in ways)
        return next(way for way in ways if way.hours <= (1 + _NEARLY) * fastest)

    def enough(self) -> int:
        gpus = 1
        while gpus < _MOST_GPUS and self.best(2 * gpus).hours < (1 - _LITTLE) * self.best(gpus).hours:
            gpus *= 2
        return gpus

    def _exchanged(self, network: Network, each: int) -> float:
        """Bytes that all GPUs of a training send in a step: a ring's two rounds."""
        return 2 * (each - 1) * network.parameters * _BYTES_A_WEIGHT
