"""Contenders by the names that readers know."""

from __future__ import annotations

import re

from deepenough.report.language import later, say

_FAMILIES = {
    "resnet": "ResNet",
    "wide_resnet": "Wide ResNet",
    "res2net": "Res2Net",
    "resnext": "ResNeXt",
    "blresnet": "bLResNet",
    "seresnet": "SE-ResNet",
    "resnetrs": "ResNet-RS",
    "resnetblur": "Blur-ResNet",
}
METHODS = {  # of maps of where a network found its answer, each with its authors
    "gradcam": ("Grad-CAM", "Selvaraju et al. 2017"),
    "gradcampp": ("Grad-CAM++", "Chattopadhay et al. 2018"),
    "hirescam": ("HiResCAM", "Draelos and Carin 2020"),
    "layercam": ("LayerCAM", "Jiang et al. 2021"),
}
_NETWORK = re.compile(rf"({'|'.join(_FAMILIES)})(\d+)(d?)(?:[-_](.+))?")
_TEACHER = "teacher"
_TREATMENTS = {
    "mixed": (later("mixed scales"), ""),
    "progressive": (later("growing scales"), ""),
    "fixres": (later("tuned at the largest scale"), later("tuned at {sides}")),
    "average": (later("averaged over scales"), later("averaged over {sides}")),
}


def display_name(contender: str) -> str:
    """A contender's name as its readers know it; names that are not a family's and a depth stay as they are.

    >>> display_name("resnet50"), display_name("my_net"), display_name("res2net50-26w6s")
    ('ResNet-50', 'my_net', 'Res2Net-50 26w6s')
    >>> display_name("resnet101-fpn+width=0.5@mixed@average=48-64")
    'ResNet-101 FPN (width 0.5, mixed scales, averaged over 48, 64 px)'
    >>> display_name("resnet50@teacher=resnet101")
    'ResNet-50 (taught by ResNet-101)'
    """
    network, *treatments = contender.split("@")
    base, *levers = network.split("+")
    treated = {treatment.partition("=")[0] for treatment in treatments}
    match = _NETWORK.fullmatch(base)
    if match is None or not treated <= {*_TREATMENTS, _TEACHER}:
        return contender
    family, depth, variant, rest = match.groups()
    name = f"{_FAMILIES[family]}-{depth}{variant.upper()}"
    if rest:
        name += f" {'FPN' if rest == 'fpn' else rest.replace('_', ' ')}"
    words = [lever.replace("_", " ").replace("=", " ") for lever in levers]
    words += [_treatment(treatment) for treatment in treatments]
    return f"{name} ({', '.join(words)})" if words else name


def _treatment(text: str) -> str:
    word, _, sides = text.partition("=")
    if word == _TEACHER:
        return say("taught by {teacher}", teacher=display_name(sides))
    alone, before = _TREATMENTS[word]
    if not sides:
        return say(alone)
    listed = f"{', '.join(sides.split('-'))} px"
    return say(before, sides=listed) if before else f"{say(alone)} {listed}"
