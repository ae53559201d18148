"""The torch form of an export: the tensors alone as safetensors, and in its metadata what `About` says.

No pickle is written or read: the network is built from its name in the catalogue and filled strictly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from deepenough.errors import InputError, WeightsError
from deepenough.machine import Machine, Precision
from deepenough.networks import save_weights
from deepenough.networks.weight_files import metadata_of
from deepenough.serving.about import KEY, About, about_from_json
from deepenough.serving.graph import Served
from deepenough.tasks.registry import kind_of
from deepenough.tasks.tested import tested_network

if TYPE_CHECKING:
    from collections.abc import Mapping


class TorchModel:
    """A network that torch runs on the processor.

    Args:
        about: of the network.
        served: with its weights.
        threads: torch's own are set to it.
        precision: `bf16` runs under autocast, as studies do where it is faster.
    """

    def __init__(self, about: About, served: Served, threads: int, precision: Precision = "fp32") -> None:
        torch.set_num_threads(threads)
        self.about = about
        self._machine = Machine(device="cpu", precision=precision, threads=threads)
        self._served = self._machine.place(served)

    @property
    def title(self) -> str:
        """What runs it."""
        return f"torch, {self._machine.precision}"

    def __call__(self, squares: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """See `predicting.Model`."""
        with torch.inference_mode(), self._machine.autocast():
            said = self._served(*(torch.from_numpy(np.ascontiguousarray(each)) for each in squares))
        return tuple((each.float() if each.is_floating_point() else each).numpy() for each in said)


def served_network(about: About, weights: Path) -> Served:
    """The network that a file of weights is for, filled strictly, ready to answer.

    Raises:
        WeightsError: the file is not there, torn, or of another network.
    """
    try:
        task = kind_of(about.task["name"]).again(about.classes, about.task)
        network = tested_network(task, about.network, weights)
    except WeightsError:
        raise
    except (InputError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(str(weights), "weights of a network that is known", str(error)) from error
    preparation = about.prepared()
    return Served(network, task, preparation.mean, preparation.std)


def save_torch(network: nn.Module, about: About, path: Path, also: Mapping[str, str]) -> None:
    """Write the tensors and what is said about them; `also` is further metadata, text only."""
    save_weights(network, path, {**also, KEY: about.to_json()})


def open_torch(path: Path, threads: int) -> TorchModel:
    """An exported `.safetensors`, ready to answer.

    Raises:
        WeightsError: it is torn, or `deepenough export` did not write it.
    """
    about = about_from_json(metadata_of(path).get(KEY), str(path))
    return TorchModel(about, served_network(about, path), threads)
