"""Weights from a file: all accounted for, or a line that says why not."""

from __future__ import annotations

import os

import pytest
import torch
import torchvision

from deepenough.errors import WeightsError
from deepenough.networks.catalogue import build, skeleton
from deepenough.networks.weights import check_weights, load_weights, save_weights


@pytest.fixture(scope="module")
def source():
    """A ResNet-50 of three outputs whose weights are to travel."""
    return build("resnet50", 3, seed=1)


@pytest.fixture
def target():
    return build("resnet50", 3, seed=2)


def same(one, other):
    return all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def refusal(network, path, **options):
    with pytest.raises(WeightsError) as caught:
        load_weights(network, path, **options)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


def save_shapes(network, path, prefix=""):
    """Write a file of the network's names and shapes that holds a single zero for each."""
    state = network.state_dict().items()
    torch.save({prefix + key: torch.zeros(()).expand(value.shape) for key, value in state}, path)


@pytest.mark.parametrize("channels_last", [False, True])
def test_saved_weights_come_back_bit_for_bit(tmp_path, source, target, channels_last):
    network = build("resnet50", 3, seed=1)
    if channels_last:
        network.to(memory_format=torch.channels_last)
    save_weights(network, tmp_path / "w.safetensors", {"contender": "resnet50"})
    report = load_weights(target, tmp_path / "w.safetensors")
    assert same(source, target)
    assert report.loaded == len(source.state_dict())
    assert (report.new_head, report.notes) == (False, ())
    assert report.metadata == {"contender": "resnet50"}
    assert os.listdir(tmp_path) == ["w.safetensors"]  # noqa: PTH208  and no temporary file


def test_torchvision_checkpoint_loads_and_notes_nothing(tmp_path, target):
    theirs = torchvision.models.resnet50(num_classes=3)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    assert load_weights(target, tmp_path / "w.pth").notes == ()
    assert same(theirs, target)


def test_checkpoint_of_a_training_script_is_unwrapped_aloud(tmp_path, source, target):
    state = {f"module.{key}": value for key, value in source.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pt")
    report = load_weights(target, tmp_path / "w.pt")
    assert same(source, target)
    assert "'state_dict'" in report.notes[0]
    assert "'module.'" in report.notes[1]


def test_counters_of_norms_may_be_absent_as_in_old_files(tmp_path, source, target):
    state = {key: value for key, value in source.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "w.pth")
    assert load_weights(target, tmp_path / "w.pth").loaded == len(state)
    assert same(source, target)


def test_half_precision_weights_are_converted_aloud(tmp_path, source, target):
    torch.save({key: value.half() for key, value in source.state_dict().items()}, tmp_path / "w.pth")
    assert "float16" in load_weights(target, tmp_path / "w.pth").notes[0]
    assert target.conv1.weight.dtype == torch.float32
    torch.testing.assert_close(target.conv1.weight, source.conv1.weight, rtol=1e-3, atol=1e-4)


def test_head_of_another_number_of_classes_gets_a_fresh_one_aloud(tmp_path, source):
    save_weights(source, tmp_path / "w.safetensors")
    networks = [build("resnet50", 7, seed=seed) for seed in (8, 9)]
    reports = [load_weights(network, tmp_path / "w.safetensors", seed=4) for network in networks]
    assert reports[0].new_head
    assert reports[0].notes == ("the file's head is for 3 outputs; a new one for 7 starts fresh",)
    assert torch.equal(networks[0].layer4[2].conv3.weight, source.layer4[2].conv3.weight)
    assert same(*networks)  # the fresh head hangs on the seed given, not on what the network held
    assert networks[0].fc.weight.std() > 0


def test_head_of_another_number_of_classes_is_refused_when_a_new_one_is_not_allowed(tmp_path, source):
    save_weights(source, tmp_path / "w.safetensors")
    said = refusal(skeleton("resnet50", 7), tmp_path / "w.safetensors", allow_new_head=False)
    assert "2 of another shape (fc.weight (3, 2048) instead of (7, 2048), fc.bias" in said


def test_weights_of_the_other_depth_are_refused_by_name_and_leave_the_network_as_it_was(tmp_path, source, target):
    save_weights(build("resnet101", 3), tmp_path / "w.safetensors")
    before = {key: value.clone() for key, value in target.state_dict().items()}
    said = refusal(target, tmp_path / "w.safetensors")
    assert "this is a ResNet-101: layer3 has 23 blocks, where ResNet-50 has 6" in said
    assert "306 unexpected (layer3.10.bn1.bias, layer3.10.bn1.num_batches_tracked, " in said
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())
    save_weights(source, tmp_path / "w.safetensors")
    said = refusal(skeleton("resnet101", 3), tmp_path / "w.safetensors")
    assert "missing (layer3.6.conv1.weight, layer3.6.bn1.weight, layer3.6.bn1.bias, ...)" in said
    assert "this is a ResNet-50: layer3 has 6 blocks, where ResNet-101 has 23" in said


@pytest.mark.parametrize("name", ["resnet50-fpn", "resnet50-concat", "resnet50+pooling=gem"])
def test_plain_checkpoint_fills_the_stages_of_a_fusing_network_and_its_head_is_said_new(tmp_path, name):
    theirs = torchvision.models.resnet50(num_classes=3)
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    networks = [build(name, 3, seed=seed) for seed in (8, 9)]
    reports = [load_weights(network, tmp_path / "w.pth", seed=4) for network in networks]
    assert reports[0].notes == (
        "the file knows no such head; its own head is left out; a new one for 3 outputs starts fresh",
    )
    assert reports[0].new_head
    assert reports[0].loaded == len(theirs.state_dict()) - 2
    stages = {key: value for key, value in theirs.state_dict().items() if not key.startswith("fc.")}
    assert all(torch.equal(networks[0].state_dict()[key], value) for key, value in stages.items())
    assert same(*networks)  # the new parts hang on the seed given
    assert "missing (neck." in refusal(skeleton(name, 3), tmp_path / "w.pth", allow_new_head=False)


def test_weights_of_a_fusing_network_come_back_whole_and_are_refused_by_a_plain_one(tmp_path, target):
    source, twin = build("resnet50-fpn", 3, seed=1), build("resnet50-fpn", 3, seed=2)
    save_weights(source, tmp_path / "w.safetensors")
    assert load_weights(twin, tmp_path / "w.safetensors").notes == ()
    assert same(source, twin)
    assert "whose head joins several stages" in refusal(target, tmp_path / "w.safetensors")


def test_file_without_a_head_gets_a_new_one_aloud(tmp_path, source, target):
    torch.save({k: v for k, v in source.state_dict().items() if not k.startswith("fc.")}, tmp_path / "w.pth")
    report = load_weights(target, tmp_path / "w.pth")
    assert report.notes == ("the file has no head; a new one for 3 outputs starts fresh",)
    assert report.new_head
    assert "2 missing (fc.weight, fc.bias)" in refusal(target, tmp_path / "w.pth", allow_new_head=False)


def test_checking_a_file_needs_no_network_with_memory_and_takes_a_head_for_any_number_of_outputs(tmp_path, source):
    save_weights(source, tmp_path / "w.safetensors", {"contender": "resnet50"})
    assert check_weights(skeleton("resnet50"), tmp_path / "w.safetensors") == {"contender": "resnet50"}
    with pytest.raises(WeightsError, match="this is a ResNet-50"):
        check_weights(skeleton("resnet101"), tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("name", "file_of", "cause"),
    [
        ("resnet50", "res2net50", "this is a Res2Net"),
        ("res2net50", "resnet50", "this is no Res2Net"),
        ("resnet50", "blresnet50", "this is a big-little network"),
        ("blresnet50", "resnet50", "this is a network without branches"),
        ("resnet50", "seresnet50", "this is a network with squeeze-excitation"),
        ("seresnet50", "resnet50", "this is a network without squeeze-excitation"),
        ("resnet50", "resnet50d", "this is a variant with a deep stem"),
        ("res2net101", "res2net50", "this is a ResNet-50: layer3 has 6 blocks, where Res2Net-101 has 23"),
    ],
)
def test_weights_of_a_relative_are_refused_with_what_they_are(tmp_path, name, file_of, cause):
    save_shapes(skeleton(file_of, 3), tmp_path / "w.pth")
    assert cause in refusal(skeleton(name, 3), tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        ("resnet18", "this is a ResNet-18 or 34"),
        ("resnet152", "this is a ResNet-152: layer3 has 36 blocks"),
        ("wide_resnet50_2", "this is a wide or grouped variant"),
        ("resnext50_32x4d", "this is a wide or grouped variant"),
        ("densenet121", "none of its names are a ResNet's"),
    ],
)
def test_weights_of_another_family_are_refused_with_what_they_are(monkeypatch, tmp_path, model, cause):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, model)(num_classes=3)
    path = tmp_path / "w.pth"
    save_shapes(theirs, path)
    assert cause in refusal(skeleton("resnet50", 3), path)


@pytest.mark.parametrize(
    ("name", "file_of", "cause"),
    [
        ("resnet50", "resnet50-small", "the file has the small-image stem"),
        ("resnet50-small", "resnet50", "the file has ImageNet's 7x7 stem"),
    ],
)
def test_weights_of_the_other_stem_are_refused_with_its_name(tmp_path, name, file_of, cause):
    save_shapes(skeleton(file_of, 3), tmp_path / "w.pth")
    said = refusal(skeleton(name, 3), tmp_path / "w.pth")
    assert "1 of another shape (conv1.weight" in said
    assert cause in said


def test_names_with_a_foreign_prefix_are_refused_with_that_prefix(tmp_path):
    save_shapes(skeleton("resnet50", 3), tmp_path / "w.pth", prefix="backbone.")
    assert "begins with 'backbone.'" in refusal(skeleton("resnet50", 3), tmp_path / "w.pth")


class Malice:
    """Leaves a file behind when a pickle of it is opened without care."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_pickle_that_wants_to_run_code_is_refused_and_runs_none(tmp_path):
    torch.save({"conv1.weight": Malice(str(tmp_path / "trace"))}, tmp_path / "w.pth")
    assert "wants to run code" in refusal(skeleton("resnet50", 3), tmp_path / "w.pth")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 torn"], ids=["empty", "text", "torn zip"])
def test_torn_or_foreign_file_is_refused_in_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    said = refusal(skeleton("resnet50", 3), tmp_path / name)
    assert "torn" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "got"),
    [(torch.zeros(3), "a Tensor"), ({"epoch": 3}, "a dict"), ({}, "a dict")],
    ids=["tensor", "other", "none"],
)
def test_file_that_holds_no_state_dict_is_refused(tmp_path, content, got):
    torch.save(content, tmp_path / "w.pth")
    assert f"got {got}" in refusal(skeleton("resnet50", 3), tmp_path / "w.pth")


def test_missing_file_folder_and_unknown_ending_are_refused(tmp_path):
    network = skeleton("resnet50", 3)
    assert "got no such file" in refusal(network, tmp_path / "w.pth")
    assert "got a folder" in refusal(network, tmp_path)
    (tmp_path / "w.bin").touch()
    said = refusal(network, tmp_path / "w.bin")
    assert "a file ending in .safetensors, .pth, .pt, .h5, .hdf5, .keras; got .bin" in said


def test_saving_under_another_ending_is_refused(tmp_path, source):
    with pytest.raises(WeightsError, match=r"ending in \.safetensors; got \.pth"):
        save_weights(source, tmp_path / "w.pth")
