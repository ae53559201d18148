"""The page of the benchmarks is what the committed results make."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(scope="module")
def maker(repository):
    spec = importlib.util.spec_from_file_location("performance_page", repository / "benchmarks" / "performance_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_performance_page_is_what_the_committed_results_make(maker):
    files = sorted(maker.RESULTS.glob("*.json"))
    assert len(files) > 1
    assert maker.PAGE.read_text("utf-8") == maker.page(files), "run: python benchmarks/performance_page.py"


def test_table_takes_the_median_and_the_range_when_rows_repeat(maker):
    rows = [{"side": 64, "round": number, "took_s": took} for number, took in enumerate((1.0, 9.0, 2.0))]
    assert maker.table(rows).splitlines()[2] == "| 64 | 2.00 (1.00 to 9.00) | 3 |"


def test_table_keeps_apart_what_differs_by_a_word_or_a_whole_number(maker):
    rows = [{"side": side, "what": what, "took_s": 1.5} for side in (64, 1024) for what in ("ours", "bare")]
    assert [line.split(" | 1.50")[0] for line in maker.table(rows).splitlines()[2:]] == [
        "| 64 | ours", "| 64 | bare", "| 1,024 | ours", "| 1,024 | bare",
    ]  # fmt: skip
