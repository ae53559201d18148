"""`deepenough networks`: the contenders of the catalogue, and one of them in depth."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deepenough.cli import _output
from deepenough.cli._options import JsonOption


def networks(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this contender in depth.")] = None,
    side: Annotated[int, typer.Option("--side", metavar="PX", help="Image side for MACs and shapes.")] = 224,
    as_json: JsonOption = False,
) -> None:
    """List the networks that can take part, with what each holds and costs.

    Example: deepenough networks resnet101 --side 160
    """
    from deepenough.cost import count
    from deepenough.networks.catalogue import describe, names, skeleton

    described = []
    for each in names() if name is None else (name,):
        known = describe(each, side)
        macs = count(skeleton(each), side).macs
        described.append({**known, "macs": macs, "gmacs": macs / 1e9})
    if as_json:
        _output.say_json(described)
    elif name is None:
        _output.say_lines(_overview(described, side))
    else:
        _output.say_lines(_in_depth(described[0]))


def _overview(described: list[dict[str, Any]], side: int) -> list[str]:
    header = ("network", "params", "GMACs", "scales joined", "best top-1", "weights")
    rows = [
        (
            one["name"],
            f"{one['parameters'] / 1e6:.1f} M",
            f"{one['gmacs']:.2f}",
            ", ".join(one["multi_scale"]).replace("in the ", "").replace("in ", "").replace("across ", "") or "-",
            _best_published(one["published"]),
            _recipes(one["weights_known"]) or "-",
        )
        for one in described
    ]
    closing = [
        "",
        f"GMACs at {side} px. Scales joined: within blocks, in branches, across stages.",
        "Top-1: ImageNet's. Weights: public recipes known, a1-3 for a1, a2 and a3; where",
        "a head joins stages, those of the plain network fill its stages.",
        "A lever is changed by name: resnet50+width=0.5+kernels=5-3-3-3+stem=deep",
        "One in depth: deepenough networks NAME     What they cost here: deepenough cost",
    ]
    return [*_output.table(header, rows), *closing]


def _best_published(published: list[dict[str, Any]]) -> str:
    if not published:
        return "none"
    best = max(published, key=lambda row: row["top1_percent"])
    return f"{best['top1_percent']:.2f} at {best['side']} px"


def _recipes(origins: list[str]) -> str:
    """The recipes of public weights in a few letters.

    >>> _recipes(["torchvision:IMAGENET1K_V1", "torchvision:IMAGENET1K_V2", "timm:resnet50.a1_in1k", "timm:x.in1k"])
    'V1-2 a1 in1k'
    """
    series: dict[str, list[str]] = {}
    for origin in origins:
        library, _, name = origin.partition(":")
        recipe = library if library == "keras" else name.rpartition(".")[2]
        recipe = recipe.removeprefix("IMAGENET1K_").removesuffix("_in1k")
        kind = recipe.rstrip("0123456789")
        series.setdefault(kind if recipe != "in1k" else recipe, []).append(recipe)
    return " ".join(each[0] + (f"-{each[-1][-1]}" if len(each) > 1 else "") for each in series.values())


def _in_depth(one: dict[str, Any]) -> list[str]:
    kinds = ", ".join(one["multi_scale"])
    lines = [
        f"{one['name']}: {one['summary']}",
        f"Joins features of several scales {kinds}." if kinds else "Joins no features of several scales.",
        f"{one['parameters']:,} parameters with ImageNet's 1,000 classes; {one['gmacs']:.3f} GMACs at {one['side']} px",
        "",
    ]
    stages = [
        (row["name"], row["blocks"], row["channels"], row["stride"], f"{row['side']} x {row['side']}")
        for row in one["stages"]
    ]
    lines += _output.table(("stage", "blocks", "channels", "stride", "map"), stages)
    if not one["published"]:
        known = ["Its stages start from:", *(f"  {origin}" for origin in one["weights_known"])]
        nobody = "Nobody has published ImageNet weights for exactly this network."
        return [*lines, "", nobody, *(known if one["weights_known"] else [])]
    published = [
        (row["weights"], f"{row['top1_percent']:.2f} %", f"{row['side']} px", row["source"]) for row in one["published"]
    ]
    return [*lines, "", *_output.table(("ImageNet weights", "top-1", "at", "source"), published)]
