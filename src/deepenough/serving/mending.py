"""Pictures of any size mended by a model, in tiles without seams, and written one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from deepenough.data.decode import quiet
from deepenough.errors import InputError
from deepenough.evaluation.tiling import mended
from deepenough.records import make_folder, write_atomically
from deepenough.serving.pictures import Found
from deepenough.serving.predicting import NO_NUMBER, NOT_FINITE, Answer, Model, Seen, read
from deepenough.tasks.answering import Asked

ENDING = ".png"  # without loss


def mend(found: Iterable[Found], model: Model, out: Path) -> Iterator[Answer]:
    """Mend every picture and write it as a PNG; a file that cannot be decoded gets its reason, never silence.

    One picture is held at a time. Below `out` they lie as they lay in the folder that was named; where two would have
    one name, the later gets a number.

    Args:
        found: the files.
        model: whose answers are pictures.
        out: a folder that is new or empty.

    Raises:
        InputError: (of its kinds) something is in the folder, it is a file, or it cannot be made or written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        got = "one with files in it" if out.is_dir() else "a file"
        raise InputError(f"--out {out}", "a folder that is new or empty, so that nothing is lost", got, "name another")
    make_folder(out)
    return _mended(found, model, out)


def _mended(found: Iterable[Found], model: Model, out: Path) -> Iterator[Answer]:
    taken: set[Path] = set()
    for each in found:
        with quiet():
            seen, pixels = read(each)
        if pixels is None:
            yield Answer(path=seen.path, sample_id=seen.sample_id, error=seen.error, detail=seen.detail)
            continue
        try:
            picture = mended(lambda part: model([part])[0][0], pixels)
        except ValueError:
            yield Answer(path=seen.path, sample_id=seen.sample_id, error=NOT_FINITE, detail=NO_NUMBER)
            continue
        yield _written(seen, picture, _free(out / each.under, taken))


def _written(seen: Seen, picture: np.ndarray, path: Path) -> Answer:
    write_atomically(path, lambda stream: Image.fromarray(picture).save(stream, "PNG"))
    asked = Asked(picture.shape[1], picture.shape[0], max(picture.shape))
    return Answer(path=seen.path, sample_id=seen.sample_id, asked=asked, written=path)


def _free(path: Path, taken: set[Path]) -> Path:
    """The same with the ending of what is written, and a number where that name is taken."""
    wanted, number = path.with_suffix(ENDING), 1
    while wanted in taken:
        number += 1
        wanted = path.with_name(f"{path.stem}-{number}{ENDING}")
    taken.add(wanted)
    return wanted
