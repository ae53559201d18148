from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.stats.granularity import counts, fit, nearest_count, parse_figure, sizes_to_try, smallest_fitting


def rounds_to(value: Fraction, text: str) -> bool:
    step = Fraction(1, 10 ** len(text.partition(".")[2]))
    return abs(value - Fraction(text)) <= step / 2  # a tie may go either way


def cuts_to(value: Fraction, text: str) -> bool:
    step = Fraction(1, 10 ** len(text.partition(".")[2]))
    return Fraction(text) <= value < Fraction(text) + step


@given(st.integers(0, 10_000), st.integers(0, 2), st.integers(1, 400), st.booleans())
def test_counts_are_all_that_print_as_the_figure_in_exact_arithmetic(digits, decimals, total, of_errors):
    text = f"{min(digits, 100 * 10**decimals) / 10**decimals:.{decimals}f}"
    figure = parse_figure(text, "a", of_errors=of_errors)
    for convention, prints in (("rounded", rounds_to), ("truncated", cuts_to)):
        printing = [r for r in range(total + 1) if prints(Fraction(100 * r, total), text)]
        right = [total - r for r in printing] if of_errors else printing
        low, high = counts(figure, total, convention)
        assert list(range(low, high + 1)) == sorted(right)


@given(st.integers(1, 5000), st.data(), st.integers(0, 4))
def test_a_true_share_always_fits_its_own_number_of_images(images, data, decimals):
    rights = data.draw(st.tuples(st.integers(0, images), st.integers(0, images)))
    rounded = [parse_figure(f"{100 * r / images:.{decimals}f}", "") for r in rights]
    scale = 10**decimals
    cut = [parse_figure(f"{math.floor(Fraction(100 * r * scale, images)) / scale:.{decimals}f}", "") for r in rights]
    assert fit(*rounded, images).both
    assert fit(*cut, images).both


def test_arrays_give_what_single_numbers_give():
    figure, totals = parse_figure("98.67", "a"), np.arange(1, 300, dtype=np.int64)
    for convention in ("rounded", "truncated"):
        low, high = counts(figure, totals, convention)
        assert [counts(figure, int(n), convention) for n in totals] == list(zip(low, high, strict=True))
    assert nearest_count(figure, totals).tolist() == [nearest_count(figure, int(n)) for n in totals]


def test_smallest_fitting_sizes_are_those_of_trying_every_size():
    a, b = parse_figure("98.67", "a"), parse_figure("96.86", "b")
    assert smallest_fitting(a, b) == [n for n in range(1, 1000) if fit(a, b, n).both][:5]
    assert smallest_fitting(a, b, 3) == [n for n in range(1, 1000) if fit(a, b, n, 3).both][:5]


def test_about_a_third_of_all_sizes_up_to_ten_thousand_fit_the_worked_example():
    a, b = parse_figure("98.67", "a"), parse_figure("96.86", "b")
    rounded = [[counts(f, n, "rounded") for f in (a, b)] for n in range(1, 10_001)]
    assert np.mean([all(low <= high for low, high in each) for each in rounded]) == pytest.approx(0.334)


def test_usual_splits_are_those_of_the_number_given():
    assert sizes_to_try(60) == (20, 30, 60)
    assert sizes_to_try(1) == (1,)
    assert 10_000 in sizes_to_try(None)


@pytest.mark.parametrize(("text", "digits", "scale"), [("100", 100, 100), ("0.50", 50, 10_000), (" 7. ", 7, 100)])
def test_a_figure_keeps_its_decimals(text, digits, scale):
    figure = parse_figure(text, "a")
    assert (figure.digits, figure.scale) == (digits, scale)
