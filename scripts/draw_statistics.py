"""Draw the pictures of docs/reading-statistics.md, and say the figures that its text quotes.

    .venv/bin/python scripts/draw_statistics.py docs/images

All of it is simulated, with networks of which the truth is known: those on which the error rates of docs/statistics.md
were measured (90 % accuracy; two runs of one network differ on 4.5 % of images, of different networks on 6.3 %). The
same draws every time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from deepenough.report.figures.alone import svg_file
from deepenough.report.figures.canvas import INK, MUTED, Caption, colour, dashes, legend_above, minus
from deepenough.report.tables.model import Table
from deepenough.stats import nested
from deepenough.stats.decision import decide
from deepenough.stats.prediction import interval_half_width
from deepenough.stats.simulation import Experiment, Family, draw

NO_TABLE = Table(key="", caption="", columns=(), rows=())  # the words hold the figures
SEED = 9
SEED_SD = 0.005  # of accuracy from run to run, a share: 0.5 points
IMAGES = 1000
MARGIN = 1.0  # points
SAID = {
    "small_is_better": "ResNet-50 is better",
    "small_is_enough": "ResNet-50 is enough",
    "big_is_better": "ResNet-101 is better",
    "undecided": "undecided",
}
INTERVALS = ((-1.6, -0.3), (-0.7, 0.6), (0.2, 0.8), (1.2, 2.4), (0.3, 1.9), (-0.5, 1.7))
Drawn = tuple[str, str]  # SVG text, what to print


def answers() -> Drawn:
    """Six intervals against one margin, and what each is called."""
    found = [decide(interval, MARGIN) for interval in INTERVALS]
    more = {True: ", by more than the margin", False: "; by more than the margin or not is open", None: ""}

    def fill(figure: Figure, _narrow: bool) -> None:
        axes = figure.subplots()
        for place, (interval, decision) in enumerate(zip(INTERVALS, found, strict=True)):
            tint = MUTED if decision.answer == "undecided" else colour(int(decision.answer == "big_is_better"))
            axes.plot(interval, (-place, -place), color=tint, linewidth=4, solid_capstyle="butt")
            axes.plot(np.mean(interval), -place, "o", color=tint, markersize=8)
            words = SAID[decision.answer] + more[decision.beyond_margin]
            axes.annotate(words, (2.6, -place), va="center", annotation_clip=False)
        _rule(axes, 0.0, "no difference")
        _rule(axes, MARGIN, "margin")
        axes.set_xlim(-2, 5.6)
        axes.set_ylim(-len(found) + 0.4, 0.9)
        axes.set_xticks(range(-2, 3))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_bounds(-2, 2.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: minus(f"{value:g}")))
        axes.set_xlabel("gain of ResNet-101, points", loc="left")

    words = "; ".join(f"{low:g} to {high:g}: {SAID[d.answer]}" for (low, high), d in zip(INTERVALS, found, strict=True))
    return svg_file(_caption("answers", "Six intervals and their answers", words), fill, height=260), words


def luck() -> Drawn:
    """The gap between one run each, and between means of three, of two networks that are equally good."""
    rng = np.random.default_rng(SEED)
    setting = Experiment(seeds=(3, 3), samples=IMAGES, seed_sds=(SEED_SD, SEED_SD))
    scores = [block[0] for block in draw([setting], 4000, rng)]
    one = 100 * np.concatenate([b[:, 0].mean(-1) - a[:, 0].mean(-1) for a, b in scores])
    three = 100 * np.concatenate([b.mean((1, 2)) - a.mean((1, 2)) for a, b in scores])
    shares = [float(np.mean(np.abs(gaps) >= MARGIN)) for gaps in (one, three)]

    def fill(figure: Figure, _narrow: bool) -> None:
        axes = figure.subplots()
        bins = np.arange(-4.05, 4.15, 0.3)
        for place, gaps in enumerate((one, three)):
            heights, edges = np.histogram(gaps, bins)
            axes.stairs(100 * heights / len(gaps), edges, color=colour(place), linestyle=dashes(place), linewidth=2)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel("gap seen, points; the true gap is 0")
        axes.set_ylabel("share of studies, %")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: minus(f"{value:g}")))
        legend_above(figure, list(_legend("one run each", "means of three runs each")), narrow=False)

    words = (
        f"Of 4,000 studies on {IMAGES:,} images a gap of {MARGIN:g} point or more is seen in {100 * shares[0]:.0f} % "
        f"with one run each and in {100 * shares[1]:.0f} % with three, though the networks are equally good."
    )
    return svg_file(_caption("luck", "Gaps that are luck alone", words), fill, height=280), words


def coverage() -> Drawn:
    """Forty studies of one true gain: their intervals, and which of them miss it."""
    truth = 1.0
    rng = np.random.default_rng(SEED)
    setting = Experiment(seeds=(3, 3), samples=IMAGES, seed_sds=(SEED_SD, SEED_SD), gain=-truth / 100)
    found = [nested(b, a).interval for block in draw([setting], 40, rng) for a, b in zip(*block[0], strict=True)]
    intervals = 100 * np.asarray(found)
    missed = (intervals[:, 0] > truth) | (intervals[:, 1] < truth)

    def fill(figure: Figure, _narrow: bool) -> None:
        axes = figure.subplots()
        for place, (low, high) in enumerate(intervals):
            tint = colour(int(missed[place]))
            axes.plot((place, place), (low, high), color=tint, linewidth=4 if missed[place] else 2)
        axes.axhline(truth, color=INK, linewidth=1)
        axes.axhline(0, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate("true gain", (39.8, truth), (4, 3), textcoords="offset points", annotation_clip=False, size=11)
        axes.set_xlim(-1, 43)
        axes.set_xticks([])
        axes.set_xlabel("forty studies")
        axes.set_ylabel("gain with 95 % interval, points")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: minus(f"{value:g}")))

    shown = int((intervals[:, 0] > 0).sum())
    words = (
        f"Of 40 studies of a true gain of {truth:g} point, three seeds and {IMAGES:,} images each, {int(missed.sum())} "
        f"miss it with their interval and {shown} show that there is a gain; the others are undecided about it."
    )
    return svg_file(_caption("coverage", "Forty studies of one truth", words), fill, height=280), words


def width() -> Drawn:
    """How wide the interval is, over images, for several numbers of seeds; and what pairing over images saves."""
    images = np.geomspace(200, 100_000, 60)
    parts = Family().components((SEED_SD, SEED_SD))
    seeds = (3, 5, 10)
    halves = {k: 100 * np.asarray(interval_half_width(parts, k, images)) for k in seeds}

    def fill(figure: Figure, _narrow: bool) -> None:
        axes = figure.subplots()
        for place, k in enumerate(seeds):
            axes.plot(images, halves[k], color=colour(place), linestyle=dashes(place))
        axes.set_xscale("log")
        axes.set_ylim(0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_xlabel("test images")
        axes.set_ylabel("interval: gain ± points")
        axes.grid(visible=True, axis="y")
        legend_above(figure, list(_legend(*(f"{k} seeds" for k in seeds))), narrow=False)

    ends = ", ".join(f"{halves[k][-1]:.2f} with {k} seeds" for k in seeds)
    words = f"With 100,000 images the interval still reaches to either side, in points: {ends}."
    return svg_file(_caption("width", "More images, and more seeds", words), fill, height=280), words


DRAWN: dict[str, Callable[[], Drawn]] = {"answers": answers, "luck": luck, "coverage": coverage, "width": width}


def _caption(key: str, title: str, words: str) -> Caption:
    return Caption(key=f"statistics-{key}", title=title, description=words, twin=NO_TABLE)


def _legend(*labels: str) -> Iterator[Line2D]:
    for place, label in enumerate(labels):
        yield Line2D([], [], color=colour(place), linestyle=dashes(place), label=label)


def _rule(axes, place: float, label: str) -> None:  # noqa: ANN001  matplotlib's axes
    axes.axvline(place, color=INK, linewidth=1)
    axes.annotate(label, (place, 0.9), (3, 0), textcoords="offset points", size=11, color=MUTED, va="top")


def main(folder: str) -> None:
    """Draw every picture into `folder`."""
    for name, drawing in DRAWN.items():
        svg, words = drawing()
        (Path(folder) / f"statistics-{name}.svg").write_text(svg, encoding="utf-8")
        sys.stdout.write(f"{name}: {words}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: draw_statistics.py FOLDER")
    main(sys.argv[1])
