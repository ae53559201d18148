"""The user's pictures: found, decoded, checked, split, cached and streamed.

Owns everything between a source that a person names and a batch of pixels: which files there are, what each holds,
which are left out and why, which split each belongs to, and the augmented training batches of a seed. It refuses to
guess: a picture that cannot be decoded is quarantined with its reason, never replaced by its neighbour, and every file
met is either used or quarantined. It knows nothing of networks, losses or accuracy. Only `augment` and `streams` import
torch, so their names are not re-exported here.
"""

from __future__ import annotations

from deepenough.data.cache import TestPixels, build_test_pixels
from deepenough.data.decode import decode_rgb
from deepenough.data.ingest import Prepared, prepare
from deepenough.data.kept import FreshPixels, TrainPixels, build_train_pixels
from deepenough.data.preprocess import Preprocessing, resize_and_crop, squared
from deepenough.data.shared import PixelFolder
from deepenough.data.sources import Entry, Source, open_source

__all__ = [
    "Entry",
    "FreshPixels",
    "PixelFolder",
    "Prepared",
    "Preprocessing",
    "Source",
    "TestPixels",
    "TrainPixels",
    "build_test_pixels",
    "build_train_pixels",
    "decode_rgb",
    "open_source",
    "prepare",
    "resize_and_crop",
    "squared",
]
