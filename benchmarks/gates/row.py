"""One measured figure and the range it must lie in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    gate: str
    setting: str
    value: float
    low: float
    high: float

    def holds(self) -> bool:
        return self.low <= self.value <= self.high

    def markdown(self) -> str:
        mark = "" if self.holds() else "**broken**"
        return f"| {self.gate} | {self.setting} | {self.value:.4f} | {self.low:.3f} to {self.high:.3f} | {mark} |"
