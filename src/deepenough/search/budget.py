"""The budget of a search: what a network may cost at most, and what one costs before anything of it is trained."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from deepenough.cost import count
from deepenough.errors import StudyError

_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000, "t": 1_000_000_000_000}
OPTIONS = {"latency_ms": "--budget-latency-ms", "macs": "--budget-macs", "parameters": "--budget-params"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one image may cost at most, by what was declared; None sets no bound, one at least is set.

    Args:
        latency_ms: of one image on this machine, as predicted from the table of blocks.
        macs: multiply-accumulates.
        parameters: weights.

    Raises:
        StudyError: no bound, or one that is not above 0.
    """

    latency_ms: float | None = None
    macs: int | None = None
    parameters: int | None = None

    def __post_init__(self) -> None:
        if not self.bounds:
            raise StudyError("tune", f"a budget: {', '.join(OPTIONS.values())}", "none", "try --budget-macs 2G")
        for name, most in self.bounds.items():
            if not most > 0:
                raise StudyError(OPTIONS[name], "a number above 0", f"{most:g}")

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that are set, by name."""
        named = {"latency_ms": self.latency_ms, "macs": self.macs, "parameters": self.parameters}
        return {name: value for name, value in named.items() if value is not None}

    def share(self, price: Mapping[str, float]) -> float:
        """How much of the budget a price takes, by the bound that is nearest: above 1 where one is broken.

        >>> Budget(macs=100, parameters=10).share({"macs": 40.0, "parameters": 9.0})
        0.9
        """
        return max(price[name] / most for name, most in self.bounds.items())


def amount(text: str, option: str) -> int:
    """A count such as 2G, 20M, 1.5M or 300000.

    Raises:
        StudyError: another form, or nothing.

    >>> amount("2G", "--budget-macs"), amount("1.5m", "--budget-macs")
    (2000000000, 1500000)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)", text.strip().lower())
    value = 0 if found is None else round(float(found[1]) * _FACTORS[found[2]])
    if value < 1:
        raise StudyError(option, "a count such as 20M, 2G or 300000", repr(text))
    return value


class Pricing:
    """What networks cost, each counted once.

    Args:
        make: a contender's network by its name; on torch's meta device, as nothing of it is computed.
        latency: seconds of one image of a network at a side in pixels; None where no bound asks for it.
    """

    def __init__(
        self, make: Callable[[str], nn.Module], latency: Callable[[nn.Module, int], float] | None = None
    ) -> None:
        self._make, self._latency = make, latency
        self._known: dict[tuple[str, int], dict[str, float]] = {}

    def of(self, network: str, side: int) -> dict[str, float]:
        """`macs` and `parameters` of a network at a side in pixels, and its `latency_ms` where it is predicted."""
        if (network, side) not in self._known:
            made = self._make(network)
            counted = count(made, side)
            price: dict[str, float] = {"macs": counted.macs, "parameters": counted.parameters}
            if self._latency is not None:
                price["latency_ms"] = 1000.0 * self._latency(made, side)
            self._known[network, side] = price
        return self._known[network, side]
