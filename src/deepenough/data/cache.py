"""Decode once: pixels in one flat file beside a small index, memory-mapped by whoever needs them.

A cache is keyed by a fingerprint of the samples' content, the declared reduction and the format's version, so it is
used only for what it was built for; one that was torn is built anew (`indexed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from deepenough.data.decode import decode_picture, quiet
from deepenough.data.entries import Entry
from deepenough.data.indexed import fingerprint_of, index_of, write_indexed
from deepenough.data.ingest import Prepared, sample_id_of
from deepenough.data.preprocess import Preprocessing, reduce_short_side, resize_and_crop
from deepenough.data.threads import Progress, in_threads
from deepenough.errors import DecodeError, SourceError

FORMAT_VERSION = 1


class TrainPixels:
    """The training pictures, decoded and reduced, each of its own size; read from a memory-mapped file.

    Pickles as its path and index: every process opens the file for itself, and the pages are shared.

    Args:
        path: the flat file.
        sample_ids: the id of each picture, in the file's order.
        shapes: (height, width) of each picture, pixels.
    """

    def __init__(self, path: Path, sample_ids: list[str], shapes: Sequence[tuple[int, int]]) -> None:
        self.path, self.sample_ids = path, sample_ids
        self._shapes = np.array(shapes, dtype=np.int64).reshape(-1, 2)
        self._ends = np.cumsum(3 * self._shapes.prod(axis=1))
        self._mapped: np.memmap | None = None

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __getitem__(self, index: int) -> np.ndarray:
        """The picture as uint8 (height, width, 3), a copy that the caller may change."""
        if self._mapped is None:
            self._mapped = np.memmap(self.path, dtype=np.uint8, mode="r")
        height, width = self._shapes[index]
        end = self._ends[index]
        return np.array(self._mapped[end - 3 * height * width : end]).reshape(height, width, 3)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapped": None}


class TestPixels:
    """The exact test squares of every sample at every scale; read from a memory-mapped file.

    Args:
        path: the flat file: all samples at the first scale, then all at the second, and so on.
        sample_ids: the id of each sample, in the file's order.
        scales: sides in pixels, in the file's order.
    """

    __test__ = False  # not a test case, whatever pytest makes of its name

    def __init__(self, path: Path, sample_ids: list[str], scales: Sequence[int]) -> None:
        self.path, self.sample_ids, self.scales = path, sample_ids, tuple(scales)

    def __len__(self) -> int:
        return len(self.sample_ids)

    def at(self, scale: int) -> np.memmap:
        """All samples at one scale, uint8 (samples, scale, scale, 3); changes to it stay in memory.

        Raises:
            ValueError: the cache was not built for this scale.
        """
        if scale not in self.scales:
            raise ValueError(f"scale must be one of {', '.join(map(str, self.scales))}, but got {scale}")
        offset = _offsets(self.scales, len(self))[scale]
        return np.memmap(self.path, np.uint8, mode="c", offset=offset, shape=(len(self), scale, scale, 3))


def build_train_pixels(
    prepared: Prepared,
    folder: Path,
    *,
    short_side: int,
    workers: int = 0,
    progress: Progress | None = None,
) -> TrainPixels:
    """Decode and reduce the train split, or open what an earlier call left in `folder`.

    Args:
        prepared: from `prepare`; its samples' order is the order of the pixels.
        folder: where the cache is kept.
        short_side: pixels; a picture whose short side is larger is reduced to it, antialiased.
        workers: threads that decode; the bytes do not depend on it.
        progress: called with (pictures done, pictures in all).

    Raises:
        SourceError: a file has changed or vanished since it was checked.
    """
    ids = _ids_of(prepared, "train")
    path, fingerprint = _place(folder, "train", ids, {"short_side": short_side})
    known = _known_shapes(path, fingerprint)
    if known is not None:
        return TrainPixels(path, ids, known)
    shapes: list[tuple[int, int]] = []

    def write(stream: IO[bytes]) -> None:
        reduced = _decoded(prepared, ids, lambda pixels: reduce_short_side(pixels, short_side), workers, progress)
        for pixels in reduced:
            shapes.append((pixels.shape[0], pixels.shape[1]))
            stream.write(np.ascontiguousarray(pixels).data)

    write_indexed(path, fingerprint, write, lambda: {"shapes": shapes})
    return TrainPixels(path, ids, shapes)


def build_test_pixels(
    prepared: Prepared,
    split: str,
    folder: Path,
    *,
    scales: Sequence[int],
    preprocessing: Preprocessing,
    workers: int = 0,
    progress: Progress | None = None,
) -> TestPixels:
    """Decode a split once from the originals and cut one exact square a scale, or open what an earlier call left.

    Args:
        prepared: from `prepare`; its samples' order is the order of the pixels.
        split: `train`, `val` or `test`.
        folder: where the cache is kept.
        scales: sides in pixels.
        preprocessing: interpolation and crop.
        workers: threads that decode; the bytes do not depend on it.
        progress: called with (pictures done, pictures in all).

    Raises:
        SourceError: a file has changed or vanished since it was checked.
    """
    ids, sides = _ids_of(prepared, split), sorted(set(scales))
    declared = {"scales": sides, "interpolation": preprocessing.interpolation, "crop": preprocessing.crop}
    path, fingerprint = _place(folder, split, ids, declared)
    if index_of(path, fingerprint) is not None:
        return TestPixels(path, ids, sides)
    offsets = _offsets(sides, len(ids))

    def squares(pixels: np.ndarray) -> list[np.ndarray]:
        picture = Image.fromarray(pixels)
        return [resize_and_crop(picture, side, preprocessing) for side in sides]

    def write(stream: IO[bytes]) -> None:
        for number, cut in enumerate(_decoded(prepared, ids, squares, workers, progress)):
            for side, square in zip(sides, cut, strict=True):
                stream.seek(offsets[side] + number * square.nbytes)
                stream.write(np.ascontiguousarray(square).data)

    write_indexed(path, fingerprint, write)
    return TestPixels(path, ids, sides)


def _ids_of(prepared: Prepared, split: str) -> list[str]:
    return [
        i for i, where in zip(prepared.samples["sample_id"], prepared.samples["split"], strict=True) if where == split
    ]


def _offsets(scales: Sequence[int], samples: int) -> dict[int, int]:
    offsets, end = {}, 0
    for side in scales:
        offsets[side] = end
        end += samples * side * side * 3
    return offsets


def _decoded(
    prepared: Prepared,
    ids: Sequence[str],
    shape: Callable[[np.ndarray], Any],
    workers: int,
    progress: Progress | None,
) -> Iterator[Any]:
    """`shape` of every sample's pixels, in order."""

    def one(sample_id: str) -> Any:  # noqa: ANN401
        return shape(_pixels_of(prepared.entries[sample_id], sample_id))

    with quiet():
        for done, result in enumerate(in_threads(one, ids, workers), start=1):
            yield result
            if progress is not None:
                progress(done, len(ids))


def _pixels_of(entry: Entry, sample_id: str) -> np.ndarray:
    """The picture's pixels, provided that its file is still the one that was checked."""
    expected = "the file as it was when the data was checked"
    remedy = "keep the data as it is while a study runs, or start anew"
    try:
        encoded = entry.read()
    except OSError as error:
        raise SourceError(entry.path, expected, error.strerror or type(error).__name__, remedy) from error
    if sample_id_of(encoded) != sample_id:
        raise SourceError(entry.path, expected, "other bytes", remedy)
    try:
        return decode_picture(encoded).pixels
    except DecodeError as error:
        raise SourceError(entry.path, expected, str(error), remedy) from error


def _place(folder: Path, split: str, ids: Sequence[str], declared: dict[str, Any]) -> tuple[Path, str]:
    fingerprint = fingerprint_of(FORMAT_VERSION, split, declared, list(ids))
    return folder / f"{split}-{fingerprint[:16]}.pixels", fingerprint


def _known_shapes(path: Path, fingerprint: str) -> list[tuple[int, int]] | None:
    """Height and width of every picture in the file, if it is whole and for this fingerprint; else None."""
    known = index_of(path, fingerprint)
    if known is None:
        return None
    shapes = known.get("shapes", [])
    return shapes if 3 * sum(math.prod(shape) for shape in shapes) == known["bytes"] else None
