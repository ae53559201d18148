"""The contenders by name."""

from __future__ import annotations

import json

import pytest
import torchvision

from deepenough.errors import InputError
from deepenough.networks.catalogue import build, describe, entry, names


def test_names_begin_with_the_two_contestants():
    assert names()[:2] == ("resnet50", "resnet101")
    assert set(names()) >= {"resnet50-small", "resnet101-small"}


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [("resnet_50", "did you mean resnet50?"), ("ResNet101", "did you mean resnet101?"), ("vgg", "lists them")],
)
def test_unknown_name_is_refused_with_the_nearest_one(wrong, remedy):
    with pytest.raises(InputError) as caught:
        build(wrong, 10)
    assert repr(wrong) in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
def test_published_top1_of_torchvision_weights_is_what_torchvision_states(name):
    weights = torchvision.models.get_model_weights(name)
    stated = {
        f"torchvision:{each.name}": each.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        for each in weights.__members__.values()
    }
    ours = {row.weights: row.top1_percent for row in entry(name).published if row.weights.startswith("torchvision")}
    assert ours == stated


@pytest.mark.parametrize("name", names())
def test_description_holds_plain_values_and_the_shapes_of_the_stages(name):
    known = describe(name, 65)
    assert json.loads(json.dumps(known)) == known
    assert [stage["blocks"] for stage in known["stages"]] == list(entry(name).config.stage_blocks)
    last = known["stages"][-1]
    assert (last["channels"], last["side"]) == (2048, 9 if name.endswith("-small") else 3)


def test_description_of_a_side_that_no_network_takes_is_refused():
    with pytest.raises(InputError, match="--side: expected at least 32 px; got 16"):
        describe("resnet50", 16)
