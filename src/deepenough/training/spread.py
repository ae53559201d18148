"""A network whose batch is spread over ranks: torch's DistributedDataParallel, and batch norm over all of them.

The network itself stays as it is: what goes through DDP is a twin that holds the very same weights and running
statistics, so that saving, averaging and testing know nothing of ranks.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.parallel import DistributedDataParallel

from deepenough.ranks import Ranks
from deepenough.tasks.contract import Task


def spread(network: nn.Module, task: Task, ranks: Ranks) -> DistributedDataParallel:
    """The twin of a network, called with images and targets of this rank's part; gives what `task.forward` gives.

    Gradients that reach the shared weights are the mean over ranks.

    Args:
        network: placed, in training mode, with the same weights on every rank.
        task: what is asked.
        ranks: all of which must call this at the same time.
    """
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    twin = copy.deepcopy(network, shared)
    if ranks.synced:
        on_gpu = next(network.parameters()).is_cuda
        twin = nn.SyncBatchNorm.convert_sync_batchnorm(twin) if on_gpu else _with_synced_norms(twin)
    return DistributedDataParallel(_Forward(twin, task))


class _Forward(nn.Module):
    """A network as the task calls it in training, which need not be by its `forward`."""

    def __init__(self, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network, self._task = network, task

    def forward(self, images: Tensor, targets: Any) -> Any:  # noqa: ANN401
        return self._task.forward(self.network, images, targets)


def _with_synced_norms(network: nn.Module) -> nn.Module:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            network.set_submodule(name, SyncedNorm(module))
    return network


class SyncedNorm(nn.Module):
    """Batch norm over the whole batch of all ranks, where torch's SyncBatchNorm has no kernels: on a processor.

    Ioffe and Szegedy 2015, algorithm 1, with sums over ranks; the running variance is unbiased, as torch's.

    Args:
        norm: whose weights, statistics and momentum it takes.
    """

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        self.norm = norm
        self.training = norm.training

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, channels, ...) -> the same, normalised."""
        norm = self.norm
        if not self.training:
            return norm(maps)
        axes, shape = [0, *range(2, maps.ndim)], (1, -1, *[1] * (maps.ndim - 2))
        given = maps.float()
        total = _summed(torch.cat([given.sum(axes), given.new_tensor([maps.numel() / maps.shape[1]])]))
        count = total[-1].detach()
        mean = total[:-1] / count
        centred = given - mean.view(shape)
        variance = _summed(centred.square().sum(axes)) / count
        self._keep(mean.detach(), variance.detach() * count / (count - 1))
        scaled = centred * (variance + norm.eps).rsqrt().view(shape)
        if norm.affine:
            scaled = scaled * norm.weight.view(shape) + norm.bias.view(shape)
        return scaled.to(maps.dtype).contiguous(
            memory_format=torch.channels_last
            if maps.ndim == 4 and maps.is_contiguous(memory_format=torch.channels_last)
            else torch.contiguous_format
        )

    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        norm = self.norm
        if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
            return
        norm.num_batches_tracked.add_(1)
        momentum = 1.0 / norm.num_batches_tracked.item() if norm.momentum is None else norm.momentum
        norm.running_mean.lerp_(mean, momentum)
        norm.running_var.lerp_(variance, momentum)


class _Summed(Function):
    """The sum over ranks; a gradient comes back as the sum of all ranks' gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def _summed(values: Tensor) -> Tensor:
    found = _Summed.apply(values)
    assert isinstance(found, Tensor)
    return found
