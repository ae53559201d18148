"""What a table is: strings in rows, with just enough meaning for a page to set them well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """One field. `sub` is its second line, `heat` its shade from 0 (none) to 9, `strong` marks what was decided on.

    `link` is the id of a place in the page that holds what the field speaks of.
    """

    text: str
    sub: str = ""
    heat: int = 0
    strong: bool = False
    link: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.sub})" if self.sub else self.text


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; numbers are set to the right, and prose may wrap."""

    title: str
    numeric: bool = True
    wraps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A finished table: every number is already text. The first column names its row."""

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    strong_rows: frozenset[int] = field(default_factory=frozenset)


def table(
    key: str,
    caption: str,
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[Cell | str]],
    *,
    note: str = "",
    strong_rows: Iterable[int] = (),
) -> Table:
    """Build a table; a bare string is a numeric column or a plain cell, and the first column is one of names.

    Raises:
        ValueError: if a row has not one cell for each column.
    """
    heads = [
        column if isinstance(column, Column) else Column(column, numeric=index > 0)
        for index, column in enumerate(columns)
    ]
    cells = [tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows]
    for row in cells:
        if len(row) != len(heads):
            raise ValueError(f"table {key}: a row of {len(row)} cells under {len(heads)} columns")
    return Table(
        key=key, caption=caption, columns=tuple(heads), rows=tuple(cells), note=note, strong_rows=frozenset(strong_rows)
    )


def text_column(title: str, *, wraps: bool = False) -> Column:
    """A column of words."""
    return Column(title, numeric=False, wraps=wraps)
