"""The levers that the article names, each one axis of settings, as contenders of a study.

A setting is the base with one thing changed, so that a study of the base and of all its settings is the ablation: one
factor at a time, on the same batches and seeds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from deepenough.errors import StudyError
from deepenough.networks.catalogue import entry
from deepenough.networks.config import KERNELS, NARROWEST, WIDEST

ALL = "all"
_TWINS = {"50": "101", "101": "50"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a lever: what is changed, in words, and the contender that has it."""

    lever: str
    label: str
    base: str
    contender: str


_NETWORK: dict[str, tuple[tuple[str, str], ...]] = {
    "kernel": (("5 x 5 in the first stage", "+kernels=5-3-3-3"), ("5 x 5 in all stages", "+kernels=5-5-5-5")),
    "structure": (
        ("deep stem, averaging shortcuts", "+stem=deep+shortcut=average"),
        ("squeeze and excitation", "+squeeze_excitation=0.0625"),
        ("Res2Net, four scales", "+splits=4+bottleneck_width=26"),
        ("head on all stages", "+fusion=concatenate"),
    ),
}
_TRAINING: dict[str, tuple[tuple[str, str], ...]] = {
    "time": (("half the time", "@time=0.5"), ("twice the time", "@time=2")),
    "preprocessing": tuple(
        (f"{name} augmentation", f"@augmentation={name}") for name in ("light", "standard", "strong")
    ),
    "algorithm": tuple((name, f"@optimizer={name}") for name in ("adamw", "sgd", "lamb")),
    "rate": (("learning rate x 0.3", "@rate=0.3"), ("learning rate x 3", "@rate=3")),
    "diversity": (("half the images", "@share=0.5"), ("a quarter of the images", "@share=0.25")),
}
LEVERS = ("depth", "layers", "width", "kernels", *_NETWORK, *_TRAINING)  # the article's, in its order


def chosen(text: str) -> tuple[str, ...]:
    """The levers that a text names, commas between.

    Raises:
        StudyError: one that there is not.

    >>> chosen("kernel, width"), len(chosen("all"))
    (('kernel', 'width'), 11)
    """
    named = [part.strip() for part in text.split(",") if part.strip()]
    for name in named:
        if name not in (*LEVERS, ALL):
            near = difflib.get_close_matches(name, LEVERS, n=1)
            remedy = f"did you mean {near[0]}?" if near else ""
            raise StudyError("--levers", f"{ALL}, or some of {', '.join(LEVERS)}", repr(name), remedy)
    if not named:
        raise StudyError("--levers", f"{ALL}, or some of {', '.join(LEVERS)}", "none")
    return LEVERS if ALL in named else tuple(dict.fromkeys(named))


def twin(base: str) -> str | None:
    """The same contender at the other depth; None where its name holds none.

    >>> twin("resnet50+width=0.5"), twin("resnet101-fpn@mixed")
    ('resnet101+width=0.5', 'resnet50-fpn@mixed')
    """
    name, mark, rest = _parted(base)
    for depth, other in _TWINS.items():
        head, found, tail = name.partition(depth)
        if found and not head[-1:].isdigit() and not tail[:1].isdigit():
            return f"{head}{other}{tail}{mark}{rest}"
    return None


def settings_of(base: str, levers: Sequence[str], *, optimizer: str, augmentation: str) -> list[Setting]:
    """Every setting of the levers for a base, without the base's own and what its name settles already.

    Args:
        base: a contender.
        levers: of `LEVERS`; `depth` has no setting here, being the base at the other depth.
        optimizer: of the study.
        augmentation: its strength in the study, or `auto`.
    """
    taken = (f"@optimizer={optimizer}", f"@augmentation={augmentation}")
    factors, settled = _factors(base), _keys(base)
    axes = {**factors, **_NETWORK, **_TRAINING}
    return [
        Setting(lever=lever, label=label, base=base, contender=changed(base, change))
        for lever in levers
        if lever in axes
        for label, change in axes[lever]
        if change not in taken and (lever in factors or not _keys(change) & settled)
    ]


def changed(base: str, change: str) -> str:
    """A contender with a lever of the network (`+`) or of its training (`@`) added to its name.

    >>> changed("resnet50+stem=deep+width=0.5@mixed", "+width=0.25"), changed("resnet50@mixed", "@time=2")
    ('resnet50+stem=deep+width=0.25@mixed', 'resnet50@mixed@time=2')
    """
    if change.startswith("@"):
        return f"{base}{change}"
    network, mark, rest = base.partition("@")
    kept = [part for part in network.split("+") if part.partition("=")[0] not in _keys(change)]
    return f"{'+'.join(kept)}{change}{mark}{rest}"


def _keys(name: str) -> set[str]:
    """The levers of network and training that stand in a name."""
    return {part.partition("=")[0] for part in re.split("[+@]", name)[1:]}


def _parted(base: str) -> tuple[str, str, str]:
    places = [place for mark in "+@" if (place := base.find(mark)) >= 0]
    end = min(places, default=len(base))
    return base[:end], base[end : end + 1], base[end + 1 :]


def _factors(base: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Levers whose settings are factors of what the base has, without those that no network has or that change nothing.

    Layers are those of stage 3, where the depths differ.
    """
    config = entry(base.partition("@")[0]).config
    first, second, third, last = config.stage_blocks
    width, kernels = config.width, config.bottleneck_width
    layers = {"half of stage 3": max(1, third // 2), "1.5 times stage 3": round(1.5 * third)}
    widths = {"half as wide": 0.5 * width, "1.5 times as wide": 1.5 * width}
    spatial = {"half the kernels": round(0.5 * kernels), "1.5 times the kernels": round(1.5 * kernels)}
    return {
        "layers": tuple(
            (label, f"+blocks={first}-{second}-{count}-{last}") for label, count in layers.items() if count != third
        ),
        "width": tuple((label, f"+width={to:g}") for label, to in widths.items() if NARROWEST <= to <= WIDEST),
        "kernels": tuple(
            (label, f"+bottleneck_width={to}") for label, to in spatial.items() if to in KERNELS and to != kernels
        ),
    }
