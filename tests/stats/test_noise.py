import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from deepenough.errors import InputError
from deepenough.stats import (
    compare_checkpoints,
    nested,
    nested_unbalanced,
    noise_budget,
    paired,
    run_spread,
    sd_interval,
)
from deepenough.stats.estimate import Components, Estimate


def crossed(rng, seeds, samples, seed_sds, sample_sd, residual_sd, *, gain=0.0):
    """Gaussian scores with known components: A with an effect of each sample, B without."""
    pair = []
    for k, seed_sd, has_samples in zip(seeds, seed_sds, (1.0, 0.0), strict=True):
        scores = rng.normal(0, seed_sd, (k, 1)) + rng.normal(0, residual_sd, (k, samples))
        pair.append(scores + has_samples * rng.normal(0, sample_sd, samples))
    return pair[0] + gain, pair[1]


@given(
    st.integers(2, 5),
    st.integers(2, 5),
    st.integers(2, 30),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.3, 0.9]),
)
def test_parts_add_up_to_the_squared_standard_error(ka, kb, n, seed, right):
    rng = np.random.default_rng(seed)
    estimate = nested(rng.random((ka, n)) < right, rng.random((kb, n)) < 0.7)
    found = noise_budget(estimate)
    assert sum(part.variance for part in found.parts) == pytest.approx(estimate.standard_error**2, abs=1e-15)
    assert all(part.variance >= 0 for part in found.parts)
    if estimate.standard_error > 0:
        assert sum(part.share for part in found.parts) == pytest.approx(1.0)


def test_parts_are_those_of_the_closed_form():
    a, b = crossed(np.random.default_rng(3), (4, 3), 200, (2.0, 1.0), 1.5, 0.5)
    found = noise_budget(nested(a, b))
    means = a.mean(1), b.mean(1)
    squares = [mean_square_of_both(scores, mean) for scores, mean in zip((a, b), means, strict=True)]
    own = [mean.var(ddof=1) - square / 200 for mean, square in zip(means, squares, strict=True)]
    sample = (a.mean(0) - b.mean(0)).var(ddof=1) - squares[0] / 4 - squares[1] / 3
    expected = [own[0] / 4, own[1] / 3, sample / 200, squares[0] / 800 + squares[1] / 600]
    assert [part.variance for part in found.parts] == pytest.approx(expected)
    assert [(part.source, part.side) for part in found.parts] == [
        ("seeds", 0),
        ("seeds", 1),
        ("samples", None),
        ("seed_by_sample", None),
    ]
    assert not any(part.clipped for part in found.parts)
    run_sd = math.sqrt(sum(own) + sum(squares) / 200)
    gap = abs(a.mean() - b.mean())
    assert found.single_run_sd == pytest.approx(run_sd)
    assert found.luck == pytest.approx(2 * scipy_stats.norm.sf(gap / run_sd))
    assert found.superiority == pytest.approx(scipy_stats.norm.cdf((a.mean() - b.mean()) / math.sqrt(sum(own))))


def mean_square_of_both(scores, mean):
    """Mean square of seed by sample, from the two-way layout's total sum of squares."""
    k, n = scores.shape
    grand = scores.mean()
    between = n * ((mean - grand) ** 2).sum() + k * ((scores.mean(0) - grand) ** 2).sum()
    return (((scores - grand) ** 2).sum() - between) / ((k - 1) * (n - 1))


def test_parts_are_unbiased_for_components_that_are_known():
    rng = np.random.default_rng(11)
    truth = np.array([1.0**2 / 5, 0.5**2 / 5, 3.0**2 / 40, 2 * 2.0**2 / (5 * 40)])
    parts = np.array(
        [
            [p.variance for p in noise_budget(nested(*crossed(rng, (5, 5), 40, (1.0, 0.5), 3.0, 2.0))).parts]
            for _ in range(1500)
        ]
    )
    error = parts.std(0) / math.sqrt(len(parts))
    assert (np.abs(parts.mean(0) - truth) < 4 * error + [0, 0.01, 0, 0.005]).all()  # clipping at 0 biases a little


def test_probability_of_a_gap_by_luck_is_right_for_trainings_on_the_same_samples():
    """Simulated: single trainings of two equally good networks, over and over, on one set of samples."""
    rng = np.random.default_rng(5)
    runs = rng.normal(0, 1.0, (4000, 2)) + rng.normal(0, 2.0 / math.sqrt(50), (4000, 2))
    seen = np.mean(np.abs(runs[:, 0] - runs[:, 1]) >= 1.2)
    parts = Components(seed_variances=(1.0, 1.0), residual_variances=(4.0, 4.0), sample_variance=0.0)
    found = noise_budget(estimate_of(parts, 1.2, samples=50))
    assert found.luck == pytest.approx(seen, abs=0.025)


def estimate_of(parts, difference, *, samples, seeds=(3, 3), design="nested"):
    v = sum(s / 3 for s in parts.seed_variances) + parts.sample_variance / samples
    v += sum(r / (3 * samples) for r in parts.residual_variances)
    return Estimate(
        difference=difference,
        standard_error=math.sqrt(v),
        degrees_of_freedom=4.0,
        interval=(-1, 1),
        p_value=0.5,
        design=design,
        seeds=seeds,
        samples=samples,
        components=parts,
    )


def test_an_estimate_without_seed_sds_takes_them_from_its_components():
    parts = Components(seed_variances=(1.0, 4.0), residual_variances=(2.0, 6.0), sample_variance=3.0)
    estimate = estimate_of(parts, 1.0, samples=10)
    found = noise_budget(estimate)
    assert [part.variance for part in found.parts] == pytest.approx([1 / 3, 4 / 3, 0.3, 0.2 / 3 + 0.6 / 3])
    assert [spread.sd for spread in found.spreads] == pytest.approx([math.sqrt(1.2), math.sqrt(4.6)])


def test_clipped_components_are_said_to_be_clipped():
    rng = np.random.default_rng(2)
    easy = np.repeat([[1.0] * 5 + [0.0] * 5], 3, 0)
    noisy = rng.permuted(easy, axis=1)  # every run right on as many samples, no two on the same
    found = noise_budget(nested(noisy, easy))
    assert {(part.source, part.side): part.clipped for part in found.parts}["seeds", 0]
    assert found.spreads[0].clipped
    assert found.spreads[0].own_sd == 0
    assert found.superiority is None


def test_tied_seeds_leave_all_of_their_part_to_single_samples():
    a = [[1, 1, 0, 0, 1], [1, 0, 1, 0, 1], [0, 1, 1, 0, 1]]
    b = [[1, 0, 0, 0, 1], [0, 0, 1, 0, 1], [0, 1, 0, 0, 1]]
    estimate = nested(a, b)
    assert "tied_seeds" in estimate.warnings
    found = noise_budget(estimate)
    assert [part.variance for part in found.parts][:2] == [0, 0]
    assert sum(part.variance for part in found.parts) == pytest.approx(estimate.standard_error**2)


def test_checkpoints_owe_everything_to_the_samples_and_tell_nothing_of_seeds():
    found = noise_budget(compare_checkpoints([1, 1, 1, 0, 1, 1], [1, 0, 0, 0, 1, 1]))
    assert [(part.source, part.share) for part in found.parts] == [("samples", pytest.approx(1.0))]
    assert (found.spreads, found.single_run_sd, found.luck, found.superiority) == ((), None, None, None)


def test_paired_seeds_are_one_part():
    rng = np.random.default_rng(1)
    a, b = crossed(rng, (4, 4), 30, (1.0, 1.0), 1.0, 1.0)
    estimate = paired(a, b)
    found = noise_budget(estimate)
    assert [(part.source, part.side) for part in found.parts] == [
        ("seeds", None),
        ("samples", None),
        ("seed_by_sample", None),
    ]
    assert sum(part.variance for part in found.parts) == pytest.approx(estimate.standard_error**2)
    assert len(found.spreads) == 1


def test_where_nothing_varies_there_is_no_gap_in_noise():
    found = noise_budget(nested(np.ones((3, 4)), np.zeros((3, 4))))
    assert (found.gap, found.luck, found.superiority) == (None, None, None)
    assert [part.share for part in found.parts] == [None] * 4
    assert not any(part.clipped for part in found.parts)


def test_budget_swaps_sides_and_turns_superiority_round_when_networks_swap():
    a, b = crossed(np.random.default_rng(9), (3, 3), 60, (1.0, 2.0), 1.0, 0.5, gain=1.0)
    one, other = noise_budget(nested(a, b)), noise_budget(nested(b, a))
    assert one.gap == pytest.approx(other.gap)
    assert one.parts[0].variance == pytest.approx(other.parts[1].variance)
    assert one.superiority == pytest.approx(1 - other.superiority)


def test_budget_scales_with_the_unit():
    a, b = crossed(np.random.default_rng(9), (3, 3), 60, (1.0, 2.0), 1.0, 0.5, gain=1.0)
    share, points = noise_budget(nested(a, b)), noise_budget(nested(a, b).scaled(100))
    assert points.gap == pytest.approx(share.gap)
    assert points.luck == pytest.approx(share.luck)
    assert points.superiority == pytest.approx(share.superiority)
    assert points.single_run_sd == pytest.approx(100 * share.single_run_sd)
    assert [p.share for p in points.parts] == pytest.approx([p.share for p in share.parts])


@pytest.mark.parametrize("df", [1, 2, 9])
def test_sd_interval_is_that_of_chi_square(df):
    low, high = sd_interval(1.7, df)
    assert low == pytest.approx(1.7 * math.sqrt(df / scipy_stats.chi2.ppf(0.975, df)))
    assert high == pytest.approx(1.7 * math.sqrt(df / scipy_stats.chi2.ppf(0.025, df)))


def test_intervals_of_a_run_spread_cover_both_truths():
    """Three runs of a known spread on 100 samples; 2,000 repetitions, whose standard error is 0.5 %."""
    rng = np.random.default_rng(21)
    seen, own = 0, 0
    for _ in range(2000):
        runs = rng.normal(0, 0.3, (3, 1)) + rng.normal(0, 2.0, (3, 100)) + rng.normal(0, 1, 100)
        found = run_spread(runs)
        seen += found.interval[0] <= math.sqrt(0.09 + 0.04) <= found.interval[1]
        own += found.own_interval[0] <= 0.3 <= found.own_interval[1]
    assert seen / 2000 == pytest.approx(0.95, abs=0.015)
    assert own / 2000 == pytest.approx(0.95, abs=0.02)


def test_run_spread_takes_the_samples_noise_off():
    rng = np.random.default_rng(4)
    runs = rng.normal(0, 1.0, (400, 1)) + rng.normal(0, 5.0, (400, 25))
    found = run_spread(runs)
    assert found.sd == pytest.approx(math.sqrt(2.0), rel=0.1)
    assert found.own_sd == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("scores", [[[1, 0, 1]], [[1], [0]], [[1, math.nan], [0, 1]], []])
def test_run_spread_refuses_what_has_no_spread(scores):
    with pytest.raises(InputError):
        run_spread(scores)


def test_sd_interval_refuses_one_value():
    with pytest.raises(InputError, match="at least 1 degree of freedom"):
        sd_interval(1.0, 0)


def test_scores_with_gaps_are_refused_since_their_parts_do_not_add_up():
    rng = np.random.default_rng(0)
    a, b = crossed(rng, (3, 3), 50, (0.1, 0.1), 1.0, 1.0)
    a[0, :10] = math.nan
    with pytest.raises(InputError, match="scores without gaps"):
        noise_budget(nested_unbalanced(a, b))
