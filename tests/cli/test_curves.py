"""`deepenough curves` as a shell calls it."""

from __future__ import annotations


def test_an_axis_that_there_is_not_is_refused_in_a_line(invoke_in_line):
    code, _, err = invoke_in_line("curves", "digits", "--axes", "images,speed")
    assert code == 2
    assert "--axes: expected all, or some of images, time, size, side; got 'speed'" in err
