"""Embeddings in words, and written out: Markdown with every table, and the figures as SVG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepenough.records import write_atomically
from deepenough.records.embedding import EmbeddingReport
from deepenough.report import markdown
from deepenough.report.naming import display_name
from deepenough.report.tables import Table, numbers
from deepenough.report.tables import embedding as tables


def sentences(found: EmbeddingReport) -> list[str]:
    """What was found, in a few sentences."""
    small, big = display_name(found.small), display_name(found.big)
    counts = ", ".join(f"{numbers.count(size)} {split}" for split, size in found.samples.items())
    seeds = len(tables.runs_of(found, found.small))
    said = [
        f"{small} and {big}, weights {found.weights}, {seeds} {'seed' if seeds == 1 else 'seeds'}, {found.scale} px: "
        f"{counts} images in {found.classes} classes.",
    ]
    if found.new_classes:
        said.append(
            "The classes of the test are none of those of training, as identities are: nothing learned of those can "
            "tell them, so what is asked is which images find each other."
        )
    gain = found.gains["recall_at_1"]
    said.append(
        f"Retrieval among the test images: the gain of {big} in recall@1 is {numbers.signed(gain.difference, 1)} "
        f"points ({numbers.confidence(found.level)} interval {numbers.interval(gain.interval, 1)}); bare pixels reach "
        f"{numbers.share(found.pixels['recall_at_1'])}."
    )
    best = max(run.recall["1"] for run in found.runs)
    if found.pixels["recall_at_1"] > best:
        said.append(
            "Bare pixels find more than either network does: the embeddings are worth little, or pictures of the same "
            "thing recur in the test images."
        )
        if not found.new_classes:  # whose clusters are the classes themselves
            said.append("With a group for each thing in the manifest they do not find each other.")
    if seeds < 3:
        said.append("Fewer than three seeds: this is about these networks and says little about their depth.")
    return said


def all_tables(found: EmbeddingReport) -> list[Table]:
    """Every table, those of the figures' data last."""
    return [
        tables.figures(found),
        tables.gains(found),
        tables.needed(found),
        tables.similarity(found),
        tables.trust(found),
        *(tables.curve(found, judge) for judge in found.judges),
    ]


def lines(found: EmbeddingReport) -> list[tuple[Sequence[str], list[list[str]]]]:
    """The tables for a terminal as header and rows of text."""
    shown = [tables.figures(found), tables.gains(found), tables.needed(found)]
    return [([c.title for c in table.columns], [[cell.text for cell in row] for row in table.rows]) for table in shown]


def write(found: EmbeddingReport, folder: Path) -> list[Path]:
    """Write `embed.md` and the figures; the paths of what was written."""
    from deepenough.report.figures.alone import picture_svg
    from deepenough.report.figures.embedding import accuracy_over_dimensions, stages_alike

    pictures = [*(accuracy_over_dimensions(found, judge) for judge in found.judges), stages_alike(found)]
    parts = [f"# Embeddings of {markdown.escape(Path(found.source).name)}", *map(markdown.escape, sentences(found))]
    written = []
    for each in pictures:
        if each is None:
            continue
        written.append(folder / f"{each.key}.svg")
        _write(written[-1], picture_svg(each))
        parts.append(f"![{markdown.escape(each.title)}]({each.key}.svg)")
    parts += [markdown.block(table).rstrip("\n") for table in all_tables(found)]
    _write(folder / "embed.md", "\n\n".join(parts) + "\n")
    return [folder / "embed.md", *written]


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda stream: stream.write(text.encode()))
