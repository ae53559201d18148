"""RetinaNet and Faster R-CNN on a feature pyramid over any backbone of the family; torchvision makes the parts.

Lin et al. 2017, "Feature Pyramid Networks for Object Detection", arXiv 1612.03144, and "Focal Loss for Dense Object
Detection", arXiv 1708.02002; Ren et al. 2015, arXiv 1506.01497. A pyramid reads, of each stride, the backbone's deepest
map, so plain and two-branched networks alike give strides that double.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7
from torchvision.ops.poolers import initLevelMapper

from deepenough.networks import ResNet
from deepenough.networks.resnet import Tap

MOST = 100  # boxes of an image, as COCO counts them
LEAST_SCORE = 0.01  # of a box that is said at all
_OVERLAP = 0.5  # above which the less sure of two boxes of a class is dropped
_RATIOS = (0.5, 1.0, 2.0)  # height to width of anchors
_PROPOSALS = {"training": 1000, "testing": 300}  # of an image; at the sides here more are seldom apart
_POOLED = 7  # positions along a side of a proposal

Losses = dict[str, Tensor]


def levels(taps: Sequence[Tap]) -> list[int]:
    """Which of the maps a pyramid reads: of each stride the deepest, the finest stride first.

    >>> levels([Tap("C2", 1, 8), Tap("C3", 1, 16), Tap("C4", 1, 16), Tap("C5", 1, 32)])
    [0, 2, 3]
    """
    return sorted({tap.stride: place for place, tap in enumerate(taps)}.values())


class Detector(nn.Module):
    """A backbone, a pyramid over its maps, and a head that finds boxes on it.

    Called with images alone, in evaluation mode, it gives float32 (batch, `MOST`, 6): left, top, right, bottom in
    pixels, score and class number of each box, the surest first; rows beyond the last box have score 0 and class -1.
    `losses` is for training.

    Args:
        backbone: whose own neck and linear head are taken away.
        maps: the places of the maps that the pyramid reads.
        channels: of every level.
        extra: makes the coarser levels above the backbone's.
    """

    def __init__(self, backbone: ResNet, maps: Sequence[int], channels: int, extra: nn.Module) -> None:
        super().__init__()
        backbone.neck, backbone.fc = nn.Identity(), nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        self.backbone, self.maps = backbone, tuple(maps)
        self.strides = tuple(backbone.taps[place].stride for place in maps)
        # torchvision's hint for `extra_blocks` is a class that both its own blocks extend
        self.head_pyramid = FeaturePyramidNetwork([backbone.taps[place].channels for place in maps], channels, extra)  # pyright: ignore[reportArgumentType]

    def levels_of(self, images: Tensor) -> list[Tensor]:
        """The pyramid's maps, float32, the finest first."""
        maps = self.backbone.features(images)
        said = self.head_pyramid({str(place): maps[place] for place in self.maps})
        return [level.float() for level in said.values()]  # anchors take their type from it

    def losses(self, images: Tensor, targets: Sequence[Mapping[str, Tensor]]) -> Losses:
        """The parts of the loss, means over the batch; targets hold `boxes` (boxes, 4) and `labels` (boxes,)."""
        return self._losses(_listed(images), self.levels_of(images), targets)

    def forward(self, images: Tensor) -> Tensor:
        """The boxes found."""
        found = self.levels_of(images)
        if not len(images):
            self._passed(found)
            return images.new_zeros((0, MOST, 6), dtype=torch.float32)
        return packed(self._boxes(_listed(images), found), images.device)

    @abstractmethod
    def _losses(self, images: ImageList, found: list[Tensor], targets: Sequence[Mapping[str, Tensor]]) -> Losses: ...

    @abstractmethod
    def _boxes(self, images: ImageList, found: list[Tensor]) -> list[dict[str, Tensor]]: ...

    @abstractmethod
    def _passed(self, found: list[Tensor]) -> None:
        """Pass a batch of no images through all layers, as often as an image would: what costs are counted on."""


class RetinaDetector(Detector):
    """RetinaNet: nine anchors at each position of each level, each told by the focal loss what it covers.

    Args:
        backbone: of which the last three strides are read.
        classes: how many.
        channels: of the pyramid and the head.
        anchor: side of the smallest anchor, in strides of its level; the others are 2^(1/3) and 2^(2/3) times that.
    """

    def __init__(self, backbone: ResNet, classes: int, *, channels: int, anchor: float) -> None:
        super().__init__(backbone, levels(backbone.taps)[-3:], channels, LastLevelP6P7(channels, channels))
        first = anchor * self.strides[0]
        sides = [
            tuple(first * 2 ** (level + third / 3) for third in range(3)) for level in range(len(self.strides) + 2)
        ]
        anchors = AnchorGenerator(tuple(sides), (_RATIOS,) * len(sides))  # pyright: ignore[reportArgumentType]
        head = RetinaNetHead(channels, anchors.num_anchors_per_location()[0], classes)
        self.head = RetinaNet(
            _Nothing(channels),
            classes,
            anchor_generator=anchors,
            head=head,
            score_thresh=LEAST_SCORE,
            nms_thresh=_OVERLAP,
            detections_per_img=MOST,
        )

    def _said(self, found: list[Tensor]) -> dict[str, Tensor]:
        return {name: values.float() for name, values in self.head.head(found).items()}

    def _losses(self, images: ImageList, found: list[Tensor], targets: Sequence[Mapping[str, Tensor]]) -> Losses:
        anchors = self.head.anchor_generator(images, found)
        return self.head.compute_loss(targets, self._said(found), anchors)  # pyright: ignore[reportArgumentType]

    def _boxes(self, images: ImageList, found: list[Tensor]) -> list[dict[str, Tensor]]:
        each = self.head.anchor_generator.num_anchors_per_location()[0]
        counts = [each * level.shape[2] * level.shape[3] for level in found]
        said = {name: list(values.split(counts, dim=1)) for name, values in self._said(found).items()}
        anchors = [list(own.split(counts)) for own in self.head.anchor_generator(images, found)]
        return self.head.postprocess_detections(said, anchors, images.image_sizes)

    def _passed(self, found: list[Tensor]) -> None:
        for part, last in (("classification_head", "cls_logits"), ("regression_head", "bbox_reg")):
            head = getattr(self.head.head, part)
            for level in found:
                getattr(head, last)(head.conv(level))


class FasterDetector(Detector):
    """Faster R-CNN: a first head proposes boxes that hold something, a second names and moves each of them.

    Args:
        backbone: of which all strides are read.
        classes: how many.
        channels: of the pyramid; the second head has four times as many.
        anchor: side of the anchors, in strides of their level.
    """

    def __init__(self, backbone: ResNet, classes: int, *, channels: int, anchor: float) -> None:
        super().__init__(backbone, levels(backbone.taps), channels, LastLevelMaxPool())
        sides = tuple((anchor * self.strides[0] * 2**level,) for level in range(len(self.strides) + 1))
        anchors = AnchorGenerator(sides, (_RATIOS,) * len(sides))  # pyright: ignore[reportArgumentType]
        first = _InFloat(RPNHead(channels, len(_RATIOS)))
        self.head_proposals = RegionProposalNetwork(anchors, first, 0.7, 0.3, 256, 0.5, _PROPOSALS, _PROPOSALS, 0.7)
        names, width = [str(level) for level in range(len(self.strides))], 4 * channels
        pool = MultiScaleRoIAlign(names, output_size=_POOLED, sampling_ratio=2)
        pool.scales = [1.0 / stride for stride in self.strides]  # it would guess them from the first image's side
        pool.map_levels = initLevelMapper(*(int(math.log2(self.strides[end])) for end in (0, -1)))
        parts = pool, TwoMLPHead(channels * _POOLED**2, width), _InFloat(FastRCNNPredictor(width, classes + 1))
        self.head_boxes = RoIHeads(*parts, 0.5, 0.5, 512, 0.25, None, LEAST_SCORE, _OVERLAP, MOST)

    def _both(
        self, images: ImageList, found: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[dict[str, Tensor]], Losses]:
        named = {str(level): values for level, values in enumerate(found)}
        proposals, first = self.head_proposals(images, named, targets)
        said, second = self.head_boxes(named, proposals, images.image_sizes, targets)
        return said, {**first, **second}

    def _losses(self, images: ImageList, found: list[Tensor], targets: Sequence[Mapping[str, Tensor]]) -> Losses:
        given = [{"boxes": one["boxes"], "labels": one["labels"] + 1} for one in targets]  # 0 is the background
        return self._both(images, found, given)[1]

    def _boxes(self, images: ImageList, found: list[Tensor]) -> list[dict[str, Tensor]]:
        return [{**one, "labels": one["labels"] - 1} for one in self._both(images, found, None)[0]]

    def _passed(self, found: list[Tensor]) -> None:
        self.head_proposals.head(found)
        first: Any = self.head_boxes.box_head
        last: Any = self.head_boxes.box_predictor.inner
        positions = sum(level.shape[2] * level.shape[3] for level in found) * len(_RATIOS)
        proposals = found[0].new_zeros((0, min(_PROPOSALS["testing"], positions), first.fc6.in_features))
        hidden = first.fc7(first.fc6(proposals))
        for layer in (last.cls_score, last.bbox_pred):
            layer(hidden)


DETECTORS: dict[str, tuple[type[RetinaDetector | FasterDetector], float]] = {  # and the anchor that each was made with
    "retinanet": (RetinaDetector, 4.0),
    "fasterrcnn": (FasterDetector, 8.0),
}


def packed(found: Sequence[Mapping[str, Tensor]], device: torch.device) -> Tensor:
    """The boxes of each image as one tensor, see `Detector`."""
    result = torch.zeros((len(found), MOST, 6), device=device)
    result[:, :, 5] = -1.0
    for row, one in zip(result, found, strict=True):
        count = min(MOST, len(one["scores"]))
        columns = [one["boxes"].float(), one["scores"].float()[:, None], one["labels"].float()[:, None]]
        row[:count] = torch.cat(columns, dim=1)[:count]
    return result


class _Nothing(nn.Module):
    """Stands where torchvision's RetinaNet holds a backbone; the detector's own is in another place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels


class _InFloat(nn.Module):
    """A head whose outputs are float32: boxes of 16 bits would be off by pixels."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, given: Any) -> tuple[Any, ...]:  # noqa: ANN401
        """The head's two outputs, tensors or lists of them."""
        said = self.inner(given)
        return tuple([one.float() for one in part] if isinstance(part, list) else part.float() for part in said)


def _listed(images: Tensor) -> ImageList:
    return ImageList(images, [(images.shape[-2], images.shape[-1])] * len(images))
