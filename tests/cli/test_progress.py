"""What a running study looks like on a terminal of 80 columns, and where there is none."""

from __future__ import annotations

import io

from rich.console import Console

from deepenough.cli import _progress
from deepenough.cli._progress import Terminal

LONGEST = "resnet101-small-seed12"


def terminal(monkeypatch, *, is_terminal):
    stream = io.StringIO()
    monkeypatch.setattr(
        _progress,
        "Console",
        lambda **given: Console(file=stream, force_terminal=is_terminal, width=80, highlight=False),
    )
    return Terminal(), stream


def tell(listener, cell=LONGEST):
    listener.trained(cell, step=500, steps=2340, loss=2.304, accuracy=0.8104, images_per_s=1234.0)


def test_live_bars_keep_steps_and_time_left_within_80_columns(monkeypatch):
    listener, _ = terminal(monkeypatch, is_terminal=True)
    listener.stage("seed 12: training", total=4680)
    tell(listener)
    shown = Console(width=80, file=io.StringIO(), record=True)
    shown.print(listener._progress.get_renderable())
    lines = shown.export_text().splitlines()
    listener.close()
    assert max(map(len, lines)) <= 80
    assert any("500/2340" in line and "loss 2.30" in line and "1234 img/s" in line for line in lines)


def test_plain_lines_tell_steps_and_time_left_from_what_this_run_did(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    listener, stream = terminal(monkeypatch, is_terminal=False)
    listener.stage("seed 0: training", total=100, done=60)  # 60 by an earlier run: they say nothing about the pace
    now[0] += 50.0
    for _ in range(10):
        listener.advance(1)
    tell(listener)
    assert f"  {LONGEST}  loss 2.30  val 81.0 %  1234 images/s  step 500/2340  2 min 30 s left" in stream.getvalue()


def test_a_quiet_terminal_says_nothing(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(_progress, "Console", lambda **given: Console(file=stream))
    listener = Terminal(quiet=True)
    listener.note("a sentence")
    listener.stage("a stage", total=3)
    tell(listener)
    assert stream.getvalue() == ""
