"""Where weights come from: a file, or public ones that lie on this machine or are fetched.

Nothing here waits for a network: whether anybody answers is asked once, for `ANSWER_S` seconds, and a transfer that
stalls ends after `STALL_S`. Where the environment variable HF_HUB_OFFLINE is set, nobody is asked.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from deepenough.errors import WeightsError
from deepenough.networks.family import Entry, published_backbone
from deepenough.networks.public import Public, public
from deepenough.records import write_atomically

ANSWER_S = 1.5
STALL_S = 10.0
_CHUNK = 1 << 20
_LIBRARIES = ("torchvision", "timm")


def public_weights(entry: Entry) -> Mapping[str, Public]:
    """The public weights known for a network, by recipe such as `timm:a1_in1k`; of its stages, where its head fuses."""
    backbone = published_backbone(entry.config)
    if backbone is None:
        return {}
    origins = (row.weights for row in backbone.published if row.weights.partition(":")[0] in _LIBRARIES)
    found = (public(backbone.name, origin) for origin in dict.fromkeys(origins))
    return {each.recipe: each for each in found}


def is_public(origin: str) -> bool:
    """Whether the origin names public weights, rather than a file."""
    return origin.partition(":")[0] in _LIBRARIES and ":" in origin


def named_public(entry: Entry, origin: str) -> Public:
    """The public weights that an origin means for a network: by their name, or by their recipe alone.

    Raises:
        WeightsError: none such are known for it.
    """
    known = public_weights(entry)
    found = next((each for recipe, each in known.items() if origin in (each.origin, recipe)), None)
    if found is None:
        listed = ", ".join(each.origin for each in known.values())
        expected = f"one of the public weights known for it: {listed}" if known else "a file: none are public for it"
        raise WeightsError(f"weights: {entry.name}", expected, origin)
    return found


def folders() -> list[Path]:
    """Where files of public weights are looked for by name; the first is where they are put."""
    declared = os.environ.get("DEEPENOUGH_WEIGHTS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    torch_home = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    return [*([Path(declared)] if declared else []), torch_home / "hub" / "checkpoints"]


def find(weights: Public) -> Path | None:
    """Their file on this machine: in one of `folders`, or where the Hugging Face hub keeps what it fetched."""
    beside = (folder / weights.file for folder in folders())
    return next((path for path in (*beside, *_in_hub(weights)) if path.is_file()), None)


def _in_hub(weights: Public) -> list[Path]:
    if not weights.origin.startswith("timm:"):
        return []
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = hub / f"models--timm--{weights.origin.partition(':')[2]}" / "snapshots"
    return sorted(snapshots.glob("*/model.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)


def offline() -> bool:
    """Whether the environment declares that there is no network."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def reachable(wanted: Iterable[Public]) -> list[Public]:
    """Those of the weights whose servers answer now; asks all at once and waits for `ANSWER_S` seconds at most."""
    asked = list(wanted)
    if offline():
        return []
    answers: set[str] = set()
    threads = [threading.Thread(target=_ask, args=(each.url, answers), daemon=True) for each in asked]
    for thread in threads:
        thread.start()
    until = time.monotonic() + ANSWER_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [each for each in asked if each.url in answers]


def _ask(url: str, answers: set[str]) -> None:
    """Looking up a name cannot be given a time limit, so this runs in a thread that nobody need wait for."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=ANSWER_S):
            answers.add(url)
    except (OSError, ValueError, http.client.HTTPException):
        return


def require_reachable(weights: Public, where: str) -> None:
    """Refuse public weights that are neither here nor to be had.

    Raises:
        WeightsError: it says where to put the file.
    """
    if reachable([weights]):
        return
    got = "no copy, and HF_HUB_OFFLINE is set" if offline() else f"no copy, and no answer from {_host(weights)}"
    raise WeightsError(where, f"{weights.origin} on this machine or a network to fetch it", got, _by_hand(weights))


def fetch(weights: Public) -> Path:
    """Download a file of public weights, whole or not at all.

    Raises:
        WeightsError: the transfer failed or stalled, the file is not the published one, or it cannot be kept.
    """
    target = folders()[0] / weights.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, lambda stream: _copy(weights, stream))
    except (OSError, http.client.HTTPException) as error:
        got = f"a failed download ({error})"
        raise WeightsError(weights.origin, f"{weights.url} at {target}", got, _by_hand(weights)) from error
    return target


def _copy(weights: Public, stream: IO[bytes]) -> None:
    digest, copied = hashlib.sha256(), 0
    with urllib.request.urlopen(weights.url, timeout=STALL_S) as answer:
        while chunk := answer.read(_CHUNK):
            stream.write(chunk)
            digest.update(chunk)
            copied += len(chunk)
        announced = answer.headers.get("Content-Length")
    if announced is not None and copied != int(announced):
        raise OSError(f"{copied} of {announced} bytes came")
    if not digest.hexdigest().startswith(weights.digest):
        raise OSError(f"a SHA-256 of {digest.hexdigest()[:8]} instead of {weights.digest}")


def _host(weights: Public) -> str:
    return urlsplit(weights.url).netloc


def _by_hand(weights: Public) -> str:
    return f"put {weights.url} at {folders()[0] / weights.file}"
