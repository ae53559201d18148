"""Starting weights from the command line: a linear probe, and then all of the networks, each part at its own rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepenough.cost import timing
from deepenough.networks import build, save_weights
from deepenough.records import read_json
from deepenough.studies.study import load_study


@pytest.fixture
def run(tiny_networks, invoke_in_line, monkeypatch):
    """Run a command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.setattr(
        timing, "peak_during", lambda work, _device: len([work()])
    )  # seconds of waiting; tested elsewhere
    return invoke_in_line


def test_a_probe_and_then_all_of_the_networks_at_layer_wise_rates(run, folder_of):
    photos, weights = folder_of({"cat": 24, "dog": 24}), []
    for name in ("resnet50", "resnet101"):
        save_weights(build(name, 5, seed=1), Path(f"{name}.safetensors"))
        weights += ["--weights", f"{name}={name}.safetensors"]
    small = ["--train-scale", 32, "--scales", 32, "--threads", 1, "--precision", "fp32", "--margin", 5]
    code, out, err = run("compare", photos, "--train", "head", *weights, *small, "--out", "s")
    assert code == 0, err
    assert "1 seed each: 2 trainings" in err
    assert "training 32 px, a linear head alone, on features that are computed once" in err
    assert "resnet50: penalty " in err
    assert "compare s/study.yaml --train all --seeds 3 --out s-3seeds" in " ".join(out.split())

    further = ["--train", "all", "--seeds", 1, "--epochs", 1, "--batch", 8, "--workers", 0, "--layer-decay", 0.5]
    code, _, err = run("compare", "s/study.yaml", *further, "--out", "t")
    assert code == 0, err
    assert "each part at 0.5 of the next one's rate" in err
    assert load_study(Path("t/study.yaml")).recipe.layer_decay == 0.5
    assert [read_json(Path(folder) / "verdict.json")["trained"] for folder in ("s", "t")] == ["head", "all"]

    assert run("verdict", "s", "--margin", 9)[0] == 0
    again = read_json(Path("s/verdict.json"))
    assert (again["trained"], again["scope"]) == ("head", "checkpoint")
    assert any("a linear probe" in caveat for caveat in again["caveats"])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--train", "head"], "error: recipe.train: head: expected starting weights for every contender"),
        (["--train", "neck"], "error: option: recipe.train: expected 'all' or 'head'; got 'neck'"),
        (["--layer-decay", "1.5"], "error: option: recipe.layer_decay: expected less than or equal to 1; got 1.5"),
    ],
)
def test_bad_choices_get_one_line_and_exit_code_2(run, folder_of, options, line):
    code, out, err = run("compare", folder_of({"cat": 2, "dog": 2}), *options)
    assert (code, out) == (2, "")
    assert err.startswith(line)
    assert "Traceback" not in err
