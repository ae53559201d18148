"""Figures: a finished result in, a `Picture` out (two SVG forms, a description, its data as a table).

Owns how results are drawn. Refuses to compute or to round numbers for people. Matplotlib draws through `Figure`
objects, so no global figure and no display is touched; the same data gives the same bytes.
"""

from deepenough.report.figures.canvas import Picture

__all__ = ["Picture"]
