"""Where in a picture a network found its answer: Grad-CAM and its relatives.

Selvaraju et al. 2017 (arXiv 1610.02391), section 3: a map's channels, of any convolutional layer, each weighted by the
mean over its positions of the class logit's gradient, summed; what speaks against the class is cut off. For the last
map of a network whose head is linear on its average it is, up to a factor, the class activation map of Zhou et al. 2016
(arXiv 1512.04150, equation 2). The relatives weigh otherwise: Grad-CAM++ each position's slope by how much it alone
explains the class (Chattopadhay et al. 2018, arXiv 1710.11063, equation 19), HiResCAM each position by its own slope
(Draelos and Carin 2020, arXiv 2011.08891, section 3.2), LayerCAM by its own slope where that is positive (Jiang et al.
2021, IEEE TIP 30, equations 6 and 7).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from deepenough.networks import ResNet

LAST = 5  # stage
Method = Literal["gradcam", "gradcampp", "hirescam", "layercam"]
METHODS: tuple[Method, ...] = get_args(Method)


def grad_cam(
    network: ResNet, images: Tensor, classes: Tensor, stage: int = LAST, method: Method = "gradcam"
) -> tuple[Tensor, Tensor]:
    """The logits of images, and where in each the evidence for one class lies.

    Args:
        network: in evaluation mode; its weights' gradients are neither needed nor touched.
        images: float (batch, 3, height, width), normalised.
        classes: int64 (batch,), the class asked about in each image; -1 asks about the one that the network answers.
        stage: whose map is looked at, 2 to 5; the last is nearest to the answer, earlier ones are finer.
        method: of `METHODS`.

    Returns:
        Logits, float (batch, outputs), and maps, float (batch, height of the stage's map, width of it) in [0, 1]: 1
        where a map's evidence is greatest, all 0 where nothing speaks for the class.

    Raises:
        ValueError: the network is in training mode, whose batch norms would mix the images.
    """
    if network.training:
        raise ValueError("the network must be in evaluation mode")
    with torch.set_grad_enabled(stage < LAST):
        seen = network.features(images.detach().requires_grad_(stage < LAST))
    with torch.enable_grad():
        if stage == LAST:
            seen[-1].requires_grad_()
        looked_at = seen[stage - 2]
        logits = network.fc(network.neck(seen))
        asked = torch.where(classes >= 0, classes, logits.detach().argmax(dim=1))
        (slopes,) = torch.autograd.grad(logits.gather(1, asked[:, None]).sum(), looked_at)
    maps = _weighed(looked_at.detach().float(), slopes.float(), method).clamp(min=0)
    greatest = maps.amax(dim=(1, 2), keepdim=True)
    return logits.detach().float(), torch.where(greatest > 0, maps / greatest, maps)


def _weighed(seen: Tensor, slopes: Tensor, method: Method) -> Tensor:
    """The channels' sum, (batch, height, width), of maps and slopes, float (batch, channels, height, width) both."""
    if method == "hirescam":
        return (slopes * seen).sum(dim=1)
    if method == "layercam":
        return (slopes.clamp(min=0) * seen).sum(dim=1)
    if method == "gradcampp":
        square, cube = slopes**2, slopes**3
        among = 2 * square + seen.sum(dim=(2, 3), keepdim=True) * cube
        share = torch.where(among != 0, square / among, torch.zeros_like(among))
        slopes = share * slopes.clamp(min=0)
        return (slopes.sum(dim=(2, 3), keepdim=True) * seen).sum(dim=1)
    return (slopes.mean(dim=(2, 3), keepdim=True) * seen).sum(dim=1)
