"""The forms that are known, in the order in which they are tried, and which of them a file has."""

from __future__ import annotations

from deepenough.comparison.predictions import fiftyone, long, single, timm, wide
from deepenough.comparison.predictions.form import Content, Form
from deepenough.errors import RecordError

FORMS: tuple[Form, ...] = (fiftyone.SAMPLES, fiftyone.LABELS, long.FORM, single.FORM, timm.FORM, wide.FORM)


def form_of(content: Content, forced: str | None) -> Form:
    """The form called `forced`, else the first that fits.

    Raises:
        RecordError: if none fits, or the file holds totals only.
    """
    if timm.is_aggregate(content):
        timm.refuse_aggregate(content)
    if forced is not None:
        return next(form for form in FORMS if form.name == forced)
    for form in FORMS:
        if form.fits(content):
            return form
    known = "; ".join(f"{form.name} ({form.needs})" for form in FORMS)
    got = f"the columns {', '.join(content.columns)}" if content.columns else "another document"
    raise RecordError(str(content.path), f"one of the forms {known}", got, "rename the columns, or force one: --form")
