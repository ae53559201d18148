"""Tables: what the report shows in rows, as text. The only place that rounds.

Owns the number formats and one function a table. Refuses to compute: each takes a finished record or frame and returns
a `Table` of strings, which the page, the text and the figures' data twins all show alike.
"""

from deepenough.report.tables.model import Cell, Column, Table

__all__ = ["Cell", "Column", "Table"]
