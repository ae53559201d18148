"""A cell: one contender trained with one seed, and the state from which its training goes on.

The state is a `safetensors` file (no code can hide in it) with a JSON note in its metadata: weights, running
statistics, optimiser moments, averaged weights, the step, and the sums since the last history row. Tensors return in
the memory layout of the weights they belong to, because a kernel may round otherwise in another layout, and a resumed
run must equal an undisturbed one bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from deepenough.errors import RecordError
from deepenough.networks.digests import tensors_sha256
from deepenough.records import write_atomically
from deepenough.training.recipe import Recipe, build_optimizer
from deepenough.training.seeds import Seeds

if TYPE_CHECKING:
    from timm.utils.model_ema import ModelEmaV3
    from torch.nn.parallel import DistributedDataParallel

Status = Literal["training", "trained", "diverged"]
_MODULES = ("network.", "average.")


@dataclass(slots=True, kw_only=True)
class Sums:
    """What has been added up since the last history row."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0  # whose labels were counted, none under mixup and CutMix
    shown: int = 0
    steps: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Cell:
    """One contender × one seed in training.

    Args:
        contender: name in the catalogue.
        seeds: of its sources of randomness.
        network: placed on the machine, in training mode.
        optimizer: over the network's weights.
        average: exponential moving average of the weights, or None.
        step: optimiser steps done.
        status: `diverged` once a loss was not finite; such a cell is kept and never averaged away.
        history: rows of `records.HISTORY`.
        total_steps: of the training that it is in, once that has begun.
        halvings: at which `step` the batch was cut, for want of memory, into how many `parts`; in order.
        teacher: network whose outputs the loss follows too, trained, placed and in evaluation mode; None for none.
        spread: the network's twin over several ranks, while they train it; see `training.spread`.
    """

    contender: str
    seeds: Seeds
    network: nn.Module
    optimizer: torch.optim.Optimizer
    average: ModelEmaV3 | None = None
    step: int = 0
    status: Status = "training"
    history: list[dict[str, Any]] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    elapsed_s: float = 0.0
    total_steps: int = 0
    halvings: list[dict[str, int]] = field(default_factory=list)
    teacher: nn.Module | None = None
    spread: DistributedDataParallel | None = None

    @classmethod
    def begin(cls, contender: str, seed: int | Seeds, network: nn.Module, recipe: Recipe) -> Cell:
        """A cell before its first step; one seed stands for all sources alike."""
        seeds = seed if isinstance(seed, Seeds) else Seeds.of(seed)
        average = None
        if recipe.ema_decay is not None:
            from timm.utils.model_ema import ModelEmaV3  # a second to import, and needed by such recipes only

            average = ModelEmaV3(network, decay=recipe.ema_decay, use_warmup=True)
        optimizer = build_optimizer(recipe, network)
        return cls(contender=contender, seeds=seeds, network=network, optimizer=optimizer, average=average)

    @property
    def seed(self) -> int:
        """The study's seed that the cell belongs to."""
        return self.seeds.study

    @property
    def parts(self) -> int:
        """In how many parts a batch is taken now, their gradients added up."""
        return self.halvings[-1]["parts"] if self.halvings else 1

    @property
    def name(self) -> str:
        """The cell's id, also its folder's name."""
        return self.seeds.cell(self.contender)

    @property
    def tested_network(self) -> nn.Module:
        """The network that is tested: the averaged weights where the recipe averages, else the weights."""
        return self.network if self.average is None else self.average.module

    @property
    def state_bytes(self) -> int:
        """Size of the state that `save` writes; saving holds it twice more for a moment."""
        return sum(tensor.nbytes for tensor in self.tensors().values())

    def save(self, path: Path) -> None:
        """Write the state with its checksum, atomically."""
        note = {
            "contender": self.contender,
            "seed": self.seed,
            "name": self.name,
            "step": self.step,
            "status": self.status,
            "history": self.history,
            "sums": {name: getattr(self.sums, name) for name in Sums.__slots__},
            "elapsed_s": self.elapsed_s,
            "halvings": self.halvings,
            "groups": [_scalars(group) for group in self.optimizer.param_groups],
        }
        tensors = {name: tensor.detach().to("cpu").contiguous() for name, tensor in self.tensors().items()}
        said = json.dumps(note)
        content = save(tensors, metadata={"deepenough": said, "sha256": tensors_sha256(tensors, said)})
        write_atomically(path, lambda stream: stream.write(content))

    def load(self, path: Path) -> None:
        """Take the state of a file written by `save`; a torn or foreign file is a `RecordError` and changes nothing."""
        try:
            with safe_open(path, framework="pt") as stored:
                metadata = stored.metadata() or {}
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  not a mapping
            note = json.loads(metadata["deepenough"])
            if metadata.get("sha256", "") not in ("", tensors_sha256(tensors, metadata["deepenough"])):
                raise ValueError("its content is not what was written")
            name = note.get("name") or cell_name(note["contender"], note["seed"])
            taken = {key: note[key] for key in ("step", "status", "history", "elapsed_s")}
            taken |= {"sums": Sums(**note["sums"]), "halvings": list(note.get("halvings", []))}
            if name == self.name:
                self._require_fits(tensors, note["groups"])
        except Exception as error:
            remedy = "delete it; the cell then trains from its start"
            raise RecordError(str(path), "the state of a cell", f"a torn or foreign file ({error})", remedy) from error
        if name != self.name:
            raise RecordError(str(path), f"the state of {self.name}", str(name))
        self._take(tensors)
        for group, scalars in zip(self.optimizer.param_groups, note["groups"], strict=True):
            group.update(scalars)
        for key, value in taken.items():
            setattr(self, key, value)

    def _require_fits(self, tensors: Mapping[str, Tensor], groups: Sequence[Mapping[str, Any]]) -> None:
        """Raise a `ValueError` where a state is of another network or optimiser."""
        own = self.tensors()
        wanted, found = ({n: v.shape for n, v in each.items() if n.startswith(_MODULES)} for each in (own, tensors))
        if wanted != found or len(groups) != len(self.optimizer.param_groups):
            raise ValueError("the state of another network or optimiser")
        weights = _weights(self.optimizer)
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                weight = weights[int(name.split(".", 2)[1])]
                if value.numel() != 1 and value.shape != weight.shape:
                    raise ValueError(f"{name} does not fit its weight")

    def tensors(self) -> dict[str, Tensor]:
        """Everything of the state that is a tensor, as it is held."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.module.state_dict().items()}
        for index, weight in enumerate(_weights(self.optimizer)):
            state = self.optimizer.state.get(weight, {})
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items() if torch.is_tensor(value)}
        for index, group in enumerate(self.optimizer.param_groups):
            tensors |= {f"group.{index}.{name}": value for name, value in group.items() if torch.is_tensor(value)}
        return tensors

    def _take(self, tensors: dict[str, Tensor]) -> None:
        modules = {"network": self.network} | ({} if self.average is None else {"average": self.average.module})
        for prefix, module in modules.items():
            own = {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
            module.load_state_dict(own)  # copies into the tensors that are there, layout kept
        weights = _weights(self.optimizer)
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".", 2)
                weight = weights[int(index)]
                self.optimizer.state[weight][key] = _like(weight, value)
            elif name.startswith("group."):
                _, index, key = name.split(".", 2)
                self.optimizer.param_groups[int(index)][key] = value


def cell_name(contender: str, seed: int) -> str:
    """Id of a cell and name of its folder.

    >>> cell_name("resnet50", 2)
    'resnet50-seed2'
    """
    return Seeds.of(seed).cell(contender)


def _weights(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _like(weight: nn.Parameter, value: Tensor) -> Tensor:
    """`value` on the weight's device and, where it has the weight's shape, in its memory layout."""
    if value.shape != weight.shape:
        return value.to(weight.device)  # a step counter; the fused optimisers keep it beside the weight
    return torch.empty_like(weight, dtype=value.dtype).copy_(value)


def _scalars(group: dict[str, Any]) -> dict[str, Any]:
    """The numbers of an optimiser's group that change from step to step; what it keeps as tensors is stored as such."""
    return {key: group[key] for key in ("lr", "step") if key in group and not torch.is_tensor(group[key])}
