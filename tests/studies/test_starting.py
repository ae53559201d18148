"""What networks start from: one recipe for all or none, said aloud; and the preparation that travels with weights."""

from __future__ import annotations

import pytest
import torch

from deepenough.errors import StudyError, WeightsError
from deepenough.networks import build, origins, save_weights
from deepenough.records import read_json
from deepenough.studies import run_study
from deepenough.studies.starting import (
    caveats_of_start,
    describe_start,
    preparation_note,
    preprocessing_of,
    start_of,
    starting_weights,
)
from deepenough.studies.study import Study, load_study

A1 = {name: f"timm:{name}.a1_in1k" for name in ("resnet50", "resnet101")}
V2 = dict.fromkeys(A1, "torchvision:IMAGENET1K_V2")


@pytest.fixture
def cached(monkeypatch, tmp_path, tiny_networks):
    """Puts files of public weights into this machine's declared folder; they hold tiny networks of those names."""
    monkeypatch.setenv("DEEPENOUGH_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()

    def put(file, network):
        torch.save(build(network, 1000).state_dict(), tmp_path / "cache" / file)
        if file.endswith(".safetensors"):
            save_weights(build(network, 1000), tmp_path / "cache" / file)

    def put_recipes(*recipes):
        for name in A1:
            if "a1" in recipes:
                put(f"{name}.a1_in1k.safetensors", name)
            if "V2" in recipes:
                put({"resnet50": "resnet50-11ad3fa6.pth", "resnet101": "resnet101-cd907fc2.pth"}[name], name)

    put_recipes.put = put
    return put_recipes


def chosen(**values):
    said = []
    return starting_weights(Study(**{"source": "photos", **values}), said.append), said


def test_auto_takes_the_first_recipe_that_is_here_for_both_depths(cached):
    cached("V2")
    starts, said = chosen()
    assert starts == V2
    assert len(said) == 1
    assert "one recipe, torchvision:IMAGENET1K_V2" in said[0]
    cached("a1")
    assert chosen()[0] == A1


def test_auto_never_mixes_recipes(cached):
    cached.put("resnet50.a1_in1k.safetensors", "resnet50")
    cached.put("resnet101-cd907fc2.pth", "resnet101")
    starts, said = chosen()
    assert starts == {}
    assert "few images from scratch say little about depth" in said[0]


def test_auto_counts_a_fusing_network_by_its_stages_and_a_treated_one_by_its_network(cached):
    cached("a1")
    starts, _ = chosen(contenders=("resnet50", "resnet50-fpn", "resnet101@mixed"))
    assert starts == {**A1, "resnet50-fpn": "timm:resnet50.a1_in1k"}


def test_auto_starts_all_from_scratch_where_one_contender_has_no_public_weights(cached):
    cached("a1", "V2")
    starts, said = chosen(contenders=("resnet50", "resnet101", "blresnet50"))
    assert starts == {}
    assert (
        "no public ones of one recipe are known for resnet50, resnet101, blresnet50; all start from scratch" in said[0]
    )


def test_of_many_networks_without_public_weights_two_are_named(cached):
    many = [f"resnet50+width={width}" for width in (0.25, 0.5, 0.75, 1.25, 1.5, 1.75, 2, 3)]
    assert "known for resnet50, resnet50+width=0.25 and 7 more; all" in chosen(contenders=("resnet50", *many))[1][0]


def test_auto_fetches_what_a_reachable_server_has_and_one_recipe_suffices(cached, monkeypatch):
    asked = []
    monkeypatch.setattr(origins, "offline", lambda: False)
    monkeypatch.setattr(origins, "_ask", lambda url, answers: answers.update({url} if "pytorch.org" in url else ()))

    def copy(weights, stream):
        asked.append(weights.url)
        torch.save(build(weights.file.partition("-")[0], 1000).state_dict(), stream)

    monkeypatch.setattr(origins, "_copy", copy)
    starts, said = chosen()
    assert starts == V2
    assert asked == [
        f"https://download.pytorch.org/models/{f}" for f in ("resnet50-11ad3fa6.pth", "resnet101-cd907fc2.pth")
    ]
    assert [line for line in said if "fetching" in line] == [f"weights: fetching {url}" for url in asked]
    assert chosen()[0] == V2
    assert len(asked) == 2


def test_the_digits_that_come_with_the_program_start_from_scratch_unasked(cached):
    cached("a1")
    assert chosen(source="digits") == ({}, [])
    assert chosen(source="digits", weights="timm:a1_in1k")[0] == A1


def test_none_starts_from_scratch_and_an_origin_for_all_is_each_networks_own(cached):
    cached("a1", "V2")
    assert chosen(weights="none") == ({}, [])
    assert chosen(weights="torchvision:IMAGENET1K_V2")[0] == V2
    assert chosen(weights={"resnet50": "timm:a1_in1k", "resnet101": "none"})[0] == {"resnet50": A1["resnet50"]}


def test_what_cannot_be_had_or_does_not_fit_is_refused_before_anything_begins(cached, tmp_path):
    with pytest.raises(WeightsError, match=r"weights: resnet50: .*put https://huggingface.co/timm/resnet50.a1_in1k/"):
        chosen(weights="timm:a1_in1k")
    cached.put("resnet50.a1_in1k.safetensors", "resnet101")
    with pytest.raises(WeightsError, match="this is"):
        chosen(weights={"resnet50": "timm:a1_in1k"})
    with pytest.raises(StudyError, match="one of the contenders resnet50, resnet101; got vgg"):
        chosen(weights={"vgg": "timm:a1_in1k"})
    with pytest.raises(WeightsError, match=r"a file with weights for resnet50; got no such file"):
        chosen(weights={"resnet50": str(tmp_path / "none.pth")})


def test_a_contenders_own_weights_go_before_its_networks(cached, tmp_path):
    cached("a1", "V2")
    study = Study(contenders=("resnet50", "resnet50@mixed"), weights={"resnet50": A1["resnet50"]})
    assert start_of(study, "resnet50@mixed@average") == A1["resnet50"]
    own = study.model_copy(update={"weights": {**study.starts, "resnet50@mixed": "a.pth"}})
    assert (start_of(own, "resnet50@mixed@average"), start_of(own, "resnet50")) == ("a.pth", A1["resnet50"])
    with pytest.raises(StudyError, match="one of the contenders resnet50, resnet50@mixed"):
        chosen(contenders=("resnet50", "resnet50@mixed@average"), weights={"resnet50@mixed@average": "timm:a1_in1k"})


def resolved(starts, **values):
    return Study(source="photos", weights=starts, **values)


def test_pictures_are_prepared_as_the_weights_want_it_and_the_study_may_set_the_crop():
    assert (preprocessing_of(resolved({})).interpolation, preprocessing_of(resolved({})).crop) == ("bicubic", 1.0)
    assert preprocessing_of(resolved(A1)).crop == 0.95
    v2 = preprocessing_of(resolved(V2))
    assert (v2.interpolation, round(224 / v2.crop)) == ("bilinear", 232)
    assert preprocessing_of(resolved(A1, crop=0.8)).crop == 0.8
    mixed = preprocessing_of(resolved({**A1, "resnet101": V2["resnet101"]}))
    assert (mixed.interpolation, mixed.crop) == ("bicubic", 1.0)
    assert describe_start(resolved({})) == "from scratch"
    assert "resnet101 from timm:resnet101.a1_in1k; pictures bicubic, crop 0.95, ImageNet's" in describe_start(
        resolved(A1)
    )
    assert describe_start(resolved(A1)).endswith("made at 224 px")


def test_preparation_travels_in_the_file_and_weights_for_other_pixels_are_refused(tmp_path):
    norm = preprocessing_of(resolved(V2))
    other = preparation_note(type(norm)(mean=(0.5, 0.5, 0.5), std=norm.std, interpolation="bilinear", crop=0.7), 96)
    for name, note in (("ours", preparation_note(norm, 64)), ("other", other)):
        save_weights(skeletal(), tmp_path / f"{name}.safetensors", note)
    files = {name: str(tmp_path / f"{name}.safetensors") for name in ("ours", "other")}
    assert preprocessing_of(resolved({"resnet50": files["ours"]})) == norm
    study = resolved({"resnet50": files["other"]})
    assert preprocessing_of(study).mean == (0.5, 0.5, 0.5)
    assert "mean 0.5000, 0.5000, 0.5000, deviation 0.2290" in describe_start(study)
    with pytest.raises(StudyError, match=r"scaled alike.*resnet50 and resnet101"):
        preprocessing_of(resolved({"resnet50": files["other"], "resnet101": V2["resnet101"]}))


def skeletal():
    return torch.nn.Linear(1, 1)


def test_caveats_say_how_the_networks_began():
    assert "so few say little about depth" in caveats_of_start(resolved({}), 9_999)[0]
    assert caveats_of_start(resolved({}), 10_000) == []
    assert caveats_of_start(resolved(A1), 10) == [
        "Starting weights were given for resnet101, resnet50: the verdict holds given these weights."
    ]
    half = caveats_of_start(resolved({"resnet50": A1["resnet50"]}), 10)
    assert half[1].startswith("resnet101 started from scratch beside them")
    two = caveats_of_start(resolved({**A1, "resnet101": V2["resnet101"]}), 10)
    assert "several recipes (timm:a1_in1k, torchvision:IMAGENET1K_V2)" in two[1]


def test_a_study_starts_from_public_weights_at_a_tenth_of_the_rate_and_stores_what_it_chose(
    cached, request_of, told, tmp_path
):
    cached("a1")
    listener = told()
    verdict = run_study(request_of(seeds=1, epochs=1), tmp_path / "s", listener=listener)
    stored = load_study(tmp_path / "s" / "study.yaml")
    assert (stored.weights, stored.crop, stored.recipe.learning_rate) == (A1, 0.95, pytest.approx(1e-4))
    assert "from timm:resnet50.a1_in1k" in read_json(tmp_path / "s" / "plan.json")["start"]
    assert "resnet50: the file's head is for 1000 outputs; a new one for 3 starts fresh" in listener.notes
    assert any("Starting weights were given for resnet101, resnet50" in said for said in verdict.caveats)
    cell = tmp_path / "s" / "cells" / "resnet50-seed0" / "weights.safetensors"
    assert preprocessing_of(resolved({"resnet50": str(cell)})).crop == 0.95
    for path in (tmp_path / "cache").iterdir():  # a study that is under way chooses nothing anew
        path.unlink()
    assert run_study(request_of(seeds=1, epochs=1), tmp_path / "s").answer == verdict.answer


def test_a_folder_of_the_version_before_goes_on_from_scratch(cached, request_of, tmp_path):
    import json

    request = request_of(seeds=1, epochs=1)
    run_study(request.model_copy(update={"weights": {}, "crop": 1.0}), tmp_path / "s")
    stored = json.loads((tmp_path / "s" / "request.json").read_text())
    assert (stored["weights"], stored["crop"]) == ({}, 1.0)
    cached("a1")
    assert run_study(request, tmp_path / "s").scope == "checkpoint"
    assert load_study(tmp_path / "s" / "study.yaml").weights == {}
    with pytest.raises(StudyError, match="the study that this folder holds"):
        run_study(request.model_copy(update={"weights": "none"}), tmp_path / "s")
