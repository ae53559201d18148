from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.power import TTestPower

from deepenough.errors import InputError
from deepenough.stats import Components, Estimate, compare_checkpoints, interval_half_width, needed, predicted_power
from deepenough.stats.distributions import noncentral_t_power, t_quantile

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
