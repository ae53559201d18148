"""The space of a search and how a draw is made to fit."""

from __future__ import annotations

import re

import optuna
import pytest

from deepenough.cost import count
from deepenough.errors import StudyError
from deepenough.networks import build
from deepenough.networks.catalogue import entry, skeleton
from deepenough.search.budget import Budget, Pricing
from deepenough.search.space import FUSIONS, Space, fit, space_within

BUDGET = Budget(macs=20_000_000)


@pytest.fixture(scope="module")
def pricing():
    return Pricing(lambda network: skeleton(network, 10))


@pytest.fixture
def draws():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))


def test_a_fitted_network_is_the_widest_within_its_share(pricing, draws):
    space = space_within([32], BUDGET, pricing)
    within = 0
    for _ in range(12):
        form = space.draw(draws.ask())
        found = fit(form, BUDGET, pricing, strength="light")
        network = found.contender.partition("@")[0]
        macs = count(build(network, 10), 32).macs
        assert macs == found.price["macs"]
        assert found.share == macs / BUDGET.macs
        width = entry(network).config.width
        if width > 0.125:
            wider = re.sub(r"\+width=[^+]+", f"+width={width + 1 / 64:g}", network)
            assert macs <= form["fill"] * BUDGET.macs < count(skeleton(wider, 10), 32).macs
            within += 1
    assert within >= 6


def test_heads_too_dear_by_themselves_are_not_drawn(pricing):
    assert space_within([32], BUDGET, pricing).fusions == ("none", "concatenate")
    assert space_within([32], Budget(macs=200_000_000), pricing).fusions == FUSIONS


def test_sides_too_dear_by_themselves_are_not_drawn(pricing):
    assert space_within([32, 1024], BUDGET, pricing).sides == (32,)


def test_a_budget_below_the_cheapest_network_is_refused_with_what_that_takes(pricing):
    with pytest.raises(StudyError, match=r"--budget-params: expected at least [\d,]+, which the cheapest network"):
        space_within([32], Budget(parameters=1000), pricing)


def test_the_first_points_are_the_forms_of_both_depths_and_a_short_one(pricing):
    space = space_within([32], BUDGET, pricing)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for point in space.beginnings():
        study.enqueue_trial(point)
    found = [fit(space.draw(study.ask()), BUDGET, pricing, strength="light") for _ in range(3)]
    blocks = [entry(each.contender).config.stage_blocks for each in found]
    assert blocks == [(2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3)]
    assert all(0.8 < each.share <= 1.0 for each in found)


def test_the_strength_that_the_study_has_needs_no_word(pricing):
    space = Space(sides=(32,), stems=("imagenet",), fusions=("none",))
    form = {**space.beginnings()[0], "stem": "imagenet", "fusion": "none", "side": 32, "augmentation": "standard"}
    assert fit(form, BUDGET, pricing, strength="standard").contender.count("@") == 0
    assert fit(form, BUDGET, pricing, strength="light").contender.endswith("@augmentation=standard")
