"""Who listens to a study while it runs: a terminal, a notebook, nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from deepenough.studies.plan import Plan


class Listener(Protocol):
    """Told what happens, in order; never asked anything."""

    def note(self, text: str) -> None:
        """Something that a person should read, one sentence."""
        ...

    def plan(self, plan: Plan) -> None:
        """The plan, before training begins."""
        ...

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """A stage begins; the one before has ended.

        `total` is what `done`, which an earlier run did, and the amounts of `advance` will add up to, where known.
        """
        ...

    def advance(self, amount: int) -> None:
        """The stage came so much further."""
        ...

    def trained(
        self, cell: str, *, step: int, steps: int, loss: float, accuracy: float | None, images_per_s: float
    ) -> None:
        """A cell took a step; `accuracy` is the latest on validation, in [0, 1]."""
        ...

    def finished(self, cell: str, folder: Path) -> None:
        """A cell is done, and its folder holds all that it leaves."""
        ...

    def close(self) -> None:
        """The study has ended or stopped."""
        ...


class Silent:
    """Listens to nothing."""

    def note(self, text: str) -> None:
        """Ignored."""

    def plan(self, plan: Plan) -> None:
        """Ignored."""

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        """Ignored."""

    def advance(self, amount: int) -> None:
        """Ignored."""

    def trained(
        self, cell: str, *, step: int, steps: int, loss: float, accuracy: float | None, images_per_s: float
    ) -> None:
        """Ignored."""

    def finished(self, cell: str, folder: Path) -> None:
        """Ignored."""

    def close(self) -> None:
        """Ignored."""
