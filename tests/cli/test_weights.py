"""Starting weights from the command line: files of the right and the wrong depth, and public ones with no network."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file

from deepenough.cost import timing
from deepenough.networks import config

SMALL = ["--train-scale", 32, "--scales", 32, "--epochs", 1, "--seeds", 1, "--batch", 16, "--workers", 0]
FIXED = ["--threads", 1, "--precision", "fp32", "--no-images"]


@pytest.fixture
def run(invoke_in_line, monkeypatch):
    """Run a command in an empty folder, the networks in full size, costs timed once: exit code, output, error."""
    monkeypatch.setattr(timing, "_FEWEST", {"single": 1, "batch": 1})
    monkeypatch.setattr(timing, "_MOST", 1)
    return invoke_in_line


def test_a_torchvision_checkpoint_of_the_wrong_depth_is_refused_as_what_it_is(run, folder_of):
    torch.save(torchvision.models.resnet101().state_dict(), "big.pth")
    photos = folder_of({"cat": 24, "dog": 24})
    code, out, err = run("compare", photos, "--weights", "resnet50=big.pth", *SMALL, "--out", "t")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "big.pth: expected the weights of ResNet-50 (320 tensors); got 306 unexpected (layer3.6.conv1." in err
    assert err.endswith("this is a ResNet-101: layer3 has 23 blocks, where ResNet-50 has 6")
    assert not Path("t").exists()


def test_torchvision_checkpoints_of_the_right_depths_are_the_start(run, folder_of, monkeypatch):
    blocks = {50: (1, 1, 1, 1), 101: (1, 1, 2, 1)}  # of full width, but not of full depth, which would take a minute
    monkeypatch.setattr(config, "STAGE_BLOCKS", blocks)
    photos, bottleneck = folder_of({"cat": 24, "dog": 24}), torchvision.models.resnet.Bottleneck
    small, big = (torchvision.models.ResNet(bottleneck, list(row)).state_dict() for row in blocks.values())
    torch.save(small, "small.pth")
    torch.save(big, "big.pth")
    right = ["--weights", "resnet50=small.pth", "--weights", "resnet101=big.pth"]
    code, _, err = run("compare", photos, *right, *SMALL, *FIXED, "--learning-rate", 1e-9, "--out", "s")
    assert code == 0, err
    assert "resnet50: the file's head is for 1000 outputs; a new one for 2 starts fresh" in err
    assert "start resnet50 from small.pth, resnet101 from big.pth" in err
    for name, start in (("resnet50", small), ("resnet101", big)):
        ended = load_file(f"s/cells/{name}-seed0/weights.safetensors")["layer3.0.conv2.weight"]
        torch.testing.assert_close(ended, start["layer3.0.conv2.weight"], rtol=0, atol=1e-6)


def test_public_weights_that_are_not_here_are_one_line_that_says_where_to_put_them(run, folder_of, monkeypatch):
    monkeypatch.setenv("DEEPENOUGH_WEIGHTS", "kept")
    began = time.process_time()  # nobody is asked, so nothing is waited for
    code, out, err = run("compare", folder_of({"cat": 4, "dog": 4}), "--weights", "timm:a1_in1k")
    assert time.process_time() - began < 2
    assert (code, out) == (2, "")
    url = "https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors"
    assert err == (
        "error: weights: resnet50: expected timm:resnet50.a1_in1k on this machine or a network to fetch it; got no "
        f"copy, and HF_HUB_OFFLINE is set; put {url} at kept/resnet50.a1_in1k.safetensors"
    )


def test_weights_that_cannot_be_had_are_refused_before_torch_is_imported(tmp_path):
    """Its import is a second or more, and whoever forgot the network waits for the refusal."""
    code = """
import sys
from deepenough import cli
sys.argv = ["deepenough", "compare", "pictures", "--weights", "timm:a1_in1k", "--out", "s"]
try:
    cli.main(sys.argv[1:])
finally:
    print(sorted({"torch", "torchvision", "timm", "scipy", "sklearn", "matplotlib"} & set(sys.modules)))
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DEEPENOUGH_WEIGHTS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert (done.returncode, done.stdout) == (2, "[]\n"), done.stderr
    assert done.stderr.startswith("error: weights: resnet50: expected timm:resnet50.a1_in1k on this machine")


@pytest.mark.parametrize(
    ("option", "line"),
    [
        (
            "resnet50=timm:resnet101.a1_in1k",
            "error: weights: resnet50: expected one of the public weights known for it",
        ),
        ("torchvision:V3", "error: weights: resnet50: expected one of the public weights known for it: torchvision:"),
        ("w.pt", "error: --weights: expected NAME=FILE"),
        ("resnet50+width=0.5=w.pt", "error: weights: resnet50+width=0.5: expected one of the contenders"),
        ("resnet50=w.pt", "w.pt: expected a file with weights for resnet50; got no such file"),
    ],
)
def test_a_wrong_origin_is_one_line_and_exit_code_2(run, folder_of, option, line):
    code, out, err = run("compare", folder_of({"cat": 4, "dog": 4}), "--weights", option)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("error:") == 1


def test_by_default_own_images_start_from_scratch_aloud_where_no_public_weights_can_be_had(
    run, folder_of, tiny_networks
):
    code, out, err = run("compare", folder_of({"cat": 24, "dog": 24}), *SMALL, *FIXED, "--out", "s")
    assert code == 0, err
    assert "are neither on this machine nor reachable; all start from scratch, and few images from scratch" in err
    assert "start from scratch" in err
    assert "so few say little about depth" in " ".join(out.split())
