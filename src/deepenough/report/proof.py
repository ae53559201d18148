"""Whether a page says what its own data say: everything in it had again from what is embedded in it.

Five looks, each of which stands by itself:

1. the page's bytes and those of each block of data are the ones that were sealed;
2. the pictures are the ones that the index lists;
3. the verdict, every pair and every mean with its interval, computed anew from the outcomes, are those on record;
4. so are the gains of every slice, from the answers;
5. the whole page, written anew from the data, is the page at hand: every sentence, table cell and figure.

The seals tell accidents; the looks from the third on also tell a number that somebody changed and sealed again. Nothing
tells data that were made up to begin with.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from deepenough import __version__
from deepenough.errors import InputError, RecordError
from deepenough.records import Verdict
from deepenough.records.program import source_hash
from deepenough.report import bundle
from deepenough.report.bundle import Bundle, blocks
from deepenough.report.bundle.blocks import Block
from deepenough.report.evidence import THUMBNAILS, Evidence
from deepenough.report.language import speaking
from deepenough.report.rederive import differences, differing_slices, rederived
from deepenough.report.tables import numbers

_PICTURE = re.compile(r'<img src="data:image/\w+;base64,([^"]*)"')
_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_HEADING = re.compile(r'<h2 id="[\w-]+-title">(.*?)</h2>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
#: What reading data of another form may end in: a page can hold anything, sealed or not.
_BROKEN = (InputError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, pl.exceptions.PolarsError)
_SHOWN = 5  # places where a page differs
_EXCERPT = 90  # characters of a place


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing that was looked at: what it is, and what is wrong with it; nothing is wrong where that is empty."""

    what: str
    wrong: tuple[str, ...] = ()


def looks(path: Path) -> list[Look]:
    """Hold a page against the data embedded in it.

    Args:
        path: of a `report.html`.

    Raises:
        RecordError: there is no such file, or it is no report of this program with its data in it.
    """
    try:
        page = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return [Look(what="the page is text", wrong=(f"its bytes are not: {error.reason} at byte {error.start}",))]
    except OSError as error:
        remedy = "give the report.html of a study"
        raise RecordError(str(path), "a report", error.strerror or "no file", remedy) from error
    found = blocks.blocks_of(page)
    if not found and 'content="deepenough"' not in page:
        raise RecordError(str(path), "a report.html of this program", "another page", "give the report.html of a study")
    seals = _seals(page, found)
    if any(look.wrong for look in seals[1:]):  # of the blocks: nothing can be had from what is torn
        return seals
    return [*seals, *_contents(page, {name: block for name, (block, _) in found.items()})]


def _seals(page: str, found: dict[str, tuple[Block, str]]) -> list[Look]:
    whole = () if blocks.is_whole(page) else ("its bytes are not those that were sealed",)
    wrong = [f"block {name}: its text is not the one that was sealed" for name, (block, seal) in found.items()
             if block.sha256 != seal]  # fmt: skip
    if "index" not in found:
        wrong.append("block index: missing, or torn")
    elif not wrong:
        try:
            listed = blocks.parsed(found["index"][0])["blocks"]
            wrong += [
                f"block {name}: missing, or not the one that the index lists"
                for name, seal in listed.items()
                if name not in found or found[name][1] != seal
            ]
        except _BROKEN:
            wrong.append("block index: of another form")
    return [
        Look(what="the page is as it was sealed", wrong=whole),
        Look(what=f"its {len(found)} blocks of data are as they were sealed", wrong=tuple(wrong)),
    ]


def _contents(page: str, found: dict[str, Block]) -> list[Look]:
    try:
        index = blocks.parsed(found["index"])
        if index["form"] != bundle.FORM:
            return [Look(what="the data can be read", wrong=(f"they are of form {index['form']}, not {bundle.FORM}",))]
        pictures, wrong = _pictures(page, index["pictures"])
        evidence = bundle.unpack(index, found, pictures if index["images"] else None)
    except _BROKEN as error:
        return [Look(what="the data can be read", wrong=(f"they cannot: {error}",))]
    seen = Look(what=f"its {len(index['pictures'])} pictures are the ones on record", wrong=tuple(wrong))
    return [
        seen,
        *_verdict(evidence),
        *_slices(evidence),
        _page(page, evidence, Bundle(header=_header(index), blocks=_data(found)), index),
    ]


def _header(index: dict[str, Any]) -> dict[str, Any]:
    own = {"written_by", "source", "blocks", "pictures", "panel"}
    return {name: value for name, value in index.items() if name not in own}


def _data(found: dict[str, Block]) -> tuple[Block, ...]:
    return tuple(block for name, block in found.items() if name != "index")


def _pictures(page: str, listed: list[dict[str, Any]]) -> tuple[pl.DataFrame, list[str]]:
    there: dict[str, bytes] = {}
    for text in _PICTURE.findall(page):
        image = base64.b64decode(text, validate=True)
        there[hashlib.sha256(image).hexdigest()] = image
    known = {entry["sha256"] for entry in listed}
    wrong = [f"a picture that the index does not list ({seal[:12]})" for seal in there if seal not in known]
    wrong += [f"picture of sample {entry['sample_id']}: not there" for entry in listed if entry["sha256"] not in there]
    rows = [
        (entry["sample_id"], there[entry["sha256"]], entry["width"], entry["height"])
        for entry in listed
        if entry["sha256"] in there
    ]
    return pl.DataFrame(rows, schema=THUMBNAILS, orient="row"), wrong


def _verdict(evidence: Evidence) -> list[Look]:
    verdict, outcomes = evidence.verdict, evidence.outcomes
    if outcomes is None:
        return [Look(what="there are no outcomes to have the verdict again from")]
    runs = sum(len(cell.seeds) for cell in outcomes.cells.values())
    of = f"{numbers.count(len(outcomes.sample_ids))} images in {runs} runs"
    again = _again(evidence)
    if isinstance(again, str):
        return [Look(what=f"the verdict, from the outcomes of {of}", wrong=(again,))]
    if again is None:
        return [Look(what=f"by {verdict.metric}, which is no mean over images, the verdict is not had from outcomes")]
    return [Look(what=f"the verdict, from the outcomes of {of}", wrong=tuple(differences(verdict, again)))]


def _slices(evidence: Evidence) -> list[Look]:
    what = "the gain in every slice, from the answers"
    try:
        faults = differing_slices(evidence)
    except _BROKEN as error:
        return [Look(what=what, wrong=(f"cannot be had: {error}",))]
    return [] if faults is None else [Look(what=what, wrong=tuple(faults[:_SHOWN]))]


def _again(evidence: Evidence) -> Verdict | str | None:
    try:
        return rederived(evidence)
    except _BROKEN as error:
        return f"cannot be decided on: {error}"


def _page(page: str, evidence: Evidence, packed: Bundle, index: dict[str, Any]) -> Look:
    from deepenough.report import page as pages
    from deepenough.report import sections

    what = "every sentence, table and figure, written anew from the data"
    by, source = index["written_by"], index.get("source", "unknown")
    if (by, source) != (__version__, source_hash()):
        who = f"deepenough {by} (source {source})"
        return Look(what=f"written by {who}, so its wording is not compared with this one's")
    try:
        with speaking(index.get("language", "en")):
            again = pages.render(sections.document(evidence), packed)
    except _BROKEN as error:
        return Look(what=what, wrong=(f"cannot be written: {error}",))
    if again == page:
        return Look(what=what)
    texts = [_DRAWING.sub("<svg></svg>", text) for text in (page, again)]
    found = list(_places(*texts))
    if found:
        more = [f"and {len(found) - _SHOWN} more places"] if len(found) > _SHOWN else []
        return Look(what=what, wrong=(*found[:_SHOWN], *more))
    if _unsealed(texts[0]) == _unsealed(texts[1]):
        return Look(what="every sentence and table, written anew from the data; figures are drawn otherwise here")
    return Look(what=what, wrong=("the page's markup is another one",))


def _unsealed(page: str) -> str:
    return re.sub(r"<!-- sha256 of this page: \w{64} -->", "", page)


def _places(page: str, again: str) -> Iterator[str]:
    """Where two pages say different things: the heading above it, what stands there, and what should."""
    import difflib

    ours, theirs = _said(page), _said(again)
    matcher = difflib.SequenceMatcher(None, [text for _, text in ours], [text for _, text in theirs], autojunk=False)
    for kind, start, end, from_, to in matcher.get_opcodes():
        if kind != "equal":
            here, there = (" ".join(text for _, text in part) for part in (ours[start:end], theirs[from_:to]))
            heading = ours[min(start, len(ours) - 1)][0] if ours else ""
            yield f"under {heading or 'the verdict'}: the page says {_cut(here)}, its data say {_cut(there)}"


def _said(page: str) -> list[tuple[str, str]]:
    """Each line of text with the heading that it stands under; neither data nor scripts."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    said, heading = [], ""
    for part in re.split(r'(?=<h2 id="[\w-]+-title">)', body):
        found = _HEADING.match(part)
        heading = html.unescape(_TAG.sub("", found[1])).strip() if found else heading
        texts = (html.unescape(text).strip() for text in _TAG.split(part))
        said += [(heading, text) for text in texts if text]
    return said


def _cut(text: str) -> str:
    return f'"{text}"' if len(text) <= _EXCERPT else f'"{text[:_EXCERPT]}…"'
