"""Changed bytes to every reader of a file that a user may give: `python benchmarks/fuzz.py --seconds 60 [READER ...]`.

Each reader starts from whole files and gets them changed, in a process of its own: by atheris where it is installed,
which keeps what reaches new branches of our code, of Pillow's or of PyYAML's, else cut, flipped, spliced and filled by
chance, from a seed. Only the error that the reader promises may come of it. Anything else, an abort, a process that
grows past 3 GiB or a call that takes more than ten seconds of the processor is a finding: its bytes are kept in
`fuzz-findings/`, what was said is printed, and the exit code is 1.

Seconds are of processor time, each reader's own and its children's: on a busy machine, or after a halt, none is fuzzed
less. `--wall` bounds what the clock shows, a halt not counted; it and a SIGTERM end a reader with what was done by then
printed.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import importlib.util
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from readers import READERS

SLOW_S = 10.0  # of processor time, one call
IDLE_S = 300  # seconds, seen one by one, in which no call ended: a reader that waits for something
ENOUGH = 20  # kinds of finding of one reader
LARGEST_BYTES = 3 << 30
FINDINGS = Path("fuzz-findings")
OVER = "over"
STOP = threading.Event()
QUIET = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("readers", nargs="*", choices=[[], *READERS], default=[])
    options.add_argument("--seconds", type=float, default=60.0, help="processor time of each reader")
    options.add_argument("--wall", type=float, default=float("inf"), help="seconds of the clock for each")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--jobs", type=int, default=1, help="readers at a time")
    options.add_argument("--engine", choices=ENGINES, default="atheris" if _has_atheris() else "seeded")
    options.add_argument("--feed", type=Path, help=argparse.SUPPRESS)  # one process of one reader: its folder
    given = options.parse_args()
    if given.feed:
        ENGINES[given.engine](given.readers[0], given.seconds, given.seed, given.feed)
        return
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    runs = [Run(name, given) for name in given.readers or READERS]
    with ThreadPoolExecutor(given.jobs) as pool:
        found = sum(pool.map(Run.until_over, runs))
    raise SystemExit(1 if found else 0)


def _has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


class Run:
    """One reader's time, over as many processes as it takes: one that went down is followed by another."""

    def __init__(self, name: str, given: argparse.Namespace) -> None:
        self.name, self.given, self.seed = name, given, given.seed
        self.calls, self.spent_s, self.active_s, self.reached = 0, 0.0, 0, ""
        self.kinds: set[str] = set()

    def until_over(self) -> int:
        """How many kinds of finding."""
        with tempfile.TemporaryDirectory() as folder:
            while self.spent_s < self.given.seconds and len(self.kinds) < ENOUGH and not self._is_late():
                self._one_process(Path(folder))
        print(
            f"{self.name}: {self.calls} calls in {self.spent_s:.0f} s of the processor, {self.active_s} s of the clock,"
            f" by {self.given.engine}{self.reached}: {len(self.kinds)} findings",
            flush=True,
        )
        return len(self.kinds)

    def _is_late(self) -> bool:
        return STOP.is_set() or self.active_s >= self.given.wall

    def _one_process(self, place: Path) -> None:
        (place / "count").write_text("0 0\n")
        options = ["--seconds", self.given.seconds - self.spent_s, "--seed", self.seed, "--engine", self.given.engine]
        command = [sys.executable, __file__, self.name, *options, "--feed", place]
        with (place / "log").open("wb") as log:
            worker = subprocess.Popen(map(str, command), stdout=log, stderr=log, env={**os.environ, **QUIET})
            how = self._watch(worker, place)
        made, took = (place / "count").read_text().split()[:2]
        self.calls, self.spent_s, self.seed = self.calls + int(made), self.spent_s + float(took), self.seed + 1
        said = (place / "log").read_text(errors="replace")
        if coverage := re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", said):
            self.reached = " ({} branches, {} inputs that reach something of their own)".format(*coverage[-1])
        for finding in (place / "findings").glob("*.json"):
            self._note(finding.with_suffix(READERS[self.name].suffix), *json.loads(finding.read_text()))
            finding.unlink()
        if how not in ("0", OVER):
            self._note(place / f"now{READERS[self.name].suffix}", f"exit {how}", said[-3000:])

    def _watch(self, worker: subprocess.Popen[bytes], place: Path) -> str:
        """How the process ended: its exit code, or that the time was over."""
        idle_s, last = 0, ""
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return str(worker.wait(1))
            self.active_s += 1  # seconds that this process saw: a halt of both counts as one
            count = (place / "count").read_text()
            idle_s, last = (idle_s + 1 if count == last else 0), count
            if self._is_late():
                worker.kill()
                worker.wait()
                return OVER
            if idle_s > IDLE_S and not count.startswith("0 "):  # its imports may take long
                worker.send_signal(signal.SIGABRT)  # faulthandler says where it waits

    def _note(self, path: Path, kind: str, said: str) -> None:
        if kind in self.kinds:
            return
        self.kinds.add(kind)
        FINDINGS.mkdir(exist_ok=True)
        content = path.read_bytes() if path.exists() else b""
        kept = FINDINGS / f"{self.name}-{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        kept.write_bytes(content)
        print(f"{self.name}: {kept}: {kind}\n{said}", flush=True)


class Calls:
    """The calls of one reader in this process."""

    def __init__(self, name: str, place: Path) -> None:
        faulthandler.enable()
        faulthandler.register(signal.SIGPROF, chain=True)  # says where it is; then the signal ends the process
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.reader, self.place, self.made = READERS[name], place, 0
        self.kinds: set[str] = set()
        self.path, self.count = place / f"now{self.reader.suffix}", os.open(place / "count", os.O_WRONLY)
        self.seeds = self.reader.seeds()
        for content in self.seeds:
            self.path.write_bytes(content)
            self.reader.read(self.path)  # imports what it needs; whole files are read
        self.began_s = _spent_s()

    @property
    def took_s(self) -> float:
        return _spent_s() - self.began_s

    def take(self, content: bytes) -> None:
        """Read the bytes; what the reader does that it must not is kept, once a kind."""
        self.path.write_bytes(content)
        self.made += 1
        os.pwrite(self.count, f"{self.made} {self.took_s:.3f}\n".encode(), 0)
        signal.setitimer(signal.ITIMER_PROF, SLOW_S)
        try:
            self.reader.read(self.path)
        except self.reader.allowed:
            pass
        except BaseException as error:
            self._keep(content, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _keep(self, content: bytes, error: BaseException) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        if kind not in self.kinds:
            self.kinds.add(kind)
            stem = self.place / "findings" / hashlib.sha256(content).hexdigest()[:12]
            stem.parent.mkdir(exist_ok=True)
            stem.with_suffix(self.reader.suffix).write_bytes(content)
            stem.with_suffix(".json").write_text(json.dumps([kind, traceback.format_exc()]))


def _spent_s() -> float:
    """Processor time of this process and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def feed_by_chance(name: str, seconds: float, seed: int, place: Path) -> None:
    """Call the reader until the time is over; runs in a process of its own."""
    calls, chance = Calls(name, place), random.Random(seed)
    while calls.took_s < seconds and len(calls.kinds) < ENOUGH:
        calls.take(changed(chance.choice(calls.seeds), chance))


def feed_by_reach(name: str, seconds: float, seed: int, place: Path) -> None:
    """The same by atheris, which does not return: the process ends in it."""
    import atheris

    with atheris.instrument_imports(include=["deepenough", "PIL", "yaml"]):
        calls = Calls(name, place)
    corpus = place / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, content in enumerate(calls.seeds):
        (corpus / f"seed{number}").write_bytes(content)

    def take(content: bytes) -> None:
        calls.take(content)
        if calls.took_s >= seconds or len(calls.kinds) >= ENOUGH:
            os._exit(0)

    options = [
        f"-seed={seed + 1}",
        "-timeout=86400",
        f"-rss_limit_mb={LARGEST_BYTES >> 20}",
        f"-artifact_prefix={place}/",
    ]
    longest = 4 * max(map(len, calls.seeds))
    atheris.Setup([sys.argv[0], *options, f"-max_len={longest}", str(corpus)], take, internal_libfuzzer=True)
    atheris.Fuzz()


ENGINES = {"atheris": feed_by_reach, "seeded": feed_by_chance}


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


if __name__ == "__main__":
    main()
