"""What a record from disk may hold: the entries that this version knows, and others of a later one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def known_to(kind: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that a dataclass has; those that a later version may have added are left out.

    >>> from deepenough.records.results import Needed
    >>> known_to(Needed, {"seed_floor": 1.0, "of_later": 2})
    {'seed_floor': 1.0}
    """
    names = {each.name for each in fields(kind)}
    return {key: value for key, value in plain.items() if key in names}
