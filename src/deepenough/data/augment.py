"""The training augmentation of one picture, and mixing of a batch; torchvision.transforms.v2 does the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_GREY = (124, 116, 104)  # ImageNet's mean in 8 bits: what is erased becomes about zero once normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What is done to training pictures at random.

    Args:
        min_area: the least share of the picture that a random crop keeps, in (0, 1]; its aspect is 3:4 to 4:3
            (Szegedy et al. 2015, section 6).
        flip: probability of mirroring left and right.
        trivial_augment: TrivialAugmentWide after the crop (Mueller and Hutter 2021).
        erasing: probability of erasing a rectangle (Zhong et al. 2020).
        mixup: alpha of mixup, 0 = off (Zhang et al. 2018).
        cutmix: alpha of CutMix, 0 = off (Yun et al. 2019). With both on, each batch takes one of them at even odds.
        crop: `random`, or `centre`, the largest square in the middle as at test, without `min_area`.
    """

    min_area: float = 0.35
    flip: float = 0.5
    trivial_augment: bool = False
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    crop: Literal["random", "centre"] = "random"

    def __post_init__(self) -> None:
        if not 0 < self.min_area <= 1:
            raise ValueError(f"min_area must be in (0, 1], but got {self.min_area}")
        for name in ("flip", "erasing"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], but got {getattr(self, name)}")
        for name in ("mixup", "cutmix"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, but got {getattr(self, name)}")

    @property
    def mixes(self) -> bool:
        """Whether batches are mixed, so that targets are probabilities."""
        return self.mixup > 0 or self.cutmix > 0


def sample_transform(augmentation: Augmentation, side: int) -> Callable[[Tensor], Tensor]:
    """The random transform of one picture; it draws from torch's global generator, which the caller seeds.

    Args:
        augmentation: what to do.
        side: of the result, pixels.

    Returns:
        A picklable callable, uint8 (3, height, width) -> uint8 (3, side, side).
    """
    from torchvision.transforms import v2  # a second to import, which a refusal need not wait for

    steps: list[Callable[[Tensor], Tensor]] = [_Crop(side, augmentation.min_area)]
    if augmentation.crop == "centre":
        steps = [v2.Resize(side, v2.InterpolationMode.BICUBIC, antialias=True), v2.CenterCrop(side)]
    if augmentation.flip > 0:
        steps.append(_Flip(augmentation.flip))
    if augmentation.trivial_augment:
        steps.append(v2.TrivialAugmentWide())
    if augmentation.erasing > 0:
        # torchvision's hint for `value` is narrower than what it takes and documents
        steps.append(v2.RandomErasing(augmentation.erasing, value=list(_GREY)))  # pyright: ignore[reportArgumentType]
    return _Steps(steps)


class _Steps:
    def __init__(self, steps: Sequence[Callable[[Tensor], Tensor]]) -> None:
        self._steps = steps

    def __call__(self, picture: Tensor) -> Tensor:
        for step in self._steps:
            picture = step(picture)
        return picture


class _Crop:
    """The bits of torchvision's `RandomResizedCrop`; its dispatch for boxes and videos took as long as its resizing."""

    def __init__(self, side: int, min_area: float) -> None:
        from torchvision.transforms import v2

        self._side, self._drawn = side, v2.RandomResizedCrop(side, (min_area, 1.0), antialias=True).make_params

    def __call__(self, picture: Tensor) -> Tensor:
        place = self._drawn([picture])
        top, left = place["top"], place["left"]
        cut = picture[None, :, top : top + place["height"], left : left + place["width"]]
        if cut.shape[-2:] == (self._side, self._side):
            return cut[0]  # as torchvision, which leaves it alone
        return interpolate(cut, (self._side, self._side), mode="bilinear", align_corners=False, antialias=True)[0]


class _Flip:
    """The bits of torchvision's `RandomHorizontalFlip`."""

    def __init__(self, probability: float) -> None:
        self._probability = probability

    def __call__(self, picture: Tensor) -> Tensor:
        return picture.flip(-1) if torch.rand(1).item() < self._probability else picture


def mix(images: Tensor, labels: Tensor, augmentation: Augmentation, classes: int) -> tuple[Tensor, Tensor]:
    """Mixup or CutMix of a batch; draws from torch's global generator, which the caller seeds.

    Args:
        images: uint8 (batch, 3, side, side).
        labels: int64 (batch,).
        augmentation: with `mixup` or `cutmix` above 0.
        classes: how many there are.

    Returns:
        images uint8 (batch, 3, side, side), mixup rounded to whole levels; probabilities float32 (batch, classes).
    """
    from torchvision.transforms import v2

    takes_mixup = augmentation.mixup > 0 and (augmentation.cutmix == 0 or bool(torch.rand(()) < 0.5))
    if not takes_mixup:
        return v2.CutMix(alpha=augmentation.cutmix, num_classes=classes)(images, labels)
    mixed, targets = v2.MixUp(alpha=augmentation.mixup, num_classes=classes)(images.float(), labels)
    return mixed.round_().clamp_(0, 255).to(torch.uint8), targets
