"""A whole study: what it leaves, how it goes on after a stop, and what it refuses to go on with."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import deepenough.studies.probe as probing
from deepenough.data import PixelFolder
from deepenough.errors import InputError, Interrupted, SourceError, StudyError
from deepenough.records import COSTS, HISTORY, QUARANTINE, SAMPLES, SCORES, SLICES, read_json, read_table, write_json
from deepenough.studies import local, planning, run_study
from deepenough.studies.study import load_study
from deepenough.tasks.classification import Classification

CELLS = ["resnet101-seed0", "resnet101-seed1", "resnet50-seed0", "resnet50-seed1"]
STEPS = 12  # 2 epochs of 50 pictures in batches of 8


@pytest.fixture
def photos(photos_put_back):
    """Always in one place, so that one study of them serves all tests."""
    return photos_put_back


FINISHED = {}  # by place


@pytest.fixture
def finished(request_of, told, place, tmp_path):
    """A finished study, the test's own copy, its verdict, and what was told of it."""
    if place not in FINISHED:
        listener = told()
        verdict = run_study(request_of(), place / "study", listener=listener, command="deepenough compare photos")
        FINISHED[place] = verdict, listener
    return shutil.copytree(place / "study", tmp_path / "s"), *FINISHED[place]


def scores_of(folder):
    return {name: read_table(folder / f"{name}.parquet", SCORES) for name in ("scores", "validation")}


def test_a_study_leaves_all_its_files_and_they_agree(finished, photos):
    folder, verdict, listener = finished
    samples = read_table(folder / "samples.parquet", SAMPLES)
    test = samples.filter(pl.col("split") == "test")
    scores = read_table(folder / "scores.parquet", SCORES)
    assert len(samples) == 72
    assert len(scores) == 2 * 2 * 2 * len(test)
    for _, part in scores.group_by("contender", "seed", "scale"):
        assert part["sample_id"].to_list() == scores["sample_id"][: len(test)].to_list()
    assert set(scores["sample_id"]) == set(test["sample_id"])
    targets = dict(test.select("sample_id", "target").iter_rows())
    assert all(targets[sample] == target for sample, target in scores.select("sample_id", "target").iter_rows())
    assert (scores["score"] == (scores["prediction"] == scores["target"]).cast(pl.Float64)).all()

    assert len(read_table(folder / "quarantine.parquet", QUARANTINE)) == 0
    assert len(read_table(folder / "costs.parquet", COSTS)) == 2 * 2 * 2
    assert sorted(path.name for path in (folder / "cells").iterdir()) == CELLS
    for name in CELLS:
        cell = folder / "cells" / name
        assert {path.name for path in cell.iterdir()} == {
            "cell.json",
            "history.parquet",
            "test.parquet",
            "validation.parquet",
            "weights.safetensors",
        }
        note = read_json(cell / "cell.json")
        assert (note["status"], note["steps"], note["total_steps"]) == ("trained", STEPS, STEPS)
        history = read_table(cell / "history.parquet", HISTORY)
        assert history["step"].to_list() == [6, 12]
        at_end = scores_of(folder)["validation"].filter(
            (pl.col("contender") == note["contender"]) & (pl.col("seed") == note["seed"]) & (pl.col("scale") == 32)
        )
        assert history["val_accuracy"][-1] == pytest.approx(at_end["score"].mean())

    slices = read_table(folder / "slices.parquet", SLICES)
    assert set(slices["scale"]) == {32, 48}
    assert set(slices.filter(pl.col("column") == "class")["level"]) == {"cat", "dog", "owl"}
    stored = read_json(folder / "verdict.json")
    assert stored["answer"] == verdict.answer
    assert stored["samples"] == len(test)
    mean = {
        c: scores.filter((pl.col("contender") == c) & (pl.col("scale") == verdict.scale))["score"].mean()
        for c in ("resnet50", "resnet101")
    }
    assert verdict.difference == pytest.approx(100 * (mean["resnet101"] - mean["resnet50"]))
    study = load_study(folder / "study.yaml")
    assert study.source == str(photos)
    assert study.recipe.learning_rate == 1e-3
    environment = read_json(folder / "environment.json")
    assert environment["command"] == "deepenough compare photos"
    assert environment["packages"]["torch"] == torch.__version__.split("+")[0]
    plan = read_json(folder / "plan.json")
    assert plan["took"]["total_s"] > 0
    assert plan["steps_per_cell"] == STEPS
    assert listener.plans[0].cells == ["resnet50-seed0", "resnet101-seed0", "resnet50-seed1", "resnet101-seed1"]
    assert [cell for cell, _ in listener.steps[:4]] == ["resnet50-seed0", "resnet101-seed0"] * 2


def test_tested_weights_are_those_of_the_folder(finished):
    from deepenough.networks import build, load_weights

    folder, _, _ = finished
    samples = read_table(folder / "samples.parquet", SAMPLES)
    network = build("resnet50", 3)
    load_weights(network, folder / "cells" / "resnet50-seed0" / "weights.safetensors")
    network.eval()
    scores = read_table(folder / "cells" / "resnet50-seed0" / "test.parquet", SCORES).filter(pl.col("scale") == 32)
    targets = sorted(set(samples["target"]))
    norm = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    paths = dict(samples.select("sample_id", "path").iter_rows())
    source = load_study(folder / "study.yaml").source
    for sample, prediction, confidence in scores.select("sample_id", "prediction", "confidence").head(5).iter_rows():
        picture = Image.open(os.path.join(source, paths[sample])).resize((42, 32), Image.Resampling.BICUBIC)  # noqa: PTH118
        pixels = np.asarray(picture.crop((5, 0, 37, 32)), np.float32) / 255
        batch = torch.from_numpy((pixels - norm[0]) / norm[1]).float().permute(2, 0, 1)[None]
        with torch.inference_mode():
            chance = network(batch).softmax(1)[0]
        assert targets[int(chance.argmax())] == prediction
        assert float(chance.max()) == pytest.approx(confidence, abs=2e-3)


def test_the_same_study_elsewhere_has_the_same_scores(finished, request_of, tmp_path):
    run_study(request_of(), tmp_path / "again")
    for name, frame in scores_of(finished[0]).items():
        assert frame.equals(scores_of(tmp_path / "again")[name]), name


def test_a_finished_study_trains_nothing_again(finished, request_of, told):
    folder, verdict, _ = finished
    before = scores_of(folder)
    environment = read_json(folder / "environment.json") | {"python": "2.7"}  # nothing is trained with the new one
    write_json(folder / "environment.json", environment)
    listener = told()
    again = run_study(request_of(), folder, listener=listener)
    assert listener.steps == []
    assert again == verdict
    assert all(frame.equals(before[name]) for name, frame in scores_of(folder).items())


@pytest.mark.parametrize("stop_at", [5, 2 * STEPS, 2 * STEPS + 7])
def test_a_killed_study_goes_on_to_the_same_scores(stop_at, finished, request_of, told, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SAVE_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run_study(request_of(), tmp_path / "k", listener=told(stop_at))
    listener = told()
    run_study(request_of(), tmp_path / "k", listener=listener)
    assert 4 * STEPS - stop_at <= len(listener.steps) <= 4 * STEPS - stop_at + 2
    for name, frame in scores_of(finished[0]).items():
        assert frame.equals(scores_of(tmp_path / "k")[name]), name
    for cell in CELLS:
        ours, theirs = (load_file(f / "cells" / cell / "weights.safetensors") for f in (tmp_path / "k", finished[0]))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_torn_state_is_named_and_its_cell_trains_from_its_start(finished, request_of, told, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SAVE_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run_study(request_of(), tmp_path / "k", listener=told(9))
    state = tmp_path / "k" / "cells" / "resnet50-seed0" / "resume.safetensors"
    state.write_bytes(state.read_bytes()[:-7])
    listener = told()
    run_study(request_of(), tmp_path / "k", listener=listener)
    assert any("resnet50-seed0 trains from its start" in note for note in listener.notes)
    assert listener.steps[0] == ("resnet50-seed0", 1)
    assert scores_of(tmp_path / "k")["scores"].equals(scores_of(finished[0])["scores"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_saves_and_names_the_command(number, request_of, told, tmp_path, monkeypatch):
    listener = told()

    def stop_at_the_first_step(*step, **_):
        listener.steps.append(step)
        if len(listener.steps) == 1:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(listener, "trained", stop_at_the_first_step)
    handler = signal.getsignal(number)
    with pytest.raises(Interrupted, match="go on with: deepenough compare photos"):
        run_study(request_of(), tmp_path / "s", listener=listener, command="deepenough compare photos")
    assert signal.getsignal(number) is handler
    assert len(listener.steps) == 2
    again = told()
    run_study(request_of(), tmp_path / "s", listener=again)
    assert again.steps[0] == ("resnet50-seed0", 2)
    assert ("seed 0: training", 2 * STEPS, 2) in again.stages


def test_a_study_killed_before_its_plan_goes_on(request_of, tmp_path, monkeypatch):
    original = planning.probe
    monkeypatch.setattr(planning, "probe", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_study(request_of(), tmp_path / "s")
    monkeypatch.setattr(planning, "probe", original)
    assert run_study(request_of(epochs=1), tmp_path / "s").samples > 0  # nothing is settled yet, so another will do


def test_a_study_that_goes_on_with_other_versions_says_so(request_of, told, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SAVE_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run_study(request_of(), tmp_path / "s", listener=told(9))
    path = tmp_path / "s" / "environment.json"
    stored = read_json(path)
    stored["packages"]["torch"] = "1.0"
    write_json(path, stored)
    verdict = run_study(request_of(), tmp_path / "s")
    assert any("other versions or on another machine (torch 1.0 -> " in said for said in verdict.caveats)


@pytest.mark.parametrize("inside", ["runs/pictures", "."])
def test_a_study_does_not_lie_among_its_pictures(inside, request_of, photos):
    with pytest.raises(StudyError, match=r"expected a folder outside .*; got one among its pictures; choose another"):
        run_study(request_of(), photos / inside)
    assert not (photos / "runs").exists()


@pytest.mark.parametrize("change", [{"workers": 1}, {"images": False}, {"source": "slash"}])
def test_what_changes_no_score_does_not_keep_a_study_from_going_on(change, finished, request_of, photos):
    change = {"source": f"{photos}/"} if "source" in change else change
    assert run_study(request_of(**change), finished[0]) == finished[1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 3}, r"epochs 3 \(was 2\); choose another --out"),
        ({"seeds": 3, "batch": 4}, r"seeds 3 \(was 2\), batch 4 \(was 8\)"),
        ({"recipe": {"optimizer": "sgd"}}, "recipe"),
        ({"margin": 1.0}, "decide anew with: deepenough verdict .* --margin 1.0"),
    ],
)
def test_another_study_does_not_enter_the_folder(changed, message, finished, request_of):
    folder, _, _ = finished
    before = (folder / "study.yaml").read_bytes()
    with pytest.raises(StudyError, match=message):
        run_study(request_of(**changed), folder)
    assert (folder / "study.yaml").read_bytes() == before


def test_changed_pictures_are_refused(finished, request_of, photos, encode, photo):
    (photos / "cat" / "new.png").write_bytes(encode(photo(999)))
    shutil.move(photos / "dog" / "000.png", photos / "owl" / "moved.png")
    with pytest.raises(StudyError, match=r"got 1 new \(cat/new\.png\), 1 of another class \(owl/moved\.png\)"):
        run_study(request_of(), finished[0])


def diverging(monkeypatch, who):
    """Let the losses of some cells overflow from their fourth step on."""
    original, calls = local.assemble, []

    def assemble(task, name, *, seed):
        network = original(task, name, seed=seed)
        if who(name, len(calls)):
            steps = []
            network.register_forward_hook(
                lambda module, _, logits: steps.append(1) or (logits * math.inf if len(steps) > 3 else logits)
            )
        calls.append(name)
        return network

    monkeypatch.setattr(local, "assemble", assemble)


def test_a_diverged_training_is_named_kept_and_left_out(request_of, told, tmp_path, monkeypatch):
    diverging(monkeypatch, lambda name, number: number == 1)
    listener = told()
    verdict = run_study(request_of(seeds=3), tmp_path / "s", listener=listener)
    note = read_json(tmp_path / "s" / "cells" / "resnet101-seed0" / "cell.json")
    assert (note["status"], note["steps"]) == ("diverged", 3)
    assert any("resnet101-seed0 diverged at step 3" in said for said in listener.notes)
    assert any("Diverged and left out: resnet101-seed0" in said for said in verdict.caveats)
    scores = read_table(tmp_path / "s" / "scores.parquet", SCORES)
    assert scores.filter((pl.col("contender") == "resnet101") & (pl.col("seed") == 0)).is_empty()
    assert {name: len(seeds) for name, seeds in verdict.seeds.items()} == {"resnet50": 3, "resnet101": 2}


def test_flips_against_fp32_are_noted_in_the_first_seed_of_a_bf16_study_unless_it_tests_in_fp32(request_of, tmp_path):
    for folder, exact in ((tmp_path / "s", False), (tmp_path / "exact", True)):
        run_study(request_of(precision="bf16", exact=exact, epochs=1), folder)
        notes = {path.parent.name: read_json(path) for path in folder.glob("cells/*/cell.json")}
        noted = {name: note["against_fp32"] for name, note in notes.items() if "against_fp32" in note}
        assert set(noted) == (set() if exact else {"resnet50-seed0", "resnet101-seed0"})
        for found in noted.values():
            assert (found["precision"], set(found["flips"])) == ("bf16", {"32", "48"})
            assert 0 <= max(found["flips"].values()) <= found["compared"] <= 32


def test_paired_seeds_are_held_against_each_other_unless_too_few_converge(request_of, tmp_path, monkeypatch):
    verdict = run_study(request_of(seeds=3, paired_seeds=True), tmp_path / "s")
    assert verdict.paired_seeds
    assert verdict.degrees_of_freedom is not None
    diverging(monkeypatch, lambda name, number: number == 1)
    verdict = run_study(request_of(seeds=3, paired_seeds=True), tmp_path / "d")
    assert not verdict.paired_seeds
    said = "Paired seeds were declared, but 2 of them ended with both networks trained and that takes 3"
    assert any(caveat.startswith(said) for caveat in verdict.caveats)


def starving(monkeypatch, most):
    """Let ResNet-101 run out of memory in training where it gets more images than `most`."""
    original = local.assemble

    def assemble(task, name, *, seed=0):
        network = original(task, name, seed=seed)

        def refuse(module, given):
            if name == "resnet101" and module.training and len(given[0]) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        network.register_forward_pre_hook(refuse)
        return network

    monkeypatch.setattr(local, "assemble", assemble)
    return assemble


def test_a_batch_by_itself_is_taken_in_the_same_parts_by_all_networks_and_when_it_goes_on(
    request_of, told, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(probing, "assemble", starving(patch, 4))
        with pytest.raises(KeyboardInterrupt):
            run_study(request_of(epochs=1, batch="auto"), tmp_path / "s", listener=told(stop_at=3))
    stored = load_study(tmp_path / "s" / "study.yaml")
    assert (stored.batch, stored.parts in (2, 4)) == (8, True)

    verdict = run_study(request_of(epochs=1, batch="auto"), tmp_path / "s")  # there is memory now, and nothing changes
    assert load_study(tmp_path / "s" / "study.yaml") == stored
    for name in ("resnet50", "resnet101"):
        note = read_json(tmp_path / "s" / "cells" / f"{name}-seed0" / "cell.json")
        assert note["halvings"] == [{"step": 0, "parts": stored.parts}]
    said = f"Every batch was taken in {stored.parts} parts whose gradients were added up, for all networks alike"
    assert any(said in caveat for caveat in verdict.caveats)


def test_a_training_short_of_memory_is_halved_aloud_and_noted_in_record_and_verdict(
    request_of, told, tmp_path, monkeypatch
):
    starving(monkeypatch, 4)
    listener = told()
    verdict = run_study(request_of(epochs=1), tmp_path / "s", listener=listener)
    said = "resnet101-seed0: out of memory; from step 1 on each batch is taken in 2 parts of at most 4 images"
    assert any(said in note for note in listener.notes)
    assert any(
        "taken in parts whose gradients were added up: resnet101-seed0 in 2 from step 1 on" in caveat
        and "batch norm took its statistics from the parts" in caveat
        for caveat in verdict.caveats
    )
    assert read_json(tmp_path / "s" / "cells" / "resnet101-seed1" / "cell.json")["halvings"] == [
        {"step": 0, "parts": 2}
    ]
    assert "halvings" not in read_json(tmp_path / "s" / "cells" / "resnet50-seed1" / "cell.json")


def test_a_study_for_which_memory_is_too_small_says_so_and_goes_on_later(request_of, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        starving(patch, 1)
        with pytest.raises(Interrupted, match="out of memory: CUDA out of memory"):
            run_study(request_of(epochs=1), tmp_path / "s")
    assert run_study(request_of(epochs=1), tmp_path / "s").samples > 0


def test_a_contender_that_always_diverges_ends_the_study_with_a_line(request_of, tmp_path, monkeypatch):
    diverging(monkeypatch, lambda name, number: name == "resnet101")
    with pytest.raises(StudyError, match="resnet101: expected at least one training that converges; got all"):
        run_study(request_of(), tmp_path / "s")


def test_a_single_seed_claims_nothing_about_architectures(request_of, tmp_path):
    verdict = run_study(request_of(seeds=1), tmp_path / "s")
    assert verdict.scope == "checkpoint"


def test_pictures_that_cannot_be_decoded_are_quarantined_for_all(request_of, photos, tmp_path):
    (photos / "cat" / "torn.png").write_bytes((photos / "cat" / "001.png").read_bytes()[:60])
    (photos / "cat" / "note.png").write_text("no picture")
    run_study(request_of(), tmp_path / "s")
    quarantine = read_table(tmp_path / "s" / "quarantine.parquet", QUARANTINE)
    assert sorted(os.path.basename(path) for path in quarantine["path"]) == ["note.png", "torn.png"]  # noqa: PTH119
    assert len(read_table(tmp_path / "s" / "samples.parquet", SAMPLES)) == 72


def test_small_copies_of_nearly_identical_pictures_are_kept_whatever_their_split(finished, tmp_path):
    from deepenough.data import open_source, prepare
    from deepenough.records import NearDuplicate, verdict_from_json
    from deepenough.studies.thumbnails import THUMBNAILS, write_thumbnails

    folder = finished[0]
    study = load_study(folder / "study.yaml")
    prepared = prepare(open_source(study.source), split_seed=study.split_seed)
    rows = {split: prepared.samples.filter(pl.col("split") == split).row(0, named=True) for split in ("train", "val")}
    named = ("sample_id", "path", "target", "split")
    pair = {name: rows["train"][name] for name in named} | {f"other_{name}": rows["val"][name] for name in named}
    audit = replace(prepared.audit, near_duplicates=[NearDuplicate(**pair, agreement=0.95, mirrored=False)])
    verdict = verdict_from_json(read_json(folder / "verdict.json"))
    scores = read_table(folder / "scores.parquet", SCORES)
    write_thumbnails(replace(prepared, audit=audit), scores, verdict, tmp_path / "t.parquet")
    kept = set(read_table(tmp_path / "t.parquet", THUMBNAILS)["sample_id"])
    assert {rows["train"]["sample_id"], rows["val"]["sample_id"]} <= kept


def test_small_copies_are_kept_only_where_wanted(request_of, finished, tmp_path):
    assert (finished[0] / "thumbnails.parquet").is_file()
    run_study(request_of(images=False), tmp_path / "none")
    assert not (tmp_path / "none" / "thumbnails.parquet").exists()


def test_given_weights_are_the_start_of_every_seed_and_are_declared(finished, request_of, told, tmp_path):
    start = finished[0] / "cells" / "resnet50-seed0" / "weights.safetensors"
    listener = told()
    verdict = run_study(request_of(weights={"resnet50": str(start)}), tmp_path / "w", listener=listener)
    assert any("Starting weights were given for resnet50" in said for said in verdict.caveats)
    first = read_table(tmp_path / "w" / "cells" / "resnet50-seed0" / "history.parquet", HISTORY)["loss"][0]
    scratch = read_table(finished[0] / "cells" / "resnet50-seed0" / "history.parquet", HISTORY)["loss"][0]
    assert first < scratch


def test_wrong_names_and_sources_are_refused_before_anything_is_written(request_of, tmp_path):
    with pytest.raises(InputError, match=r"did you mean resnet50\?"):
        run_study(request_of(contenders=["resnet5", "resnet101"]), tmp_path / "s")
    with pytest.raises(SourceError):
        run_study(request_of(source=str(tmp_path / "nowhere")), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_study_runs_outside_the_main_thread(request_of, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(run_study, request_of(), tmp_path / "s").result()
    assert verdict.samples > 0


def test_groups_are_clusters_of_the_verdict(photos, request_of, tmp_path):
    rows = [
        {"path": str(path), "target": path.parent.name, "group": f"{path.parent.name}{int(path.stem) // 3}"}
        for path in sorted(photos.rglob("*.png"))
    ]
    manifest = photos.parent / "groups.csv"  # a manifest names no pictures outside its folder
    pl.DataFrame(rows).write_csv(manifest)
    verdict = run_study(request_of(source=str(manifest)), tmp_path / "s")
    samples = read_table(tmp_path / "s" / "samples.parquet", SAMPLES)
    assert samples.group_by("group").agg(pl.col("split").n_unique())["split"].max() == 1
    clusters = samples.filter(pl.col("split") == "test")["group"].n_unique()
    assert any(
        f"come in {clusters} groups; groups, not samples, were taken as independent" in c for c in verdict.caveats
    )
    assert verdict.method.endswith("on linearised cluster scores")


def test_classification_is_the_task_of_record(finished):
    assert json.loads((finished[0] / "request.json").read_text())["task"] == Classification(("a", "b")).name


@pytest.mark.slow
def test_scores_do_not_depend_on_whether_pictures_are_kept_nor_where(request_of, tmp_path):
    with contextlib.closing(PixelFolder(tmp_path / "shared")) as shared:
        run_study(request_of(), tmp_path / "kept", shared=shared)
    assert len(list((tmp_path / "shared").glob("*.pixels"))) == 3
    assert not (tmp_path / "kept" / "cache").exists()
    run_study(request_of(pixels="off"), tmp_path / "fresh")
    one, other = (read_table(tmp_path / name / "scores.parquet", SCORES) for name in ("kept", "fresh"))
    assert one.equals(other)
    assert read_json(tmp_path / "fresh" / "plan.json")["cache_bytes"] > 0
