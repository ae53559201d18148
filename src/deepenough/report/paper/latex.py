"""Tables and text in LaTeX; whatever a class or a contender is called, it stands there as text."""

from __future__ import annotations

import re

from deepenough.report.figures.canvas import printable
from deepenough.report.tables import Table
from deepenough.report.tables.model import Cell, Column

WIDE_FROM = 6  # columns that a single column of a journal does not hold

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": r"{[}",  # after a line break in a table it would open that line's option
    "]": r"{]}",
    "*": r"{*}",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": r"$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{DAGGER}": r"\dag{}",
    "\N{NO-BREAK SPACE}": "~",
}
_ANY = re.compile("|".join(map(re.escape, _SPECIAL)))


def escape(text: str) -> str:
    r"""Text as LaTeX that sets exactly it, on one line; a hyphen before a number is a minus sign.

    >>> escape("50% of a_b, -0.5 to 2")
    '50\\% of a\\_b, $-$0.5 to 2'
    """
    one_line = printable(" ".join(text.split()))
    signed = re.sub(r"(?<![\w-])-(?=\d)", "\N{MINUS SIGN}", one_line)
    return _ANY.sub(lambda found: _SPECIAL[found[0]], signed)


def tabular(table: Table) -> str:
    """A table as a floating environment with booktabs' rules; one of many columns spans both of a page."""
    floating = "table*" if len(table.columns) > WIDE_FROM else "table"
    letters = "".join("r" if column.numeric else _letter(column) for column in table.columns)
    rows = [
        " & ".join(_cell(cell, place in table.strong_rows) for cell in row) + r" \\"
        for place, row in enumerate(table.rows)
    ]
    note = [rf"\par\smallskip\footnotesize {escape(table.note)}"] if table.note else []
    return "\n".join(
        [
            rf"\begin{{{floating}}}",
            r"\centering\small",
            rf"\caption{{{escape(table.caption)}}}",
            rf"\label{{tab:{table.key}}}",
            rf"\begin{{tabular}}{{{letters}}}",
            r"\toprule",
            " & ".join(escape(column.title) for column in table.columns) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *note,
            rf"\end{{{floating}}}",
            "",
        ]
    )


def _letter(column: Column) -> str:
    return "p{0.4\\linewidth}" if column.wraps else "l"


def _cell(cell: Cell, strong: bool) -> str:
    text = escape(cell.text)
    if (strong or cell.strong) and text:
        text = rf"\textbf{{{text}}}"
    return rf"{text} {{\footnotesize ({escape(cell.sub)})}}" if cell.sub else text


def figure(key: str, caption: str) -> str:
    """A figure of one column, its drawing in `figure-KEY.pdf`."""
    return "\n".join(
        [
            r"\begin{figure}",
            r"\centering",
            rf"\includegraphics{{figure-{key}}}",
            rf"\caption{{{escape(caption)}}}",
            rf"\label{{fig:{key}}}",
            r"\end{figure}",
            "",
        ]
    )
