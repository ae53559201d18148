"""Which pairs of pictures a verification is asked about: those of a protocol, or all, in bounds."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import polars as pl

from deepenough.records import ANNOTATIONS, OTHER_GROUP, SAMPLES

SAME, DIFFERENT = "same", "different"
PLACES = "places"  # of a pair's two pictures in their split; nested, so that nothing is sliced by it
_SEED = 0  # of the choice where there are too many; it follows from the pictures alone


def pairs_of(pictures: pl.DataFrame, *, protocol: bool, most: int) -> pl.DataFrame:
    """The pairs of a split's pictures as samples, with the places of both in it.

    Args:
        pictures: rows of samples.parquet.
        protocol: take the pairs that the source declares for these pictures, where it declares any.
        most: pairs; of more, as many of one person as of two, but all of one person where those are fewer.

    Returns:
        Columns of `records.SAMPLES`, `group_other` and `places`; of one person first.
    """
    people = pictures["target"].to_numpy()
    declared = declared_pairs(pictures) if protocol else None
    places = all_pairs(people, most) if declared is None else declared
    return _as_samples(pictures, places)


def declared_pairs(pictures: pl.DataFrame) -> np.ndarray | None:
    """Places (pairs, 2) of the declared pairs, both of whose pictures are there; None where none are declared."""
    if ANNOTATIONS not in pictures.columns or pictures[ANNOTATIONS].null_count() == pictures.height:
        return None
    place = {path: number for number, path in enumerate(pictures["path"])}
    found = [
        (number, place[other])
        for number, said in enumerate(pictures[ANNOTATIONS])
        for other in (json.loads(said)["pairs"] if said else ())
        if other in place
    ]
    return np.unique(np.sort(np.asarray(found, np.int64).reshape(-1, 2), axis=1), axis=0)


def all_pairs(people: Sequence[str] | np.ndarray, most: int) -> np.ndarray:
    """Places (pairs, 2) of all pairs of pictures, or of a seeded choice of `most`.

    >>> all_pairs(["ann", "ann", "bob"], 10).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    codes, rng = np.unique(np.asarray(people), return_inverse=True)[1], np.random.default_rng(_SEED)
    order = np.argsort(codes, kind="stable")
    same = [
        np.sort(members[np.stack(np.triu_indices(len(members), 1), axis=1)], axis=1)
        for members in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    ]
    genuine = np.concatenate(same) if same else np.empty((0, 2), np.int64)
    impostors = len(codes) * (len(codes) - 1) // 2 - len(genuine)
    if len(genuine) + impostors <= most:
        whole = np.stack(np.triu_indices(len(codes), 1), axis=1)
        return np.concatenate([genuine, whole[codes[whole[:, 0]] != codes[whole[:, 1]]]])
    if len(genuine) > most // 2 and impostors >= most // 2:
        genuine = genuine[np.sort(rng.choice(len(genuine), most // 2, replace=False))]
    return np.concatenate([genuine, _strangers(codes, min(most - len(genuine), impostors), rng)])


def _strangers(codes: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """So many different pairs of pictures of two people, drawn without listing them all."""
    found: dict[tuple[int, int], None] = {}
    while len(found) < wanted:
        drawn = np.sort(rng.integers(len(codes), size=(2 * (wanted - len(found)) + 16, 2)), axis=1)
        drawn = drawn[codes[drawn[:, 0]] != codes[drawn[:, 1]]]
        found.update(dict.fromkeys(map(tuple, drawn.tolist())))
    return np.array(sorted(list(found)[:wanted]), np.int64).reshape(-1, 2)


def _as_samples(pictures: pl.DataFrame, places: np.ndarray) -> pl.DataFrame:
    one, other = (pictures[places[:, side]] for side in (0, 1))
    pairs = pl.DataFrame(
        {
            "sample_id": one["sample_id"] + "-" + other["sample_id"],
            "path": one["path"] + " | " + other["path"],
            "target": (one["target"] == other["target"]).replace_strict(
                {True: SAME, False: DIFFERENT}, return_dtype=pl.String
            ),
            "split": one["split"],
            "group": one["target"],
            "width": pl.DataFrame([one["width"], other["width"].alias("other")]).min_horizontal(),
            "height": pl.DataFrame([one["height"], other["height"].alias("other")]).min_horizontal(),
        }
    )
    sides = [pairs[name].cast(kind) for name, kind in SAMPLES.items()]
    return pl.DataFrame([*sides, other["target"].alias(OTHER_GROUP), pl.Series(PLACES, places, pl.Array(pl.Int64, 2))])
