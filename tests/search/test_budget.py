"""Budgets and prices, as they are asked for and counted."""

from __future__ import annotations

import pytest

from deepenough.cost import count
from deepenough.errors import StudyError
from deepenough.networks import build
from deepenough.networks.catalogue import skeleton
from deepenough.search.budget import Budget, Pricing, amount


@pytest.mark.parametrize("text", ["", "M", "20Q", "-3M", "0", "1e9", "2 000"])
def test_a_count_of_another_form_is_refused(text):
    with pytest.raises(StudyError, match="--budget-macs: expected a count such as 20M, 2G or 300000; got"):
        amount(text, "--budget-macs")


def test_a_search_without_a_budget_is_refused():
    with pytest.raises(StudyError, match="a budget: --budget-latency-ms, --budget-macs, --budget-params; got none"):
        Budget()


def test_a_bound_at_zero_is_refused():
    with pytest.raises(StudyError, match="--budget-latency-ms: expected a number above 0; got 0"):
        Budget(latency_ms=0.0)


def test_a_price_is_what_the_network_with_weights_has():
    name = "resnet50+width=0.25+kernels=5-3-3-3"
    price = Pricing(lambda network: skeleton(network, 7)).of(name, 48)
    network = build(name, 7)
    assert price["parameters"] == sum(weight.numel() for weight in network.parameters())
    assert price["macs"] == count(network, 48).macs


def test_a_network_is_priced_once():
    made = []

    def make(network):
        made.append(network)
        return skeleton(network, 3)

    pricing = Pricing(make, lambda _network, side: side / 1000)
    assert pricing.of("resnet50", 32) == pricing.of("resnet50", 32)
    assert pricing.of("resnet50", 64)["latency_ms"] == 64.0
    assert made == ["resnet50", "resnet50"]
