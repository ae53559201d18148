"""Draw the verdict of a study folder as a picture of its own, for pages outside the report.

    .venv/bin/python scripts/draw_verdict.py runs/demo docs/images/verdict.svg

The drawing is the report's; this adds what a page gave it, its colours for light and dark and its paper.
"""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path

from deepenough import records
from deepenough.report.figures.verdict import verdict_picture

FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def standalone(svg: str, style: str) -> str:
    """An inline drawing as a file: with its namespace, the report's colours, and paper beneath."""
    colours = re.match(
        r"\s*:root\s*\{.*?\}\s*(@media [^{]*prefers-color-scheme: dark\)\s*\{.*?\}\s*\})?", style, re.DOTALL
    )
    if colours is None:
        raise SystemExit("error: the report's style no longer begins with its colours; mend scripts/draw_verdict.py")
    paper = '<rect x="-8" y="-8" width="100%" height="100%" style="fill:var(--paper)" />'
    head = f"<style>{colours[0]} text {{ font-family: {FONT} !important; }}</style>{paper}"
    left, top, width, height = map(float, re.findall(r'viewBox="([^"]+)"', svg)[0].split())
    svg = re.sub(r'viewBox="[^"]+"', f'viewBox="{left - 8:g} {top - 8:g} {width + 16:g} {height + 16:g}"', svg, count=1)
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return re.sub(r"(<svg[^>]*>)", lambda tag: tag[1] + head, svg, count=1) + "\n"


def main(folder: str, target: str) -> None:
    """Draw the verdict of `folder` into the file `target`."""
    verdict = records.verdict_from_json(records.read_json(Path(folder) / "verdict.json"))
    style = resources.files("deepenough.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    Path(target).write_text(standalone(verdict_picture(verdict).wide, style), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: draw_verdict.py FOLDER TARGET.svg")
    main(*sys.argv[1:])
