"""What stands beside predictions: a file of targets, and class names in the order of their index."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from deepenough.comparison.predictions.checking import RUN, listed, refuse_contradictions, refuse_empty
from deepenough.comparison.predictions.fiftyone import labels_of
from deepenough.comparison.predictions.form import Content, plain
from deepenough.comparison.predictions.opening import open_file
from deepenough.errors import RecordError

_NAMES = ("target", "label")


def read_targets(path: Path, group_column: str | None = None) -> pl.DataFrame:
    """`sample_id`, `target` and, where there is one, `group`; one row a sample.

    A table with a column `sample_id` (or `filename`, `filepath`) and a column `target` (or `label`), such as a study's
    samples.parquet; or a `labels.json` of FiftyOne.

    Raises:
        RecordError: if the file is missing or of another form, or a sample has two targets.
    """
    content, where = open_file(path), str(path)
    if content.frame is None:
        return labels_of(content).select("sample_id", pl.col("label").alias("target"))
    frame = _columns(content, group_column)
    refuse_empty(frame, ("sample_id", "target"), where)
    refuse_contradictions(frame, "target", where)
    return frame.unique("sample_id", keep="first", maintain_order=True)


def _columns(content: Content, group_column: str | None) -> pl.DataFrame:
    frame = content.table
    name = next((name for name in _NAMES if name in frame.columns), None)
    if content.id_column is None or name is None:
        got = f"the columns {', '.join(frame.columns)}"
        raise RecordError(str(content.path), "the columns sample_id and target", got, "rename the columns")
    columns = [plain(frame[content.id_column]).alias("sample_id"), plain(frame[name]).alias("target")]
    group = group_column or "group"
    if group in frame.columns:
        columns.append(plain(frame[group]).alias("group"))
    return pl.DataFrame(columns)


def read_classes(path: Path) -> list[str]:
    """Class names by index: one name a line, or JSON: a list of names, or an object from name to index.

    Raises:
        RecordError: if the file is missing, empty or of another form.
    """
    where, wanted = str(path), "class names in the order of their index, one a line, or a JSON list"
    if not path.is_file():
        raise RecordError(where, wanted, "no such file")
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text) if path.suffix.lower() == ".json" else [line.strip() for line in text.splitlines()]
    except ValueError as error:
        raise RecordError(where, wanted, f"a torn or foreign file ({error})") from error
    if isinstance(found, dict) and sorted(map(str, found.values())) == sorted(map(str, range(len(found)))):
        found = sorted(found, key=lambda name: int(found[name]))
    if not isinstance(found, list) or not found or not all(isinstance(name, str) for name in found):
        raise RecordError(where, wanted, "another form")
    while found and not found[-1]:  # a file may end in empty lines
        found.pop()
    twice = {name for name in found if found.count(name) > 1} if len(set(found)) < len(found) else set()
    if twice or not all(found):
        raise RecordError(where, wanted, f"the name {sorted(twice)[0]!r} twice" if twice else "an empty name")
    return found


def with_class_names(frame: pl.DataFrame, classes: list[str], where: str) -> pl.DataFrame:
    """Names in the place of class indices, in targets and in the predictions of runs that hold nothing but numbers.

    Raises:
        RecordError: if an index has no name.
    """
    known = {str(index): name for index, name in enumerate(classes)}
    for name in ("target", "prediction"):
        number = pl.col(name).str.contains(r"^[0-9]+$").fill_null(value=True).all()
        numbered = frame.with_columns((number.over(RUN) if name == "prediction" else number).alias("numbered"))
        absent = numbered.filter(pl.col("numbered"), pl.col(name).is_not_null(), ~pl.col(name).is_in(list(known)))
        if absent.height:
            got = f"the {name} {listed(absent[name].unique().sort())}"
            raise RecordError(where, f"a name for every class index ({len(classes)} names)", got, "list all classes")
        named = pl.col(name).replace(known)
        frame = numbered.with_columns(pl.when("numbered").then(named).otherwise(name).alias(name)).drop("numbered")
    return frame
