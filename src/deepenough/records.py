"""The narrow waist: what a study leaves on disk, and nothing else.

Above this module everything that decides, draws and prints reads these records; below it everything that computes
returns them. From here on neither torch, a GPU nor the images are needed. Tables are polars frames in Parquet with the
columns named here; single results are frozen dataclasses in JSON. Names are a contract: add, never rename.

Files are written whole under a temporary name in the same folder, flushed to disk and renamed, so a reader sees the old
file or the new one and never a torn one.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl

from deepenough.errors import RecordError

# --- tables -----------------------------------------------------------------------------------------------------------

SAMPLES: dict[str, Any] = {
    "sample_id": pl.String,  # sha256 of the file's bytes, the first 32 hexadecimal digits
    "path": pl.String,  # relative to the source's root where it has one
    "target": pl.String,  # the class name
    "split": pl.String,  # train, val or test
    "group": pl.String,  # cluster the sample belongs to (patient, object, ...), null where none was given
    "width": pl.Int32,  # pixels, after EXIF orientation
    "height": pl.Int32,
}
QUARANTINE: dict[str, Any] = {
    "path": pl.String,
    "reason": pl.String,  # a short stable word: truncated, not_an_image, duplicate_across_splits, ...
    "detail": pl.String,  # one line for people
    "target": pl.String,  # null where unknown
    "split": pl.String,  # null where unknown
}
SCORES: dict[str, Any] = {
    "contender": pl.String,
    "seed": pl.Int64,
    "scale": pl.Int32,  # image side at test, pixels
    "sample_id": pl.String,
    "target": pl.String,
    "prediction": pl.String,
    "score": pl.Float64,  # higher is better; 0/1 for classification
    "confidence": pl.Float64,  # probability of the prediction, in [0, 1]
}
NOISE: dict[str, Any] = {
    **SCORES,  # `seed` is that of the sources that stood still
    "source": pl.String,  # a NoiseSource
    "run": pl.Int64,  # from 1
}
COSTS: dict[str, Any] = {
    "contender": pl.String,
    "scale": pl.Int32,
    "batch": pl.Int32,
    "device": pl.String,
    "precision": pl.String,  # fp32 or bf16
    "parameters": pl.Int64,
    "macs": pl.Int64,  # multiply-accumulates for one image
    "latency_s": pl.Struct({"p50": pl.Float64, "p95": pl.Float64}),  # seconds a batch
    "images_per_s": pl.Float64,
    "peak_bytes": pl.Int64,  # of the process on CPU, of the device's allocator on a GPU
}
SLICES: dict[str, Any] = {  # big minus small in the verdict's unit; interval and p-value are for each slice alone
    "column": pl.String,  # class, size (short side), aspect (width over height), or a column of the manifest
    "level": pl.String,
    "scale": pl.Int32,
    "samples": pl.Int64,
    **dict.fromkeys(("difference", "low", "high", "p_value"), pl.Float64),
    "q_value": pl.Float64,  # false discovery rate over all rows (Benjamini-Yekutieli); null with two seeds
    **dict.fromkeys(("only_big", "only_small"), pl.Int64),  # samples that one gets right in more of its runs
    **dict.fromkeys(("small", "big"), pl.String),  # contenders
    **dict.fromkeys(("small_mean", "big_mean"), pl.Float64),
}
HISTORY: dict[str, Any] = {
    "step": pl.Int64,  # optimiser steps done
    "epoch": pl.Float64,
    "learning_rate": pl.Float64,
    "loss": pl.Float64,  # mean training loss since the previous row
    "train_accuracy": pl.Float64,  # on the augmented batches since the previous row; null under mixup or cutmix
    "val_accuracy": pl.Float64,  # at the training scale; null where not measured
    "images_per_s": pl.Float64,  # of this contender alone
    "elapsed_s": pl.Float64,  # training time of this contender so far, interruptions left out
}

Answer = Literal["small_is_enough", "big_is_better", "small_is_better", "undecided"]
Scope = Literal["architecture", "checkpoint"]
NoiseSource = Literal["initialisation", "order", "augmentation", "nondeterminism"]


# --- single results ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderResult:
    """What one contender reached at one scale; accuracy and its interval in the verdict's unit."""

    contender: str
    scale: int
    mean: float
    interval: tuple[float, float] | None  # over seeds and samples; None where it cannot be had
    per_seed: dict[int, float]
    validation_mean: float | None
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairResult:
    """Big minus small at one scale, in the verdict's unit; the same fields as the verdict's own."""

    small: str
    big: str
    scale: int
    answer: Answer
    difference: float
    interval: tuple[float, float]
    p_value: float
    degrees_of_freedom: float | None
    standard_error: float
    p_adjusted: float | None = None  # Holm over all pairs but the deciding one
    simultaneous_interval: tuple[float, float] | None = None  # Bonferroni over the same; None for the deciding one


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What would settle an undecided question; every entry is a design that one can go and buy.

    Each design is `{"seeds": k, "samples": n, "total_samples": ...}`; lists are ordered by seeds.
    """

    guaranteed: list[dict[str, float]] = field(default_factory=list)  # decides whatever the truth is
    likely: list[dict[str, float]] = field(default_factory=list)  # decides in 80 % of cases if the truth is as seen
    seed_floor: float | None = None  # half width of the interval with these seeds and endless samples
    sample_floor: float | None = None  # half width with these samples and endless seeds
    tipping_seed_sd: float | None = None  # one seed only: run-to-run SD that would overturn the difference
    guaranteed_at_upper_sd: list[dict[str, float]] | None = None  # each seed SD at its one-sided 80 % upper bound
    likely_at_upper_sd: list[dict[str, float]] | None = None  # None where no spread over seeds was seen
    labels_share: float | None = None  # of the samples: those on which runs differ in class; only they need a label
    cheapest: dict[str, float] | None = None  # of all guaranteed designs, with its `price`; where prices are known
    cheapest_likely: dict[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision. Differences, intervals and margins are big minus small, in `unit` (for accuracy: points)."""

    answer: Answer
    scope: Scope
    small: str
    big: str
    metric: str
    unit: str
    scale: int
    difference: float
    interval: tuple[float, float]
    margin: float
    p_value: float
    degrees_of_freedom: float | None
    standard_error: float
    samples: int
    seeds: dict[str, list[int]]
    method: str
    beyond_margin: bool | None  # for big_is_better: shown to exceed the margin; None where the question does not arise
    enough_for_any_margin_above: float  # the upper end of the interval
    needed: Needed | None
    caveats: list[str]
    scale_chosen_on: str  # validation, only_scale, declared or test (with a caveat)
    contenders: list[ContenderResult]
    pairs: list[PairResult]
    noise: dict[str, Any] | None = None  # where the standard error comes from: comparison.noise, docs/study-folder.md
    level: float = 0.95  # of every interval here
    looks: list[dict[str, Any]] | None = None  # those declared, in order; None where the seeds were looked at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing the audit of the data found: `severity` is info, warning or error; `paths` at most 20 examples."""

    kind: str
    severity: Literal["info", "warning", "error"]
    message: str
    count: int
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the data holds. `found` = every file met = `used` + `quarantined`."""

    source: str
    found: int
    used: int
    quarantined: int
    classes: dict[str, dict[str, int]]  # class -> split -> samples
    splits: dict[str, int]
    reasons: dict[str, int]  # quarantine reason -> files
    findings: list[Finding]
    notes: list[str] = field(default_factory=list)


# --- on disk ----------------------------------------------------------------------------------------------------------


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to disk, then rename it over `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_table(path: Path, frame: pl.DataFrame, schema: Mapping[str, Any]) -> None:
    """Write `frame` as Parquet with exactly the columns of `schema`, in its order; extra columns follow, if any."""
    extra = [name for name in frame.columns if name not in schema]
    ordered = frame.select([*(pl.col(name).cast(kind) for name, kind in schema.items()), *extra])
    write_atomically(path, ordered.write_parquet)


def read_table(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Read a table written by `write_table`; a missing, torn or foreign file is a `RecordError`."""
    if not path.is_file():
        raise RecordError(str(path), "a records table", "no such file", "give the folder of a finished study")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RecordError(
            str(path), "a Parquet table", f"a torn or foreign file ({error})", "run the study again"
        ) from error
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        raise RecordError(str(path), f"the columns {', '.join(schema)}", f"no column {', '.join(missing)}")
    return frame


def to_json(record: object) -> str:
    """A dataclass, mapping or list as JSON; NaN and infinities become null, since JSON has none."""
    plain = dataclasses.asdict(record) if dataclasses.is_dataclass(record) and not isinstance(record, type) else record
    return json.dumps(_finite(plain), indent=2, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, record: object) -> None:
    """Write a record as JSON, atomically."""
    text = to_json(record) + "\n"
    write_atomically(path, lambda stream: stream.write(text.encode()))


def read_json(path: Path) -> Any:  # noqa: ANN401  the caller knows the form
    """Read JSON; a missing or torn file is a `RecordError`."""
    if not path.is_file():
        raise RecordError(str(path), "a JSON record", "no such file", "give the folder of a finished study")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordError(str(path), "JSON", f"a torn or foreign file ({error})", "run the study again") from error


def verdict_from_json(plain: Mapping[str, Any]) -> Verdict:
    """The inverse of `to_json` for a verdict; unknown keys, which a later version may add, are ignored."""
    known = {f.name for f in dataclasses.fields(Verdict)}
    values = {key: value for key, value in plain.items() if key in known}
    try:
        values["interval"] = tuple(values["interval"])
        values["needed"] = None if values["needed"] is None else Needed(**values["needed"])
        values["pairs"] = [_pair_from_json(pair) for pair in values["pairs"]]
        values["contenders"] = [_contender_from_json(entry) for entry in values["contenders"]]
        return Verdict(**values)
    except (KeyError, TypeError) as error:
        raise RecordError(
            "verdict.json", "a verdict", f"another form ({error})", "run `deepenough verdict FOLDER`"
        ) from error


def _pair_from_json(entry: Mapping[str, Any]) -> PairResult:
    ends = {key: tuple(entry[key]) for key in ("interval", "simultaneous_interval") if entry.get(key) is not None}
    return PairResult(**{**entry, **ends})


def _contender_from_json(entry: Mapping[str, Any]) -> ContenderResult:
    interval = None if entry["interval"] is None else tuple(entry["interval"])
    return ContenderResult(
        **{**entry, "interval": interval, "per_seed": {int(k): v for k, v in entry["per_seed"].items()}}
    )


def audit_from_json(plain: Mapping[str, Any]) -> Audit:
    """The inverse of `to_json` for an audit."""
    try:
        return Audit(**{**plain, "findings": [Finding(**finding) for finding in plain["findings"]]})
    except (KeyError, TypeError) as error:
        raise RecordError("audit.json", "an audit", f"another form ({error})", "run the study again") from error


def _finite(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
