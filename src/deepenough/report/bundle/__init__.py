"""A study's evidence inside its page: packed when the page is written, unpacked by whoever holds the page alone.

Owns the form of the blocks and how large they may be; docs/evidence.md says how to read them without this program. A
page is arranged from what was unpacked, never from the folder itself, so what it says can be had from it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from deepenough import records
from deepenough.comparison.pairing import Aligned
from deepenough.records.embedding import map_from_json
from deepenough.records.explanations import explanations_from_json
from deepenough.records.robustness import robustness_from_json
from deepenough.report.bundle import answers, blocks, outcomes, tables
from deepenough.report.bundle.blocks import Block
from deepenough.report.evidence import EXHIBITS, MAP_ID, THUMBNAILS, Evidence, Measured
from deepenough.report.gallery import kind_of

__all__ = ["FORM", "Bundle", "pack", "unpack"]

FORM = 1  # of the blocks: raised when a reader of the old form could not read the new one


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Blocks of data, and what it takes to read them; `outcomes` and `answers` are missing where there are none."""

    header: Mapping[str, Any]
    blocks: tuple[Block, ...]


def pack(evidence: Evidence, language: str = "en") -> Bundle:
    """All that a page says, small enough to stand in it; pictures stay outside, since the page itself shows them.

    Args:
        evidence: of a study.
        language: of the page's words: who writes them anew from the data has to know it.
    """
    header: dict[str, Any] = {
        "form": FORM,
        "outcomes": None,
        "answers": None,
        "groups": False,
        "images": evidence.images,
        "language": language,
    }
    made: list[Block] = []
    aligned, shown = evidence.outcomes, None
    verdict = evidence.verdict
    if aligned is not None:
        shown = tables.may_be_shown(aligned, (verdict.small, verdict.big), _scale(evidence))
        block, header["outcomes"] = outcomes.pack(aligned, _scale(evidence))
        made.append(block)
    if aligned is not None and evidence.scores is not None:
        given = answers.gather(evidence.scores, (verdict.small, verdict.big), aligned.sample_ids)
        block, header["answers"] = answers.pack(given)
        made.append(block)
    clusters = evidence.clusters()
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        made.append(blocks.plain("groups", codes.astype("<u4").tobytes()))
        header["groups"] = True
    if evidence.mapped is not None:
        made.append(blocks.as_json("map", _plain(evidence.mapped)))
    made.append(blocks.deflated("records", blocks.as_json("records", _records(evidence, shown)).text.encode()))
    return Bundle(header=header, blocks=tuple(made))


def unpack(header: Mapping[str, Any], found: Mapping[str, Block], thumbnails: pl.DataFrame | None) -> Evidence:
    """The inverse of `pack`: evidence with ids of the page's own, which sort as those of the study do.

    Args:
        header: of the bundle.
        found: its blocks by name.
        thumbnails: pictures under the page's ids, or None.

    Raises:
        RecordError: a block does not hold what the header says.
    """
    plain = blocks.parsed(Block(name="records", text=blocks.inflated(found["records"]).decode()))
    verdict = records.verdict_from_json(plain["verdict"])
    aligned = scores = targets = None
    ids = pl.Series("sample_id", plain["ids"] or [], dtype=pl.Int64).cast(pl.String).str.zfill(8)
    if header["outcomes"] is not None:
        aligned = outcomes.unpack(found["outcomes"], header["outcomes"], ids)
    if header["answers"] is not None and aligned is not None:
        given = answers.unpack(found["answers"], header["answers"], len(ids))
        scores = answers.as_scores(given, aligned, plain["scale"])
        targets = scores.select("sample_id", "target").unique("sample_id")
        targets = pl.DataFrame({"sample_id": ids}).join(targets, on="sample_id", how="left", maintain_order="left")
        targets = targets["target"]
    audit, third, robustness = plain["audit"], plain.get("third"), plain.get("robustness")
    explanations = plain.get("explanations")
    shifted, measures, exhibits = plain.get("shifted"), plain.get("measures"), plain.get("exhibits")
    return Evidence(
        name=plain["name"],
        folder=plain["folder"],
        verdict=verdict,
        outcomes=aligned,
        scores=scores,
        costs=tables.from_columns(plain["costs"], records.COSTS),
        samples=tables.samples_from_columns(plain["samples"], ids, targets),
        quarantine=tables.from_columns(plain["quarantine"], records.QUARANTINE),
        audit=None if audit is None else records.audit_from_json(audit),
        plan=plain["plan"],
        environment=plain["environment"],
        study=plain["study"],
        cells=tuple(tables.cell_from_json(cell) for cell in plain["cells"]),
        thumbnails=thumbnails,
        slices=tables.from_columns(plain["slices"], records.SLICES),
        elsewhere=tuple(_measured(entry) for entry in plain["elsewhere"]),
        ablation=plain.get("ablation"),
        tune=plain.get("tune"),
        curves=plain.get("curves"),
        rates=plain.get("rates"),  # pages of earlier versions have none
        images=header["images"],
        third=None if third is None else records.third_from_json(third),
        robustness=None if robustness is None else robustness_from_json(robustness),
        explanations=None if explanations is None else explanations_from_json(explanations),
        exhibits=None if exhibits is None else pl.DataFrame(exhibits, schema=EXHIBITS),
        shifted=None if shifted is None else records.verdict_from_json(shifted),
        measures=None if measures is None else records.measures_from_json(measures),
        mapped=map_from_json(blocks.parsed(found["map"])) if "map" in found else None,
    )


def page_ids(evidence: Evidence) -> dict[str, str]:
    """The id that the page gives each sample, by the study's own: its place among them in their order."""
    if evidence.outcomes is None:
        return {}
    ids = evidence.outcomes.sample_ids
    return dict(zip(ids, _ranks(ids).cast(pl.String).str.zfill(8), strict=True))


def pictures(evidence: Evidence) -> pl.DataFrame | None:
    """The thumbnails under the page's ids; None where there are none, or none may be shown.

    Pictures that were not tested have no id of the page's and keep the study's.
    """
    if evidence.thumbnails is None or not evidence.images:
        return None
    known = page_ids(evidence)
    if evidence.audit is not None:
        pairs = evidence.audit.pairs_in_doubt()
        known = {sample: sample for pair in pairs for sample in (pair.sample_id, pair.other_sample_id)} | known
    known |= {MAP_ID: MAP_ID}
    cams = [each.partition(" ") for each in evidence.thumbnails["sample_id"] if " " in each]
    known |= {sample + blank + rest: known[sample] + blank + rest for sample, blank, rest in cams if sample in known}
    frame = evidence.thumbnails.select(list(THUMBNAILS)).filter(pl.col("sample_id").is_in(list(known)))
    frame = frame.filter(pl.Series([kind_of(image or b"") is not None for image in frame["image"]], dtype=pl.Boolean))
    return frame.with_columns(pl.col("sample_id").replace_strict(known, default=None, return_dtype=pl.String))


def _ranks(ids: pl.Series) -> pl.Series:
    return ids.rank("ordinal").cast(pl.Int64) - 1


def _scale(evidence: Evidence) -> int:
    """Of the scores that decided; predictions from elsewhere may know no scale but one."""
    scores = evidence.scores
    return evidence.verdict.scale if scores is None or scores.is_empty() else int(scores["scale"][0])


def _records(evidence: Evidence, shown: pl.Series | None) -> dict[str, Any]:
    aligned: Aligned | None = evidence.outcomes
    slices = evidence.slices
    if slices is not None:
        slices = slices.filter(pl.col("scale") == _scale(evidence))
    return {
        "name": evidence.name,
        "folder": evidence.folder,
        "scale": _scale(evidence),
        "ids": None if aligned is None else _ranks(aligned.sample_ids).to_list(),
        "verdict": _plain(evidence.verdict),
        "costs": None if evidence.costs is None else tables.to_columns(evidence.costs),
        "elsewhere": [{"name": each.name, "costs": tables.to_columns(each.costs)} for each in evidence.elsewhere],
        "samples": None
        if aligned is None or shown is None
        else tables.samples_to_columns(evidence.samples, aligned, shown),
        "quarantine": None if evidence.quarantine is None else tables.to_columns(evidence.quarantine),
        "audit": None if evidence.audit is None else _plain(_under_page_ids(evidence.audit, page_ids(evidence))),
        "plan": None if evidence.plan is None else dict(evidence.plan),
        "environment": None if evidence.environment is None else dict(evidence.environment),
        "study": evidence.study,
        "ablation": None if evidence.ablation is None else dict(evidence.ablation),
        "rates": None if evidence.rates is None else dict(evidence.rates),
        "cells": [tables.cell_to_json(cell) for cell in evidence.cells],
        "slices": None if slices is None else tables.to_columns(slices),
        "third": None if evidence.third is None else _plain(evidence.third),
        "robustness": None if evidence.robustness is None else _plain(evidence.robustness),
        "explanations": None if evidence.explanations is None else _plain(evidence.explanations),
        **({} if evidence.tune is None else {"tune": dict(evidence.tune)}),
        **({} if evidence.curves is None else {"curves": dict(evidence.curves)}),
        **({} if evidence.shifted is None else {"shifted": _plain(evidence.shifted)}),
        **_exhibits(evidence),
        **({} if evidence.measures is None else {"measures": _plain(evidence.measures)}),
    }


def _exhibits(evidence: Evidence) -> dict[str, Any]:
    """What is shown of samples, under the page's ids, where pictures may be shown."""
    if evidence.exhibits is None or not evidence.images:
        return {}
    known = page_ids(evidence)
    rows = evidence.exhibits.filter(pl.col("sample_id").is_in(list(known))).to_dicts()
    return {"exhibits": [{**row, "sample_id": known[row["sample_id"]]} for row in rows]}


def _under_page_ids(audit: records.Audit, known: Mapping[str, str]) -> records.Audit:
    pairs = [
        replace(
            pair,
            sample_id=known.get(pair.sample_id, pair.sample_id),
            other_sample_id=known.get(pair.other_sample_id, pair.other_sample_id),
        )
        for pair in audit.near_duplicates
    ]
    return replace(audit, near_duplicates=pairs)


def _plain(record: object) -> Any:  # noqa: ANN401  what JSON holds
    return blocks.parsed(Block(name="records", text=records.to_json(record)))


def _measured(entry: Mapping[str, Any]) -> Measured:
    costs = tables.from_columns(entry["costs"], records.COSTS)
    return Measured(name=entry["name"], costs=pl.DataFrame(schema=records.COSTS) if costs is None else costs)
