"""What the tests of networks share."""

from __future__ import annotations

import pytest
import torch
from torch import nn


@pytest.fixture(scope="session")
def perturb_norms():
    """A function that gives every norm of a network, in place, statistics and weights as after some training."""

    def perturb(network, seed):
        generator = torch.Generator().manual_seed(seed)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.2, generator=generator)
                module.running_var.uniform_(0.5, 2.0, generator=generator)
                module.weight.data.uniform_(0.1, 0.4, generator=generator)
                module.bias.data.normal_(std=0.2, generator=generator)

    return perturb
