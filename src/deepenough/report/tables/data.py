"""Tables of the images: what the data holds, what was left out, and where the contenders differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl

from deepenough.data.rules import REASONS, is_ignored
from deepenough.records import Audit, Verdict
from deepenough.report import words
from deepenough.report.language import recorded, say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Cell, Table, table, text_column

MOST_CLASSES_IN_A_MATRIX = 20
MOST_ROWS = 60


def confusion(frame: pl.DataFrame, contender: str, labels: Sequence[str]) -> Table:
    """Rows are true classes, columns are answers, fields are shares of the row in per cent.

    Args:
        frame: as `comparison.confusion` gives it.
        contender: whose answers.
        labels: the classes in order, at most `MOST_CLASSES_IN_A_MATRIX`.
    """
    shares = {
        (target, answer): share for target, answer, share in frame.select("target", "prediction", "share").iter_rows()
    }
    rows = [
        [Cell(target), *(_share(shares.get((target, answer), 0.0), target == answer) for answer in labels)]
        for target in labels
    ]
    return table(
        f"confusion-{contender}",
        say(
            "{contender}: true class in rows, answer in columns, % of the row", contender=words.display_name(contender)
        ),
        [say("true class"), *labels],
        rows,
    )


def _share(fraction: float, right: bool) -> Cell:
    if fraction == 0:
        return Cell("·")
    return Cell(numbers.fixed(100 * fraction, 0), heat=min(9, max(1, math.ceil(9 * math.sqrt(fraction)))), strong=right)


def confused(frames: Mapping[str, pl.DataFrame], most: int = 12) -> Table:
    """The mistakes made most often.

    Args:
        frames: by contender, as `comparison.confusion` gives them.
        most: rows.
    """
    wrong = pl.concat([frame.with_columns(contender=pl.lit(name)) for name, frame in frames.items()]).filter(
        pl.col("target") != pl.col("prediction")
    )
    shares = {(name, target, answer): share for target, answer, _, share, name in wrong.iter_rows()}
    ranked = wrong.group_by("target", "prediction").agg(pl.col("count").sum())
    ranked = ranked.sort("count", "target", "prediction", descending=[True, False, False]).head(most)
    rows = [
        (target, answer, *(numbers.share(shares.get((name, target, answer), 0.0)) for name in frames))
        for target, answer, _ in ranked.iter_rows()
    ]
    heads = [say("true class"), text_column(say("taken for")), *(words.display_name(name) for name in frames)]
    return table("confused", say("The mistakes made most often, as a share of the true class"), heads, rows)


def disagreements(frame: pl.DataFrame, verdict: Verdict) -> Table:
    """Images on which the two answer differently, the largest differences first.

    Args:
        frame: as `comparison.disagreements` gives it, with the column `path`.
        verdict: names the contenders.
    """
    if frame["small_prediction"].null_count() == frame.height:
        return _by_score(frame, verdict)
    rows = [
        (
            row["path"],
            row["target"],
            _answer(row["small_prediction"], row["target"]),
            numbers.share(row["small_score"], 0),
            _answer(row["big_prediction"], row["target"]),
            numbers.share(row["big_score"], 0),
        )
        for row in frame.head(MOST_ROWS).iter_rows(named=True)
    ]
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    says, right = (say("{small} says", small=small), say("{big} says", big=big)), say("runs right")
    heads = [say("image"), text_column(say("true class")), text_column(says[0]), right, text_column(says[1]), right]
    return table(
        "disagreements",
        say("Images on which they differ"),
        heads,
        rows,
        note=_cut(frame.height, MOST_ROWS, say("images")),
    )


def _by_score(frame: pl.DataFrame, verdict: Verdict) -> Table:
    """The same where a network gives no answer that is right or wrong: the score of each."""
    decimals, factor = words.decimals_of(verdict), 100.0 if verdict.unit == "points" else 1.0
    rows = [
        (
            row["path"],
            *(numbers.fixed(factor * row[f"{side}_score"], decimals) for side in ("small", "big")),
            numbers.signed(factor * row["difference"], decimals),
        )
        for row in frame.head(MOST_ROWS).iter_rows(named=True)
    ]
    unit = numbers.level_unit(verdict.unit)
    names = (f"{words.display_name(name)}, {unit}" for name in (verdict.small, verdict.big))
    heads = [say("image"), *names, say("gain, {unit}", unit=term(verdict.unit))]
    note = _cut(frame.height, MOST_ROWS, say("images"))
    return table("disagreements", say("Images on which they differ"), heads, rows, note=note)


def _answer(prediction: str, target: str) -> Cell:
    return Cell(prediction, strong=prediction == target)


def class_counts(audit: Audit) -> Table:
    """Images of every class in every split."""
    splits = list(dict.fromkeys([*(name for name in ("train", "val", "test") if name in audit.splits), *audit.splits]))
    rows = [
        (name, *(numbers.count(counts.get(split, 0)) for split in splits), numbers.count(sum(counts.values())))
        for name, counts in list(audit.classes.items())[:MOST_ROWS]
    ]
    total = (say("all"), *(numbers.count(audit.splits[split]) for split in splits), numbers.count(audit.used))
    return table(
        "class-counts",
        say("Images used, by class and split"),
        [say("class"), *map(term, splits), say("all")],
        [*rows, total],
        note=_cut(len(audit.classes), MOST_ROWS, say("classes")),
        strong_rows=[len(rows)],
    )


def findings(audit: Audit) -> Table:
    """What the audit of the data found, the gravest first."""
    gravity = {"error": 0, "warning": 1, "info": 2}
    ordered = sorted(audit.findings, key=lambda finding: gravity.get(finding.severity, 3))
    rows = [(term(finding.severity), recorded(finding.message), numbers.count(finding.count)) for finding in ordered]
    return table("findings", say("Findings"), ["", text_column(say("finding"), wraps=True), say("files")], rows)


def left_out(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of `records.QUARANTINE` on files that may have been meant as samples."""
    return frame.filter(~_ignored())


def quarantine(frame: pl.DataFrame) -> tuple[Table, ...]:
    """Every file left out, and why; then those that were never meant as samples."""
    parts = (
        ("quarantine", say("Files left out, for all contenders alike"), left_out(frame)),
        ("ignored", say("Files ignored, for they are no samples"), frame.filter(_ignored())),
    )
    return tuple(_files(key, title, part) for key, title, part in parts if not part.is_empty())


def _ignored() -> pl.Expr:
    return pl.col("reason").is_in([name for name in REASONS if is_ignored(name)])


def _files(key: str, title: str, frame: pl.DataFrame) -> Table:
    rows = [
        (
            row["path"],
            term(row["reason"].replace("_", " ")),
            recorded(row["detail"] or ""),
            term(row["split"] or numbers.ABSENT),
        )
        for row in frame.sort("path").head(MOST_ROWS).iter_rows(named=True)
    ]
    heads = [say("file"), text_column(say("reason")), text_column(say("detail"), wraps=True), text_column(say("split"))]
    return table(key, title, heads, rows, note=_cut(frame.height, MOST_ROWS, say("files")))


def _cut(there: int, shown: int, noun: str) -> str:
    return (
        say(
            "The first {shown} of {there} {noun}; all are in the study folder.",
            shown=shown,
            there=numbers.count(there),
            noun=noun,
        )
        if there > shown
        else ""
    )
