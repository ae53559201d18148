"""Predictions that came from anywhere, in the columns of `records.SCORES`.

A file is opened (`opening`), its form is recognised by its columns or forced by name (`forms`), and one module a form
reads it (`long`, `wide`, `single`, `timm`, `fiftyone`). What follows is the same for all: targets and class names are
joined (`gathering`), values are checked (`checking`), and samples that some run lacks are listed (`matching`).
Refuses to guess: what could be read in two ways is an error that names the option which decides.
"""

from deepenough.comparison.grouping import groups_of
from deepenough.comparison.predictions.form import FORM_NAMES, Reading
from deepenough.comparison.predictions.gathering import Gathered, gather, read_predictions
from deepenough.comparison.predictions.matching import settle, unmatched

__all__ = ["FORM_NAMES", "Gathered", "Reading", "gather", "groups_of", "read_predictions", "settle", "unmatched"]
