"""What all tests share: few threads, no network, the same draws every time, and the way to the real images."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

CORES = os.cpu_count() or 1
os.environ.setdefault("OMP_NUM_THREADS", str(min(2, CORES)))  # before torch is imported: it reads this once
os.environ.setdefault("POLARS_MAX_THREADS", str(min(2, CORES)))
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("COLUMNS", "80")  # how wide typer wraps --help

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

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
