from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from deepenough.errors import InputError
from deepenough.stats import (
    Components,
    Estimate,
    Price,
    compare_checkpoints,
    interval_half_width,
    needed,
    nested,
    predicted_power,
    seed_sd_factor,
    smallest_margin,
    with_upper_seed_sds,
)
from deepenough.stats.distributions import noncentral_t_power, t_quantile
from deepenough.stats.prediction import fewest_samples, predicted_estimate

LADDER = (2, 3, 5, 10, 20)


def seen(seed_sd: float = 0.0, difference: float = 0.005, seeds: int = 2, samples: int = 10_000) -> Estimate:
    parts = Components(
        seed_variances=(seed_sd**2, seed_sd**2), residual_variances=(0.0225, 0.0225), sample_variance=0.018
    )
    return Estimate(
        difference=difference,
        standard_error=0.002,
        degrees_of_freedom=10.0,
        interval=(0.0, 0.01),
        p_value=0.05,
        design="nested",
        seeds=(seeds, seeds),
        samples=samples,
        components=parts,
    )


def sizes(designs: list[dict[str, float]]) -> dict[int, float]:
    return {int(design["seeds"]): design["samples"] for design in designs}


def test_designs_decide_at_the_level_asked_for():
    found = needed(seen(), 0.005, level=0.99)
    for design in found.guaranteed:
        for samples, fits in ((design["samples"], True), (design["samples"] - 1, False)):
            half = interval_half_width(seen().components, int(design["seeds"]), float(samples), level=0.99)
            assert (2 * half <= 0.005) == fits
    floors = needed(seen(0.003, seeds=3), 0.005, level=0.99), needed(seen(0.003, seeds=3), 0.005)
    assert floors[0].seed_floor / floors[1].seed_floor == pytest.approx(t_quantile(4, 0.995) / t_quantile(4, 0.975))
    ratio = t_quantile(9999, 0.995) / t_quantile(9999, 0.975)
    assert floors[0].sample_floor / floors[1].sample_floor == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("seed_sd", "guaranteed", "likely"),
    [
        (
            0.0,
            {2: 36_700, 3: 22_800, 5: 17_100, 10: 13_900, 20: 12_500},
            {2: 17_500, 3: 11_400, 5: 8700, 10: 7100, 20: 6400},
        ),
        (0.001, {3: 79_900, 5: 24_400, 10: 16_000, 20: 13_300}, {3: 16_400, 5: 10_100, 10: 7600, 20: 6600}),
        (0.003, {20: 29_400}, {10: 18_200, 20: 8900}),
    ],
)
def test_designs_are_those_of_the_specification(seed_sd, guaranteed, likely):
    found = needed(seen(seed_sd), 0.005, ladder=LADDER)
    assert sizes(found.guaranteed) == pytest.approx(guaranteed, rel=0.03)
    assert sizes(found.likely) == pytest.approx(likely, rel=0.03)


def test_a_guaranteed_design_is_just_narrow_enough():
    estimate = seen(0.001)
    for design in needed(estimate, 0.005).guaranteed:
        k, n = int(design["seeds"]), float(design["samples"])
        assert 2 * interval_half_width(estimate.components, k, n) <= 0.005
        assert 2 * interval_half_width(estimate.components, k, n - 1) > 0.005
        assert design["total_samples"] == 2 * k * n
        assert design["more_samples"] == max(n - 10_000, 0)


def test_floors_are_the_limits_of_endless_samples_and_seeds():
    estimate = seen(0.003, seeds=3)
    found = needed(estimate, 0.005)
    assert found.seed_floor == pytest.approx(float(interval_half_width(estimate.components, 3, 1e12)), rel=1e-4)
    assert found.sample_floor == pytest.approx(
        float(interval_half_width(estimate.components, 10**7, 10_000.0)), rel=1e-3
    )


def test_nothing_is_guaranteed_when_the_question_is_a_bound_inside_the_interval():
    found = needed(seen(), 0.005, target=-0.002)
    assert found.guaranteed == []
    assert found.likely
    assert needed(seen(), 0.005, target=0.0).likely == []


def test_power_equals_that_of_statsmodels_for_a_paired_t():
    parts = Components(seed_variances=(), residual_variances=(), sample_variance=4.0)
    for n, distance in ((20, 1.0), (100, 0.4)):
        theirs = TTestPower().power(distance / 2.0, n, 0.025, alternative="larger")
        assert float(predicted_power(parts, 1, float(n), distance)) == pytest.approx(theirs, rel=1e-8)


def test_checkpoints_need_samples_only():
    rng = np.random.default_rng(0)
    found = needed(compare_checkpoints(rng.normal(size=100), rng.normal(size=100)), 0.2)
    assert [design["seeds"] for design in found.guaranteed] == [1]
    assert found.seed_floor is None


def test_more_seeds_are_offered_only_where_they_save_samples():
    found = needed(seen(), 0.005)
    samples = [design["samples"] for design in found.guaranteed]
    assert samples == sorted(samples, reverse=True)
    assert len(set(samples)) == len(samples)


def test_nothing_is_needed_beyond_the_smallest_test_when_nothing_varies():
    estimate = replace(
        seen(), components=Components(seed_variances=(0.0, 0.0), residual_variances=(0.0, 0.0), sample_variance=0.0)
    )
    assert needed(estimate, 0.005).guaranteed[0]["samples"] <= 10


def test_noncentral_t_is_one_far_out_and_scipys_elsewhere():
    assert noncentral_t_power(20.0, 40.0, 2.0) == 1.0
    for df, nc in ((3.0, 2.5), (30.0, 1.0), (1e4, 3.0)):
        critical = float(t_quantile(df, 0.975))
        assert float(noncentral_t_power(df, nc, critical)) == pytest.approx(
            scipy.stats.nct.sf(critical, df, nc), rel=1e-6
        )


def test_a_margin_of_nothing_is_refused():
    with pytest.raises(InputError, match="margin"):
        needed(seen(), 0.0)


@pytest.mark.parametrize("difference", [0.0, 0.6, 1.2, 2.0])
def test_what_is_sure_to_settle_is_likely_to(difference):
    parts = Components(seed_variances=(0.5, 0.5), residual_variances=(900.0, 900.0), sample_variance=600.0)
    seen = Estimate(
        difference=difference,
        standard_error=1.0,
        degrees_of_freedom=9.0,
        interval=(difference - 2.3, difference + 2.3),
        p_value=0.5,
        design="nested",
        seeds=(3, 3),
        samples=372,
        components=parts,
    )
    found = needed(seen, 2.0)
    likely = {design["seeds"]: design["samples"] for design in found.likely}
    for design in found.guaranteed:
        assert min(n for k, n in likely.items() if k <= design["seeds"]) <= design["samples"]


TABLE = [(0.0, 2, 36_700), (0.0, 3, 22_800), (0.0, 5, 17_100), (0.0, 10, 13_900), (0.0, 20, 12_500)]
TABLE += [(0.001, 3, 79_900), (0.001, 5, 24_400), (0.001, 10, 16_000), (0.001, 20, 13_300), (0.003, 20, 29_400)]


@pytest.mark.parametrize(("seed_sd", "seeds", "samples"), TABLE)
def test_sure_sizes_are_those_of_the_specification_within_one_per_cent(seed_sd, seeds, samples):
    """Its disagreements are rounded; residual .0220 and sample .0181 round to them and give its sizes."""
    parts = Components(seed_variances=(seed_sd**2,) * 2, residual_variances=(0.0220,) * 2, sample_variance=0.0181)
    found = fewest_samples(lambda n: 2 * interval_half_width(parts, seeds, n) <= 0.005)
    assert found == pytest.approx(samples, rel=0.01)


@pytest.mark.parametrize(("seed_sd", "seeds"), [(0.001, 2), (0.003, 2), (0.003, 3), (0.003, 5), (0.003, 10)])
def test_no_size_is_sure_where_the_specification_says_never(seed_sd, seeds):
    parts = seen(seed_sd).components
    assert fewest_samples(lambda n: 2 * interval_half_width(parts, seeds, n) <= 0.005) is None


@settings(max_examples=40)
@given(
    seed_sds=st.tuples(st.floats(0, 0.02), st.floats(0, 0.02)),
    residual=st.floats(1e-4, 0.25),
    sample=st.floats(0, 0.25),
    margin=st.floats(0.002, 0.2),
)
def test_a_sure_design_fed_back_has_half_the_margin_as_half_width(seed_sds, residual, sample, margin):
    parts = Components(
        seed_variances=(seed_sds[0] ** 2, seed_sds[1] ** 2),
        residual_variances=(residual, residual),
        sample_variance=sample,
    )
    for design in needed(replace(seen(), components=parts), margin, ladder=(2, 3, 10)).guaranteed:
        k, n = int(design["seeds"]), int(design["samples"])
        low, high = predicted_estimate(parts, 0.0, k, n).interval
        assert (high - low) / 2 <= margin / 2 * (1 + 1e-12)
        assert float(smallest_margin(parts, k, float(n))) <= margin


def test_smallest_margin_is_the_width_of_the_t_interval_of_scipy():
    parts = seen(0.002).components
    k, n = 4, 5000.0
    share = 0.002**2 / k + 0.0225 / (k * n)
    variance = 2 * share + 0.018 / n
    df = variance**2 / (2 * share**2 / (k - 1))
    low, high = scipy.stats.t.interval(0.95, df, scale=math.sqrt(variance))
    assert float(smallest_margin(parts, k, n)) == pytest.approx(high - low, rel=1e-10)


@pytest.mark.parametrize(("seeds", "samples"), [(1, 100.0), (3, 1.0), (3, float("nan"))])
def test_smallest_margin_refuses_one_seed_and_one_sample(seeds, samples):
    with pytest.raises(InputError, match="at least 2"):
        smallest_margin(seen().components, seeds, samples)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 30])
def test_upper_seed_sd_is_scipys_chi_squared_bound(seeds):
    expected = math.sqrt((seeds - 1) / scipy.stats.chi2.ppf(0.2, seeds - 1))
    assert seed_sd_factor(seeds) == pytest.approx(expected, rel=1e-10)
    assert seed_sd_factor(3) == pytest.approx(2.1, abs=0.05)


def test_upper_seed_sd_bounds_what_was_seen_and_then_takes_the_noise_off():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(3, 400)) + rng.normal(0, 0.2, (3, 1))
    b = rng.normal(size=(5, 400)) + rng.normal(0, 0.2, (5, 1))
    estimate = nested(a, b)
    for runs, upper in zip((a, b), with_upper_seed_sds(estimate).seed_variances, strict=True):
        k = len(runs)
        left = runs - runs.mean(0) - runs.mean(1)[:, None] + runs.mean()
        noise = (left**2).sum() / ((k - 1) * 399) / 400
        seen_variance = runs.mean(1).var(ddof=1)
        expected = seen_variance * (k - 1) / scipy.stats.chi2.ppf(0.2, k - 1) - noise
        assert upper == pytest.approx(max(expected, 0.0), rel=1e-9)


def test_designs_at_the_upper_seed_sd_are_larger_and_absent_where_no_seeds_were_seen():
    rng = np.random.default_rng(1)
    scores = [(rng.random((3, 500)) < 0.8) + rng.normal(0, 0.01, (3, 1)) for _ in "ab"]
    found = needed(nested(*scores), 0.1)
    upper = sizes(found.guaranteed_at_upper_sd or [])
    assert upper
    assert all(upper[k] >= n for k, n in sizes(found.guaranteed).items() if k in upper)
    assert needed(seen(), 0.005).guaranteed_at_upper_sd is None


def test_cheapest_design_is_the_best_of_all_by_enumeration():
    estimate, price = seen(0.001), Price(seed=50.0, image=0.3, test=1e-4)
    found = needed(estimate, 0.02, price=price).cheapest
    assert found is not None
    affordable = [
        (price.of(k, n), k, n) for k in range(2, 40) for n in range(100, 3000) if price.of(k, n) < found["price"] * 1.02
    ]
    settling = [entry for entry in affordable if 2 * interval_half_width(estimate.components, *entry[1:]) <= 0.02]
    assert min(settling) == (found["price"], found["seeds"], found["samples"])


def test_cheapest_mix_nears_the_closed_form_when_seeds_are_many_and_leave_no_residual():
    parts = Components(seed_variances=(0.004, 0.002), residual_variances=(0.0, 0.0), sample_variance=0.5)
    price = Price(seed=3.0, image=0.02)
    design = needed(replace(seen(), components=parts), 0.05, price=price).cheapest
    assert design is not None
    ratio = math.sqrt(0.006 * 0.02 / (0.5 * 3.0))
    assert design["seeds"] > 30
    assert design["seeds"] / design["samples"] == pytest.approx(ratio, rel=0.1)


def test_samples_at_hand_cost_nothing():
    assert Price(seed=1.0, image=5.0, at_hand=100).of(3, 90) == 3.0
    assert Price(seed=1.0, image=5.0, at_hand=100).of(3, 102) == 13.0


@pytest.mark.parametrize("parts", [{"seed": -1, "image": 1}, {"seed": 0, "image": 0}, {"seed": math.inf, "image": 1}])
def test_prices_that_cannot_be_are_refused(parts):
    with pytest.raises(InputError, match="price"):
        Price(**parts)


def test_power_is_one_far_out_where_scipys_noncentral_t_fails():
    assert np.isnan(scipy.special.nctdtr(20, 40, 2.0))
    parts = Components(seed_variances=(1e-9, 1e-9), residual_variances=(1e-4, 1e-4), sample_variance=1e-4)
    assert float(predicted_power(parts, 3, 1e7, 0.5)) == 1.0


@pytest.mark.parametrize("guard", [1, 2])
def test_foretold_interval_is_that_of_the_estimator_under_the_same_guard_and_level(guard):
    rng = np.random.default_rng(5)
    skill = 0.8 + rng.normal(0, 0.08, (2, 4, 1))
    a, b = (rng.random((2, 4, 300)) < skill).astype(float)
    seen = nested(a, b, guard=guard, level=0.98)
    foretold = interval_half_width(seen.components, 4, 300.0, level=0.98, guard=guard)
    assert min(seen.components.seed_variances) > 0
    assert (seen.interval[1] - seen.interval[0]) / 2 == pytest.approx(float(foretold), rel=1e-9)


def test_designs_under_a_guard_are_larger():
    parts = Components(seed_variances=(1e-6, 1e-6), residual_variances=(0.0225, 0.0225), sample_variance=0.018)
    seen = Estimate(
        difference=0.0,
        standard_error=0.002,
        degrees_of_freedom=9.0,
        interval=(-0.004, 0.004),
        p_value=1.0,
        design="nested",
        seeds=(5, 5),
        samples=2000,
        components=parts,
    )
    plain, guarded = (needed(seen, 0.01, guard=guard).guaranteed[0] for guard in (1, 2))
    assert guarded["seeds"] == plain["seeds"]
    assert guarded["samples"] > plain["samples"]
