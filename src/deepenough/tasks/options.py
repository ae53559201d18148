"""Options of a task, as a study file gives them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.errors import InputError


def refuse_unknown(task: str, options: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse an option that the task does not have.

    Raises:
        InputError: there is one.

    >>> refuse_unknown("classification", {}, ())
    """
    unknown = [name for name in options if name not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        expected = f"one of {', '.join(known)}" if known else f"none, since {task} has no options"
        remedy = f"did you mean {near[0]}?" if near else ""
        raise InputError(f"task_options: {unknown[0]}", expected, "an unknown option", remedy)


def number(options: Mapping[str, Any], name: str, default: float, *, above: float, below: float) -> float:
    """A number of the options within (above, below).

    Raises:
        InputError: it is no number, or lies outside.

    >>> number({"specificity": 0.9}, "specificity", 0.95, above=0, below=1)
    0.9
    """
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < below:
        raise InputError(f"task_options: {name}", f"a number above {above:g} and below {below:g}", repr(value))
    return float(value)


def whole_number(options: Mapping[str, Any], name: str, default: int, *, least: int, most: int) -> int:
    """A whole number of the options within [least, most].

    Raises:
        InputError: it is none, or lies outside.

    >>> whole_number({}, "dimensions", 128, least=2, most=4096)
    128
    """
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"task_options: {name}", f"a whole number from {least:,} to {most:,}", repr(value))
    return value


def one_of(options: Mapping[str, Any], name: str, default: str, known: Sequence[str]) -> str:
    """A word of the options among those that are known.

    Raises:
        InputError: it is none of them.

    >>> one_of({}, "metric", "auroc", ("auroc", "accuracy"))
    'auroc'
    """
    value = options.get(name, default)
    if value not in known:
        raise InputError(f"task_options: {name}", f"one of {', '.join(known)}", repr(value))
    return str(value)
