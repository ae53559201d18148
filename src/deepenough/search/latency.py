"""Latency of a network that was never run whole: the sum of its blocks, each measured once on this machine.

A block's entry holds for every network that has such a block on a map of that form, so that after some networks most of
a new one is known. Each is measured twice: called again and again, and with the caches flushed. A network lies between
the two sums, nearer to the second the more weights pass between two uses of a block; how near is read off some networks
that are run whole, by their bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import isotonic_regression
from torch import Tensor, nn

from deepenough.cost.cold import piece_seconds
from deepenough.errors import RecordError
from deepenough.machine import Machine
from deepenough.networks import ResNet, build
from deepenough.networks.digests import structure_lines
from deepenough.records import read_json, write_json

BLOCK_S = 0.1  # of timing a block, twice
WHOLE_S = 0.6  # of timing a network
REFERENCES = (  # from few weights to many
    "resnet50+blocks=2-2-2-2+width=0.125+stem=small",
    "resnet50+blocks=3-4-6-3+width=0.125+kernels=5-3-3-3",
    "resnet50+blocks=3-4-12-3+width=0.25",
    "resnet50+blocks=2-2-2-2+width=0.375+stem=deep",
    "resnet50+blocks=2-3-4-2+width=0.5+groups=2+bottleneck_width=16+splits=2",
    "resnet50+width=0.5",
    "resnet50",
)
_BYTES = 4  # of a weight
_Part = tuple[str, Callable[[], object], Tensor]


class LatencyTable:
    """Seconds by block, kept in a file.

    Args:
        machine: on which they are measured, in its arithmetic.
        path: of the table, JSON; begun where there is none, or one of another machine's arithmetic.
    """

    def __init__(self, machine: Machine, path: Path) -> None:
        self._machine, self._path = machine, path
        said = f"{machine.device} {machine.precision} {machine.channels_last} {machine.threads}"
        self._known: dict[str, list[float]] = {}  # seconds again and again, and with caches flushed
        self._places: dict[str, list[list[float]]] = {}  # by side: bytes of each reference, and where it lies
        self._said = said
        if path.is_file():
            try:
                stored = read_json(path)
                if stored["machine"] == said:
                    self._known, self._places = dict(stored["blocks"]), dict(stored["places"])
            except (RecordError, KeyError, TypeError):
                pass  # measured again

    def predict(self, network: nn.Module, side: int) -> float:
        """Seconds of one image of `side` pixels; the network is placed on the machine and set to evaluation."""
        warm, cold = self._sums(self._placed(network), side)
        bytes_, places = np.array(self._reference(side)).T
        return warm + float(np.interp(np.log(_bytes(network)), np.log(bytes_), places)) * (cold - warm)

    def measured(self, network: nn.Module, side: int) -> float:
        """Seconds of one image in the network as a whole, for a check of `predict`."""
        placed, images = self._placed(network), self._images(side)
        return self._timed(lambda: placed(images), images, cold=False, budget_s=WHOLE_S)

    def _placed(self, network: nn.Module) -> nn.Module:
        """On the machine; where there are no weights yet all are 0, which takes as long to compute with."""
        if any(weight.is_meta for weight in network.parameters()):
            network.to_empty(device="cpu")
            for tensor in (*network.parameters(), *network.buffers()):
                tensor.detach().zero_()
        return self._machine.place(network).eval().requires_grad_(False)

    def _reference(self, side: int) -> list[list[float]]:
        """Bytes of each reference, ascending, and where it lies between its two sums: 0 at the first, 1 at the second.

        Made never to fall with the bytes, by averaging neighbours that do (pool adjacent violators).
        """
        if str(side) not in self._places:
            rows = []
            for name in REFERENCES:
                network = self._placed(build(name, 10))
                warm, cold = self._sums(network, side)
                place = (self.measured(network, side) - warm) / max(cold - warm, 1e-9)
                rows.append((float(_bytes(network)), place))
            rows.sort()
            smooth = isotonic_regression([place for _, place in rows]).x
            self._places[str(side)] = [[size, float(place)] for (size, _), place in zip(rows, smooth, strict=True)]
            self._save()
        return self._places[str(side)]

    def _sums(self, network: nn.Module, side: int) -> tuple[float, float]:
        images, before = self._images(side), len(self._known)
        with torch.inference_mode(), self._machine.autocast():
            parts = list(_parts(network, images) if isinstance(network, ResNet) else _whole(network, images))
        for key, call, entering in parts:
            if key not in self._known:
                self._known[key] = [self._timed(call, entering, cold=cold, budget_s=BLOCK_S) for cold in (False, True)]
        if len(self._known) > before:
            self._save()
        warm, cold = np.array([self._known[key] for key, _, _ in parts]).sum(0)
        return float(warm), float(cold)

    def _images(self, side: int) -> Tensor:
        ramp = torch.linspace(-2.0, 2.0, 3 * side * side).reshape(1, 3, side, side).to(self._machine.device)
        return ramp.to(memory_format=torch.channels_last if self._machine.channels_last else torch.contiguous_format)

    def _timed(self, call: Callable[[], object], entering: Tensor, *, cold: bool, budget_s: float) -> float:
        precision, threads = self._machine.precision, self._machine.threads
        return piece_seconds(call, entering, cold=cold, precision=precision, threads=threads, budget_s=budget_s)

    def _save(self) -> None:
        write_json(self._path, {"machine": self._said, "places": self._places, "blocks": self._known})


def _bytes(network: nn.Module) -> int:
    return _BYTES * sum(weight.numel() for weight in network.parameters())


def _parts(network: ResNet, images: Tensor) -> Iterator[_Part]:
    """Stem, blocks and head of a network with what comes into each; the maps are computed on the way."""

    def stem() -> Tensor:
        return network.maxpool(network.relu(network.bn1(network.conv1(images))))

    yield _key((network.conv1, network.bn1, network.maxpool), images), stem, images
    map_, maps = stem(), []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for block in stage if isinstance(stage, nn.Sequential) else (stage,):
            yield _key((block,), map_), lambda block=block, map_=map_: block(map_), map_
            map_ = block(map_)
        maps.append(map_)
    yield _key((network.neck, network.fc), map_), lambda: network.fc(network.neck(maps)), map_


def _whole(network: nn.Module, images: Tensor) -> Iterator[_Part]:
    """A network of a task with a head of its own is measured whole."""
    yield _key((network,), images), lambda: network(images), images


def _key(modules: tuple[nn.Module, ...], entering: Tensor) -> str:
    lines = [line for module in modules for line in structure_lines(module)]
    said = "\n".join([*lines, str(tuple(entering.shape))])
    return hashlib.sha256(said.encode()).hexdigest()[:16]
