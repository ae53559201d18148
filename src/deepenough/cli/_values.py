"""What a study's options say, read into the entries of a study file."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.errors import StudyError

if TYPE_CHECKING:
    from deepenough.data import PixelFolder

_PUBLIC = ("torchvision:", "timm:")  # origins that are no files
_PAIR = re.compile(r"([^=+@]+(?:[+@][^=+@]+(?:=[^=+@]+)?)*)=(.+)")  # a contender, its levers with values of their own


@contextlib.contextmanager
def shared(folder: Path | None, gigabytes: float | None) -> Iterator[PixelFolder | None]:
    """The folder of decoded images that studies share, where one is named."""
    from deepenough.data import PixelFolder

    if folder is None:
        if gigabytes is not None:
            raise StudyError("--cache-gb", "a folder to bound", "none", "name it with --cache or DEEPENOUGH_CACHE")
        yield None
        return
    if gigabytes is not None and not math.isfinite(gigabytes):
        raise StudyError("--cache-gb", "a number of GB from 0", f"{gigabytes:g}", "leave it out for no bound")
    with contextlib.closing(PixelFolder(folder, None if gigabytes is None else round(gigabytes * 1e9))) as kept:
        yield kept


def task_options(given: list[str] | None) -> dict[str, str | int | float | bool] | None:
    """`NAME=VALUE` of each, values as a study file would read them; None where there is none."""
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise StudyError("--task-option", "NAME=VALUE, such as metric=auroc", repr(text))
        found[name] = _plain(value)
    return found or None


def _plain(text: str) -> str | int | float | bool:
    """A value as a study file would read it."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False}.get(text, text)


def parts(text: str) -> list[str]:
    """What commas part, without blanks."""
    return [part.strip() for part in text.split(",") if part.strip()]


def numbers(text: str, option: str, what: str) -> list[int]:
    """Whole numbers that commas part; `what` they are and the `option` go into the message."""
    try:
        return [int(part) for part in parts(text)]
    except ValueError:
        raise StudyError(option, f"whole numbers {what}", repr(text)) from None


def batch(text: str | None) -> int | str | None:
    """Images a step, or auto; None where none is given."""
    if text is None or text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise StudyError("--batch", "a whole number from 2, or auto", repr(text)) from None


def rate(text: str | None) -> float | str | None:
    """A learning rate, or auto; None where none is given."""
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise StudyError("--learning-rate", "a number above 0, or auto", repr(text)) from None


def weights(given: list[str] | None) -> str | dict[str, str] | None:
    """One origin for all, or an origin for each contender named; None where none is given."""
    if not given:
        return None
    if len(given) == 1 and (given[0] in ("auto", "none") or given[0].startswith(_PUBLIC)):
        return given[0]
    pairs = [_PAIR.fullmatch(pair) for pair in given]
    for text, pair in zip(given, pairs, strict=True):
        if pair is None:
            expected = "NAME=FILE, such as resnet50=r50.safetensors, or auto, none or torchvision:RECIPE for all"
            raise StudyError("--weights", expected, repr(text))
    return {pair[1]: _origin(pair[2]) for pair in pairs if pair is not None}


def _origin(text: str) -> str:
    return text if text == "none" or text.startswith(_PUBLIC) else str(Path(text.removeprefix("keras:")).resolve())
