"""What all tests share: one thread, no network, the same draws every time, pictures made by code, and real ones."""

from __future__ import annotations

import gc
import io
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

# before torch is imported, which reads it once; threads that wait for each other crawl where other programs run
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TORCH_HOME"] = os.environ["HF_HOME"] = os.devnull  # no weights that this machine happens to have
os.environ.pop("DEEPENOUGH_WEIGHTS", None)
os.environ.setdefault("COLUMNS", "80")  # how wide typer wraps --help

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")

settings.register_profile("deepenough", derandomize=True, deadline=None, database=None)
settings.load_profile("deepenough")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the clone."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real image sets; a test that asks for it is skipped where there is none."""
    named = os.environ.get("DEEPENOUGH_SHARED_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"DEEPENOUGH_SHARED_DATA names no folder: {named}")
    pytest.skip("no real images: put them in ../shared/data, or name their folder in DEEPENOUGH_SHARED_DATA")


@pytest.fixture(scope="session")
def given_study() -> Path | None:
    """A finished study of one's own, named in DEEPENOUGH_STUDY, whose page is tested instead of a made-up one."""
    named = os.environ.get("DEEPENOUGH_STUDY")
    if named and not (Path(named) / "report.html").is_file():
        pytest.fail(f"DEEPENOUGH_STUDY names no folder with a report.html: {named}")
    return Path(named).resolve() if named else None


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A test that reaches out fails at once, on every machine, rather than only on those without a network."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and isinstance(address, tuple) and address[0] not in LOCAL_HOSTS:
            raise AssertionError(f"a test tried to reach {address[0]}; tests use no network")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(autouse=True, scope="module")
def _settled() -> None:
    """Keep what is imported by now out of every collection to come.

    The program collects before it measures memory. To look through a million objects of libraries each time took
    a quarter of a second, twelve times a study, which was a third of a small one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def photo() -> Callable[..., np.ndarray]:
    """Smooth colourful pixels that differ by seed, uint8 (height, width, 3)."""

    def make(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))

    return make


@pytest.fixture(scope="session")
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


TINY = {  # the same code on a tenth of a percent of the arithmetic
    "STEM_CHANNELS": 8,
    "STAGE_WIDTHS": (4, 4, 8, 8),
    "STAGE_BLOCKS": {50: (1, 1, 1, 1), 101: (1, 1, 2, 1)},
}


def _shrink(patch: pytest.MonkeyPatch) -> Mapping[str, object]:
    from deepenough.cost import timing
    from deepenough.networks import config

    for name, value in TINY.items():
        patch.setattr(config, name, value)
    patch.setattr(timing, "_FEWEST", {"single": 2, "batch": 1})
    patch.setattr(timing, "_MOST", 2)
    return TINY


@pytest.fixture
def tiny_networks(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, object]:
    """ResNet-50 and ResNet-101 of a few channels and blocks, so that a whole study takes seconds."""
    return _shrink(monkeypatch)


@pytest.fixture(scope="session")
def shrink() -> Callable[[pytest.MonkeyPatch], object]:
    """The same for a fixture that outlives a test: call it with a patch of its own."""
    return _shrink
