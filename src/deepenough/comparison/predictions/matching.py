"""Sample ids that do not match between runs: counted, listed, and refused or left out."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from deepenough.comparison.predictions.checking import RUN, listed
from deepenough.comparison.predictions.gathering import Gathered
from deepenough.errors import RecordError
from deepenough.records import write_atomically

_SHOWN_RUNS, _SHOWN_IDS = 3, 3
_NO_TARGET = "target"


def unmatched(gathered: Gathered) -> pl.DataFrame:
    """What is lacking: `contender`, `seed`, `scale`, `sample_id`, `lacks`, one row a run and sample.

    `lacks` is `prediction` where another run has the sample and this one has not, and `target` (with no run) where the
    sample was predicted but its target is not known.
    """
    scores = gathered.scores
    runs = scores.select(RUN).unique(maintain_order=True)
    held = scores.group_by("sample_id", maintain_order=True).len()
    partial = held.filter(pl.col("len") < runs.height).select("sample_id")
    lacking = runs.join(partial, how="cross").join(scores.select(*RUN, "sample_id"), on=[*RUN, "sample_id"], how="anti")
    alone = pl.DataFrame({"sample_id": gathered.targetless}).with_columns(
        *(pl.lit(None, dtype=scores.schema[name]).alias(name) for name in RUN), pl.lit(_NO_TARGET).alias("lacks")
    )
    found = pl.concat([lacking.with_columns(pl.lit("prediction").alias("lacks")), alone], how="diagonal")
    return found.select(*RUN, "sample_id", "lacks")


def settle(
    gathered: Gathered, *, common: bool = False, gaps: bool = False, listing: Path | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """The scores that a verdict may rest on, and the caveats that follow where runs lack samples.

    Args:
        gathered: predictions of all runs.
        common: leave out the samples that some run lacks; without it and `gaps` they are refused.
        gaps: keep them with the scores that there are.
        listing: where to write all that does not match, as CSV; its header alone where everything does.

    Raises:
        RecordError: if samples do not match and `common` is not set, no sample is shared, or `listing` is there already
            or in no folder.
    """
    found = unmatched(gathered)
    if listing is not None:
        _write(listing, found)
    if found.is_empty():
        return gathered.scores, []
    partial = found.filter(pl.col("lacks") == "prediction")["sample_id"].unique()
    shared = gathered.scores.filter(~pl.col("sample_id").is_in(partial.implode()))
    every = gathered.scores["sample_id"].n_unique() + len(gathered.targetless)
    left, lacking = shared["sample_id"].n_unique(), _lacking(found)
    if gaps:
        return gathered.scores, _kept(found, gathered, listing)
    if left == 0:
        raise RecordError(
            gathered.where, "sample ids that all runs share", _first_ids(gathered.scores), "write the ids alike"
        )
    if not common:
        got = f"{every - left} of {every} that are not in every run ({lacking})"
        remedy = f"--common decides on the {left} that all share, --missing allow on all"
        remedy = (
            f"all are listed in {listing}; {remedy}" if listing else f"--list-unmatched FILE writes them all, {remedy}"
        )
        raise RecordError(gathered.where, "the same samples in every run", got, remedy)
    caveat = (
        f"{every - left} of {every} samples were left out because not every run has them ({lacking}). The verdict is "
        f"about the other {left}; it is biased if what is missing is not missing at random, as when the hardest images "
        "failed."
    )
    return shared, [caveat if listing is None else f"{caveat} All are listed in {listing}."]


def _kept(found: pl.DataFrame, gathered: Gathered, listing: Path | None) -> list[str]:
    """What was missing and is kept with gaps, and when that may be done."""
    without, said = len(gathered.targetless), []
    partial = found.filter(pl.col("lacks") == "prediction")
    if partial.height:
        number, every = partial["sample_id"].n_unique(), gathered.scores["sample_id"].n_unique()
        said.append(
            f"{number} of {every} samples lack a score in some run ({_lacking(partial)}). They count with the scores "
            "that there are, as declared by --missing allow: the gain is over the samples that both networks scored at "
            "least once. It is biased if what is missing depends on the score itself, as when a run failed on what it "
            "would have got wrong; score such samples as wrong."
        )
    if without:
        ids = found.filter(pl.col("lacks") == _NO_TARGET)
        said.append(f"Left out, since nobody can score them: {_lacking(ids)}.")
    return said if listing is None else [*said[:-1], f"{said[-1]} All are listed in {listing}."]


def _write(listing: Path, found: pl.DataFrame) -> None:
    where = f"--list-unmatched {listing}"
    if listing.exists():
        raise RecordError(
            where, "a file that is not there yet", "one that is", "choose another name; it was not touched"
        )
    if not listing.parent.is_dir():
        raise RecordError(where, "a file in a folder that is there", f"no folder {listing.parent}", "make it first")
    write_atomically(listing, found.write_csv)


def _lacking(found: pl.DataFrame) -> str:
    """How many samples each run lacks, and the first of them."""
    words = []
    for (contender, seed, scale, lacks), rows in found.group_by(*RUN, "lacks", maintain_order=True):
        run = f"{contender} seed {seed}" + (f" at {scale} px" if scale else "") + f" lacks {rows.height}"
        ids = rows["sample_id"].head(_SHOWN_IDS).to_list()
        shown = ", ".join(ids) + (", ..." if rows.height > _SHOWN_IDS else "")
        words.append(f"{run if lacks != _NO_TARGET else f'{rows.height} have no target'}: {shown}")
    more = f"; {len(words) - _SHOWN_RUNS} more runs" if len(words) > _SHOWN_RUNS else ""
    return "; ".join(words[:_SHOWN_RUNS]) + more


def _first_ids(scores: pl.DataFrame) -> str:
    words = []
    for (contender, seed, _), rows in scores.group_by(RUN, maintain_order=True):
        words.append(f"{contender} seed {seed} has {listed(rows['sample_id'].head(_SHOWN_IDS))}")
    return f"none shared: {'; '.join(words[:_SHOWN_RUNS])}"
