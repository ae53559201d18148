"""Records to disk and back: whole files or none, and what is torn or foreign is named."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import polars as pl
from polars.io.plugins import register_io_source

from deepenough.errors import RecordError
from deepenough.records import seals
from deepenough.records.known import known_to
from deepenough.records.results import (
    Audit,
    BaselineResult,
    ContenderResult,
    Finding,
    NearDuplicate,
    Needed,
    PairResult,
    Verdict,
)
from deepenough.records.writing import write_atomically

_ROWS_A_GROUP = 8192  # polars holds a row group before it writes it


def write_table(path: Path, frame: pl.DataFrame, schema: Mapping[str, Any]) -> None:
    """Write `frame` as Parquet with exactly the columns of `schema`, in its order; extra columns follow, if any."""
    extra = [name for name in frame.columns if name not in schema]
    ordered = frame.select([*(pl.col(name).cast(kind) for name, kind in schema.items()), *extra])
    held = io.BytesIO()  # a full disk would otherwise reach us through polars, which tells it as an error of its own
    ordered.write_parquet(held, metadata={seals.TABLE_KEY: seals.BLANK})
    content = seals.seal_table(held.getvalue())
    write_atomically(path, lambda stream: stream.write(content))


def write_table_in_parts(path: Path, parts: Iterable[pl.DataFrame], schema: Mapping[str, Any]) -> None:
    """As `write_table`, from frames that follow one another and are not all held at once; a row group each.

    Args:
        path: of the table.
        parts: frames with the columns of `schema`.
        schema: names and types, in their order.

    Raises:
        RecordError, OSError: as `write_atomically`.
    """

    def taken(*_asked: object) -> Iterator[pl.DataFrame]:
        for part in parts:
            yield part.select(pl.col(name).cast(kind) for name, kind in schema.items())

    def write(stream: IO[bytes]) -> None:
        guarded = _Guarded(stream)
        try:
            register_io_source(taken, schema=schema).sink_parquet(
                guarded,  # pyright: ignore[reportArgumentType]  of a stream it needs no more than this
                metadata={seals.TABLE_KEY: seals.BLANK},
                row_group_size=_ROWS_A_GROUP,
            )
        except pl.exceptions.PolarsError:
            if guarded.error is not None:
                raise guarded.error from None
            raise
        stream.flush()
        seals.seal_table_in_place(stream)

    write_atomically(path, write)


class _Guarded(io.RawIOBase):
    """A stream that remembers what the disk said, since polars tells it as an error of its own."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  bytes, or what holds them
        try:
            return self._stream.write(data)
        except OSError as error:
            self.error = error
            raise


def read_table(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Read a table written by `write_table`; a missing, torn, changed or foreign file is a `RecordError`."""
    if not path.is_file():
        raise RecordError(str(path), "a records table", "no such file", "give the folder of a finished study")
    try:
        seals.require_whole_table(path)
        with seals.unpanicked():
            frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RecordError(
            str(path), "a Parquet table", f"a torn or foreign file ({error})", "run the study again"
        ) from error
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        raise RecordError(str(path), f"the columns {', '.join(schema)}", f"no column {', '.join(missing)}")
    return frame.with_columns(_as_declared(frame[name], kind, path) for name, kind in schema.items())


def _as_declared(column: pl.Series, kind: Any, path: Path) -> pl.Series:  # noqa: ANN401  a polars type, or its class
    """The column in the type that it must have; another table's numbers may be wider, or missing altogether."""
    if column.dtype == kind:
        return column
    declared = pl.Series([], dtype=kind).dtype
    alike = (
        column.dtype == pl.Null
        or (declared.is_numeric() and column.dtype.is_numeric())
        or (declared == pl.String and column.dtype in (pl.Categorical, pl.Enum))
        or (isinstance(declared, pl.Struct) and _fields(declared) == _fields(column.dtype))
    )
    try:
        if alike:
            return column.cast(declared)
        said = str(column.dtype)
    except pl.exceptions.PolarsError as error:
        said = f"{column.dtype} ({str(error).partition(chr(10))[0]})"
    raise RecordError(str(path), f"a column {column.name} of {declared}", said, "write it with that type")


def _fields(kind: pl.DataType) -> list[str]:
    return [field.name for field in kind.fields] if isinstance(kind, pl.Struct) else []


def samples_of(folder: Path) -> Path:
    """The table of what scores are of: `units.parquet` where pictures are not samples themselves."""
    units = folder / "units.parquet"
    return units if units.is_file() else folder / "samples.parquet"


def to_json(record: object) -> str:
    """A dataclass, mapping or list as JSON; NaN and infinities become null, since JSON has none."""
    plain = dataclasses.asdict(record) if dataclasses.is_dataclass(record) and not isinstance(record, type) else record
    return json.dumps(_finite(plain), indent=2, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, record: object) -> None:
    """Write a record as JSON, atomically; a mapping or dataclass with its checksum."""
    plain = json.loads(to_json(record))
    text = to_json(seals.seal_json(plain) if isinstance(plain, dict) else plain) + "\n"
    write_atomically(path, lambda stream: stream.write(text.encode()))


def read_json(path: Path) -> Any:  # noqa: ANN401  the caller knows the form
    """Read JSON without its checksum; a missing, torn or changed file is a `RecordError`."""
    if not path.is_file():
        raise RecordError(str(path), "a JSON record", "no such file", "give the folder of a finished study")
    try:
        return seals.unseal_json(json.loads(path.read_text(encoding="utf-8")), path)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise RecordError(str(path), "JSON", f"a torn or foreign file ({error})", "run the study again") from error


def read_verdict(folder: Path) -> Verdict:
    """The verdict of a study's folder.

    Raises:
        RecordError: there is none, or it is torn.
    """
    path = folder / "verdict.json"
    if not path.is_file():
        got = "none there" if folder.is_dir() else "a file" if folder.is_file() else "no such folder"
        remedy = "name the folder that compare wrote"
        if (folder / "scores.parquet").is_file():
            remedy = f"decide first: deepenough verdict {shlex.quote(str(folder))}"
        raise RecordError(str(folder), "a study's folder with verdict.json", got, remedy)
    return verdict_from_json(read_json(path))


def verdict_from_json(plain: Mapping[str, Any]) -> Verdict:
    """The inverse of `to_json` for a verdict; unknown keys, which a later version may add, are ignored."""
    values = known_to(Verdict, plain)
    try:
        values["interval"] = tuple(values["interval"])
        values["needed"] = None if values["needed"] is None else Needed(**values["needed"])
        values["pairs"] = [pair_from_json(pair) for pair in values["pairs"]]
        values["contenders"] = [contender_from_json(entry) for entry in values["contenders"]]
        values["baselines"] = [baseline_from_json(entry) for entry in values.get("baselines", ())]
        return Verdict(**values)
    except (KeyError, TypeError) as error:
        raise RecordError(
            "verdict.json", "a verdict", f"another form ({error})", "run `deepenough verdict FOLDER`"
        ) from error


def pair_from_json(entry: Mapping[str, Any]) -> PairResult:
    """A pair as JSON holds it; what is missing is a KeyError or TypeError, which the caller names."""
    ends = {key: tuple(entry[key]) for key in ("interval", "simultaneous_interval") if entry.get(key) is not None}
    return PairResult(**{**entry, **ends})


def contender_from_json(entry: Mapping[str, Any]) -> ContenderResult:
    """A contender's result as JSON holds it; as `pair_from_json`."""
    interval = None if entry["interval"] is None else tuple(entry["interval"])
    return ContenderResult(
        **{**entry, "interval": interval, "per_seed": {int(k): v for k, v in entry["per_seed"].items()}}
    )


def baseline_from_json(entry: Mapping[str, Any]) -> BaselineResult:
    """A baseline's result as JSON holds it; as `pair_from_json`."""
    intervals = {name: None if ends is None else tuple(ends) for name, ends in entry["intervals"].items()}
    interval = None if entry["interval"] is None else tuple(entry["interval"])
    return BaselineResult(**{**entry, "interval": interval, "intervals": intervals})


def audit_from_json(plain: Mapping[str, Any]) -> Audit:
    """The inverse of `to_json` for an audit."""
    try:
        findings = [Finding(**finding) for finding in plain["findings"]]
        pairs = [NearDuplicate(**pair) for pair in plain.get("near_duplicates", ())]
        return Audit(**{**plain, "findings": findings, "near_duplicates": pairs})
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
