"""An encoder-decoder that mends pictures: any backbone of the family, and a path upwards with a skip at every stride.

Ronneberger et al. 2015, "U-Net", arXiv 1505.04597; the encoder is the backbone as it is. A backbone halves its map
twice before its first tap, so a small stem of its own sees every pixel and skips to the last two steps upwards. The
network says what must be added to a picture, not the picture (Zhang et al. 2017, "Beyond a Gaussian Denoiser", arXiv
1608.03981, section III-B), and its last layer starts at zero, so that it begins as the identity.

segmentation-models-pytorch has decoders of this form, on encoders of its own; a wrapper of ours would be longer than
the decoder, which is why it is not used.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from deepenough.networks import ResNet
from deepenough.networks.resnet import Tap

STEM = 32  # channels that see every pixel
_LEAST, _MOST = 32, 256  # channels of a step upwards


def read_taps(taps: Sequence[Tap]) -> list[int]:
    """Which maps are read: of each stride the deepest, the coarsest first.

    >>> read_taps([Tap("C2", 1, 8), Tap("C3", 1, 16), Tap("C4", 1, 16), Tap("C5", 1, 32)])
    [3, 2, 0]
    """
    return sorted({tap.stride: place for place, tap in enumerate(taps)}.values(), reverse=True)


class Restorer(nn.Module):
    """Images, normalised, (batch, 3, height, width) to what is to be added to them, float32 of that form in [0, 1].

    Any height and width from 32 on.

    Args:
        backbone: whose own neck and linear head are taken away.
    """

    def __init__(self, backbone: ResNet) -> None:
        super().__init__()
        backbone.neck, backbone.fc = nn.Identity(), nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        self.backbone, self.maps = backbone, read_taps(backbone.taps)
        tapped = [backbone.taps[place] for place in self.maps]
        self.head_stem = nn.Sequential(_convolution(3, STEM), _convolution(STEM, STEM))
        # between the finest map and full resolution: one step a halving, fed by the stem
        self.between = [stride for stride in (4, 2) if stride < tapped[-1].stride]
        self.head_halves = nn.ModuleList(_convolution(STEM, STEM, stride=2) for _ in self.between)
        skips = [tap.channels for tap in tapped[1:]] + [STEM for _ in self.between]
        entering, steps = tapped[0].channels, []
        for channels in skips:
            leaving = max(_LEAST, min(_MOST, channels // 4, entering))
            steps.append(_Step(entering, channels, leaving))
            entering = leaving
        self.head_steps = nn.ModuleList(steps)
        self.head_last = _Step(entering, STEM, STEM)
        self.head_said = nn.Conv2d(STEM, 3, kernel_size=3, padding=1)
        nn.init.zeros_(self.head_said.weight)
        assert self.head_said.bias is not None
        nn.init.zeros_(self.head_said.bias)

    def forward(self, images: Tensor) -> Tensor:
        """What is to be added to pictures in [0, 1]."""
        found = self.backbone.features(images)
        stem = self.head_stem(images)
        halves = [stem]
        for half in self.head_halves:
            halves.append(half(halves[-1]))
        skips = [found[place] for place in self.maps[1:]] + halves[:0:-1]
        said = found[self.maps[0]]
        for step, skip in zip(self.head_steps, skips, strict=True):
            said = step(said, skip)
        return self.head_said(self.head_last(said, stem)).float()


class _Step(nn.Module):
    """One step upwards: the coarser map is brought to the finer one's size, joined with it, and convolved twice."""

    def __init__(self, entering: int, skipped: int, leaving: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(entering, leaving, kernel_size=1)  # before enlarging, where it is four times cheaper
        self.skip = nn.Conv2d(skipped, leaving, kernel_size=1) if skipped > leaving else nn.Identity()
        joined = leaving + min(skipped, leaving)
        self.convolutions = nn.Sequential(_convolution(joined, leaving), _convolution(leaving, leaving))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        large = functional.interpolate(self.narrow(coarse), fine.shape[2:], mode="bilinear", align_corners=False)
        return self.convolutions(torch.cat([large, self.skip(fine)], dim=1))


def _convolution(entering: int, leaving: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution and a ReLU; no norm, which would take a picture's contrast out of what is added to it."""
    convolution = nn.Conv2d(entering, leaving, kernel_size=3, stride=stride, padding=1)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return nn.Sequential(convolution, nn.ReLU(inplace=True))
