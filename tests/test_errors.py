"""The errors: one line for people, whole for other processes."""

from __future__ import annotations

import copy
import pickle

import pytest

from deepenough import errors

MADE = [
    errors.DeepenoughError("anything"),
    *(
        kind("--margin", "above 0", "-1", "try 0.5")
        for kind in (errors.InputError, errors.SourceError, errors.StudyError, errors.WeightsError, errors.RecordError)
    ),
    errors.DecodeError("truncated", "ends after 12 bytes"),
    errors.Interrupted("Ctrl-C", "deepenough compare photos"),
]


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("travel", [lambda each: pickle.loads(pickle.dumps(each)), copy.copy], ids=["pickle", "copy"])
def test_error_is_the_same_when_it_went_through_another_process(error, travel):
    error.add_note("seen in seed 1")
    back = travel(error)

    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)
