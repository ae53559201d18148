"""What the columns of a data set in rows say: which holds the pictures, which the classes, what those are called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from deepenough.data.entries import shown
from deepenough.data.shards import TARGET_KEYS
from deepenough.errors import SourceError

PICTURE_KEYS = ("image", "img", "picture")  # preferred where several columns hold pictures, and needed without a type


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file say what.

    Args:
        picture: holds encoded pictures.
        target: holds the class or classes; None where there is none.
        classes: their names, by number; empty where the column holds names.
        group: whether a column `group` names clusters.
    """

    picture: str
    target: str | None
    classes: list[str]
    group: bool

    def names(self, value: Any) -> list[str]:  # noqa: ANN401
        """The names of a row's classes; `datasets` writes -1 for a class that is not told.

        Raises:
            ValueError: a number that is no class; says what was expected.
        """
        values = value if isinstance(value, list) else [value]
        told = [each for each in values if each is not None and each != -1]
        if not self.classes:
            return [str(each).strip() for each in told]
        if any(not isinstance(each, int) or not 0 <= each < len(self.classes) for each in told):
            raise ValueError(f"a class from 0 to {len(self.classes) - 1}")
        return [self.classes[each] for each in told]


def columns_of(schema: Any, where: str, *, several: bool) -> Columns:  # noqa: ANN401  a pyarrow.Schema
    """The columns of a file that matter; with `several` classes may be missing.

    Raises:
        SourceError: none or several may hold the pictures or the classes.
    """
    listed = ", ".join(map(shown, schema.names))
    if "" in schema.names or len(set(schema.names)) < len(schema.names):
        raise SourceError(where, "columns of different names", f"columns {listed}", "rename or drop columns")
    features = _features(schema)
    typed = [name for name in schema.names if features.get(name, {}).get("_type") == "Image"]
    held = [name for name in schema.names if _holds_pictures(schema.field(name).type)]
    plain = [name for name in PICTURE_KEYS if name in schema.names and str(schema.field(name).type) == "binary"]
    pictures = [name for name in typed if name in held] or held or plain
    picture = next((name for name in PICTURE_KEYS if name in pictures), pictures[0] if len(pictures) == 1 else None)
    if picture is None:
        expected = "a column of pictures, called image where there are several"
        raise SourceError(where, expected, f"columns {listed}", "rename or drop columns")
    labelled = {name: _class_names(features.get(name, {})) for name in schema.names}
    marked = [name for name, classes in labelled.items() if classes]
    target = next((name for name in TARGET_KEYS if name in schema.names), marked[0] if len(marked) == 1 else None)
    if target is None and not several:
        expected = f"a column of classes, called {', '.join(TARGET_KEYS[:-1])} or {TARGET_KEYS[-1]}"
        raise SourceError(where, expected, f"columns {listed}", "rename the one that holds the classes")
    return Columns(picture, target, labelled.get(target or "", []), "group" in schema.names)


def _features(schema: Any) -> dict[str, Any]:  # noqa: ANN401
    """What `datasets` says of each column; nothing where another program wrote the file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return {key: value for key, value in features.items() if isinstance(value, dict)} if features else {}


def _class_names(feature: dict[str, Any]) -> list[str]:
    inner = feature.get("feature", feature)
    names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
    return [str(each) for each in names] if isinstance(names, list) else []


def _holds_pictures(kind: Any) -> bool:  # noqa: ANN401  a pyarrow.DataType
    import pyarrow as pa

    return pa.types.is_struct(kind) and any(
        each.name == "bytes" and (pa.types.is_binary(each.type) or pa.types.is_large_binary(each.type)) for each in kind
    )
