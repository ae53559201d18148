"""The files for a paper, from a study folder."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

from deepenough.records import make_folder, write_atomically
from deepenough.report import evidence, markdown, sections
from deepenough.report.evidence import Evidence
from deepenough.report.figures import Picture
from deepenough.report.figures.alone import column_pdf, column_svg
from deepenough.report.gathering import pictures_of
from deepenough.report.paper import latex, methods, sources
from deepenough.report.tables import Table, machine, results
from deepenough.report.tables.paper import about_the_test, main_results

_SKELETON = r"""% Written by deepenough from the study NAME.
% Names outside the Latin alphabet need lualatex or xelatex.
\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp,booktabs,graphicx}
\begin{document}
\section*{Methods}
\input{methods}
\section*{Results}
\input{tables}
\input{figures}
\bibliographystyle{plain}
\bibliography{sources}
\end{document}
"""


def write(folder: Path, out: Path) -> list[Path]:
    """Write tables, figures, a paragraph on methods and the sources used; the same study gives the same bytes.

    Args:
        folder: a study's, with at least `verdict.json`.
        out: where the files go: `paper.tex`, which holds the others, `methods`, `tables` and `figures` in LaTeX, the
            same in `paper.md`, `sources.bib`, and each figure 8.5 cm wide as SVG and PDF.

    Returns:
        The files, in the order in which they were written.

    Raises:
        RecordError: the study has no verdict, or a torn record.
        StudyError: `out` cannot be written.
    """
    seen = evidence.load(folder)
    make_folder(out)
    tables, pictures = tables_of(seen), pictures_of(sections.document(seen))
    said = methods.sentences(seen)
    texts = {
        "tables.tex": "\n".join(map(latex.tabular, tables)),
        "figures.tex": "\n".join(latex.figure(each.key, f"{each.title}. {each.description}") for each in pictures),
        "methods.tex": _paragraph(said),
        "sources.bib": sources.bibtex(itertools.chain.from_iterable(each.works for each in said)),
        "paper.tex": _SKELETON.replace("NAME", latex.escape(seen.name), 1),
        "paper.md": _markdown(said, tables, pictures),
    }
    contents = {name: text.encode() for name, text in texts.items()}
    for each in pictures:
        contents[f"figure-{each.key}.svg"] = column_svg(each).encode()
        contents[f"figure-{each.key}.pdf"] = column_pdf(each)
    for name, content in contents.items():
        write_atomically(out / name, lambda stream, content=content: stream.write(content))
    return [out / name for name in contents]


def tables_of(seen: Evidence) -> list[Table]:
    """The results, the scales where there are several, every pair where there are more, and the costs."""
    verdict, about = seen.verdict, about_the_test(seen.verdict)
    found = [main_results(verdict, seen.costs)]
    if len({entry.scale for entry in verdict.contenders}) > 1:
        found.append(_captioned(results.scales(verdict), about))
    if len(verdict.pairs) > 1:
        found.append(_captioned(results.pairs(verdict), about))
    if seen.costs is not None and not seen.costs.is_empty():
        found.append(machine.costs(seen.costs, verdict))
    return found


def _captioned(table: Table, about: str) -> Table:
    return replace(table, caption=f"{table.caption}. {about}")


def _paragraph(said: list[methods.Said]) -> str:
    cited = (rf"~\cite{{{','.join(each.works)}}}" if each.works else "" for each in said)
    return "\n".join(f"{latex.escape(each.text)}{works}." for each, works in zip(said, cited, strict=True)) + "\n"


def _markdown(said: list[methods.Said], tables: list[Table], pictures: list[Picture]) -> str:
    cited = (f" [{'; '.join(f'@{key}' for key in each.works)}]" if each.works else "" for each in said)
    text = " ".join(f"{markdown.escape(each.text)}{works}." for each, works in zip(said, cited, strict=True))
    drawn = [
        f"![{markdown.escape(each.title)}](figure-{each.key}.svg)\n\n*{markdown.escape(each.title)}.* "
        f"{markdown.escape(each.description)}\n"
        for each in pictures
    ]
    return "\n".join([f"## Methods\n\n{text}\n", "## Results\n", *map(markdown.block, tables), *drawn])
