from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deepenough.comparison.noninferior import no_worse
from deepenough.stats import agresti_min_interval

write_study = runpy.run_path(str(Path(__file__).parents[1] / "report" / "made_up.py"))["write_study"]


def predictions(path, right, *, seeds=1, name="r"):
    """A file of predictions that is right where `right` says so, in the long form."""
    rows = [
        {"sample_id": str(i), "target": "a", "contender": name, "seed": seed, "prediction": "a" if good else "b"}
        for seed in range(seeds)
        for i, good in enumerate(right)
    ]
    rows += [{"sample_id": "z", "target": "b", "contender": name, "seed": s, "prediction": "b"} for s in range(seeds)]
    pl.DataFrame(rows).write_csv(path)
    return path


def two_contenders(folder):
    paths = [predictions(folder / f"{name}.csv", [True] * 999, name=name) for name in ("q", "r")]
    pl.concat([pl.read_csv(path, infer_schema=False) for path in paths]).write_csv(folder / "two.csv")


@pytest.fixture
def files(tmp_path):
    """999 samples of one class and one of another: old right on 900, new on 5 more and 3 fewer."""
    old = [i < 900 for i in range(999)]
    new = [(i < 897) or 900 <= i < 905 for i in range(999)]
    return predictions(tmp_path / "old.csv", old), predictions(tmp_path / "new.csv", new)


@pytest.mark.parametrize(("margin", "code"), [("1", 0), ("0.2", 1)])
def test_gate_leaves_with_0_where_it_is_shown_and_1_where_not(invoke, files, margin, code):
    left, out, err = invoke("gate", *files, "--margin", margin, "--json")
    found = json.loads(out)
    assert (left, err) == (code, "")
    assert found["shown"] == (code == 0)
    low, high = agresti_min_interval(5, 3, 1000)
    assert found["interval"] == pytest.approx([100 * low, 100 * high])
    assert (found["only_old"], found["only_new"], found["difference"]) == (3, 5, pytest.approx(0.2))


def test_gate_is_not_symmetric_and_says_what_was_lost(invoke, files):
    old, new = files
    code, out, _ = invoke("gate", new, old, "--margin", "0.5")
    assert code == 1
    assert out.startswith("Not shown: that new is no worse than old by 0.5 points.")
    assert "Right in old alone: 5; in new alone: 3." in out


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (40, "Shown to be worse: new is worse than old by more than 1 points."),
        (15, "Not shown: that new is no worse than old by 1 points. It is worse; whether by so much is open."),
    ],
)
def test_gate_tells_what_is_worse_from_what_is_open(invoke, tmp_path, lost, said):
    right = [[True] * 1000, [False] * lost + [True] * (1000 - lost)]
    old, new = (predictions(tmp_path / name, each) for name, each in zip(("o.csv", "n.csv"), right, strict=True))
    code, out, _ = invoke("gate", old, new, "--margin", "1")
    assert code == 1
    assert " ".join(out.split()).startswith(said)


def test_gate_says_so_where_too_few_samples_could_never_show_it(invoke, tmp_path):
    old, new = (predictions(tmp_path / name, [True] * 99) for name in ("o.csv", "n.csv"))
    code, out, _ = invoke("gate", old, new, "--margin", "0.5")
    assert code == 1
    assert "So few samples could not show it even if both agreed" in " ".join(out.split())


def test_gate_on_several_runs_speaks_of_the_networks(invoke, tmp_path):
    old, new = (predictions(tmp_path / name, [i % 9 > 0 for i in range(400)], seeds=3) for name in ("o.csv", "n.csv"))
    _, out, _ = invoke("gate", old, new, "--json")
    found = json.loads(out)
    assert (found["scope"], found["seeds"], found["only_old"]) == ("architecture", [3, 3], None)


def test_gate_refuses_samples_that_do_not_match_unless_they_may_be_left_out(invoke_in_line, files, tmp_path):
    few = predictions(tmp_path / "few.csv", [True] * 500)
    code, _, err = invoke_in_line("gate", files[0], few)
    assert code == 2
    assert "the same samples in every run" in err
    code, out, _ = invoke_in_line("gate", files[0], few, "--common", "--json")
    assert json.loads(out)["samples"] == 501


def test_gate_takes_targets_from_another_file_and_refuses_to_do_without(invoke_in_line, tmp_path):
    ids = [str(i) for i in range(600)]
    pl.DataFrame({"sample_id": ids, "target": ["a", "b"] * 300}).write_csv(tmp_path / "targets.csv")
    for name in ("old", "new"):
        pl.DataFrame({"sample_id": ids, "prediction": ["a", "b"] * 300}).write_csv(tmp_path / f"{name}.csv")
    code, out, _ = invoke_in_line("gate", "old.csv", "new.csv", "--targets", "targets.csv", "--json")
    assert (code, json.loads(out)["old_mean"]) == (0, 100.0)
    code, _, err = invoke_in_line("gate", "old.csv", "new.csv")
    assert code == 2
    assert "target" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.csv", "new.csv"), "no such file"),
        (
            ("old.csv", "new.csv", "--margin", "0"),
            "error: --margin: expected a number above 0; got 0; declare the loss",
        ),
        (("two.csv", "new.csv"), "two.csv: expected the predictions of one contender; got q, r; name it: two.csv:q"),
        (("two.csv:x", "new.csv"), "expected one of q, r after the colon; got x"),
    ],
)
def test_gate_refuses_what_it_cannot_use_with_2(invoke_in_line, files, tmp_path, arguments, said):
    assert files
    two_contenders(tmp_path)
    code, _, err = invoke_in_line("gate", *arguments)
    assert code == 2
    assert said in err


def test_gate_names_the_place_of_a_contender_that_a_study_does_not_have(invoke_in_line, tmp_path):
    write_study(tmp_path / "study", images=40)
    code, _, err = invoke_in_line("gate", "study:resnet99", "study")
    assert (code, err) == (2, "error: study:resnet99: expected winner, or one of resnet101, resnet50; got resnet99")


def test_gate_takes_one_contender_of_a_file_by_name(invoke, files, tmp_path):
    two_contenders(tmp_path)
    code, out, _ = invoke("gate", files[0], "two.csv:q", "--json")
    assert (code, json.loads(out)["new_mean"]) == (0, 100.0)


@pytest.mark.slow
def test_claim_of_no_worse_is_wrong_at_most_as_often_as_its_level_says():
    """A new model that loses exactly the margin must be let through at most 2.5 % of the time."""
    rng, samples, passed = np.random.default_rng(0), 1000, 0
    ids = [str(i) for i in range(samples)]
    for _ in range(300):
        flips = rng.random(samples)
        lost, won = flips < 0.03, flips > 0.98  # 3 % and 2 % of the samples: one point less on the whole
        frames = [pl.DataFrame({"seed": 0, "sample_id": ids, "score": 1.0 - bad}) for bad in (won, lost)]
        passed += no_worse(*frames, margin=1.0).shown
    assert passed <= 15  # 300 * 0.025 = 7.5, and three standard deviations
