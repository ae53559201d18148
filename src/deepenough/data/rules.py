"""The declared rules: what becomes of every kind of file, under the name that tables and findings give it.

docs/data.md shows these as a table, and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning"]
Treatment = Literal["used", "left out", "ignored"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of file and what is done with it.

    Args:
        treatment: `used` as a sample, `left out` though it may have been meant as one, or `ignored` as none.
        severity: of the finding that counts such files.
        what: the files and their treatment, without a full stop.
    """

    treatment: Treatment
    severity: Severity
    what: str


REASONS: dict[str, Rule] = {
    "bad_box": Rule("left out", "warning", "annotated pictures with a box that has no area or leaves the picture"),
    "conflicting_labels": Rule(
        "left out", "warning", "the very same bytes under more than one class; all copies are left out"
    ),
    "dangling_link": Rule("left out", "warning", "links to files that are not there"),
    "double_box": Rule("left out", "warning", "annotated pictures that name the same box of the same class twice"),
    "duplicate": Rule("left out", "info", "byte-identical copies of another picture of their split; the first is kept"),
    "duplicate_across_splits": Rule(
        "left out",
        "warning",
        "byte-identical copies of a picture in another split; the copy nearer to test is left out",
    ),
    "empty": Rule("left out", "warning", "files of zero bytes"),
    "hidden": Rule("ignored", "info", "hidden or system files"),
    "link_loop": Rule("left out", "warning", "links to themselves or to a folder that is already listed"),
    "missing": Rule("left out", "warning", "files that are named but not there"),
    "no_path": Rule("left out", "warning", "rows without a path"),
    "no_size": Rule("left out", "warning", "annotated pictures whose annotations do not say how large they are"),
    "no_target": Rule("left out", "warning", "rows without a class"),
    "not_a_file": Rule("left out", "warning", "pipes, sockets or devices"),
    "not_annotations": Rule("ignored", "info", "XML files that are no annotations of a picture"),
    "not_an_image": Rule("left out", "warning", "files that are no picture of a known format"),
    "other_size": Rule("left out", "warning", "annotated pictures of another size than their annotations say"),
    "outside_class_folder": Rule("ignored", "info", "files beside the class folders"),
    "too_large": Rule(
        "left out", "warning", "pictures of more than 100 megapixels (25 in slow formats) or files of more than 1 GiB"
    ),
    "truncated": Rule("left out", "warning", "pictures that are cut short"),
    "undecodable": Rule("left out", "warning", "pictures that cannot be decoded"),
    "unknown_class": Rule("left out", "warning", "annotated pictures with an object of no known class"),
    "unreadable": Rule("left out", "warning", "files or folders that cannot be read"),
    "unused_folder": Rule("ignored", "info", "files in a folder that is no split"),
    "unused_split": Rule("ignored", "info", "rows of another split"),
}
TRAITS: dict[str, Rule] = {
    "alpha": Rule("used", "info", "pictures with transparency; laid over white"),
    "animated": Rule("used", "warning", "files of several frames or pages; the first is used"),
    "blank": Rule("used", "warning", "pictures of one tone, or nearly; they are not compared with others"),
    "cmyk": Rule("used", "info", "CMYK pictures; converted without their profile"),
    "deep": Rule("used", "info", "grey pictures of more than 8 bits; scaled to 8"),
    "extreme_aspect": Rule("used", "warning", "pictures more than 4 times as long as wide; most of them is cut off"),
    "odd_name": Rule("used", "info", "names with control characters or bytes that are not UTF-8; shown as escapes"),
    "other_mode": Rule("used", "info", "pictures in another colour space; converted to RGB"),
    "palette": Rule("used", "info", "pictures with a palette; looked up"),
    "profile": Rule("used", "info", "pictures with a colour profile; it is not applied"),
    "rotated": Rule("used", "info", "pictures turned as their EXIF orientation says"),
    "same_name": Rule(
        "used", "warning", "names that differ only in letter case or accents' form; elsewhere they are one file"
    ),
    "tiny": Rule("used", "warning", "pictures narrower than 8 px, down to a single pixel"),
    "wrong_ending": Rule("used", "warning", "pictures of another format than their name says"),
}


def is_ignored(reason: str) -> bool:
    """Whether a file left aside for this reason was never meant as a sample."""
    return REASONS[reason].treatment == "ignored"


def as_markdown() -> str:
    """The rules as a Markdown table, by treatment and name."""
    rules = sorted({**REASONS, **TRAITS}.items(), key=lambda item: (item[1].treatment, item[0]))
    rows = [f"| `{name}` | {rule.treatment} | {rule.severity} | {rule.what} |" for name, rule in rules]
    return "\n".join(["| rule | files are | said as | which, and what is done |", "|---|---|---|---|", *rows])
