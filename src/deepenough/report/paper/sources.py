"""The works that a study rests on, in BibTeX: those that were used in it, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

_NETWORKS = (  # what in a contender's name rests on which work
    (r"res2net", "gao2021"),
    (r"blresnet", "chen2019"),
    (r"resnext", "xie2017"),
    (r"wide_resnet", "zagoruyko2016"),
    (r"seresnet|squeeze_excitation", "hu2018"),
    (r"resnetrs", "bello2021"),
    (r"resnetblur|antialias", "zhang2019"),
    (r"\d+d\b", "he2019"),
    (r"-fpn|top_down", "lin2017"),
    (r"-concat|concatenate", "hariharan2015"),
    (r"\bgem\b", "radenovic2019"),
    (r"@mixed", "hoffer2019"),
    (r"@fixres", "touvron2019"),
)


def of_networks(contenders: Iterable[str]) -> list[str]:
    """Keys of the works that networks and their treatments come from; every network here is a residual one.

    >>> of_networks(["resnet50", "res2net101-fpn@fixres=96"])
    ['he2016', 'gao2021', 'lin2017', 'touvron2019']
    """
    names = " ".join(contenders)
    return ["he2016", *(key for pattern, key in _NETWORKS if re.search(pattern, names))]


def of_training(study: Mapping[str, Any]) -> list[str]:
    """Keys of the works that the recipe and the augmentation of a resolved study come from."""
    recipe, augmentation = dict(study.get("recipe") or {}), dict(study.get("augmentation") or {})
    if recipe.get("train") == "head":
        return []
    optimizers = {"adamw": "loshchilov2019", "lamb": "you2020"}
    used = [optimizers[name]] if (name := recipe.get("optimizer")) in optimizers else []
    used += ["loshchilov2017"] if recipe else []  # the schedule of every recipe is a cosine
    used += ["szegedy2016"] if recipe.get("label_smoothing") or augmentation else []  # smoothing; cropping
    entries = {"trivial_augment": "mueller2021", "erasing": "zhong2020", "mixup": "zhang2018", "cutmix": "yun2019"}
    return used + [key for entry, key in entries.items() if augmentation.get(entry)]


def of_method(method: str, comparisons: int) -> list[str]:
    """Keys of the works behind a verdict's method, and behind the correction where more than one pair was compared."""
    known = {
        "Obuchowski": "obuchowski1995",
        "Hillis": "hillis2007",
        "Agresti": "agresti2005",
        "Dorfman": "dorfman1992",
        "McNemar": "mcnemar1947",
        "mid-p": "fagerland2013",
    }
    used = [key for word, key in known.items() if word in method]
    return used + (["holm1979"] if comparisons > 1 else [])


def bibtex(keys: Iterable[str]) -> str:
    """The entries of these works, each once, by key."""
    known = works()
    return "\n".join(known[key] for key in sorted(set(keys)))


@cache
def works() -> Mapping[str, str]:
    """Every work that may be cited: key -> its entry, from `sources.bib`."""
    text = resources.files(__package__ or "deepenough.report.paper").joinpath("sources.bib").read_text(encoding="utf-8")
    return {found[1]: found[0] for found in re.finditer(r"^@\w+\{(\w+),\n.*?^\}\n", text, re.MULTILINE | re.DOTALL)}
