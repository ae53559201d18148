"""The account of the noise in plain words; numbers come rounded from `tables`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.records import Verdict
from deepenough.report.tables import numbers

SOURCES = {
    "initialisation": "the initial weights",
    "order": "the order of the images",
    "augmentation": "the augmentation",
    "nondeterminism": "nothing: the same seeds again",
}


def gap_in_words(verdict: Verdict) -> list[str]:
    """How the gap stands to its standard error and where that comes from, in one sentence; none where nothing varies.

    Shares are those of the squared standard error.
    """
    account = verdict.noise
    if account is None or account["gap"] is None:
        return []
    said = f"The gap is {numbers.fixed(account['gap'], 1)} times its standard error"
    share = {name: _share(account["parts"], name) for name in ("seeds", "samples", "seed_by_sample")}
    if not account["seeds"]:
        return [f"{said}, which is due to the test images alone: what training anew would add is not known."]
    return [
        f"{said}; of that variance an estimated {numbers.share(share['seeds'], 0)} comes from the training seeds, "
        f"{numbers.share(share['samples'], 0)} from the test images and {numbers.share(share['seed_by_sample'], 0)} "
        "from single images on which the trainings of one network differ."
    ]


def account_in_words(verdict: Verdict, small: str, big: str) -> list[str]:
    """What the account says beyond `gap_in_words`, for networks of these names as readers know them."""
    account = verdict.noise
    if account is None:
        return []
    said = [*_single_run(verdict, account), *_superiority(account, small, big)]
    sources = account["sources"]
    if sources:
        said.append(
            "A seed varies the initial weights, the order of the images and their augmentation together; extra "
            "trainings beside seed 0 varied one of them alone. So few runs tell orders of magnitude and no more."
        )
        said += _repeated([entry for entry in sources if entry["source"] == "nondeterminism"])
    return said


def _share(parts: Sequence[Mapping[str, Any]], source: str) -> float | None:
    shares = [part["share"] for part in parts if part["source"] == source]
    return None if any(share is None for share in shares) else sum(shares)


def _single_run(verdict: Verdict, account: Mapping[str, Any]) -> list[str]:
    sd = account["single_run_sd"]
    if not sd or account["luck"] is None:
        return []
    decimals = numbers.decimals_for(sd / 2)
    gap = numbers.fixed(abs(verdict.difference), decimals)
    return [
        "Had you trained each network once, their difference on these images would vary by training alone, with a "
        f"standard deviation of {numbers.fixed(sd, decimals)} {verdict.unit}: were both equally good, a gap of {gap} "
        f"or more would come by luck with probability {numbers.probability(account['luck'])}."
    ]


def _superiority(account: Mapping[str, Any], small: str, big: str) -> list[str]:
    if not account["seeds"]:
        return []
    if account["superiority"] is None:
        return [
            f"How often a freshly trained {big} beats a freshly trained {small} cannot be told: their seeds differ by "
            "no more than the finite number of test images explains."
        ]
    return [
        f"As measured, a freshly trained {big} beats a freshly trained {small} with probability "
        f"{numbers.probability(account['superiority'])} on endless images; this is reported and does not decide."
    ]


def _repeated(again: Sequence[Mapping[str, Any]]) -> list[str]:
    if not again:
        return []
    if all(entry["identical"] for entry in again):
        return ["Trained again with the same seeds, each network gave the same answer to every test image."]
    return [
        "Trained again with the same seeds, a network gave other answers: the machine does not repeat itself bit for "
        "bit, and what it adds is part of every other source's spread."
    ]
