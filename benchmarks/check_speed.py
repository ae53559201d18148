"""How fast `check` is beside decoding alone: processor seconds over the same pictures, in turns, in one thread.

python benchmarks/check_speed.py FOLDER [PAIRS]
"""

from __future__ import annotations

import sys
import time

from deepenough.data import decode_rgb, open_source, prepare


def main(folder: str, pairs: int = 5) -> None:
    source = open_source(folder)
    ratios = []
    for _ in range(pairs):
        started = time.process_time()
        for entry in source.entries:
            decode_rgb(entry.read())
        decoded = time.process_time()
        prepare(source)
        checked = time.process_time() - decoded
        ratios.append((decoded - started) / checked)
        print(f"decoding {decoded - started:.2f} s, check {checked:.2f} s, {ratios[-1]:.0%} of its speed", flush=True)
    print(f"median {sorted(ratios)[len(ratios) // 2]:.0%} over {pairs} pairs, {len(source.entries)} pictures")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
