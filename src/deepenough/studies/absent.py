"""Public weights that cannot be had, refused before torch is imported: its import is most of the wait for a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepenough.networks.family import ENTRIES
from deepenough.networks.origins import find, is_public, named_public, require_reachable
from deepenough.studies.study import Study

_PLAIN = {entry.name: entry for entry in ENTRIES}


def require_obtainable(request: Study, folder: Path) -> None:
    """Refuse public weights that a new study in `folder` names and that are neither here nor to be fetched.

    What it takes more to know, such as contenders with levers of their own, is left to `starting_weights`.

    Raises:
        WeightsError: the first of them.
    """
    if isinstance(request.weights, str):
        named: Mapping[str, str] = dict.fromkeys((_network(name) for name in request.contenders), request.weights)
    else:
        named = request.weights
    if (folder / "study.yaml").is_file():  # where it began is settled
        return
    for name, origin in named.items():
        entry = _PLAIN.get(_network(name))
        if entry is None or not is_public(origin):
            continue
        weights = named_public(entry, origin)
        if find(weights) is None:
            require_reachable(weights, f"weights: {name}")


def _network(contender: str) -> str:
    """The network's name, without how it is trained or tested."""
    return contender.partition("@")[0]
