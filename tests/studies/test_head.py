"""A linear probe as a study: what it leaves, against scikit-learn on features computed by hand, and what it refuses."""

from __future__ import annotations

import os

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from deepenough.cost import timing
from deepenough.data import cache
from deepenough.errors import InputError, Interrupted
from deepenough.networks import build, load_weights, save_weights
from deepenough.records import HISTORY, SAMPLES, SCORES, read_json, read_table
from deepenough.report import write
from deepenough.report.words import next_steps, sentences
from deepenough.studies import run_study
from deepenough.studies.plan import HEAD_S, Probe, Sizes, forecast_probe
from deepenough.studies.resolve import resolve
from deepenough.studies.study import load_study, make_study
from deepenough.training.head import PENALTIES

CONTENDERS = ("resnet50", "resnet101")
CELLS = [f"{name}-seed0" for name in CONTENDERS]


@pytest.fixture(autouse=True)
def _no_memory_marks(monkeypatch):
    """Nine tenths of such a study's time is waiting for the system's mark of the most memory, which others test."""
    monkeypatch.setattr(timing, "peak_during", lambda work, _device: len([work()]))


@pytest.fixture
def starts(tiny_networks, tmp_path):
    """Files of weights with a head for seven other classes, and norms that have seen images."""
    files = {}
    for name in CONTENDERS:
        network = build(name, 7, seed=5)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        with torch.no_grad():
            network.train()(torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
        files[name] = str(tmp_path / f"{name}.safetensors")
        save_weights(network, tmp_path / f"{name}.safetensors")
    return files


@pytest.fixture
def probe_of(request_of, starts):
    def make(**values):
        plain = {"seeds": None, "epochs": None, "batch": None, "weights": starts, "recipe": {"train": "head"}}
        return request_of(**{**plain, **values})

    return make


@pytest.fixture
def finished(probe_of, told, tmp_path):
    listener = told()
    return tmp_path / "s", run_study(probe_of(), tmp_path / "s", listener=listener), listener


def squares(folder, split, scale):
    """Pictures of a split by PIL and torch alone, standardised (samples, 3, scale, scale), and their targets."""
    rows = read_table(folder / "samples.parquet", SAMPLES).filter(pl.col("split") == split)
    source, images = load_study(folder / "study.yaml").source, []
    for path in rows["path"]:
        whole = Image.open(os.path.join(source, path))  # noqa: PTH118
        wide = whole.resize((int(scale * whole.width / whole.height), scale), Image.Resampling.BICUBIC)
        left = round((wide.width - scale) / 2)
        images.append(np.asarray(wide.crop((left, 0, left + scale, scale)), np.float64) / 255)
    norm = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
    stack = torch.from_numpy((np.stack(images) - norm[0]) / norm[1]).float()
    return stack.permute(0, 3, 1, 2), rows["target"].to_list(), rows["sample_id"].to_list()


def test_a_probe_is_scikit_learns_logistic_regression_on_the_frozen_features(finished, starts):
    folder, _, _ = finished
    network = build("resnet50", 7)
    load_weights(network, starts["resnet50"])
    network.eval()

    def seen(split, scale):
        images, targets, ids = squares(folder, split, scale)
        with torch.inference_mode():
            return network.embed(images).double().numpy(), targets, ids

    train, labels, _ = seen("train", 32)
    val, val_labels, _ = seen("val", 32)
    note = read_json(folder / "cells" / "resnet50-seed0" / "cell.json")
    accuracy = {}
    for penalty in PENALTIES:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (penalty * len(labels)), max_iter=5000))
        accuracy[penalty] = model.fit(train, labels).score(val, val_labels)
    tried = {penalty: note["penalties"][f"{penalty:g}"] for penalty in PENALTIES}
    one_picture = 1 / len(val_labels)  # the penalties are tried to a coarse tolerance
    assert tried == pytest.approx(accuracy, abs=1.001 * one_picture)
    assert sum(tried[penalty] == pytest.approx(accuracy[penalty]) for penalty in PENALTIES) >= len(PENALTIES) - 1
    best = max(tried, key=lambda penalty: (tried[penalty], penalty))
    assert note["penalty"] == best
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (best * len(labels)), tol=1e-7, max_iter=5000))
    model.fit(train, labels)
    scores = read_table(folder / "cells" / "resnet50-seed0" / "test.parquet", SCORES)
    for scale in (32, 48):
        test, _, ids = seen("test", scale)
        found = scores.filter(pl.col("scale") == scale)
        assert found["sample_id"].to_list() == ids
        chances = model.predict_proba(test)
        np.testing.assert_allclose(found["confidence"], chances.max(1), atol=5e-3)
        clear = chances.max(1) - np.sort(chances)[:, -2] > 0.01
        assert clear.sum() > len(ids) // 2
        assert np.array_equal(found["prediction"].to_numpy()[clear], model.predict(test)[clear])


def test_a_probe_leaves_what_other_studies_leave_and_its_weights_are_those_tested(finished, starts):
    folder, verdict, listener = finished
    assert sorted(path.name for path in (folder / "cells").iterdir()) == sorted(CELLS)
    assert listener.plans[0].cells == CELLS
    assert listener.plans[0].train == "head"
    assert listener.steps == []
    for name, contender in zip(CELLS, CONTENDERS, strict=True):
        cell = folder / "cells" / name
        stored, start = load_file(cell / "weights.safetensors"), load_file(starts[contender])
        assert stored["fc.weight"].shape[0] == 3
        assert all(torch.equal(stored[key], start[key]) for key in start if not key.startswith("fc."))
        assert read_table(cell / "history.parquet", HISTORY).height == 1
        note = read_json(cell / "cell.json")
        assert (note["status"], note["seed"], note["train"]) == ("trained", 0, "head")
        network = build(contender, 3)
        load_weights(network, cell / "weights.safetensors")
        images, _, ids = squares(folder, "test", 48)
        with torch.inference_mode():
            chances = network.eval()(images).softmax(1)
        found = read_table(cell / "test.parquet", SCORES).filter(pl.col("scale") == 48)
        assert found["sample_id"].to_list() == ids
        np.testing.assert_allclose(found["confidence"], chances.amax(1).numpy(), atol=2e-3)
    assert (verdict.scope, verdict.trained) == ("checkpoint", "head")
    assert {len(seeds) for seeds in verdict.seeds.values()} == {1}
    assert set(read_table(folder / "scores.parquet", SCORES)["scale"]) == {32, 48}
    plan = read_json(folder / "plan.json")
    assert plan["took"]["total_s"] > 0


def test_the_words_of_a_probe_claim_nothing_of_architectures_and_advise_no_more_seeds_of_it(finished):
    folder, verdict, _ = finished
    text = " ".join([*sentences(verdict), *verdict.caveats])
    assert "a linear probe" in text
    assert "Nothing can be said about the architectures" in text
    assert "Train at least 3 seeds" not in text
    assert " --train all --seeds 3 " in next_steps(verdict, folder)[0]
    page, _ = write(folder)
    assert "the networks stood still" in page.read_text(encoding="utf-8").lower()


def test_the_resolved_study_gives_the_same_probe_again_bit_for_bit(finished, tmp_path):
    folder, _, _ = finished
    study = load_study(folder / "study.yaml")
    assert (study.seeds, study.epochs, study.recipe.train) == (1, None, "head")
    run_study(study, tmp_path / "again")
    for name in CELLS:
        ours, theirs = (
            load_file(root / "cells" / name / "weights.safetensors") for root in (folder, tmp_path / "again")
        )
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_probe_at_several_scales_decodes_every_picture_once(probe_of, tmp_path, monkeypatch):
    decoded, decode = [], cache.decode_picture

    def counting(encoded, **options):
        decoded.append(encoded)
        return decode(encoded, **options)

    monkeypatch.setattr(cache, "decode_picture", counting)
    run_study(probe_of(scales=[32, 40, 48], images=False), tmp_path / "s")
    samples = read_table(tmp_path / "s" / "samples.parquet", SAMPLES)
    assert len(decoded) == len(set(decoded)) == len(samples)


def test_a_stopped_probe_goes_on_with_the_features_that_it_has(probe_of, told, tmp_path, monkeypatch):
    class Stops(told):
        def stage(self, name, total=None, done=0):
            super().stage(name, total, done)
            if name == "resnet101: features of test at 32 px":
                raise Interrupted("a test", "the same call")

    with pytest.raises(Interrupted):
        run_study(probe_of(), tmp_path / "s", listener=Stops())
    assert (tmp_path / "s" / "cells" / "resnet50-seed0" / "cell.json").is_file()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "s" / "cache").glob("features-*.npy")}
    assert len(kept) == 5 + 3  # train, two scales of validation and of test; then up to the stop
    listener = told()
    run_study(probe_of(), tmp_path / "s", listener=listener)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [name for name, _, _ in listener.stages if name.startswith("resnet50: ")] == []
    undisturbed = run_study(probe_of(), tmp_path / "t", listener=told())
    assert read_json(tmp_path / "s" / "verdict.json")["difference"] == undisturbed.difference


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"weights": {}}, "recipe.train: head: expected starting weights for every contender.*got none for resnet50, "),
        ({"seeds": 3}, "recipe.train: head: expected one seed, since .*; got seeds: 3; leave it out"),
        ({"looks": [2, 3]}, "recipe.train: head: expected one seed, .*; got looks: 2, 3; "),
        ({"noise": ["order"]}, "noise: expected nothing, since it plays no part in a linear probe"),
        ({"epochs": 4}, r"epochs: expected nothing, since .* \(recipe.train: head\); got 4; leave it out"),
        ({"recipe": {"train": "head", "layer_decay": 0.5}}, "recipe.layer_decay: expected nothing, .*; got 0.5"),
        ({"augmentation": {"flip": 0.0}}, "augmentation.flip: expected nothing, .*; got 0.0"),
    ],
)
def test_what_a_probe_would_not_do_is_refused_before_anything_is_read(probe_of, tmp_path, values, line):
    with pytest.raises(InputError, match=line) as caught:
        run_study(probe_of(**values), tmp_path / "s")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "s").exists()


def probed(side):
    return Probe(side=64, train_s={"a": 9.0}, test_s={"a": 0.001, "b": 0.002}, peak_bytes=1, head_weights=4096 * 10)


def test_forecast_of_a_probe_shows_every_picture_once_and_adds_the_solver():
    few, many = (
        forecast_probe(probed(64), Sizes(train=n, val=100, test=200), train_scale=128, scales=(64, 128))
        for n in (1000, 3000)
    )
    # 3 ms an image of 64 px in both networks, so 12 ms at 128 px, and 8 % around it; then the heads' weights
    per_image = 0.012 * 1.08 + HEAD_S * 4096 * 10
    assert many.training_s - few.training_s == pytest.approx(2000 * per_image)
    assert few.evaluation_s == pytest.approx(300 * (0.003 + 0.012))
    assert few.total_s == pytest.approx(few.training_s + few.evaluation_s + few.cost_s)


@pytest.mark.parametrize(("budget", "side"), [("10h", 224), ("4m", 160), ("2m", 96), ("1s", 32)])
def test_a_probe_takes_the_largest_scale_that_fits_the_budget(budget, side):
    rows = {"split": ["train"] * 3000 + ["val"] * 300 + ["test"] * 400, "width": 500, "height": 400}
    frame = pl.DataFrame(rows).cast({name: SAMPLES[name] for name in rows})
    request = make_study({"source": "photos", "budget": budget, "recipe": {"train": "head"}})
    found = resolve(request, frame, lambda _study, side: probed(side))
    assert (found.study.train_scale, found.study.seeds, found.study.epochs) == (side, 1, None)
    assert bool(found.gave_up) == (side < 224)
    assert any("too short" in text for text in found.gave_up) == (budget == "1s")
