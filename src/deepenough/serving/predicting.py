"""From picture files to answers, a few at a time: decode by the rules, cut the squares, ask the model."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from deepenough.data.decode import decode_picture, quiet
from deepenough.data.ingest import READ_REASONS, sample_id_of
from deepenough.data.preprocess import Preprocessing, squared
from deepenough.data.threads import in_threads
from deepenough.errors import DecodeError
from deepenough.serving.about import About
from deepenough.serving.pictures import Found
from deepenough.tasks.answering import Asked

BATCH = 32  # squares a call
NOT_FINITE, NO_NUMBER = "not_finite", "the model's answer is not finite"  # an error of an answer, and its detail
_LARGEST_BATCH_PIXELS = BATCH * 224 * 224  # larger squares come fewer at a time


class Model(Protocol):
    """A model that is open: whatever runs it, uint8 squares go in, what its task says comes out."""

    @property
    def about(self) -> About:
        """What its file says."""
        ...

    @property
    def title(self) -> str:
        """What runs it, for people: `onnxruntime, fp32`."""
        ...

    def __call__(self, squares: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Answers for a batch.

        Args:
            squares: one array for each of `about.sides`, uint8 (batch, side, side, 3); where the answer is a picture,
                (batch, height, width, 3) of any size from 32 px on.

        Returns:
            One array for each of `about.answers().outputs`, such as probabilities, float32 (batch, classes), and the
            index of the most probable class, int64 (batch,).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says of one file, or why it cannot say anything.

    Args:
        path: as shown to people.
        sample_id: the hash of the file's bytes, as in a study's tables; empty where it could not be read.
        said: the arrays of `about.answers().outputs` for this picture; empty where there is no answer.
        asked: the picture's size and the square's; None where it could not be read.
        written: where the picture lies that is the answer; None where the answer is none.
        error: a short word by the rules of docs/data.md, such as `truncated`; empty where there is an answer.
        detail: what was wrong, one line.
    """

    path: str
    sample_id: str = ""
    said: tuple[np.ndarray, ...] = ()
    asked: Asked | None = None
    written: Path | None = None
    error: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One file, decoded and cut; `squares` are in the order of the model's sides, None where there is an error."""

    path: str
    sample_id: str
    squares: list[np.ndarray] | None
    error: str = ""
    detail: str = ""
    asked: Asked | None = None


def predict(found: Iterable[Found], model: Model, *, workers: int = 0, batch: int | None = None) -> Iterator[Answer]:
    """An answer for every file, in their order; a file that cannot be decoded gets its reason, never silence.

    Few pictures are held at a time, so memory does not grow with their number.

    Args:
        found: the files.
        model: an open model.
        workers: threads that decode; the answers do not depend on it.
        batch: squares a call; by default 32, fewer where they are large.
    """
    for seen in batches(found, model.about, workers=workers, batch=batch):
        yield from answered(seen, model)


def batches(
    found: Iterable[Found], about: About, *, workers: int = 0, batch: int | None = None
) -> Iterator[list[Seen]]:
    """The files, decoded and cut for a model, in lists of at most a batch."""
    size, preparation = batch or batch_of(about), about.prepared()
    entries = iter(found)
    while chunk := list(islice(entries, size)):
        with quiet():
            seen = list(in_threads(lambda each: look(each, about.sides, preparation), chunk, workers))
        yield seen


def batch_of(about: About) -> int:
    """Squares a call, so that memory does not grow with their size."""
    return max(1, min(BATCH, _LARGEST_BATCH_PIXELS // max(about.sides) ** 2))


def look(found: Found, sides: Sequence[int], preparation: Preprocessing) -> Seen:
    """Read one file and cut its squares by the rules that a study follows; call it inside `decode.quiet()`."""
    seen, pixels = read(found)
    if pixels is None:
        return seen
    asked = Asked(pixels.shape[1], pixels.shape[0], sides[0])
    return replace(seen, squares=[squared(pixels, side, preparation) for side in sides], asked=asked)


def read(found: Found) -> tuple[Seen, np.ndarray | None]:
    """A file's pixels, or None and why; call it inside `decode.quiet()`."""
    try:
        encoded = found.entry.read()
    except OSError as error:
        word = "not_a_file" if error.errno == errno.EISDIR else READ_REASONS.get(error.errno or 0, "unreadable")
        return Seen(found.path, "", None, word, error.strerror or type(error).__name__), None
    sample_id = sample_id_of(encoded)
    try:
        return Seen(found.path, sample_id, None), decode_picture(encoded).pixels
    except DecodeError as error:
        return Seen(found.path, sample_id, None, error.reason, error.detail), None


def answered(seen: Sequence[Seen], model: Model) -> Iterator[Answer]:
    """The answers for one batch, in its order."""
    sound = [each.squares for each in seen if each.squares is not None]
    columns = [np.stack(column) for column in zip(*sound, strict=True)]
    said = model(columns) if sound else ()
    place = 0
    for each in seen:
        if each.squares is None:
            yield Answer(path=each.path, sample_id=each.sample_id, error=each.error, detail=each.detail)
            continue
        own = tuple(array[place] for array in said)
        place += 1
        if np.isfinite(own[0]).all():
            yield Answer(path=each.path, sample_id=each.sample_id, said=own, asked=each.asked)
        else:
            yield Answer(path=each.path, sample_id=each.sample_id, error=NOT_FINITE, detail=NO_NUMBER)


def usable_cores() -> int:
    """Cores that this process may use, or the threads that OMP_NUM_THREADS names."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    if named.isdigit() and int(named):
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
