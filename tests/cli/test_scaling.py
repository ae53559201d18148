"""`deepenough plan --gpus`."""

from __future__ import annotations

import json

import pytest


def test_the_command_takes_published_rates_and_says_what_bounds(invoke):
    base = ["plan", "--gpus", "8,64", "--train-images", "1281167", "--images", "50000", "--seeds", "5"]
    code, out, err = invoke(*base, "--images-per-s", "resnet50=1218,resnet101=748", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [each["images_per_s"] for each in found["networks"]] == [1218, 748]
    assert found["networks"][1]["parameters"] == 44_549_160
    expected = 5 * 90 * 1_281_167 * (1 / 1218 + 1 / 748) * 1.08 / 3600
    assert found["gpu_hours"] == pytest.approx(expected, rel=0.02)
    code, out, _ = invoke(*base, "--images-per-s", "1218")
    assert code == 0
    assert "10 trainings on so many GPUs" in out
    assert "twice as many save less than a tenth" in " ".join(out.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gpus", "8"], "--train-images beside it"),
        (["--gpus", "none", "--train-images", "9"], "whole numbers of GPUs"),
        (["--gpus", "0", "--train-images", "9"], "numbers from 1 to 65536"),
        (["--gpus", "8", "--train-images", "9", "--batch", "10"], "at most the 9 training images"),
        (["--gpus", "8", "--train-images", "9", "--images-per-s", "fast"], "a number above 0, or NAME=N"),
        (
            ["--gpus", "8", "--train-images", "9", "--images-per-s", "resnet50=1"],
            "a rate for each of resnet50, resnet101",
        ),
        (["--gpus", "8", "--train-images", "9", "--assume", "x"], "NAME=N, such as link_gb_s=50"),
        (["--images", "9", "--epochs", "3"], "--gpus beside it"),
        (["digits", "--gpus", "3"], "numbers of images alone"),
    ],
)
def test_what_does_not_fit_is_one_line(invoke, options, said):
    code, _, err = invoke("plan", *options)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
