from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from deepenough.errors import InputError
from deepenough.stats import agresti_min_interval, audit, compare_checkpoints, mcnemar_mid_p, tipping_seed_sd
from deepenough.stats.pairings import SIGNIFICANT

R50, R101 = "98.67", "96.86"


def percent(right: int, total: int, decimals: int = 2) -> str:
    return f"{100 * right / total:.{decimals}f}"


def tables(images: int, x: int, y: int):
    """All (only_a, only_b) of x and y right answers on the same images."""
    for only_b in range(min(y, images - x) + 1):
        if x - (y - only_b) >= 0 and y - only_b >= 0:
            yield x - (y - only_b), only_b


@pytest.mark.parametrize(
    ("images", "best", "worst", "wald"),
    [
        (150, 0.12, 0.29, (-1.4, 5.4)),
        (500, 0.002, 0.064, (-0.1, 3.7)),
        (1000, 4e-6, 0.007, (0.5, 3.1)),
        (2000, 1.5e-11, 1.3e-4, (0.9, 2.7)),
        (10_000, 3e-55, 4e-18, (1.40, 2.22)),
    ],
)
def test_ranges_are_those_of_the_worked_example(images, best, worst, wald):
    found = audit(R50, R101, images)
    assert found.p_range == pytest.approx((best, worst), rel=0.13)
    x, y = round(0.9867 * images), round(0.9686 * images)  # the example's intervals are Wald's at the nearest counts
    only_b = images - x
    only_a = x - y + only_b
    error = math.sqrt((only_a + only_b) / images - ((x - y) / images) ** 2) / math.sqrt(images)
    assert 100 * ((x - y) / images - 1.96 * error) == pytest.approx(wald[0], abs=0.06)
    assert 100 * ((x - y) / images + 1.96 * error) == pytest.approx(wald[1], abs=0.06)
    assert found.ci_range == pytest.approx(
        tuple(100 * end for end in agresti_min_interval(only_a, only_b, images)), abs=1e-9
    )


def test_worked_example_needs_590_images_and_never_gets_there_below_239():
    found = audit(R50, R101)
    assert (found.n_min_for_any_pairing, found.n_first_for_any_pairing, found.n_min_for_best_pairing) == (590, 526, 239)
    assert found.discordance == pytest.approx((1.81, 4.47))
    assert found.p_range is found.ci_range is found.tipping_seed_sd is None
    assert found.fits_as_given is None


def test_tipping_seed_sd_of_the_worked_example():
    found = audit(R50, R101, 10_000)
    assert [round(sd, 3) for sd in found.tipping_seed_sd or ()] == [0.636, 0.646]
    assert found.tipping_seed_sd_limit == pytest.approx(1.81 / scipy.stats.norm.ppf(0.975) / math.sqrt(2))
    assert audit(R50, R101, 150).tipping_seed_sd == (0.0, 0.0)


def test_sd_needed_by_runs_is_where_a_t_test_over_runs_is_just_significant():
    found = audit("90.97", "89.75")
    assert {k: round(sd, 2) for k, sd in found.sd_needed_by_runs.items()} == {2: 0.28, 3: 0.54, 5: 0.84, 10: 1.30}
    for k, sd in found.sd_needed_by_runs.items():
        spread = np.linspace(-1, 1, k)
        spread *= sd / spread.std(ddof=1)
        assert scipy.stats.ttest_ind(90.97 + spread, 89.75 + spread).pvalue == pytest.approx(0.05, rel=1e-9)


def test_granularity_of_the_worked_example_fits_only_the_whole_set():
    found = audit(R50, R101, 10_000)
    assert [fit.images for fit in found.fits] == [500, 1000, 1500, 2000, 2500, 3000, 3333, 5000, 10_000]
    assert [fit.images for fit in found.fits if fit.both] == [10_000]
    assert found.fits_as_given is True
    assert (found.fits[-1].a, found.fits[-1].b) == ((9867, 9867), (9686, 9686))
    assert audit(R50, R101, 150).fits_as_given is False


@settings(max_examples=40)
@given(st.integers(2, 40), st.data())
def test_every_feasible_table_lies_in_the_ranges(images, data):
    y = data.draw(st.integers(0, images - 1))
    x = data.draw(st.integers(y + 1, images))
    texts = percent(x, images), percent(y, images)
    found = audit(*texts, images)
    back = audit(*reversed(texts), images)
    assert found.p_range is not None
    assert found.ci_range is not None
    for only_a, only_b in tables(images, x, y):
        p_value, interval = mcnemar_mid_p(only_a, only_b), agresti_min_interval(only_a, only_b, images)
        assert found.p_range[0] * (1 - 1e-9) <= p_value <= found.p_range[1] * (1 + 1e-9)
        assert found.ci_range[0] - 1e-9 <= 100 * interval[0] <= 100 * interval[1] <= found.ci_range[1] + 1e-9
        assert found.discordance[0] - 0.02 <= 100 * (only_a + only_b) / images <= found.discordance[1] + 0.02
    assert back.ci_range == pytest.approx((-found.ci_range[1], -found.ci_range[0]))
    assert (back.p_range, back.difference) == (found.p_range, -found.difference)


@pytest.mark.parametrize("decimals", [0, 1])
@pytest.mark.parametrize("printed", ["rounded", "truncated"])
def test_ranges_hold_every_table_of_every_count_that_prints_as_given(decimals, printed):
    images, texts = 60, ("87", "81") if decimals == 0 else ("91.7", "90.0")
    found = audit(*texts, images)
    scale = 10**decimals
    cut = {"rounded": lambda v: round(v * scale) / scale, "truncated": lambda v: math.floor(v * scale) / scale}[printed]
    rights = [[r for r in range(images + 1) if cut(100 * r / images) == float(text)] for text in texts]
    seen = 0
    for x, y in itertools.product(*rights):
        for only_a, only_b in tables(images, x, y):
            seen += 1
            low, high = agresti_min_interval(only_a, only_b, images)
            assert found.p_range[0] - 1e-12 <= mcnemar_mid_p(only_a, only_b) <= found.p_range[1] + 1e-12
            assert found.ci_range[0] - 1e-9 <= 100 * low <= 100 * high <= found.ci_range[1] + 1e-9
    assert seen or not all(rights)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(3, 40))
def test_every_set_of_several_runs_lies_in_the_ranges(seed, runs, images):
    rng = np.random.default_rng(seed)
    easy = rng.normal(size=images)
    a, b = ((easy + shift + rng.normal(size=(runs, images)) > 0).astype(float) for shift in (1.0, 0.2))
    if a.sum() == b.sum():
        return
    estimate = compare_checkpoints(a, b)
    found = audit(*(percent(int(x.sum()), runs * images, 6) for x in (a, b)), images, runs)
    assert found.p_range[0] * (1 - 1e-6) <= estimate.p_value <= found.p_range[1] * (1 + 1e-6)
    low, high = (100 * min(max(end, -1.0), 1.0) for end in estimate.interval)
    assert found.ci_range[0] - 1e-3 <= low <= high <= found.ci_range[1] + 1e-3
    assert found.fits_as_given


@settings(max_examples=12)
@given(st.integers(5000, 9999), st.integers(80, 1500), st.sampled_from([1, 1, 3]))
def test_sizes_that_decide_are_those_of_trying_every_size(high, gap, runs):
    texts = f"{high / 100:.2f}", f"{(high - gap) / 100:.2f}"
    found = audit(*texts, runs=runs)
    assert found.n_min_for_any_pairing is not None
    tried = range(1, min(found.n_min_for_any_pairing + 150, 1200))
    ranges = [audit_at(texts, images, runs) for images in tried]
    worst = [images for images, p in zip(tried, ranges, strict=True) if p[1] <= SIGNIFICANT]
    best = [images for images, p in zip(tried, ranges, strict=True) if p[0] <= SIGNIFICANT]
    assert best[:1] in ([found.n_min_for_best_pairing], [])
    if found.n_min_for_any_pairing < 1050:
        assert worst[0] == found.n_first_for_any_pairing
        assert set(range(found.n_min_for_any_pairing, tried[-1] + 1)) <= set(worst)
        assert found.n_min_for_any_pairing - 1 not in worst


def audit_at(texts, images, runs):
    from deepenough.stats.granularity import parse_figure
    from deepenough.stats.pairings import ranges

    return ranges(*(parse_figure(text, "") for text in texts), images, runs).p_value


def test_figures_printed_too_coarsely_are_never_decided_whatever_the_pairing():
    found = audit("98", "97", 2000)
    assert found.n_min_for_any_pairing is None
    assert found.p_range is not None
    assert found.p_range[1] == 1.0
    uneven = audit("100", "99.9999", 10_000_000)  # "100" may be 99.5, so that the order is open
    assert uneven.p_range == (0.0, 1.0)
    assert uneven.ci_range is not None
    assert uneven.ci_range[0] < 0 < uneven.ci_range[1]


def test_error_rates_and_shares_say_what_accuracies_in_percent_say():
    plain = audit(R50, R101, 1000)
    for other in (
        audit("1.33", "3.14", 1000, of_errors=True),
        audit("0.9867", "0.9686", 1000, unit="share"),
        audit("98.67%", "96.86 %", 1000),
    ):
        assert other.p_range == plain.p_range
        assert other.ci_range == plain.ci_range
        assert other.difference == pytest.approx(plain.difference)
        assert other.n_min_for_any_pairing == 590


def test_one_image_and_opposite_figures_have_an_answer():
    one = audit("60", "50", 1)
    assert (one.p_range, one.tipping_seed_sd) == ((1.0, 1.0), (0.0, 0.0))
    assert audit("60", "50", 1, 3).p_range == (1.0, 1.0)
    whole = audit("100", "0", 10)
    assert whole.p_range == (2.0**-10, 2.0**-10)
    assert audit("100", "0", 10, 3).p_range == (0.0, 0.0)


def test_one_image_more_than_fits_is_the_tipping_sd_of_a_checkpoint_pair():
    found = audit("99", "97", 100)
    error = math.sqrt((4 / 100 - 0.02**2) / 99)  # one wrong and three wrong, never together
    assert found.tipping_seed_sd is not None
    assert found.tipping_seed_sd[0] == pytest.approx(100 * tipping_seed_sd(0.02, error))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("101", "3"), "first figure: expected a percentage of at most 100"),
        (("50", "1000"), "second figure"),
        (("-5", "3"), "first figure: expected a number from 0 to 100"),
        (("nan", "3"), "first figure"),
        (("", "3"), "first figure"),
        ((".", "3"), "first figure"),
        (("1e1", "3"), "first figure"),
        (("9８.67", "96"), "first figure"),
        (("98,67", "96"), "decimal point"),
        (("98.1234567", "96"), "at most 6 decimals"),
        (("98.67", "98.670"), "two that differ"),
        (("0.98", "0.97"), "--share"),
        (("98", "97", 0), "images: expected a whole number from 1"),
        (("98", "97", -3), "images"),
        (("98", "97", 10**9), "images"),
        (("98", "97", 10.5), "images"),
        (("98", "97", 10, 0), "runs: expected"),
        (("98", "97", 10, 101), "runs: expected"),
    ],
)
def test_what_is_no_figure_or_count_is_refused_in_one_line(arguments, text):
    with pytest.raises(InputError, match=text) as caught:
        audit(*arguments)
    assert "\n" not in str(caught.value)


def test_share_above_one_is_refused():
    with pytest.raises(InputError, match="a share of at most 1"):
        audit("98.67", "96.86", unit="share")
    assert audit("0.8%", "0.7%").difference == pytest.approx(0.1)
