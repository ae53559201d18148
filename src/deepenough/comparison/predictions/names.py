r"""The names of runs: contender, scale and seed in one word, as a column, a field, a file or `--run` bears it.

    run   = contender [ "@" scale [ "px" ] ] [ seed ]
    seed  = ( "/" | ":" ) [ "seed" | "s" ] digits
          | ( "-" | "_" ) ( "seed" | "s" ) digits

Read from the end, so a contender may hold any other sign. Without a seed it is 0, without a scale 0 (not known).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deepenough.errors import RecordError

_RUN = re.compile(
    r"(?P<contender>[^@]+?)(?:@(?P<scale>[0-9]+)(?:px)?)?(?:[/:](?:seed|s)?(?P<a>[0-9]+)|[-_](?:seed|s)(?P<b>[0-9]+))?"
)
_LARGEST = 2**31 - 1
GRAMMAR = "CONTENDER, CONTENDER/SEED, CONTENDER_sSEED or CONTENDER@SCALE/SEED"


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """One contender with one seed at one scale."""

    contender: str
    scale: int = 0
    seed: int = 0


def parse_run(name: str, where: str, *, remedy: str = "") -> Run:
    """Contender, scale and seed of a run's name.

    Args:
        name: as the column, file or option has it.
        where: for messages.
        remedy: what to do about a name that does not fit.

    Raises:
        RecordError: if the name has an `@` or ends in a separator but does not follow the grammar.

    >>> parse_run("resnet50@96/seed3", "preds.csv")
    Run(contender='resnet50', scale=96, seed=3)
    >>> parse_run("big_little_s2", "preds.csv")
    Run(contender='big_little', scale=0, seed=2)
    >>> parse_run("resnet101", "preds.csv")
    Run(contender='resnet101', scale=0, seed=0)
    """
    found = _RUN.fullmatch(name.strip())
    if found is not None:
        contender = found["contender"].strip()
        numbers = [int(found[key] or 0) for key in ("scale", "a", "b")]
        if contender and contender[-1] not in "/:@" and max(numbers) <= _LARGEST:
            return Run(contender, numbers[0], numbers[1] or numbers[2])
    raise RecordError(where, f"a run named {GRAMMAR}", repr(name), remedy)


def listed(runs: Iterable[Run]) -> str:
    """Runs in words, a contender at a time.

    >>> listed([Run("a", 0, 0), Run("a", 0, 1), Run("b", 64, 0)])
    'a (seeds 0, 1); b at 64 px (seed 0)'
    """
    seeds: dict[tuple[str, int], list[int]] = {}
    for run in runs:
        seeds.setdefault((run.contender, run.scale), []).append(run.seed)
    words = []
    for (contender, scale), own in seeds.items():
        at = f" at {scale} px" if scale else ""
        words.append(f"{contender}{at} (seed{'s' if len(own) > 1 else ''} {', '.join(map(str, own))})")
    return "; ".join(words)
