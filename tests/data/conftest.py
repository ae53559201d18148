"""Pictures and folders made by code."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo() -> Callable[..., np.ndarray]:
    """Smooth colourful pixels that differ by seed, uint8 (height, width, 3)."""

    def make(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))

    return make


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """An image or uint8 array as the bytes of a file."""

    def run(image: np.ndarray | Image.Image, file_format: str = "PNG", **options: object) -> bytes:
        stream = io.BytesIO()
        opened = image if isinstance(image, Image.Image) else Image.fromarray(image)
        opened.save(stream, file_format, **options)
        return stream.getvalue()

    return run


@pytest.fixture
def folder_of(tmp_path: Path, photo, encode) -> Callable[..., Path]:
    """A folder with so many different pictures in each named class folder."""

    def make(counts: Mapping[str, int], name: str = "pictures", first_seed: int = 0) -> Path:
        root, seed = tmp_path / name, first_seed
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                (root / folder / f"{number:03d}.png").write_bytes(encode(photo(seed)))
                seed += 1
        return root

    return make
