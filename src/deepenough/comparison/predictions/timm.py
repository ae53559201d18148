"""What timm's scripts write: per-image results of `inference.py`; of `validate.py` there are aggregates only.

`inference.py` writes a row an image: `filename`, then `index` (with `--include-index`) and `label` (unless
`--label-type none`), then `prob` (or `logit`). With `--topk K` a cell holds a list, best first, or with
`--results-separate-col` there are columns `label_0`, `label_1`, ...; with `--topk 0` all outputs in class order and
neither index nor label. Read from the script of timm 1.0.29.dev0.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from deepenough.comparison.predictions.form import Content, Context, Form, plain, with_run
from deepenough.comparison.predictions.probabilities import matrix, most_probable
from deepenough.errors import RecordError

_CLASS, _OUTPUT = ("index", "label"), ("prob", "logit")
_QUOTED = r"""^\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""  # the first entry as numpy prints an array of text


def is_aggregate(content: Content) -> bool:
    """Whether the file holds what `validate.py --results-file` writes: a row a model, no row an image."""
    return {"model", "top1"} <= set(content.columns)


def refuse_aggregate(content: Content) -> None:
    """Say what such a file lacks.

    Raises:
        RecordError: always.
    """
    row = content.table.row(0, named=True)
    raise RecordError(
        str(content.path),
        "a prediction for each image",
        f"the results of timm's validate.py, totals only (top1 {row['top1']} for {row['model']})",
        "write predictions with timm's inference.py, or audit the totals: deepenough audit ACC_A ACC_B --images N",
    )


def _fits(content: Content) -> bool:
    stems = {name.removesuffix("_0") for name in content.columns}
    return "filename" in content.columns and bool(stems & {*_CLASS, *_OUTPUT}) and "contender" not in content.columns


def _read(content: Content, context: Context) -> pl.DataFrame:
    frame, where = content.table, str(content.path)
    if "filename" not in frame.columns:
        raise RecordError(where, "a column filename, as timm's inference.py writes", f"only {', '.join(frame.columns)}")
    names = plain(frame["filename"]).alias("sample_id")
    _refuse_twins(names, where)
    prediction, confidence = _prediction(frame, context, where)
    read = pl.DataFrame([names, prediction.alias("prediction"), confidence.alias("confidence")])
    target = _folder(names) if not context.has_targets else None
    if "target" in frame.columns:
        target = plain(frame["target"])
    if target is not None:
        read = read.with_columns(target.alias("target"))
    if "group" in frame.columns:
        read = read.with_columns(plain(frame["group"]).alias("group"))
    return with_run(read, content.run(context.reading))


def _prediction(frame: pl.DataFrame, context: Context, where: str) -> tuple[pl.Series, pl.Series]:
    """The best class of each row and its probability (null where logits were written)."""
    found = {stem: frame[name] for stem in (*_CLASS, *_OUTPUT) for name in (stem, f"{stem}_0") if name in frame.columns}
    output = next((found[stem] for stem in _OUTPUT if stem in found), None)
    nothing = pl.Series("confidence", [None] * frame.height, dtype=pl.Float64)
    by_index = "index" in found and (
        "label" not in found or context.numbered_targets or context.reading.classes is not None
    )
    if by_index or "label" in found:
        best = _first(found["index" if by_index else "label"])
        return plain(best), nothing if output is None or "prob" not in found else _number(found["prob"])
    values = _all_outputs(frame, where)
    if len(values) > 1 and bool((np.diff(values, axis=1) <= 0).all()):
        got = "the largest outputs without their classes"
        raise RecordError(where, "the class of each image", got, "run inference.py with --include-index")
    places = most_probable(values, where)
    shown = values[np.arange(len(values)), places]
    return pl.Series(places).cast(pl.String), pl.Series(shown) if "prob" in found else nothing


def _all_outputs(frame: pl.DataFrame, where: str) -> np.ndarray:
    """With `--topk 0`: every class's output, shape (images, classes)."""
    for stem in _OUTPUT:
        separate = [name for name in frame.columns if name.removeprefix(f"{stem}_").isdigit() and name != stem]
        if len(separate) > 1:
            return matrix(frame, [f"{stem}_{place}" for place in range(len(separate))], where)
        if stem in frame.columns:
            cells = frame[stem]
            if cells.dtype == pl.String:
                cells = cells.str.strip_chars("[] \n").str.extract_all(r"[^\s,]+")
            if isinstance(cells.dtype, pl.List | pl.Array) and frame.height:
                widths = cells.cast(pl.List(pl.Float64), strict=False).list.len().unique().to_list()
                if len(widths) == 1 and widths[0] > 1:
                    return np.array(cells.cast(pl.List(pl.Float64), strict=False).to_list(), dtype=float)
    got = "outputs without their classes" if frame.height else "no rows"
    remedy = "run inference.py with --include-index, or --label-type name"
    raise RecordError(where, "a column label or index", got, remedy)


def _first(column: pl.Series) -> pl.Series:
    """The first entry of each cell, as a scalar, a list, or a list that numpy has printed."""
    if isinstance(column.dtype, pl.List):
        return column.list.first()
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        frame = pl.DataFrame({"cell": text})
        quoted = [pl.col("cell").str.extract(_QUOTED, group) for group in (1, 2)]
        number = pl.col("cell").str.extract(r"^\[\s*([^\s\],'\"]+)")
        return frame.select(pl.coalesce(*quoted, number, pl.col("cell")).alias("first"))["first"]
    return column


def _number(column: pl.Series) -> pl.Series:
    return _first(column).cast(pl.Float64, strict=False)


def _folder(names: pl.Series) -> pl.Series | None:
    """The name of each image's folder, as timm's own reader takes the class; None where an image has none."""
    folders = names.str.replace_all("\\", "/", literal=True).str.extract(r"([^/]+)/[^/]+$", 1)
    return None if folders.null_count() else folders


def _refuse_twins(names: pl.Series, where: str) -> None:
    twins = names.filter(names.is_duplicated())
    if len(twins):
        got = f"{len(twins)} rows that share theirs, first {twins[0]}"
        remedy = "run inference.py with --fullname, so that images of one name in two folders stay apart"
        raise RecordError(where, "one row for each filename", got, remedy)


FORM = Form("timm", "timm's inference.py, one run a file", "filename and label, index, prob or logit", _fits, _read)
