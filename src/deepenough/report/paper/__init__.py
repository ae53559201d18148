"""A study for a paper: tables, figures, a paragraph on methods and the sources used, in LaTeX and Markdown.

Owns what a journal wants: booktabs, single-column figures, BibTeX. Refuses to compute and to round; says only what the
study folder shows was done.

`written` writes the files · `latex` sets tables and text · `methods` phrases · `sources` cites.
"""

from deepenough.report.paper.written import write

__all__ = ["write"]
