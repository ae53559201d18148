"""docs/performance.md from what the benchmarks left in benchmarks/results: `python benchmarks/performance_page.py`.

In a row of results, words and whole numbers say what was measured; numbers with a fraction, and bytes, are what was
measured. Rows that say the same are repeats: the page shows their median and, in brackets, the least and the most. With
`--check` nothing is written, and the exit code is 1 where the page is not what the results make.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "benchmarks" / "results", ROOT / "docs" / "performance.md"
REPEATS = ("round", "seed")  # what tells repeats apart
TITLES = {
    "evaluation_memory": "Memory of a test, by number of pictures",
    "evaluation_speed": "Testing from JPEG files, against the bare forward passes",
    "executors": "Two workers of a Ray cluster against one",
    "growth": "Growth with images, contenders and scales",
    "report_speed": "The report of a large study",
    "study_against_timm": "A whole study, against the same study by timm's scripts",
    "training_speed": "Training, against a bare loop and timm's script",
    "verdict_speed": "A verdict on 1.5 million scores",
}
HEAD = """# Performance

Written by `python benchmarks/performance_page.py` from [benchmarks/results](../benchmarks/results); do not edit. Each
table is one benchmark's; medians, with the least and the most in brackets where there are repeats. `_s` are seconds,
`_mb` 10^6 bytes. What went wrong on the way is in the [log](log.md).

What schedules of image sides cost and keep: measured in [mechanisms](mechanisms.md), described in [scales](scales.md).
A batch at a smaller side holds more pictures, about as many pixels in all (`@mixed`, `@progressive`), so that an epoch
takes fewer steps there; `@progressive` goes through 0.6 of the arithmetic at its default sides.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    made = page(sorted(RESULTS.glob("*.json")))
    if options.check:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


def page(files: Sequence[Path]) -> str:
    """The page in Markdown."""
    return "\n".join([HEAD, *(_section(path.stem, json.loads(path.read_text("utf-8"))) for path in files)])


def _section(name: str, found: Mapping[str, Any]) -> str:
    about = [
        f"## {TITLES.get(name, name.replace('_', ' ').capitalize())}",
        f"`{found['command']}`; n = {_count(found['n'])}; {_said(found['hardware'])}; {_said(found['versions'])}.",
    ]
    tables: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in found["rows"]:
        tables.setdefault(tuple(sorted(key for key in row if key not in REPEATS)), []).append(row)
    return "\n\n".join([*about, *(table(rows) for rows in tables.values())]) + "\n"


def _count(given: int | Sequence[int]) -> str:
    return f"{given:,}" if isinstance(given, int) else " and ".join(f"{each:,}" for each in given)


def _said(facts: object) -> str:
    if isinstance(facts, Mapping):
        return ", ".join(f"{key} {value}" for key, value in facts.items())
    return str(facts)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as a Markdown table, repeats in one line."""
    keys = [key for key in rows[0] if key not in REPEATS]
    measured = [key for key in keys if key.endswith("_bytes") or any(isinstance(row[key], float) for row in rows)]
    named = [key for key in keys if key not in measured]
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(_cell(row[key]) for key in named), []).append(row)
    lines = [
        "| " + " | ".join([*named, *(key.replace("_bytes", "_mb") for key in measured), "repeats"]) + " |",
        "|---" * (len(keys) + 1) + "|",
    ]
    for said, each in groups.items():
        values = [_spread([_value(key, row[key]) for row in each if row[key] is not None]) for key in measured]
        lines.append("| " + " | ".join([*said, *values, str(len(each))]) + " |")
    return "\n".join(lines)


def _value(key: str, value: float) -> float:
    return value / 1e6 if key.endswith("_bytes") else float(value)


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(each)}" for key, each in value.items())
    if isinstance(value, list):
        return _spread([float(each) for each in value])
    if isinstance(value, float):
        return _number(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value).replace("|", "\\|")


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = _number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    """About three digits, no exponent."""
    size = abs(value)
    return (
        f"{value:,.0f}"
        if size >= 100
        else f"{value:.1f}"
        if size >= 10
        else f"{value:.2f}"
        if size >= 1
        else f"{value:.3f}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
