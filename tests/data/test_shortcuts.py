from __future__ import annotations

import numpy as np
import pytest

from deepenough.data.entries import Entry
from deepenough.data.opened import Opened
from deepenough.data.shortcuts import shortcut_findings, shortcuts


def kept(count: int, seed: int = 0, **of) -> list[Opened]:
    """Pictures of random classes and forms; `of` gives a form from the class, "a" to "d"."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(count):
        target = "abcd"[rng.integers(4)]
        form = {"width": int(rng.integers(100, 400)), "height": int(rng.integers(100, 400)), "format": "JPEG"}
        form |= {"compression": int(rng.integers(300, 900)), "bytes": int(rng.integers(5000, 50000))}
        form |= {name: make(target, rng) for name, make in of.items()}
        items.append(
            Opened(sample_id=f"{number:032d}", entry=Entry("x", target), traits=frozenset(), copy=None, **form)
        )
    return items


def test_a_format_that_gives_the_class_away_is_warned_of_with_its_figures():
    items = kept(2000, format=lambda target, rng: "PNG" if target == "a" else "JPEG")
    (found,) = shortcuts(items)
    share = sum(item.target == "a" for item in items) / 2000
    largest = max(sum(item.target == name for item in items) for name in "bcd") / 2000
    assert found.name == "file format"
    assert found.accuracy == pytest.approx(share + largest, abs=0.02)
    assert found.low < found.accuracy - found.majority < found.high
    (finding,) = shortcut_findings(items)
    assert finding.severity == "warning"
    assert finding.message.startswith(f"The file format alone predicts the class of {100 * found.accuracy:.1f}%")


def test_a_width_that_shifts_with_the_class_is_warned_of():
    items = kept(2000, width=lambda target, rng: int(rng.normal(200 + 40 * "abcd".index(target), 20)))
    assert "width" in {found.name for found in shortcuts(items)}


@pytest.mark.parametrize("seed", range(20))
def test_forms_that_say_nothing_raise_no_alarm(seed):
    assert shortcuts(kept(400, seed)) == []


def test_a_gain_too_small_to_matter_raises_no_alarm():
    items = kept(5000, format=lambda target, rng: "PNG" if target == "a" and rng.random() < 0.05 else "JPEG")
    assert shortcuts(items) == []


def test_few_pictures_are_not_judged():
    assert shortcuts(kept(99, format=lambda target, rng: target)) == []
