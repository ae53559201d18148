"""Ranks: the processes that train one network together, started by torchrun, each with its part of every batch.

What they say to one another is torch.distributed's; here is only what training and evaluation need of it. The first
rank alone writes and speaks. Torch is imported where it is called: the command line asks here before it has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from torch import nn

LOST = 75  # exit code of a rank whose peers went, or that stops as all do: who was first has said why
_PATIENCE = timedelta(days=7)  # ranks wait while the first one prepares; who dies is noticed by its closed connection
_TORN = ("gloo", "connection closed by peer", "connection reset by peer", "nccl", "tcpstore")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a training, seen from one of them.

    Args:
        rank: of this process, from 0.
        size: how many there are.
        synced: whether batch norm takes its statistics from the whole batch; else each rank from its own part, and the
            running statistics are the first rank's.
    """

    rank: int = 0
    size: int = 1
    synced: bool = True

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there is more than this process."""
        return self.size > 1

    def part(self, length: int) -> range:
        """The places of a batch that are this rank's: neighbours, and of any two ranks' parts one is longer by one.

        >>> [list(Ranks(rank, 3).part(7)) for rank in range(3)]
        [[0, 1, 2], [3, 4], [5, 6]]
        """
        size, more = divmod(length, self.size)
        first = self.rank * size + min(self.rank, more)
        return range(first, first + size + (self.rank < more))

    def summed(self, *values: float) -> list[float]:
        """Each value summed over all ranks; the same everywhere, to the bit."""
        if not self.several:
            return list(values)
        import torch
        import torch.distributed as dist

        numbers = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(numbers)
        return numbers.tolist()

    def told(self, value: Any = None) -> Any:  # noqa: ANN401
        """What the first rank says, on every rank; what others give is not looked at."""
        if not self.several:
            return value
        import torch.distributed as dist

        said = [value if self.first else None]
        dist.broadcast_object_list(said, src=0)
        return said[0]

    def gathered(self, value: Any) -> list[Any]:  # noqa: ANN401
        """What every rank gives, in their order, on the first; nothing on the others."""
        if not self.several:
            return [value]
        import torch.distributed as dist

        given: list[Any] | None = [None] * self.size if self.first else None
        dist.gather_object(value, given, dst=0)
        return given or []

    def agree(self, error: Exception) -> NoReturn:
        """Raise what all ranks found at once: as it is on the first, in silence on the others."""
        if self.first:
            raise error
        raise SystemExit(LOST) from error

    def same_statistics(self, *networks: nn.Module) -> None:
        """Give every rank the first one's buffers; weights are equal by themselves."""
        if not self.several:
            return
        import torch.distributed as dist

        for network in networks:
            for buffer in network.buffers():
                dist.broadcast(buffer, src=0)


ALONE = Ranks()


def processes() -> int:
    """As one of how many processes torchrun, or anything that sets its variables, started this one."""
    given = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()
    return int(os.environ["WORLD_SIZE"]) if given else 1


def is_follower() -> bool:
    """Whether this process is one of several and not the first; asks nobody, and needs no connection."""
    return processes() > 1 and int(os.environ["RANK"]) > 0


@contextmanager
def connected() -> Iterator[Ranks]:
    """Connect with all other ranks, and take the GPU of this one where there are any.

    Raises:
        SystemExit: with `LOST`, in silence, where another rank went.
    """
    import torch
    import torch.distributed as dist

    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=_PATIENCE)
        yield Ranks(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if not is_torn(error):
            raise
        raise SystemExit(LOST) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def is_torn(error: BaseException) -> bool:
    """Whether an error says that the connection with other ranks is torn.

    >>> is_torn(RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:3001"))
    True
    """
    import torch.distributed as dist

    if isinstance(error, dist.DistError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _TORN)
