"""`deepenough tune` as a shell calls it."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "error: tune: expected a budget: --budget-latency-ms, --budget-macs, --budget-params; got none"),
        (["--budget-macs", "20Q"], "--budget-macs: expected a count such as 20M, 2G or 300000; got '20Q'"),
        (["--budget-latency-ms", "-4"], "--budget-latency-ms: expected a number above 0; got -4"),
        (["--budget-macs", "2M", "--sides", "a"], "--sides: expected whole numbers of pixels; got 'a'"),
        (["--budget-macs", "2M", "--sides", "16"], "--sides: expected image sides from 32 to 2048 px; got 16"),
        (["--budget-macs", "2M", "--sampler", "best"], "--sampler: expected tpe or random; got 'best'"),
        (["--budget-macs", "2M", "--storage", "nosuch://x"], "--storage nosuch://x: expected a URL that Optuna can"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_line(invoke_in_line, options, said):
    code, _, err = invoke_in_line("tune", "digits", *options)
    assert code == 2
    assert said in err


def test_a_budget_below_the_cheapest_network_says_what_that_takes(invoke_in_line):
    code, _, err = invoke_in_line("tune", "digits", "--budget-params", "10k", "--sides", "32", "--threads", "1")
    assert code == 2
    assert "--budget-params: expected at least" in err
    assert "which the cheapest network takes at 32 px; got 10,000" in err


@pytest.mark.slow
def test_a_search_is_printed_and_told_to_machines(invoke, tiny_networks):
    options = "--budget-macs 300k --trials 2 --epochs 1 --sides 32 --out s --threads 1 --workers 0 --precision fp32"
    command = ["tune", "digits", *options.split(), "--no-confirm"]
    code, out, err = invoke(*command)
    assert code == 0, err
    assert "2 networks trained to their end, 0 ended early" in out
    assert "deepenough compare s/confirm.yaml --out s/confirm" in " ".join(out.split())
    code, again, _ = invoke(*command, "--json")
    assert code == 0
    assert [each["status"] for each in json.loads(again)["trials"]].count("trained") == 2
