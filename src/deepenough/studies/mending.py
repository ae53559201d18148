"""A trained network of a study of enhancement put to use on pictures of any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from deepenough.errors import StudyError
from deepenough.evaluation.tiling import mended
from deepenough.studies.finished import open_finished
from deepenough.tasks.enhancement import Enhancement


def open_mender(
    folder: Path, contender: str | None = None, *, seed: int = 0, tile: int = 256, margin: int = 32
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from a harmed picture, uint8 (height, width, 3) of any size, to the mended one of the same form.

    Args:
        folder: of a finished study of denoise, deblur, superresolution or lowlight.
        contender: whose network; None for the smaller one of the deciding pair.
        seed: of its training.
        tile: side in pixels of the tiles that a large picture is shown in (`evaluation.tiling`).
        margin: pixels at a tile's edge that count nothing.

    Raises:
        InputError: (of its kinds) it is no such folder, or has no such network.
    """
    finished = open_finished(folder)
    task = finished.setting.task
    if not isinstance(task, Enhancement):
        got = f"one of {task.name}"
        raise StudyError(str(folder), "a study of denoise, deblur, superresolution or lowlight", got)
    name = contender or finished.verdict.small
    networks, batches = {name: finished.network(name, seed)}, finished.batches

    def said(square: np.ndarray) -> np.ndarray:
        return next(found[name][0].numpy() for _, found in batches.outputs(networks, square))

    def mend(picture: np.ndarray) -> np.ndarray:
        return mended(said, picture, tile=tile, margin=margin)

    return mend
