"""The training pictures, decoded once and kept as the study declares.

`reduced`: no larger than the smallest crop needs. `exact`: as they are. `jpeg`: reduced, then encoded anew at quality
95, which loses a little and takes a fifth of the room. `draft`: reduced from JPEG files that are decoded at a half, a
quarter or an eighth of their size where that is enough, which is faster and loses a little. `off`: nothing is kept; the
pictures are decoded anew for every batch, to the bits of `reduced`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import polars as pl
from PIL import Image

from deepenough.data.cache import decoded, found_or_made, ids_of, pixels_of, place
from deepenough.data.decode import quiet
from deepenough.data.indexed import index_of, write_indexed
from deepenough.data.ingest import Prepared
from deepenough.data.preprocess import reduce_short_side
from deepenough.data.shared import PixelFolder
from deepenough.data.threads import Progress

QUALITY = 95  # of `jpeg`
_JPEG_SHARE = 0.2  # of plain pixels' bytes; photographs took 0.15 to 0.21, see docs/log.md
Keeping = Literal["reduced", "exact", "jpeg", "draft", "off"]


class TrainPixels:
    """The training pictures, each of its own size; read from a memory-mapped file.

    Pickles as its path and index: every process opens the file for itself, and the pages are shared.

    Args:
        path: the flat file.
        sample_ids: the id of each picture, in the file's order.
        shapes: (height, width) of each picture, pixels.
        lengths: bytes of each picture where they are encoded; None where they are plain pixels.
    """

    def __init__(
        self,
        path: Path,
        sample_ids: list[str],
        shapes: Sequence[tuple[int, int]],
        lengths: Sequence[int] | None = None,
    ) -> None:
        self.path, self.sample_ids = path, sample_ids
        self._shapes = np.array(shapes, dtype=np.int64).reshape(-1, 2)
        self._encoded = lengths is not None
        plain = 3 * self._shapes.prod(axis=1)
        self._ends = np.cumsum(plain if lengths is None else np.array(lengths, dtype=np.int64))
        self._mapped: np.memmap | None = None

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __getitem__(self, index: int) -> np.ndarray:
        """The picture as uint8 (height, width, 3), a copy that the caller may change."""
        if self._mapped is None:
            self._mapped = np.memmap(self.path, dtype=np.uint8, mode="r")
        height, width = self._shapes[index]
        stored = self._mapped[self._ends[index - 1] if index else 0 : self._ends[index]]
        if self._encoded:
            with Image.open(BytesIO(stored.tobytes())) as image:
                return np.array(image)
        return np.array(stored).reshape(height, width, 3)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapped": None}


class FreshPixels:
    """The training pictures, decoded from their files and reduced whenever they are asked for.

    Args:
        prepared: from `prepare`.
        short_side: as in `build_train_pixels`.
    """

    def __init__(self, prepared: Prepared, short_side: int) -> None:
        self.sample_ids, self._short_side = ids_of(prepared, "train"), short_side
        self._entries = [prepared.entries[sample_id] for sample_id in self.sample_ids]

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __getitem__(self, index: int) -> np.ndarray:
        """The picture as uint8 (height, width, 3), a copy that the caller may change."""
        with quiet():
            pixels = pixels_of(self._entries[index], self.sample_ids[index])
        return np.array(reduce_short_side(pixels, self._short_side))


class SomePixels:
    """Some of the training pictures, or all of them several times over.

    Args:
        pixels: all of them.
        indices: of those that are taken, each as often as an epoch shows it.
    """

    def __init__(self, pixels: TrainPixels | FreshPixels | SomePixels, indices: Sequence[int]) -> None:
        self.sample_ids = [pixels.sample_ids[index] for index in indices]
        self._pixels, self._indices = pixels, list(indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> np.ndarray:
        """The picture as uint8 (height, width, 3), a copy that the caller may change."""
        return self._pixels[self._indices[index]]


def build_train_pixels(
    prepared: Prepared,
    folder: Path | PixelFolder,
    *,
    short_side: int,
    keeping: Keeping = "reduced",
    workers: int = 0,
    progress: Progress | None = None,
) -> TrainPixels | FreshPixels:
    """Decode the train split, or open what an earlier call left in `folder`.

    Args:
        prepared: from `prepare`; its samples' order is the order of the pixels.
        folder: where the cache is kept.
        short_side: pixels; a picture whose short side is larger is reduced to it, antialiased, unless kept `exact`.
        keeping: how the pictures are kept.
        workers: threads that decode; the bytes do not depend on it.
        progress: called with (pictures done, pictures in all).

    Raises:
        SourceError: a file has changed or vanished since it was checked.
    """
    if keeping == "off":
        return FreshPixels(prepared, short_side)
    ids = ids_of(prepared, "train")
    declared: dict[str, Any] = {"short_side": None if keeping == "exact" else short_side}
    declared |= {"jpeg": QUALITY} if keeping == "jpeg" else {"draft": True} if keeping == "draft" else {}
    path, fingerprint = place(folder, "train", ids, declared)

    def kept(pixels: np.ndarray) -> tuple[tuple[int, int], bytes | memoryview]:
        reduced = pixels if keeping == "exact" else reduce_short_side(pixels, short_side)
        content = _as_jpeg(reduced) if keeping == "jpeg" else np.ascontiguousarray(reduced).data
        return (reduced.shape[0], reduced.shape[1]), content

    def make() -> TrainPixels:
        shapes: list[tuple[int, int]] = []
        lengths: list[int] | None = [] if keeping == "jpeg" else None

        def write(stream: IO[bytes]) -> None:
            at_least = short_side if keeping == "draft" else None
            for shape, content in decoded(prepared, ids, kept, workers, progress, at_least):
                shapes.append(shape)
                stream.write(content)
                if lengths is not None:
                    lengths.append(len(content))

        more = {"shapes": shapes} if lengths is None else {"shapes": shapes, "lengths": lengths}
        write_indexed(path, fingerprint, write, lambda: more)
        return TrainPixels(path, ids, shapes, lengths)

    return found_or_made(folder, path, lambda: _known_train(path, fingerprint, ids), make)


def bytes_on_disk(
    samples: pl.DataFrame,
    test_sides: Sequence[int],
    train_sides: Sequence[int],
    *,
    short_side: int,
    keeping: Keeping | None,
) -> int:
    """What the decoded pictures of a study take, in bytes; of `jpeg` an estimate.

    Args:
        samples: the columns of `records.SAMPLES`.
        test_sides: of the squares of validation and test, pixels.
        train_sides: of the squares of train, where the networks see squares there.
        short_side: as in `build_train_pixels`.
        keeping: how the training pictures are kept; None for not at all, but as squares.
    """
    train = samples.filter(pl.col("split") == "train")
    squares = (len(samples) - len(train)) * sum(side**2 for side in test_sides)
    squares += len(train) * sum(side**2 for side in train_sides)
    if keeping in (None, "off"):
        return 3 * squares
    pixels = (train["width"] * train["height"]).cast(pl.Float64)
    shrunk = (short_side / train.select(pl.min_horizontal("width", "height")).to_series()).clip(upper_bound=1.0)
    kept = float((pixels if keeping == "exact" else pixels * shrunk * shrunk).sum())
    return round(3 * (squares + kept * (_JPEG_SHARE if keeping == "jpeg" else 1)))


def _known_train(path: Path, fingerprint: str, ids: list[str]) -> TrainPixels | None:
    """The pictures, if file and index are whole and for this fingerprint; else None."""
    known = index_of(path, fingerprint)
    if known is None:
        return None
    shapes, lengths = known.get("shapes", []), known.get("lengths")
    held = sum(3 * math.prod(shape) for shape in shapes) if lengths is None else sum(lengths)
    return TrainPixels(path, ids, shapes, lengths) if held == known["bytes"] and len(shapes) == len(ids) else None


def _as_jpeg(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()
