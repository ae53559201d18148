from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.stats

from deepenough.errors import InputError
from deepenough.stats import nested
from deepenough.stats.resampling import resample_difference, resample_two_way


def binary(seed: int, seeds: tuple[int, int], samples: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=samples)
    both = (easy + rng.normal(size=(sum(seeds), samples)) > -1).astype(float)
    return both[: seeds[0]], both[seeds[0] :]


def by_index(a, b, repetitions, rng, *, two_way):
    """The same, one resample at a time."""
    drawn = []
    for _ in range(repetitions):
        samples = rng.integers(a.shape[1], size=a.shape[1])
        rows = [rng.integers(len(x), size=len(x)) if two_way else np.arange(len(x)) for x in (a, b)]
        drawn.append(a[rows[0]][:, samples].mean() - b[rows[1]][:, samples].mean())
    return np.array(drawn)


def test_counts_of_two_checkpoints_follow_the_trinomial_exactly():
    a, b = np.array([1, 1, 1, 0, 1, 0]), np.array([1, 0, 0, 1, 1, 0])
    drawn = np.round(resample_difference(a, b, 40_000, np.random.default_rng(1)) * 6).astype(int)
    chance = np.zeros(13)
    for plus in range(7):
        for minus in range(7 - plus):
            cells = [plus, minus, 6 - plus - minus]
            chance[plus - minus + 6] += scipy.stats.multinomial.pmf(cells, 6, [2 / 6, 1 / 6, 3 / 6])
    seen = np.bincount(drawn + 6, minlength=13)
    kept = chance * len(drawn) > 5
    expected = np.append(chance[kept], chance[~kept].sum()) * len(drawn)
    assert scipy.stats.chisquare(np.append(seen[kept], seen[~kept].sum()), expected).pvalue > 0.001


@pytest.mark.parametrize("seeds", [(1, 1), (3, 3), (2, 5), (40, 30)])
def test_resamples_of_samples_have_the_mean_and_variance_of_the_plug_in_law(seeds):
    a, b = binary(2, seeds, 300)
    gains = a.mean(0) - b.mean(0)
    drawn = resample_difference(a, b, 20_000, np.random.default_rng(2))
    error = gains.std() / np.sqrt(300)
    assert drawn.mean() == pytest.approx(gains.mean(), abs=4 * error / np.sqrt(20_000))
    assert drawn.std() == pytest.approx(error, rel=0.03)


def test_real_scores_are_resampled_as_by_scipy():
    rng = np.random.default_rng(3)
    a, b = rng.gumbel(size=(2, 40)), rng.gumbel(size=(3, 40))
    drawn = resample_difference(a, b, 5000, np.random.default_rng(4))
    theirs = scipy.stats.bootstrap(
        (a.mean(0) - b.mean(0),), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(5)
    ).bootstrap_distribution
    assert scipy.stats.ks_2samp(drawn, theirs).pvalue > 0.001


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("seeds", [(3, 3), (2, 5)])
def test_two_way_resamples_are_those_of_one_at_a_time(seeds, real):
    a, b = binary(6, seeds, 50)
    if real:
        noise = np.random.default_rng(1).normal(size=(sum(seeds), 50))
        a, b = a + 0.2 * noise[: len(a)], b + 0.2 * noise[len(a) :]
    ours = resample_two_way(a, b, 4000, np.random.default_rng(7))
    theirs = by_index(a, b, 4000, np.random.default_rng(8), two_way=True)
    assert scipy.stats.ks_2samp(ours.round(9), theirs.round(9)).pvalue > 0.001
    assert ours.std() == pytest.approx(theirs.std(), rel=0.06)


def test_two_way_resamples_agree_with_the_closed_form_at_many_seeds():
    a, b = binary(9, (20, 20), 2000)
    drawn = resample_two_way(a, b, 4000, np.random.default_rng(9))
    assert drawn.mean() == pytest.approx(a.mean() - b.mean(), abs=3e-4)
    parts = nested(a, b).components
    seeds = sum(s + e / 2000 for s, e in zip(parts.seed_variances, parts.residual_variances, strict=True))
    expected = (
        (1 - 1 / 20) * sum(parts.seed_variances) / 20
        + parts.sample_variance / 2000
        + (3 - 2 / 20) * sum(parts.residual_variances) / (20 * 2000)
    )
    assert seeds > 0
    assert drawn.var() == pytest.approx(expected, rel=0.1)


def test_more_runs_than_bits_of_a_number_are_resampled_all_the_same():
    a, b = binary(10, (40, 40), 60)
    drawn = resample_two_way(a, b, 300, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(a.mean() - b.mean(), abs=0.02)


def test_same_draws_give_the_same_resamples():
    a, b = binary(11, (3, 3), 100)
    for resample in (resample_difference, resample_two_way):
        first, second = (resample(a, b, 50, np.random.default_rng(1)) for _ in "ab")
        assert np.array_equal(first, second)


def test_constant_scores_give_the_same_difference_every_time():
    ones, zeros = np.ones((3, 20)), np.zeros((3, 20))
    for resample in (resample_difference, resample_two_way):
        assert (resample(ones, zeros, 30, np.random.default_rng(1)) == 1).all()
        assert resample(0.3 * ones, zeros, 30, np.random.default_rng(1)) == pytest.approx(np.full(30, 0.3))


def test_memory_does_not_grow_with_repetitions_times_samples():
    rng = np.random.default_rng(12)
    a, b = rng.normal(size=(3, 20_000)), rng.normal(size=(3, 20_000))
    for resample in (resample_difference, resample_two_way):
        tracemalloc.start()
        resample(a, b, 400, rng)  # 64 MB of indices if held at once
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 40e6


def test_unusable_scores_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="the same 3 samples"):
        resample_difference([1, 0, 1], [1, 0], 10, rng)
    with pytest.raises(InputError, match="at least 1; got 0"):
        resample_difference([1, 0], [1, 0], 0, rng)
    with pytest.raises(InputError, match="nan at seed 0"):
        resample_difference([1, np.nan], [1, 0], 10, rng)
    with pytest.raises(InputError, match="at least 2 seeds"):
        resample_two_way([1, 0], [[1, 0], [0, 0]], 10, rng)
