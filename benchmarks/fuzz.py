"""Changed bytes to every reader of a file that a user may give: `python benchmarks/fuzz.py --seconds 60 [READER ...]`.

Each reader starts from whole files and gets them changed, in a process of its own: by atheris, which keeps what reaches
new code of ours or of Pillow's or PyYAML's readers, where it is installed, else cut, flipped, spliced and filled by
chance, from a seed. Only the error that the reader promises may come of it. Anything else, an abort, or a call of more
than ten seconds is a finding: its bytes are kept in `fuzz-findings/`, what was said is printed, and the exit code is 1.
Seconds are of processor time, a reader.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import importlib.util
import io
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from deepenough.errors import DecodeError, InputError

SLOW_S = 10.0
ENOUGH = 20  # findings of one reader
FINDINGS = Path("fuzz-findings")


@dataclass(frozen=True)
class Reader:
    """What is fed, with what, and which error may come of it."""

    suffix: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    allowed: type[Exception] = InputError


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("readers", nargs="*", choices=[[], *READERS], default=[])
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--jobs", type=int, default=1, help="readers at a time")
    options.add_argument("--engine", choices=["atheris", "seeded"], default=None)
    given = options.parse_args()
    engine = given.engine or ("atheris" if importlib.util.find_spec("atheris") else "seeded")
    with ThreadPoolExecutor(given.jobs) as pool:
        names = given.readers or list(READERS)
        found = sum(pool.map(lambda name: fuzz(name, given.seconds, given.seed, engine), names))
    raise SystemExit(1 if found else 0)


def fuzz(name: str, seconds: float, seed: int, engine: str) -> int:
    """How many findings; a reader that took its process down is started again until the time is over."""
    context, spent, findings, calls = multiprocessing.get_context("spawn"), 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        while spent < seconds and findings < ENOUGH:
            (place / "count").write_text("0 0")
            worker = context.Process(target=FEEDS[engine], args=(name, seconds - spent, seed, place))
            worker.start()
            worker.join()
            made, took = (place / "count").read_text().split()
            calls, spent, seed = calls + int(made), spent + float(took), seed + 1
            said = (place / "finding").read_text() if (place / "finding").exists() else f"exit {worker.exitcode}"
            if worker.exitcode != 0 or (place / "finding").exists():
                findings += keep(name, place / f"now{READERS[name].suffix}", said)
                (place / "finding").unlink(missing_ok=True)
        kept = sum(1 for _ in (place / "corpus").glob("*"))
    reached = f", {kept} inputs that reach something new" if kept else ""
    print(f"{name}: {calls} calls in {spent:.0f} s by {engine}{reached}, {findings} findings", flush=True)
    return findings


class Calls:
    """The calls of one reader in this process."""

    def __init__(self, name: str, place: Path) -> None:
        faulthandler.enable()
        self.reader, self.place, self.made = READERS[name], place, 0
        self.path = place / f"now{self.reader.suffix}"
        self.seeds = self.reader.seeds()
        self.nowhere = Path(os.devnull).open("w")  # noqa: SIM115  a real file: polars asks for its number
        for content in self.seeds:
            self.path.write_bytes(content)
            self.reader.read(self.path)  # imports what it needs; whole files are read
        self.began = time.process_time()

    @property
    def took(self) -> float:
        return time.process_time() - self.began

    def fails(self, content: bytes) -> bool:
        """Whether the reader did what it must not; what it did is then in `finding`, the bytes in `now`."""
        self.path.write_bytes(content)
        self.made += 1
        self.note()
        faulthandler.dump_traceback_later(SLOW_S, exit=True)
        try:
            with contextlib.redirect_stderr(self.nowhere):
                self.reader.read(self.path)
        except self.reader.allowed:
            pass
        except BaseException:
            (self.place / "finding").write_text(traceback.format_exc())
            return True
        finally:
            faulthandler.cancel_dump_traceback_later()
        return False

    def note(self) -> None:
        (self.place / "count").write_text(f"{self.made} {self.took}")


def feed_by_chance(name: str, seconds: float, seed: int, place: Path) -> None:
    """Call the reader until the time is over or something is found; runs in a process of its own."""
    calls, chance = Calls(name, place), random.Random(seed)
    while calls.took < seconds:
        if calls.fails(changed(chance.choice(calls.seeds), chance)):
            return
    calls.note()


def feed_by_reach(name: str, seconds: float, seed: int, place: Path) -> None:
    """The same by atheris, which does not return: the process ends in it."""
    import atheris

    log = os.open(place / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)  # libFuzzer and the instrumentation say much
    with atheris.instrument_imports(include=["deepenough", "PIL", "yaml"]):
        calls = Calls(name, place)
    corpus = place / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, content in enumerate(calls.seeds):
        (corpus / f"seed{number}").write_bytes(content)

    def take(content: bytes) -> None:
        if calls.fails(content) or calls.took >= seconds:
            calls.note()
            os._exit(0)

    longest = 4 * max(map(len, calls.seeds))
    options = [f"-seed={seed + 1}", "-timeout=0", "-rss_limit_mb=8192", f"-max_len={longest}", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={place}/", str(corpus)], take, internal_libfuzzer=True)
    atheris.Fuzz()


FEEDS = {"atheris": feed_by_reach, "seeded": feed_by_chance}


def changed(content: bytes, chance: random.Random) -> bytes:
    """The content after one to eight changes."""
    raw = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        place, kind = chance.randrange(len(raw) + 1), chance.randrange(7)
        length = min(len(raw) - place, int(2 ** chance.uniform(0, 8)))
        if kind == 0 and place < len(raw):
            raw[place] ^= 1 << chance.randrange(8)
        elif kind == 1 and place < len(raw):
            raw[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, *b'"{}[]:,-.0eN\n# &*!'))
        elif kind == 2:
            del raw[place:]
        elif kind == 3:
            del raw[place : place + length]
        elif kind == 4:
            raw[place:place] = raw[place : place + length]
        elif kind == 5:
            raw[place : place + length] = chance.randbytes(length)
        else:
            at = chance.randrange(len(raw) + 1)
            raw[place : place + length] = raw[at : at + length]
    return bytes(raw)


def keep(name: str, path: Path, said: str) -> int:
    FINDINGS.mkdir(exist_ok=True)
    content = path.read_bytes()
    kept = FINDINGS / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
    kept.write_bytes(content)
    print(f"{name}: {kept}\n{said}", flush=True)
    return 1


# --- the readers ------------------------------------------------------------------------------------------------------


def pictures() -> list[bytes]:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    encoded = []
    for kind, mode in (("PNG", "RGB"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("GIF", "P"),
                       ("BMP", "RGB"), ("TIFF", "RGB"), ("WEBP", "RGBA"), ("PPM", "RGB")):  # fmt: skip
        stream = io.BytesIO()
        source = (
            Image.fromarray(pixels[..., 0].astype(np.uint16))
            if mode == "I;16"
            else Image.fromarray(pixels).convert(mode)
        )
        source.save(stream, kind)
        encoded.append(stream.getvalue())
    return encoded


def read_picture(path: Path) -> object:
    from deepenough.data.decode import decode_picture, quiet

    with quiet():
        return decode_picture(path.read_bytes())


def studies() -> list[bytes]:
    from deepenough.studies.study import make_study, save_study

    with tempfile.TemporaryDirectory() as place:
        save_study(
            make_study({"scales": [32, 48], "weights": {"resnet50": "w.pt"}, "budget": "1h30m"}), Path(place) / "s"
        )
        return [(Path(place) / "s").read_bytes(), b"source: x\nseeds: 3\n"]


def read_study(path: Path) -> object:
    from deepenough.studies.study import load_study

    return load_study(path)


def predictions() -> pl.DataFrame:
    rows = [
        (f"i{n}", "ab"[n % 2], c, s, "ab"[(n + s) % 2], 0.5) for c in ("r50", "r101") for s in (0, 1) for n in range(4)
    ]
    return pl.DataFrame(rows, ["sample_id", "target", "contender", "seed", "prediction", "confidence"], orient="row")


def read_predictions(path: Path) -> object:
    from deepenough.comparison import read_predictions as read

    return read([path])


def states() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        _cell().save(Path(place) / "s")
        return [(Path(place) / "s").read_bytes()]


def _cell():  # noqa: ANN202
    import torch

    from deepenough.training import Cell, Recipe

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    cell = Cell.begin("x", 0, network, Recipe())
    network(torch.ones(2, 2)).sum().backward()
    cell.optimizer.step()
    return cell


def read_state(path: Path) -> object:
    return _cell().load(path)


def weights(suffix: str) -> list[bytes]:
    import torch

    from deepenough.networks import build, save_weights

    network = build("resnet50+width=0.125", 2)
    with tempfile.TemporaryDirectory() as place:
        if suffix == ".safetensors":
            save_weights(network, Path(place) / "w.safetensors")
            return [(Path(place) / "w.safetensors").read_bytes()]
        torch.save(network.state_dict(), Path(place) / "w.pth")
        return [(Path(place) / "w.pth").read_bytes()]


def read_weights(path: Path) -> object:
    from deepenough.networks import build, load_weights

    if not _NETWORK:
        _NETWORK.append(build("resnet50+width=0.125", 2))
    return load_weights(_NETWORK[0], path)


_NETWORK: list = []  # built once a process


def records() -> list[bytes]:
    from deepenough.records import write_json

    with tempfile.TemporaryDirectory() as place:
        write_json(Path(place) / "r", {"answer": "undecided", "interval": [1.0, 2.0], "needed": None})
        return [(Path(place) / "r").read_bytes(), b'{"answer": "undecided", "interval": [1.0, 2.0]}']


def read_record(path: Path) -> object:
    from deepenough.records import read_json

    return read_json(path)


def manifests() -> list[bytes]:
    return [b"path,target,split,group\na.png,cat,train,p1\nb.png,dog,test,\n", b"\xef\xbb\xbfpath,target\na,1\nb,2\n"]


def read_manifest(path: Path) -> object:
    from deepenough.data.sources import open_source

    return open_source(str(path))


def as_csv() -> list[bytes]:
    return [predictions().write_csv().encode()]


def as_json() -> list[bytes]:
    return [predictions().write_json().encode(), predictions().write_ndjson().encode()]


def plain() -> list[bytes]:
    stream = io.BytesIO()
    predictions().write_parquet(stream)
    return [stream.getvalue()]


def sealed() -> list[bytes]:
    from deepenough.records import write_table

    with tempfile.TemporaryDirectory() as place:
        write_table(Path(place) / "p", predictions(), {})
        return [(Path(place) / "p").read_bytes()]


READERS = {
    "picture": Reader(".img", pictures, read_picture, DecodeError),
    "study": Reader(".yaml", studies, read_study),
    "predictions-csv": Reader(".csv", as_csv, read_predictions),
    "predictions-json": Reader(".json", as_json, read_predictions),
    "predictions-parquet": Reader(".parquet", plain, read_predictions),
    "scores-parquet": Reader(".parquet", sealed, read_predictions),
    "manifest": Reader(".csv", manifests, read_manifest),
    "state": Reader(".safetensors", states, read_state),
    "weights": Reader(".safetensors", lambda: weights(".safetensors"), read_weights),
    "weights-pickle": Reader(".pth", lambda: weights(".pth"), read_weights),
    "record": Reader(".json", records, read_record),
}

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main())
