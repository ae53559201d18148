"""Every command that README, docs, study files and --help show is run, word for word, on tiny stand-ins (sandbox.py).

A page that gains a command gains a test. Where that names something which the sandbox lacks, the test says what to add.
"""

from __future__ import annotations

import asyncio
import re
import runpy
import shlex
import subprocess
from pathlib import Path

import pytest

from deepenough import cli

HERE = Path(__file__).parent
shown, sandbox = (runpy.run_path(str(HERE / f"{name}.py")) for name in ("shown", "sandbox"))
ROOT, PAGES = shown["ROOT"], shown["PAGES"]

#: Commands that a sandbox cannot hold: what is in the line, why it cannot, and words of the one line that refuses them.
#: Where nothing is refused there are no words; test_commands.py then at least has the program parse them.
NOT_RUN = {
    "timm:a1_in1k": ("public weights come from the internet", "on this machine or a network to fetch it"),
    "/data/": ("data sets on the reader's disk; tests/data/test_shards.py reads such", "error: /data/"),
    "postgresql://": ("a database that workers share; tests/studies/test_tune.py shares a file", None),
    "torchrun": ("many processes on many machines; tests/training/test_ranks.py has two", None),
    "--devices 8": ("eight processes; tests/training/test_ranks.py has two", None),
    "--executor ray": ("a cluster's workers; they train in tests/studies/test_ray_executor.py", None),
}
WHOLE = {"cost", "doctor", "networks"}  # of themselves complete; any other name alone is a mention
QUICK = {"audit", "check", "doctor", "gate", "networks", "slices", "verdict", "verify"}
TRAINED = {"runs/manifest", "runs/driving", "runs/faces"}  # studies of their own
ANSWERS = {"gate": {0, 1}}  # exit codes that are answers; of all others 0


def _shown():
    found = {}
    for page in PAGES:
        for command in shown["commands"](page.read_text("utf-8"), cli.COMMANDS):
            if command.arguments or command.name in WHOLE:
                known = (
                    command.name,
                    sandbox["same"](command.arguments),
                    command.before,
                    command.into,
                    command.launcher,
                )
                found.setdefault(known, (command, page))  # what stands on two pages is run once
    return list(found.values())


def _reason(command):
    return next((said for part, said in NOT_RUN.items() if part in str(command)), None)


def _tests(chosen):
    return [
        pytest.param(
            command, id=f"{page.name}: {command}"[:100], marks=[] if _is_quick(command) else [pytest.mark.slow]
        )
        for command, page in SHOWN
        if chosen(_reason(command))
    ]


def _is_quick(command):
    return command.name in QUICK and not set(sandbox["named"](command.arguments)[0]) & TRAINED


SHOWN = _shown()


@pytest.fixture(scope="session")
def stock(tmp_path_factory):
    return sandbox["Sandbox"](tmp_path_factory.mktemp("stock"))


@pytest.fixture
def box(stock, shrink, monkeypatch, tmp_path):
    """Puts stand-ins into the empty folder that the test is in; networks have few channels, requests are small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("uvicorn.Server.main_loop", _look_and_leave)
    shrink(monkeypatch)
    with sandbox["small_requests"]():
        yield lambda names: [stock.put(name, tmp_path) for name in names]


async def _look_and_leave(server):
    """What a server of a page does in place of waiting for Ctrl-C: the page is asked for once."""
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of trackers and exporters
@pytest.mark.parametrize("command", _tests(lambda reason: reason is None))
def test_command_that_is_shown_does_its_work(command, box):
    names, missing = sandbox["named"](command.arguments)
    assert not missing, (
        f"deepenough {command}: no stand-in for {', '.join(missing)}. Add one to tests/docs/sandbox.py by that name; "
        "or, where no folder can hold it, the command to NOT_RUN in tests/docs/test_running.py, with the reason."
    )
    box([*names, "my_photos"] if command.before else names)
    stdin = ""
    if command.before:
        stdin = subprocess.run(shlex.split(command.before), capture_output=True, text=True, check=True).stdout
    code, out, err = sandbox["called"]([command.name, *command.arguments], stdin)
    assert code in ANSWERS.get(command.name, {0}), f"{out}\n{err}"
    assert out.strip()
    assert "error: " not in err


@pytest.mark.parametrize("command", _tests(lambda reason: reason is not None and reason[1] is not None))
def test_command_is_refused_in_one_line_when_what_it_needs_is_not_here(command, box):
    box(sandbox["named"](command.arguments)[0])
    code, out, err = sandbox["called"]([command.name, *command.arguments])
    assert (code, out) == (2, "")
    [line] = re.findall("^error: .*", err, re.MULTILINE)
    assert err.endswith(f"{line}\n")
    assert _reason(command)[1] in line


def test_every_reason_not_to_run_a_command_is_one_that_some_command_has():
    assert [part for part in NOT_RUN if not any(part in str(command) for command, _ in SHOWN)] == []
    assert len(SHOWN) > 80


def test_name_without_a_stand_in_is_told():
    assert sandbox["named"](["my_photos/", "--out", "a/b", "r.csv", "x/y", "--weights", "resnet50=no.pth"]) == (
        ["my_photos"],
        ["r.csv", "x/y", "resnet50=no.pth"],
    )
