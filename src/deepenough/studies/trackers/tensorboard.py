"""TensorBoard: a run for each cell under `tensorboard/` in the study's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class Tracker:
    """See `tracking.Tracker`; what a killed run wrote beyond the step from which a cell goes on is purged."""

    name = "tensorboard"

    def __init__(self) -> None:
        self._writers: dict[str, SummaryWriter] = {}
        self._root = Path()
        self._parameters: Mapping[str, str] = {}

    def begin(self, study: str, folder: Path, parameters: Mapping[str, str]) -> None:
        """See `tracking.Tracker`."""
        self._root, self._parameters = folder / "tensorboard", {"study": study, **parameters}
        self._root.mkdir(parents=True, exist_ok=True)

    def step(self, cell: str, step: int, values: Mapping[str, float]) -> None:
        """See `tracking.Tracker`."""
        writer = self._writer(cell, step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    def end(
        self, cell: str, step: int, values: Mapping[str, float], links: Mapping[str, str], files: list[Path]
    ) -> None:
        """See `tracking.Tracker`; files are linked, not copied."""
        writer = self._writer(cell, step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        links = {**links, **{path.name: path.resolve().as_uri() for path in files}}
        writer.add_text("links", "\n\n".join(f"{name}: {link}" for name, link in links.items()), step)
        writer.close()
        del self._writers[cell]

    def conclude(self, values: Mapping[str, float], words: str, files: list[Path]) -> None:
        """See `tracking.Tracker`."""
        writer = SummaryWriter(str(self._root / "verdict"))
        for name, value in values.items():
            writer.add_scalar(f"verdict/{name}", value, 0)
        links = "\n\n".join(f"{path.name}: {path.resolve().as_uri()}" for path in files)
        writer.add_text("verdict", f"{words}\n\n{links}", 0)
        writer.close()

    def close(self) -> None:
        """See `tracking.Tracker`."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, cell: str, step: int) -> SummaryWriter:
        if cell not in self._writers:
            writer = self._writers[cell] = SummaryWriter(str(self._root / cell), purge_step=step)
            writer.add_text("parameters", "\n\n".join(f"{n}: {v}" for n, v in self._parameters.items()), step)
        return self._writers[cell]
