"""The map of a study's test pictures: where both networks place them, what they answer, and small copies to look at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from deepenough.comparison.embedding import mapping
from deepenough.records import write_atomically, write_json
from deepenough.records.embedding import PictureMap
from deepenough.stats.distributions import FloatArray

MOST = 10_000  # pictures on a map
_TILES = (64, 48, 32, 24, 16)  # px
_MOST_PIXELS = 2_600_000  # of all small copies: ten thousand of 16 px
_MOST_BYTES = 900_000  # of the file, so that a page stays below 5 MB
_QUALITIES = (80, 65, 50, 35, 20)


def write_map(
    vectors: dict[str, FloatArray],
    order: pl.DataFrame,
    squares: np.ndarray | None,
    folder: Path,
    *,
    seed: int,
    scale: int,
    scores: pl.DataFrame,
) -> PictureMap:
    """Lay out the test pictures by both networks, and write `map.json` and `map.jpg`.

    Args:
        vectors: of the small network, then of the big one, (samples, features), in one order.
        order: columns `sample_id`, `target` of the samples, in that order.
        squares: uint8 (samples, side, side, 3), of which small copies are made; None for none.
        folder: to write into.
        seed: of the networks.
        scale: image side, pixels.
        scores: `records.SCORES` of the test split, for the networks' answers.
    """
    small, big = vectors
    shown, method = order.head(MOST), mapping.method_here()
    few = {name: each[:MOST] for name, each in vectors.items()}
    flat = {name: mapping.layout(each, method) for name, each in few.items()}
    trust = {name: mapping.trust(few[name], flat[name]) for name in flat}
    plain = {name: mapping.trust(each, mapping.layout(each, "pca")) for name, each in few.items()}
    flat[big] = mapping.turned_onto(flat[big], flat[small])
    texts = {name: _answers(shown, scores, name, seed, scale) for name in vectors}
    classes = sorted({*shown["target"].drop_nulls(), *(text for each in texts.values() for text in each if text)})
    codes = {name: place for place, name in enumerate(classes)}
    tile, columns = (0, 0) if squares is None else _write_tiles(squares[:MOST], folder / "map.jpg")
    if squares is None:
        (folder / "map.jpg").unlink(missing_ok=True)
    found = PictureMap(
        small=small,
        big=big,
        scale=scale,
        seed=seed,
        method=method,
        pictures=order.height,
        classes=classes,
        labels=[codes.get(name, -1) for name in shown["target"]],
        answers={name: [codes.get(text or "", -1) for text in each] for name, each in texts.items()},
        places={name: mapping.on_the_square(each) for name, each in flat.items()},
        trust=trust,
        plain=plain,
        tile=tile,
        columns=columns,
    )
    write_json(folder / "map.json", found)
    return found


def _answers(shown: pl.DataFrame, scores: pl.DataFrame, name: str, seed: int, scale: int) -> list[str | None]:
    """What a network answered of each picture; None where it was not asked, or not for a class."""
    own = scores.filter(pl.col("contender") == name, pl.col("seed") == seed, pl.col("scale") == scale)
    known = dict(own.select("sample_id", "prediction").iter_rows())
    return [known.get(sample) for sample in shown["sample_id"]]


def _write_tiles(squares: np.ndarray, path: Path) -> tuple[int, int]:
    """All pictures in one JPEG, row by row; the side of each and how many a row has."""
    count = len(squares)
    tile = next((side for side in _TILES if count * side * side <= _MOST_PIXELS), _TILES[-1])
    columns = int(np.ceil(np.sqrt(count)))
    sheet = Image.new("RGB", (columns * tile, -(-count // columns) * tile))
    for place, square in enumerate(squares):
        small = Image.fromarray(np.array(square)).resize((tile, tile), Image.Resampling.LANCZOS)
        sheet.paste(small, (place % columns * tile, place // columns * tile))
    made = (_encoded(sheet, quality) for quality in _QUALITIES)
    content = next((each for each in made if len(each) <= _MOST_BYTES), None) or _encoded(sheet, _QUALITIES[-1])
    write_atomically(path, lambda file: file.write(content))
    return tile, columns


def _encoded(sheet: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
