"""What a study declared before its results were known, as `verdict.json` keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from deepenough.errors import RecordError

DECLARED = "declared"  # a key of verdict.json beside the verdict's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a study declared before its results were known, and the caveats that only its run could know."""

    margin: float
    small: str
    big: str
    scale: int | None  # None where validation, not a person, chose it
    caveats: list[str]
    metric: str = "accuracy"
    unit: str = "points"
    positive: str | None = None  # the class that is looked for, where the metric has one
    group_column: str | None = None  # None: the samples' own groups
    paired_seeds: bool = False


def declared_in(plain: Mapping[str, Any]) -> Declared | None:
    """What a verdict.json says was declared; None where it was never decided anew. Unknown keys are ignored.

    Raises:
        RecordError: if what is there has another form.
    """
    if DECLARED not in plain:
        return None
    entry, names = plain[DECLARED], {field.name for field in fields(Declared)}
    try:
        return Declared(**{key: value for key, value in entry.items() if key in names})
    except (AttributeError, TypeError) as error:
        expected, got = "what the study declared", f"another form ({error})"
        raise RecordError(f"verdict.json, {DECLARED}", expected, got, "run the study again") from error
