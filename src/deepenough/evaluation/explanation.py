"""Where in a picture a network found its answer: Grad-CAM.

Selvaraju et al. 2017 (arXiv 1610.02391), section 3: a map's channels, of any convolutional layer, each weighted by the
mean over its positions of the class logit's gradient, summed; what speaks against the class is cut off. For the last
map of a network whose head is linear on its average it is, up to a factor, the class activation map of Zhou et al. 2016
(arXiv 1512.04150, equation 2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepenough.networks import ResNet

LAST = 5  # stage


def grad_cam(network: ResNet, images: Tensor, classes: Tensor, stage: int = LAST) -> tuple[Tensor, Tensor]:
    """The logits of images, and where in each the evidence for one class lies.

    Args:
        network: in evaluation mode; its weights' gradients are neither needed nor touched.
        images: float (batch, 3, height, width), normalised.
        classes: int64 (batch,), the class asked about in each image; -1 asks about the one that the network answers.
        stage: whose map is looked at, 2 to 5; the last is nearest to the answer, earlier ones are finer.

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
    weights = slopes.float().mean(dim=(2, 3), keepdim=True)
    maps = (weights * looked_at.detach().float()).sum(dim=1).clamp(min=0)
    greatest = maps.amax(dim=(1, 2), keepdim=True)
    return logits.detach().float(), torch.where(greatest > 0, maps / greatest, maps)
