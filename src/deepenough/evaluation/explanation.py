"""Where in a picture a network found its answer: Grad-CAM.

Selvaraju et al. 2017 (arXiv 1610.02391), section 3: the last map's channels, each weighted by the mean over its
positions of the class logit's gradient, summed; what speaks against the class is cut off. For a network whose head is
linear on the average of the last map it is, up to a factor, the class activation map of Zhou et al. 2016 (arXiv
1512.04150, equation 2).
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepenough.networks import ResNet


def grad_cam(network: ResNet, images: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of images, and where in each the evidence for one class lies.

    Args:
        network: in evaluation mode; its weights' gradients are neither needed nor touched.
        images: float (batch, 3, height, width), normalised.
        classes: int64 (batch,), the class asked about in each image; -1 asks about the one that the network answers.

    Returns:
        Logits, float (batch, outputs), and maps, float (batch, height of C5, width of C5) in [0, 1]: 1 where a map's
        evidence is greatest, all 0 where nothing speaks for the class.

    Raises:
        ValueError: the network is in training mode, whose batch norms would mix the images.
    """
    if network.training:
        raise ValueError("the network must be in evaluation mode")
    with torch.no_grad():
        *lower, last = network.features(images)
    with torch.enable_grad():
        last = last.detach().requires_grad_()
        logits = network.fc(network.neck([*lower, last]))
        asked = torch.where(classes >= 0, classes, logits.detach().argmax(dim=1))
        (slopes,) = torch.autograd.grad(logits.gather(1, asked[:, None]).sum(), last)
    weights = slopes.float().mean(dim=(2, 3), keepdim=True)
    maps = (weights * last.detach().float()).sum(dim=1).clamp(min=0)
    greatest = maps.amax(dim=(1, 2), keepdim=True)
    return logits.detach().float(), torch.where(greatest > 0, maps / greatest, maps)
