"""The sheet that every figure is drawn on: style, colours, and SVG fit to stand inside a page.

Each figure is drawn twice, for a wide and for a narrow page, at the size at which it is shown; one drawing scaled to a
telephone would leave its labels half as tall as the text around it. Colours become CSS variables, so the page decides
between light and dark, and type is left to the page.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from deepenough.report.language import say, term
from deepenough.report.tables import Table

INK, MUTED, GRID, PAPER = "#111111", "#666666", "#dddddd", "#fefefe"
#: Okabe and Ito's palette, told apart by people who see red and green alike; blue and vermilion are furthest apart.
CONTENDERS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (2, 1.4)), "-.", "-", ":", (0, (8, 1.6, 1.2, 1.6)))
HALO = "halo"  # as the gid of a text that lines may cross: the page sets it off from them
WIDE, NARROW = 736, 352  # CSS pixels
_ROWS, _ROW = 4, 19  # of a legend for which a figure has room; CSS pixels of a further one

_VARIABLES = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    PAPER: "var(--paper)",
    **{colour: f"var(--contender-{place + 1})" for place, colour in enumerate(CONTENDERS)},
}
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a class named "$5 and $10" is no formula
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 12,
    "legend.handlelength": 1.8,
    "lines.linewidth": 2,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "ytick.major.size": 0,
}
Draw = Callable[[Figure, bool], None]  # the figure to fill, and whether it is the narrow form


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What draws a figure: its draft function and the heights of its wide and narrow form, CSS pixels."""

    draw: Draw
    heights: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure for a page: both forms as SVG text, what it shows in words, and the same data as a table."""

    key: str
    title: str
    description: str
    wide: str
    narrow: str
    twin: Table
    drawing: Drawing | None = field(default=None, compare=False, repr=False)  # to draw it again in another form


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a figure is called, what it shows in words for those who do not see it, and its data twin."""

    key: str
    title: str
    description: str
    twin: Table


def picture(caption: Caption, draw: Draw, *, heights: tuple[int, int]) -> Picture:
    """Draw both forms.

    Args:
        caption: title, description and data twin.
        draw: fills a figure; its second argument says whether the form is the narrow one.
        heights: CSS pixels of the wide and of the narrow form.
    """
    wide, narrow = (
        _svg(caption, draw, width, height, width == NARROW)
        for width, height in zip((WIDE, NARROW), heights, strict=True)
    )
    return Picture(
        key=caption.key,
        title=caption.title,
        description=caption.description,
        wide=wide,
        narrow=narrow,
        twin=caption.twin,
        drawing=Drawing(draw=draw, heights=heights),
    )


def colour(place: int) -> str:
    """The colour of the contender in this place of the order; the palette starts again after six."""
    return CONTENDERS[place % len(CONTENDERS)]


def marker(place: int) -> str:
    """The marker of the contender in this place; two that share a colour have another marker."""
    return _MARKERS[place % len(_MARKERS)]


def dashes(place: int) -> Any:  # noqa: ANN401  matplotlib has many forms of it
    """The line style of the contender in this place; two that share a colour have another style."""
    return _DASHES[place % len(_DASHES)]


def minus(text: str) -> str:
    """A hyphen before a number as the minus sign that the axes carry."""
    return re.sub(r"-(?=\d)", "−", text)


def legend_above(figure: Figure, handles: Sequence[Artist], narrow: bool) -> None:
    """A legend over the axes, flush left, in as many columns as its longest entry allows; a long one adds height."""
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(2 if narrow else 4, (36 if narrow else 88) // max(longest, 1)))
    rows = -(-len(handles) // columns)
    figure.set_figheight(figure.get_figheight() + max(0, rows - _ROWS) * _ROW / 72)
    figure.legend(handles=list(handles), loc="outside upper left", ncols=columns)


def _svg(caption: Caption, draw: Draw, width: int, height: int, narrow: bool) -> str:
    form = "narrow" if narrow else "wide"
    return _for_page(drawn(caption, draw, (width, height), form), caption, form, width)


def drawn(caption: Caption, draw: Draw, size: tuple[int, int], form: str) -> str:
    """What matplotlib writes; `size` is width and height in CSS pixels."""
    buffer = io.StringIO()
    with sheet(draw, size, form == "narrow", salt=f"{caption.key}-{form}") as figure:
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    return buffer.getvalue()


@contextmanager
def sheet(draw: Draw, size: tuple[int, int], narrow: bool, *, salt: str = "", **changes: object) -> Iterator[Figure]:
    """A drawn figure of `size`, width and height in CSS pixels, and its style for as long as it is written out.

    Args:
        draw: fills the figure.
        size: width and height, CSS pixels.
        narrow: whether the form is the narrow one.
        salt: makes the ids within an SVG differ from another figure's.
        changes: of matplotlib's settings, underscores for dots.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's fonts draw it, not ours
        mpl.rcdefaults()
        changed = {name.replace("_", "."): value for name, value in changes.items()}
        settings: dict[Any, Any] = {**_STYLE, "svg.hashsalt": salt, **changed}
        mpl.rcParams.update(settings)
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
        draw(figure, narrow)
        yield figure


def _for_page(svg: str, caption: Caption, form: str, width: int) -> str:
    """The drawing as an accessible inline element: no namespaces, no metadata, no id that nothing refers to."""
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in {"metadata", "style"}:
                parent.remove(child)
    referred = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'xlink:href="#([^"]+)"', svg))
    prefix = f"{caption.key}-{form}-"
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(name): _value(_local(name), value, prefix) for name, value in element.attrib.items()}
        own = element.attrib.get("id", "").removeprefix(prefix)
        if own not in referred:
            element.attrib.pop("id", None)
        if own == HALO:
            element.attrib["class"] = HALO
    box = root.attrib["viewBox"]
    root.attrib = {
        "class": form,
        "viewBox": box,
        "style": f"max-width:{width}px",
        "role": "img",
        "aria-labelledby": f"{prefix}title {prefix}desc",
    }
    for place, (tag, text) in enumerate((("title", caption.title), ("desc", caption.description))):
        described = ET.Element(tag, {"id": f"{prefix}{tag}"})
        described.text = printable(text)
        root.insert(place, described)
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _value(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    if name == "href":
        return f"#{prefix}{value[1:]}"
    if name == "clip-path":
        return value.replace("url(#", f"url(#{prefix}")
    if name == "style":
        return _style(value, prefix)
    return value


def _style(style: str, prefix: str) -> str:
    style = re.sub(r"#[0-9a-f]{6}\b", lambda match: _VARIABLES.get(match[0], match[0]), style)
    style = style.replace("url(#", f"url(#{prefix}")
    style = re.sub(r"font: (?:(bold|[5-9]00) )?([0-9.]+)px [^;]*", _font, style)
    style = re.sub(r"font-family: [^;]*;? ?", "", style)
    return style.replace("; ", ";").replace(": ", ":").rstrip(";")


def _font(match: re.Match[str]) -> str:
    return f"font-size: {match[2]}px" + ("; font-weight: 600" if match[1] else "")


def in_two_lines(text: str, width: int) -> str:
    r"""A label on one line or two; only what is longer than both loses its middle.

    >>> in_two_lines("seeds of ResNet-101 FPN", 18), in_two_lines("short", 18), in_two_lines("abcdefghijkl", 4)
    ('seeds of\nResNet-101 FPN', 'short', 'abc…\njkl')
    """
    clean = printable(text)
    lines = textwrap.wrap(clean, width, break_on_hyphens=False) or [clean]
    if len(lines) > 2:
        lines = textwrap.wrap(printable(text, 2 * width - width // 3), width, break_on_hyphens=False)
    return "\n".join(lines[:1] + lines[-1:] if len(lines) > 1 else lines)


def gain_label(big: str, unit: str, most: int) -> str:
    """What the axis of a gain is called; without the name, which the title holds too, where there is no room for it."""
    label = say("gain of {big}, {unit}", big=printable(big), unit=term(unit))
    return label if len(label) <= most else say("gain, {unit}", unit=term(unit))


def printable(text: str, most: int | None = None) -> str:
    """Text that can stand in XML and on one line: control characters become visible, long names lose their middle."""
    clean = "".join(letter if letter.isprintable() else "�" for letter in text)
    if most is None or len(clean) <= most:
        return clean
    return f"{clean[: most - most // 2 - 1]}…{clean[-(most // 2) :]}"
