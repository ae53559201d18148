"""Networks as they are tested: batch norms folded into the convolutions before them, weights rounded once.

At test a batch norm is a factor and an offset a channel, which the convolution before it can take into its weights: the
map is then written once instead of twice. In exact arithmetic nothing changes; in bf16 the rounding of the weights
does, by as much as bf16 rounds anywhere (`precision` counts what comes of it). Jacob et al. 2018, arXiv 1712.05877,
section 3.2.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from deepenough.machine import Machine

_PROBE_SIDE = 32  # pixels, the smallest that a network takes


def folded(network: nn.Module, machine: Machine) -> nn.Module:
    """A network of the same outputs and fewer steps; the given one is not changed, and weights left as they are shared.

    Args:
        network: placed on the machine; left in evaluation mode.
        machine: under bf16 the weights of convolutions and linear layers are rounded here, once, not in every call.
    """
    network.eval()
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    with torch.inference_mode(mode=False), torch.no_grad():
        own = copy.deepcopy(network, shared)
        for convolution, norm in _pairs(own).items():
            before, after = own.get_submodule(convolution), own.get_submodule(norm)
            assert isinstance(before, nn.Conv2d)
            assert isinstance(after, nn.BatchNorm2d)
            own.set_submodule(convolution, fuse_conv_bn_eval(before, after))
            own.set_submodule(norm, nn.Identity())
        if machine.precision == "bf16":
            for name, module in list(own.named_modules()):
                if isinstance(module, nn.Conv2d | nn.Linear):
                    own.set_submodule(name, _rounded(module))
    return own


def _pairs(network: nn.Module) -> dict[str, str]:
    """Names of convolutions, each with that of the batch norm which takes its map as it is, found by a trial run."""
    maps: dict[int, tuple[nn.Module, Tensor, int]] = {}  # by identity; the tensor is held, so that none takes its place
    calls: Counter[nn.Module] = Counter()
    pairs: dict[nn.Module, nn.Module] = {}

    def convolved(module: nn.Module, _taken: tuple[Tensor], given: Tensor) -> None:
        calls[module] += 1
        maps[id(given)] = (module, given, given._version)

    def normed(module: nn.Module, taken: tuple[Tensor]) -> None:
        calls[module] += 1
        before, _, version = maps.get(id(taken[0]), (module, taken[0], -1))
        if version == taken[0]._version:  # else it was changed in place since
            pairs[before] = module

    hooks = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(convolved))
        elif type(module) is nn.BatchNorm2d:
            hooks.append(module.register_forward_pre_hook(normed))
    try:
        device = next(network.parameters()).device
        network(torch.zeros(1, 3, _PROBE_SIDE, _PROBE_SIDE, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    names = {module: name for name, module in network.named_modules()}
    return {names[one]: names[other] for one, other in pairs.items() if calls[one] == calls[other] == 1}


def _rounded(module: nn.Module) -> nn.Module:
    """The layer with weights in bf16, as autocast would round them in every call."""
    own = copy.copy(module)
    own._parameters = {
        name: None if value is None else nn.Parameter(value.detach().to(torch.bfloat16), requires_grad=False)
        for name, value in module._parameters.items()
    }
    return own
