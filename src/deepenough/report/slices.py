"""What is said of the slices, and the images behind each: small galleries within one budget for the page."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from deepenough.comparison import differing_samples
from deepenough.comparison.metrics import as_recorded
from deepenough.comparison.slices import FALSE_SHARE
from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.gallery import Gallery, Photo, kind_of, photo
from deepenough.report.language import say, term
from deepenough.report.tables import numbers
from deepenough.report.tables.slices import by_gain, name_of

_NAMED = 5  # slices, in a sentence
MOST_GALLERIES = 30
MOST_PHOTOS, MOST_LISTED = 6, 12  # a slice
MOST_BYTES = 500_000  # of photos in all slices, before base64

Images = dict[tuple[str, str], Gallery]


def lead(frame: pl.DataFrame, verdict: Verdict) -> tuple[str, ...]:
    """What the slices show, and how far to trust it.

    Args:
        frame: rows of `records.SLICES` at one scale.
        verdict: names the contenders.
    """
    if frame.is_empty():
        return (say("The test images do not differ in class, size, shape or any column of a manifest."),)
    return (*_other_metric(verdict), *_what_they_show(frame, verdict))


def _other_metric(verdict: Verdict) -> tuple[str, ...]:
    recorded = as_recorded(verdict.metric)
    if recorded == verdict.metric:
        return ()
    return (
        say(
            "These gains are in {recorded}, as the scores were recorded; the verdict is by {metric}.",
            recorded=term(recorded),
            metric=term(verdict.metric),
        ),
    )


def _what_they_show(frame: pl.DataFrame, verdict: Verdict) -> tuple[str, ...]:
    read = say(
        "Look at the rest for where to look closer, not for proof: of 20 such intervals one leaves out zero by chance."
    )
    if frame["q_value"].null_count() == frame.height:
        return (say("With two training runs each, no slice can be marked: that takes three. {read}", read=read),)
    marked = frame.filter(pl.col("q_value") <= FALSE_SHARE)
    if marked.is_empty():
        return (
            say(
                "In none of {slices} slices is a gain or a loss shown (q above 0.05 in all). {read}",
                slices=numbers.count(frame.height),
                read=read,
            ),
        )
    found = []
    for name, rows in (
        (verdict.big, marked.filter(pl.col("difference") > 0)),
        (verdict.small, marked.filter(pl.col("difference") < 0)),
    ):
        if not rows.is_empty():
            more = say(" and {more} more", more=numbers.count(rows.height - _NAMED)) if rows.height > _NAMED else ""
            listed = ", ".join(name_of(row) for row in rows.head(_NAMED).to_dicts())
            found.append(
                say("{name} is better in {listed}{more}.", name=words.display_name(name), listed=listed, more=more)
            )
    share = say("Of slices marked so, at most 5 % are marked by chance on average. {read}", read=read)
    return (*found, share)


def images_of_slices(
    slices: pl.DataFrame,
    differing: pl.DataFrame,
    tables: tuple[pl.DataFrame, pl.DataFrame | None, pl.DataFrame | None],
    verdict: Verdict,
) -> Images:
    """A gallery for each of the first slices in which the contenders differ on some image, the largest gain first.

    Args:
        slices: rows of `records.SLICES` at one scale, the clearest first: they get their pictures first.
        differing: as `comparison.disagreements` gives it, with the column `path`.
        tables: scores, samples and thumbnails of the study.
        verdict: names the contenders and the scale.
    """
    scores, samples, thumbnails = tables
    scale = scores["scale"][0]
    behind = differing_samples(
        scores, samples, small=verdict.small, big=verdict.big, scale=scale, most=MOST_PHOTOS + MOST_LISTED + 1
    )
    wanted = [(row, behind.get((row["column"], row["level"]), [])) for row in slices.head(MOST_GALLERIES).to_dicts()]
    needed = {sample for _, ids in wanted for sample in ids}
    if thumbnails is None:
        pictured = differing.with_columns(image=pl.lit(None, dtype=pl.Binary))
    else:
        pictured = differing.join(thumbnails.unique("sample_id"), on="sample_id", how="left")
    rows = {row["sample_id"]: row for row in pictured.filter(pl.col("sample_id").is_in(needed)).iter_rows(named=True)}
    galleries: Images = {}
    spent = 0
    for place, (row, ids) in enumerate(wanted, start=1):
        photos, listed, spent = _chosen([rows[sample] for sample in ids if sample in rows], spent, verdict)
        if photos or listed:
            galleries[row["column"], row["level"]] = Gallery(
                title=_title(row, verdict),
                photos=tuple(photos),
                key=f"slice-{place}",
                listed=tuple(listed[:MOST_LISTED]),
                more=len(photos) + len(listed[:MOST_LISTED]) < row["only_big"] + row["only_small"],
            )
    shown = [(row["column"], row["level"]) for row in by_gain(slices).to_dicts()]
    return {slice_: galleries[slice_] for slice_ in shown if slice_ in galleries}


def _chosen(rows: Sequence[dict], spent: int, verdict: Verdict) -> tuple[list[Photo], list[str], int]:
    """Photos of the first images that have a thumbnail within the budget, and the paths of the others."""
    photos: list[Photo] = []
    listed: list[str] = []
    for row in rows:
        image: bytes = row["image"] or b""
        kind = kind_of(image)
        if kind is None or len(photos) >= MOST_PHOTOS or spent + len(image) > MOST_BYTES:
            listed.append(row["path"])
        else:
            spent += len(image)
            photos.append(photo(row, verdict))
    return photos, listed, spent


def _title(row: dict, verdict: Verdict) -> str:
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    won, lost = numbers.count(row["only_big"]), numbers.count(row["only_small"])
    return say(
        "{slice}: {big} is right more often on {won}, {small} on {lost}",
        slice=name_of(row),
        big=big,
        won=won,
        small=small,
        lost=lost,
    )
