"""Decode once: pixels in one flat file beside a small index, memory-mapped by whoever needs them.

A cache is keyed by a fingerprint of the samples' content, the declared reduction and the format's version, so it is
used only for what it was built for; one that was torn is built anew (`indexed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from PIL import Image

from deepenough.data.decode import decode_picture, quiet
from deepenough.data.entries import Entry
from deepenough.data.indexed import fingerprint_of, index_of, write_indexed
from deepenough.data.ingest import Prepared, sample_id_of
from deepenough.data.preprocess import Preprocessing, squared
from deepenough.data.shared import PixelFolder
from deepenough.data.threads import Progress, in_threads
from deepenough.errors import DecodeError, SourceError

FORMAT_VERSION = 1
_Known = TypeVar("_Known")


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


def build_test_pixels(
    prepared: Prepared,
    split: str,
    folder: Path | PixelFolder,
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
    ids, sides = ids_of(prepared, split), sorted(set(scales))
    declared = {"scales": sides, "interpolation": preprocessing.interpolation, "crop": preprocessing.crop}
    declared |= {} if preprocessing.fit == "crop" else {"fit": preprocessing.fit}
    path, fingerprint = place(folder, split, ids, declared)
    offsets = _offsets(sides, len(ids))

    def squares(pixels: np.ndarray) -> list[np.ndarray]:
        picture = Image.fromarray(pixels)
        return [squared(picture, side, preprocessing) for side in sides]

    def write(stream: IO[bytes]) -> None:
        for number, cut in enumerate(decoded(prepared, ids, squares, workers, progress)):
            for side, square in zip(sides, cut, strict=True):
                stream.seek(offsets[side] + number * square.nbytes)
                stream.write(np.ascontiguousarray(square).data)

    def find() -> TestPixels | None:
        return None if index_of(path, fingerprint) is None else TestPixels(path, ids, sides)

    def make() -> TestPixels:
        write_indexed(path, fingerprint, write)
        return TestPixels(path, ids, sides)

    return found_or_made(folder, path, find, make)


def ids_of(prepared: Prepared, split: str) -> list[str]:
    """The ids of a split's samples, in their order."""
    return [
        i for i, where in zip(prepared.samples["sample_id"], prepared.samples["split"], strict=True) if where == split
    ]


def _offsets(scales: Sequence[int], samples: int) -> dict[int, int]:
    offsets, end = {}, 0
    for side in scales:
        offsets[side] = end
        end += samples * side * side * 3
    return offsets


def decoded(
    prepared: Prepared,
    ids: Sequence[str],
    shape: Callable[[np.ndarray], Any],
    workers: int,
    progress: Progress | None,
    at_least: int | None = None,
) -> Iterator[Any]:
    """`shape` of every sample's pixels, in order; `at_least` as in `pixels_of`."""

    def one(sample_id: str) -> Any:  # noqa: ANN401
        return shape(pixels_of(prepared.entries[sample_id], sample_id, at_least))

    with quiet():
        for done, result in enumerate(in_threads(one, ids, workers), start=1):
            yield result
            if progress is not None:
                progress(done, len(ids))


def pixels_of(entry: Entry, sample_id: str, at_least: int | None = None) -> np.ndarray:
    """The picture's pixels, provided that its file is still the one that was checked.

    A JPEG file is decoded at a half, a quarter or an eighth where both its sides then still have `at_least` pixels.
    """
    expected = "the file as it was when the data was checked"
    remedy = "keep the data as it is while a study runs, or start anew"
    try:
        encoded = entry.read()
    except OSError as error:
        raise SourceError(entry.path, expected, error.strerror or type(error).__name__, remedy) from error
    if sample_id_of(encoded) != sample_id:
        raise SourceError(entry.path, expected, "other bytes", remedy)
    try:
        return (decode_picture(encoded) if at_least is None else decode_picture(encoded, at_least=at_least)).pixels
    except DecodeError as error:
        raise SourceError(entry.path, expected, str(error), remedy) from error


def found_or_made(
    folder: Path | PixelFolder, path: Path, find: Callable[[], _Known | None], make: Callable[[], _Known]
) -> _Known:
    """As `PixelFolder.found_or_made`; a plain folder is the caller's alone and needs no locks."""
    if isinstance(folder, PixelFolder):
        return folder.found_or_made(path, find, make)
    known = find()
    return make() if known is None else known


def place(folder: Path | PixelFolder, split: str, ids: Sequence[str], declared: dict[str, Any]) -> tuple[Path, str]:
    """Where a file of decoded pictures lies, and the fingerprint of what it depends on."""
    fingerprint = fingerprint_of(FORMAT_VERSION, split, declared, list(ids))
    root = folder.root if isinstance(folder, PixelFolder) else folder
    return root / f"{split}-{fingerprint[:16]}.pixels", fingerprint
