"""Figures outside the page: SVG and PDF files that stand by themselves, in dark ink on white paper."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from typing import Literal

from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_pdf import Op, PdfFile, RendererPdf
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from deepenough.report.figures.canvas import (
    HALO,
    NARROW,
    WIDE,
    Caption,
    Draw,
    Drawing,
    Picture,
    drawn,
    printable,
    sheet,
)
from deepenough.report.tables import numbers

COLUMN_CM = 8.5  # a single column of most journals
_POINTS_PER_CM = 72 / 2.54
_HALO = 7  # CSS pixels, as the page's style has it
_SPACE = "{http://www.w3.org/2000/svg}"


def svg_file(caption: Caption, draw: Draw, *, height: int) -> str:
    """The wide form as the text of an SVG file that stands by itself, in dark ink on white paper."""
    return _alone(caption, ET.fromstring(drawn(caption, draw, (WIDE, height), "wide")))


def picture_svg(picture: Picture) -> str:
    """The wide form of a picture as the text of an SVG file."""
    drawing = _drawing(picture)
    return svg_file(_caption(picture), drawing.draw, height=drawing.heights[0])


def column_svg(picture: Picture) -> str:
    """The narrow form, 8.5 cm wide, as the text of an SVG file; its letters are 8 points high."""
    drawing = _drawing(picture)
    root = ET.fromstring(drawn(_caption(picture), drawing.draw, (NARROW, drawing.heights[1]), "narrow"))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    root.attrib["width"] = f"{COLUMN_CM}cm"
    root.attrib["height"] = f"{numbers.shortest(COLUMN_CM * height / width)}cm"
    return _alone(_caption(picture), root)


def column_pdf(picture: Picture) -> bytes:
    """The narrow form, 8.5 cm wide, as a PDF with its fonts in it; the same data gives the same bytes."""
    drawing = _drawing(picture)
    stream, size = io.BytesIO(), (NARROW, drawing.heights[1])
    scale = COLUMN_CM * _POINTS_PER_CM / NARROW
    with sheet(drawing.draw, size, True, pdf_fonttype=42) as figure:
        file = PdfFile(stream, metadata={"CreationDate": None, "Title": printable(picture.title)})
        wide, high = size[0] / 72, size[1] / 72
        file.newPage(scale * wide, scale * high)
        file.width, file.height = wide, high  # at which it cuts off lines and markers, before they are scaled
        file.output(scale, 0, 0, scale, 0, 0, Op.concat_matrix)
        figure.draw(_Haloed(file, 72, high, wide))
        file.finalize()
        file.close()
    return stream.getvalue()


class _Haloed(RendererPdf):
    """Sets a label off from the lines that may cross it by its outline in white, under letters that stay letters."""

    def draw_text(  # the renderer's own signature
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: bool | Literal["TeX"] = False,
        mtext: Text | None = None,
    ) -> None:
        if mtext is not None and mtext.get_gid() == HALO:
            behind = self.new_gc()
            behind.copy_properties(gc)
            behind.set_foreground("white")
            behind.set_linewidth(_HALO)
            behind.set_joinstyle("round")
            outline = TextPath((0, 0), s, size=prop.get_size_in_points(), prop=prop)
            self.draw_path(behind, outline, Affine2D().rotate_deg(angle).translate(x, y))
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)


def _drawing(picture: Picture) -> Drawing:
    if picture.drawing is None:
        raise ValueError(f"figure {picture.key}: nothing is kept that could draw it again")
    return picture.drawing


def _caption(picture: Picture) -> Caption:
    return Caption(key=picture.key, title=picture.title, description=picture.description, twin=picture.twin)


def _alone(caption: Caption, root: ET.Element) -> str:
    """With its title and description, on white paper, labels set off from lines, without metadata."""
    for child in root.findall(f"{_SPACE}metadata"):
        root.remove(child)
    for label in root.iterfind(f".//{_SPACE}g[@id='{HALO}']"):
        del label.attrib["id"]  # of many labels, and nothing refers to it
        label.attrib |= {"stroke": "#ffffff", "stroke-width": str(_HALO), "paint-order": "stroke"}
    root.insert(0, ET.Element(f"{_SPACE}rect", {"width": "100%", "height": "100%", "fill": "#ffffff"}))
    for place, (tag, text) in enumerate((("title", caption.title), ("desc", caption.description))):
        described = ET.Element(f"{_SPACE}{tag}")
        described.text = printable(text)
        root.insert(place, described)
    ET.register_namespace("", _SPACE[1:-1])
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ET.tostring(root, encoding="unicode") + "\n"
