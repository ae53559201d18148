"""How alike two pictures look to a network: LPIPS, with weights that the user has on disk; nothing is downloaded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from deepenough.errors import InputError
from deepenough.networks.weight_files import read_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

WHERE = "task_options: lpips"
_LEAST = 64  # px a side that AlexNet's pools ask for; smaller pictures are repeated at their edges


def weights_of(options: Mapping[str, Any]) -> str | None:
    """The file with AlexNet's weights that the options name, as an absolute path; None where there is none.

    Raises:
        InputError: no file, one that is not torchvision's AlexNet, or the package `lpips` is missing.
    """
    named = options.get("lpips")
    if named is None:
        return None
    if not isinstance(named, str):
        raise InputError(WHERE, "a file with the weights of torchvision's AlexNet", repr(named))
    path = str(Path(named).resolve())
    _network(path)
    return path


def closeness(picture: np.ndarray, other: np.ndarray, weights: str) -> float:
    """1 - LPIPS by AlexNet, within [0, 1]; 1 is the same.

    R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, arXiv
    1801.03924, version 0.1 of its calibration, by its authors' package.

    Args:
        picture: uint8 (height, width, 3).
        other: uint8 (height, width, 3).
        weights: file of torchvision's AlexNet.
    """
    with torch.inference_mode():
        return float((1.0 - _network(weights)(_input(picture), _input(other))).clamp(0.0, 1.0))


def _input(picture: np.ndarray) -> Tensor:
    """In [-1, 1], (1, 3, height, width)."""
    channels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1.0
    lacking = [max(0, _LEAST - side) for side in picture.shape[:2]]
    return functional.pad(channels, (0, lacking[1], 0, lacking[0]), mode="replicate") if any(lacking) else channels


@lru_cache(maxsize=2)
def _network(path: str) -> nn.Module:
    try:
        from lpips import LPIPS  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError(WHERE, "the package lpips", "none installed", "pip install lpips") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls torchvision by an older word for "no weights"
        network = LPIPS(net="alex", pnet_rand=True, verbose=False)
    own = network.net.state_dict()
    given = read_weights(Path(path)).state
    found = {name: given.get(f"features.{name.partition('.')[2]}") for name in own}  # slice3.6.bias: features.6.bias
    wrong = [name for name, tensor in found.items() if tensor is None or tensor.shape != own[name].shape]
    if wrong:
        expected = "the weights of torchvision's AlexNet (alexnet-owt-7be5be79.pth), features.0.weight and on"
        raise InputError(WHERE, expected, f"{path}, without features.{wrong[0].partition('.')[2]} of that shape")
    network.net.load_state_dict(found)
    return network.eval()
