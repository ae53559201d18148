"""Work on many pictures at a time; Pillow decodes and resizes outside the interpreter's lock, so threads are enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Progress = Callable[[int, int], None]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(work: Callable[[_Item], _Result], items: Sequence[_Item], workers: int) -> Iterator[_Result]:
    """`work` on every item, results in the items' order.

    Few items are under way at a time, so that results which wait to be consumed cannot fill the memory.

    Args:
        work: called once an item; what it raises is raised here.
        items: what to work on.
        workers: threads; 0 works in the caller's.

    >>> list(in_threads(str.upper, ["a", "b", "c"], workers=2))
    ['A', 'B', 'C']
    """
    if workers < 1:
        yield from map(work, items)
        return
    window = 8 * workers
    pool = ThreadPoolExecutor(workers)
    try:
        under_way = [pool.submit(work, item) for item in items[:window]]
        for position in range(len(items)):
            result = under_way[position % window].result()
            if position + window < len(items):
                under_way[position % window] = pool.submit(work, items[position + window])
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
