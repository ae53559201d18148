from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from deepenough.networks.digests import tensors_sha256
from deepenough.studies.deciding import _rates


def test_rates_name_the_contenders_that_diverged_and_how_rarely_or_often_they_may():
    bench = SimpleNamespace(design=SimpleNamespace(contenders=("resnet50", "resnet101"), seeds=12))
    look = SimpleNamespace(seeds=5)  # of 12 declared: only those trained count
    said = _rates(bench, look, ["resnet101-seed3"])
    assert said == "resnet101: 1 of 5 trainings, so a rate of 1 to 72 %"
    both = _rates(bench, look, ["resnet50-seed0", "resnet50-seed1", "resnet101-seed3"])
    assert both.startswith("resnet50: 2 of 5 trainings, so a rate of 5 to 85 %; resnet101: 1 of 5")


def test_the_checksum_of_tensors_is_the_same_whatever_their_order():
    parts = {"a": nn.Linear(2, 3), "b": nn.BatchNorm1d(3)}
    one, other = (nn.ModuleDict({name: parts[name] for name in names}) for names in ("ab", "ba"))
    before = tensors_sha256(one.state_dict())
    assert before == tensors_sha256(other.state_dict())
    with torch.no_grad():
        parts["a"].weight[0, 0] += 1e-3
    assert tensors_sha256(one.state_dict()) != before
