"""Extra trainings that vary one source of randomness: that source alone, resumable, and never in the study's scores."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from deepenough.errors import StudyError
from deepenough.records import NOISE, SCORES, read_json, read_table, verdict_from_json
from deepenough.studies import local, run_study
from deepenough.studies.noise import noise_cells, noise_seeds
from deepenough.studies.plan import Probe, Sizes, forecast
from deepenough.studies.study import load_study, make_study

ALL = ("initialisation", "order", "augmentation", "nondeterminism")
QUICK = {"epochs": 1, "images": False, "scales": [32]}
STEPS = 6  # 1 epoch of 50 pictures in batches of 8


def noise_of(folder):
    return read_table(folder / "noise.parquet", NOISE)


@pytest.fixture
def watched(monkeypatch):
    """What every training began with and was fed: initial weights by cell, images and labels by step."""
    began = {}
    original = local.train_lockstep

    def train(cells, stream, setting, watcher):
        weights = {cell.contender: {k: v.clone() for k, v in cell.network.state_dict().items()} for cell in cells}
        batches = [(batch.images.clone(), batch.labels.clone()) for batch in stream.batches()]
        began[cells[0].seeds.title] = (weights, batches)
        original(cells, stream, setting, watcher)

    monkeypatch.setattr(local, "train_lockstep", train)
    return began


def same_weights(one, other):
    return all(
        torch.equal(one[name][key], other[name][key]) for name in one for key in one[name] if "num_batches" not in key
    )


def same_images(one, other):
    return all(torch.equal(ours[0], theirs[0]) for ours, theirs in zip(one, other, strict=True))


def same_labels(one, other):
    return all(torch.equal(ours[1], theirs[1]) for ours, theirs in zip(one, other, strict=True))


def test_each_run_varies_its_source_alone_and_no_seed_gives_the_same_again(request_of, watched, told, tmp_path):
    listener = told()
    verdict = run_study(request_of(**QUICK, noise=ALL, noise_runs=1), tmp_path / "s", listener=listener)
    kept = watched["seed 0"]
    assert list(watched) == ["seed 0", "seed 1", *(f"{source} 1" for source in ALL)]
    differs = {
        title: (
            not same_weights(kept[0], weights),
            not same_images(kept[1], batches),
            not same_labels(kept[1], batches),
        )
        for title, (weights, batches) in watched.items()
    }
    assert differs == {
        "seed 0": (False, False, False),
        "seed 1": (True, True, True),
        "initialisation 1": (True, False, False),
        "order 1": (False, True, True),
        "augmentation 1": (False, True, False),
        "nondeterminism 1": (False, False, False),
    }

    noise, scores = noise_of(tmp_path / "s"), read_table(tmp_path / "s" / "scores.parquet", SCORES)
    assert len(noise) == len(ALL) * 2 * verdict.samples
    assert set(noise["scale"]) == {verdict.scale}
    assert set(noise["seed"]) == {0}
    first = scores.filter((pl.col("seed") == 0) & (pl.col("scale") == verdict.scale))
    again = noise.filter(pl.col("source") == "nondeterminism").select(*SCORES)
    assert again.equals(first)
    heads = {
        label: load_file(tmp_path / "s" / "cells" / f"resnet50-{label}" / "weights.safetensors")["fc.weight"]
        for label in ("seed0", *(f"{source}1" for source in ALL))
    }
    assert [label for label, head in heads.items() if torch.equal(head, heads["seed0"])] == ["seed0", "nondeterminism1"]
    assert any("came out the same bit for bit" in note for note in listener.notes)

    assert verdict.noise is not None
    entries = {(entry["source"], entry["contender"]): entry for entry in verdict.noise["sources"]}
    assert set(entries) == {(source, name) for source in ALL for name in ("resnet50", "resnet101")}
    for name in ("resnet50", "resnet101"):
        assert entries["nondeterminism", name]["identical"]
        assert entries["nondeterminism", name]["interval"] == [0.0, 0.0]
        means = [
            100 * frame.filter(pl.col("contender") == name)["score"].mean()
            for frame in (first, noise.filter(pl.col("source") == "order"))
        ]
        assert entries["order", name]["sd"] == pytest.approx(abs(means[0] - means[1]) / math.sqrt(2))
    assert verdict_from_json(json.loads((tmp_path / "s" / "verdict.json").read_text())) == verdict
    took = read_json(tmp_path / "s" / "plan.json")["took"]
    assert took["noise_s"] > 0
    assert took["total_s"] == pytest.approx(sum(took[k] for k in ("training_s", "evaluation_s", "cost_s", "noise_s")))


def test_extra_runs_may_be_asked_for_later_and_change_no_score(request_of, told, tmp_path):
    folder, quick = tmp_path / "s", {**QUICK, "seeds": 1}
    before = run_study(request_of(**quick), folder)
    scores = read_table(folder / "scores.parquet", SCORES)
    listener = told()
    after = run_study(request_of(**quick, noise=["order"], noise_runs=1), folder, listener=listener)
    assert {cell for cell, _ in listener.steps} == {"resnet50-order1", "resnet101-order1"}
    assert read_table(folder / "scores.parquet", SCORES).equals(scores)
    assert (after.difference, after.interval, after.p_value) == (before.difference, before.interval, before.p_value)
    assert after.noise["sources"]
    assert not before.noise["sources"]
    assert load_study(folder / "study.yaml").noise == ("order",)
    assert read_json(folder / "plan.json")["cells"][-2:] == ["resnet50-order1", "resnet101-order1"]
    for again in (request_of(**quick), request_of(**quick, noise=["order"], noise_runs=1)):
        listener = told()
        assert run_study(again, folder, listener=listener) == after
        assert listener.steps == []


def test_a_killed_extra_run_goes_on_to_the_same_scores(request_of, told, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SAVE_EVERY_S", 0.0)
    request = request_of(**QUICK, seeds=1, noise=["augmentation"], noise_runs=2)
    run_study(request, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_study(request, tmp_path / "k", listener=told(4 * STEPS + 3))
    assert (tmp_path / "k" / "verdict.json").is_file()  # the verdict does not wait for them
    assert not (tmp_path / "k" / "noise.parquet").exists()
    listener = told()
    run_study(request, tmp_path / "k", listener=listener)
    assert 2 * STEPS - 3 <= len(listener.steps) <= 2 * STEPS - 1
    assert {cell for cell, _ in listener.steps} == {"resnet50-augmentation2", "resnet101-augmentation2"}
    assert noise_of(tmp_path / "k").equals(noise_of(tmp_path / "whole"))


@pytest.mark.parametrize("diverging", [["resnet50"], ["resnet50", "resnet101"]])
def test_a_diverged_extra_run_is_named_and_left_out(diverging, request_of, tmp_path, monkeypatch):
    original, built = local.assemble, []

    def assemble(task, name, *, seed):
        network = original(task, name, seed=seed)
        built.append(name)
        if built.count(name) > 1 and name in diverging:
            network.register_forward_hook(lambda module, _, logits: logits * math.inf)
        return network

    monkeypatch.setattr(local, "assemble", assemble)
    verdict = run_study(request_of(**QUICK, seeds=1, noise=["initialisation"], noise_runs=1), tmp_path / "s")
    named = ", ".join(f"{name}-initialisation1" for name in diverging)
    assert f"Diverged and left out of the account of the noise: {named}." in verdict.caveats
    sound = {"resnet50", "resnet101"} - set(diverging)
    assert {entry["contender"] for entry in verdict.noise["sources"]} == sound


def test_cells_are_named_by_source_and_run_and_take_seeds_that_no_study_has():
    study = make_study(
        {"noise": ["order", "initialisation", "order"], "noise_runs": 2, "contenders": ["resnet50", "resnet101"]}
    )
    assert noise_cells(study) == [
        f"{name}-{source}{run}"
        for source in ("order", "initialisation")
        for run in (1, 2)
        for name in ("resnet50", "resnet101")
    ]
    seeds = noise_seeds(study)
    assert study.noise_trainings == len(seeds) == 4
    assert len({each.order for each in seeds}) == 3  # the kept one, and two of its own
    assert all(each.order > 10_000 for each in seeds[:2])
    assert {each.augmentation for each in seeds} == {0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"noise": ["weather"]},
            r"noise, entry 1: expected 'initialisation', 'order', 'augmentation' or 'nondeterminism'",
        ),
        ({"noise_runs": 0}, "noise_runs: expected greater than or equal to 1"),
        ({"noise": 3}, "noise"),
    ],
)
def test_a_source_that_is_none_is_refused(values, message):
    with pytest.raises(StudyError, match=message):
        make_study(values)


def test_the_forecast_counts_extra_trainings_with_their_one_test():
    probe = Probe(side=32, train_s={"a": 0.01, "b": 0.02}, test_s={"a": 0.001, "b": 0.002}, peak_bytes=1)
    sizes = Sizes(train=1000, val=100, test=200)
    settings = {"seeds": 3, "epochs": 2, "train_scale": 32, "scales": (32, 64)}
    without, with_noise = (forecast(probe, sizes, **settings, extra=extra) for extra in (0, 4))
    assert without.noise_s == 0
    assert with_noise.noise_s == pytest.approx(4 * (without.training_s / 3 + 0.003 * 4 * 300))
    assert with_noise.total_s - without.total_s == pytest.approx(with_noise.noise_s)
