"""What does not fit a task is refused before any work: nothing is timed, nothing is left to go on with."""

from __future__ import annotations

import pytest

from deepenough.errors import InputError
from deepenough.studies import planning
from deepenough.studies.run import run_study
from deepenough.studies.study import make_study


def test_too_few_people_are_refused_before_anything_is_timed(tmp_path, photo, encode, monkeypatch):
    people = [("train", 4), ("val", 3), ("test", 2)]
    folders = [f"{split}/{split}{person}" for split, count in people for person in range(count)]
    for place, name in enumerate(folders):
        (tmp_path / "people" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "people" / name / f"{number}.png").write_bytes(encode(photo(3 * place + number)))

    def timed(*_given):
        raise AssertionError("the machine was timed")

    monkeypatch.setattr(planning, "choose_machine", timed)
    request = make_study({"source": str(tmp_path / "people"), "task": "verification", "epochs": 1, "margin": 1.0})
    with pytest.raises(InputError, match="split test: expected at least 3 identities; got 2"):
        run_study(request, tmp_path / "study")
    assert not (tmp_path / "study" / "study.yaml").exists()
