"""The pilot that `plan` is asked to plan from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepenough.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deepenough.cli._foreign import Files
    from deepenough.comparison.pilot import Pilot


def measured(files: Files, assumptions: Mapping[str, float | None]) -> Pilot | None:
    """What the pilot in a study's folder or in files of predictions measured; None where there are none.

    Args:
        files: what to read; a folder stands alone.
        assumptions: by option name, None where the caller made none.

    Raises:
        InputError: (of its kinds) if assumptions stand beside a pilot, options say how to read one that is not there,
            or it cannot be used.
    """
    paths, reading = files.reading()
    if not paths:
        files.refuse_without("--pilot")
        return None
    assumed = [f"--{name.replace('_', '-')}" for name, value in assumptions.items() if value is not None]
    if assumed:
        raise InputError("--pilot", "no assumptions beside it", ", ".join(assumed), "leave either out")
    if len(paths) == 1 and paths[0].is_dir():
        files.refuse_beside(paths[0])
    from deepenough.studies.pilot import read_pilot

    return read_pilot(paths, reading)
