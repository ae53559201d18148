"""A study folder, read once: what the report may speak of. Files that a study may lack are None where they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from deepenough import records
from deepenough.comparison import Aligned, align, groups_of
from deepenough.comparison.pairing import cluster_labels
from deepenough.errors import RecordError
from deepenough.records import Audit, Measures, ThirdAnswers, Verdict
from deepenough.records.embedding import PictureMap, map_from_json
from deepenough.records.explanations import Explanations, explanations_from_json
from deepenough.records.robustness import Robustness, robustness_from_json

MAP_ID = "map"  # under which `Evidence.thumbnails` holds all small copies of the map, as one picture
EXHIBITS = {name: kind for name, kind in records.EXHIBITS.items() if name != "image"}  # as `Evidence` holds them
THUMBNAILS: dict[str, Any] = {"sample_id": pl.String, "image": pl.Binary, "width": pl.Int32, "height": pl.Int32}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRecord:
    """One contender trained with one seed: how it ended and how it got there."""

    contender: str
    seed: int
    status: str
    steps: int | None
    history: pl.DataFrame | None
    against_fp32: Mapping[str, Any] | None = None  # `precision`, `compared`, and `flips` by scale; of bf16 at test


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the contenders cost on another machine, and what that is called."""

    name: str
    costs: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a study left behind. `scores` holds the deciding scale only, `outcomes` what was scored at every one."""

    name: str
    folder: str  # as the user wrote it, for the commands that the page proposes
    verdict: Verdict
    scores: pl.DataFrame | None
    costs: pl.DataFrame | None
    samples: pl.DataFrame | None
    quarantine: pl.DataFrame | None
    audit: Audit | None
    plan: Mapping[str, Any] | None
    environment: Mapping[str, Any] | None
    study: str | None
    cells: tuple[CellRecord, ...]
    thumbnails: pl.DataFrame | None
    slices: pl.DataFrame | None = None
    outcomes: Aligned | None = None
    exhibits: pl.DataFrame | None = None  # `records.EXHIBITS` but for the images, which are among the thumbnails
    differing: pl.DataFrame | None = None  # images on which the pair differs, once a document is arranged from it
    elsewhere: tuple[Measured, ...] = ()
    ablation: Mapping[str, Any] | None = None  # what each lever buys, of a study that is an ablation
    tune: Mapping[str, Any] | None = None  # the search that a contender won, of the winner's own study
    curves: Mapping[str, Any] | None = None  # over images, time, size and side
    rates: Mapping[str, Any] | None = None  # learning rates that range tests found, by contender
    images: bool = True  # whether pictures may be shown
    third: ThirdAnswers | None = None  # of `deepenough cascade`
    robustness: Robustness | None = None  # of `deepenough evaluate`
    explanations: Explanations | None = None  # of `deepenough explain`
    mapped: PictureMap | None = None  # of `deepenough embed`
    shifted: Verdict | None = None  # of the same question on the split test_shifted
    measures: Measures | None = None  # further metrics, and temperatures

    def clusters(self) -> np.ndarray | None:
        """Cluster of each sample of `outcomes`; None where samples are taken as independent."""
        if self.samples is None or self.outcomes is None:
            return None
        return cluster_labels(self.outcomes.sample_ids, groups_of(self.samples))


def load(folder: Path, *, costs: Sequence[Path] = (), images: bool = True) -> Evidence:
    """Read a study folder.

    Args:
        folder: holds at least `verdict.json`; every other file may be missing.
        costs: tables of `records.COSTS`, or folders that hold `costs.parquet`, measured on other machines.
        images: whether pictures may be shown.

    Raises:
        RecordError: if there is no verdict, or a file that is there is torn or of another form.
    """
    verdict = records.read_verdict(folder)
    audit = _optional_json(folder / "audit.json")
    study = folder / "study.yaml"
    scores = _optional_table(folder / "scores.parquet", records.SCORES)
    names = ("third.json", "robustness.json", "explanations.json", "embed/map.json")
    third, robustness, explanations, mapped = (_optional_json(folder / name) for name in names)
    mapped = None if mapped is None else map_from_json(mapped)
    exhibits = _optional_table(folder / "exhibits.parquet", records.EXHIBITS)
    measures, shifted = (_optional_json(folder / name) for name in ("measures.json", "verdict_shifted.json"))
    return Evidence(
        name=folder.resolve().name,
        folder=str(folder),
        verdict=verdict,
        scores=_deciding(scores, verdict.scale),
        costs=_optional_table(folder / "costs.parquet", records.COSTS),
        samples=_optional_table(records.samples_of(folder), records.SAMPLES),
        quarantine=_optional_table(folder / "quarantine.parquet", records.QUARANTINE),
        audit=None if audit is None else records.audit_from_json(audit),
        plan=_optional_json(folder / "plan.json"),
        environment=_optional_json(folder / "environment.json"),
        study=study.read_text(encoding="utf-8", errors="replace") if study.is_file() else None,
        cells=tuple(_cell(path) for path in sorted(folder.glob("cells/*-seed*")) if path.is_dir()),
        thumbnails=_with_sheet(
            _with_exhibits(_pictures(folder, verdict), exhibits), folder / "embed" / "map.jpg", mapped
        ),
        exhibits=None if exhibits is None else exhibits.select(list(EXHIBITS)),
        mapped=mapped,
        slices=_optional_table(folder / "slices.parquet", records.SLICES),
        outcomes=None if scores is None or scores.is_empty() else align(scores, gaps=True),
        elsewhere=measured(costs, verdict),
        ablation=_optional_json(folder / "ablation.json"),
        tune=_optional_json(folder / "tune.json"),
        curves=_optional_json(folder / "curves.json"),
        rates=_optional_json(folder / "learning_rates.json"),
        images=images,
        third=None if third is None else records.third_from_json(third),
        robustness=None if robustness is None else robustness_from_json(robustness),
        explanations=None if explanations is None else explanations_from_json(explanations),
        shifted=None if shifted is None else records.verdict_from_json(shifted),
        measures=None if measures is None else records.measures_from_json(measures),
    )


def cam_id(sample_id: str, contender: str, scale: int, method: str) -> str:
    """Under which `Evidence.thumbnails` holds where a contender found its answer on a sample; see `gallery`.

    Whatever begins with a sample's id and a blank is of that sample.
    """
    return f"{sample_id} {contender} {scale} {method}"


def exhibit_id(sample_id: str, place: int) -> str:
    """Under which `Evidence.thumbnails` holds the picture at a place among the things that are shown of a sample."""
    return f"{sample_id} shown {place}"


def _with_exhibits(small: pl.DataFrame | None, exhibits: pl.DataFrame | None) -> pl.DataFrame | None:
    """With the pictures among what is shown of samples."""
    if exhibits is None:
        return small
    there = exhibits.filter(pl.col("image").is_not_null())
    named = [exhibit_id(*row) for row in there.select("sample_id", "place").iter_rows()]
    added = there.with_columns(pl.Series("sample_id", named, dtype=pl.String)).select(list(THUMBNAILS))
    return added if small is None else pl.concat([small.select(list(THUMBNAILS)), added])


def _pictures(folder: Path, verdict: Verdict) -> pl.DataFrame | None:
    """The small copies, and after them the maps of where the contenders found their answers."""
    small = _optional_table(folder / "thumbnails.parquet", THUMBNAILS)
    cams = _cams(folder / "explanations" / "cams.parquet", verdict)
    cams = _cams(folder / "cams.parquet", verdict) if cams is None else cams
    if small is None or cams is None:
        return small
    named = [cam_id(*each) for each in cams.select("sample_id", "contender", "scale", "method").iter_rows()]
    sides = {"width": pl.col("side"), "height": pl.col("side")}
    maps = cams.with_columns(pl.Series("sample_id", named, dtype=pl.String), **sides)
    return pl.concat([small.select(list(THUMBNAILS)), maps.select(list(THUMBNAILS))])


def _cams(path: Path, verdict: Verdict) -> pl.DataFrame | None:
    """Maps of the verdict's pair at its scale and others; None where there are none."""
    first = {name: kind for name, kind in records.CAMS.items() if name not in ("scale", "method")}
    frame = _optional_table(path, first)
    if frame is None:
        return None
    if "scale" in frame.columns:
        frame = records.read_table(path, records.CAMS)
    else:  # earlier versions drew one, at the deciding scale
        frame = frame.with_columns(scale=pl.lit(verdict.scale), method=pl.lit("gradcam"))
    deciding = frame.filter(pl.col("scale") == verdict.scale)["contender"].unique()
    return frame if {verdict.small, verdict.big} <= {*deciding} else None


def _with_sheet(small: pl.DataFrame | None, path: Path, mapped: PictureMap | None) -> pl.DataFrame | None:
    """With all small copies of the map, where it has any."""
    if mapped is None or not mapped.tile or not path.is_file():
        return small
    width, rows = mapped.columns * mapped.tile, -(-len(mapped.labels) // mapped.columns)
    row = {"sample_id": MAP_ID, "image": path.read_bytes(), "width": width, "height": rows * mapped.tile}
    sheet = pl.DataFrame([row], schema=THUMBNAILS)
    return sheet if small is None else pl.concat([small.select(list(THUMBNAILS)), sheet])


def measured(paths: Sequence[Path], verdict: Verdict) -> tuple[Measured, ...]:
    """Costs from other machines, each named by its device and precision, or by its file where that is not unique.

    Raises:
        RecordError: if one is no table of costs, holds a number that is not above zero and finite, or a gap in a column
            other than `peak_bytes`, or was measured with none of the contenders at none of their scales.
    """
    known = {(entry.contender, entry.scale) for entry in verdict.contenders}
    found = []
    for path in paths:
        file = path / "costs.parquet" if path.is_dir() else path
        frame = records.read_table(file, records.COSTS).select(list(records.COSTS))
        _require_sensible(frame, file)
        if not known & set(frame.select("contender", "scale").iter_rows()):
            there = ", ".join(frame["contender"].unique().sort().head(5)) or "no contender"
            wanted = "costs of this study's contenders at its scales"
            raise RecordError(str(file), wanted, there, "measure them: deepenough cost, or compare, on that machine")
        found.append(Measured(name=_machine(frame, file), costs=frame))
    names = [each.name for each in found]
    return tuple(
        Measured(name=f"{each.name} ({path})", costs=each.costs) if names.count(each.name) > 1 else each
        for each, path in zip(found, paths, strict=True)
    )


def _require_sensible(frame: pl.DataFrame, file: Path) -> None:
    remedy = "measure them again: deepenough cost, or compare, on that machine"
    flat = frame.unnest("latency_s")
    for name in flat.columns:
        if name != "peak_bytes" and flat[name].null_count():  # which not every device tells
            raise RecordError(str(file), f"the column {name} without gaps", "an empty cell", remedy)
    for name in (column for column, kind in flat.schema.items() if kind.is_numeric()):
        values = flat[name].drop_nulls()
        wrong = values.filter(~((values > 0) & values.cast(pl.Float64).is_finite()))
        if len(wrong):
            raise RecordError(str(file), f"numbers above zero in the column {name}", str(wrong[0]), remedy)


def _machine(frame: pl.DataFrame, file: Path) -> str:
    places = frame.select("device", "precision").drop_nulls().unique().sort("device", "precision")
    return "; ".join(f"{device}, {precision}" for device, precision in places.iter_rows()) or file.name


def _optional_table(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame | None:
    return records.read_table(path, schema) if path.is_file() else None


def _optional_json(path: Path) -> Any:  # noqa: ANN401  free-form
    return records.read_json(path) if path.is_file() else None


def _deciding(scores: pl.DataFrame | None, scale: int) -> pl.DataFrame | None:
    """The scores at the deciding scale; predictions from elsewhere may know no scale, and then all count."""
    if scores is None:
        return None
    at_scale = scores.filter(pl.col("scale") == scale)
    return scores if at_scale.is_empty() and scores["scale"].n_unique() <= 1 else at_scale


def _cell(path: Path) -> CellRecord:
    """A cell's record; where `cell.json` was not written, its folder's name still says which cell it was to be."""
    contender, _, seed = path.name.rpartition("-seed")
    facts = _optional_json(path / "cell.json") or {}
    return CellRecord(
        contender=str(facts.get("contender", contender)),
        seed=int(facts.get("seed", seed if seed.isdecimal() else 0)),
        status=str(facts.get("status", "unfinished")),
        steps=facts.get("steps"),
        history=_optional_table(path / "history.parquet", records.HISTORY),
        against_fp32=facts.get("against_fp32"),
    )
