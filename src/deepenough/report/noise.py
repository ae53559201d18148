"""The account of the noise in plain words; numbers come rounded from `tables`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.records import Verdict
from deepenough.report.language import later, say, term
from deepenough.report.tables import numbers

SOURCES = {
    "initialisation": later("the initial weights"),
    "order": later("the order of the images"),
    "augmentation": later("the augmentation"),
    "nondeterminism": later("nothing: the same seeds again"),
}


def gap_in_words(verdict: Verdict) -> list[str]:
    """How the gap stands to its standard error and where that comes from, in one sentence; none where nothing varies.

    Shares are those of the squared standard error.
    """
    account = verdict.noise
    if account is None or account["gap"] is None:
        return []
    said = say("The gap is {gap} times its standard error", gap=numbers.fixed(account["gap"], 1))
    share = {name: _share(account["parts"], name) for name in ("seeds", "samples", "seed_by_sample")}
    if not account["seeds"]:
        return [
            say("{said}, which is due to the test images alone: what training anew would add is not known.", said=said)
        ]
    return [
        say(
            "{said}; of that variance an estimated {seeds} comes from the training seeds, {samples} from the test "
            "images and {seed_by_sample} from single images on which the trainings of one network differ.",
            said=said,
            seeds=numbers.share(share["seeds"], 0),
            samples=numbers.share(share["samples"], 0),
            seed_by_sample=numbers.share(share["seed_by_sample"], 0),
        )
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
            say(
                "A seed varies the initial weights, the order of the images and their augmentation together; "
                "extra trainings beside seed 0 varied one of them alone. So few runs tell orders of magnitude and "
                "no more."
            )
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
        say(
            "Had you trained each network once, their difference on these images would vary by training alone, "
            "with a standard deviation of {sd} {unit}: were both equally good, a gap of {gap} or more would come "
            "by luck with probability {luck}.",
            sd=numbers.fixed(sd, decimals),
            unit=term(verdict.unit),
            gap=gap,
            luck=numbers.probability(account["luck"]),
        )
    ]


def _superiority(account: Mapping[str, Any], small: str, big: str) -> list[str]:
    if not account["seeds"]:
        return []
    if account["superiority"] is None:
        return [
            say(
                "How often a freshly trained {big} beats a freshly trained {small} cannot be told: their seeds "
                "differ by no more than the finite number of test images explains.",
                big=big,
                small=small,
            )
        ]
    return [
        say(
            "As measured, a freshly trained {big} beats a freshly trained {small} with probability {superiority} "
            "on endless images; this is reported and does not decide.",
            big=big,
            small=small,
            superiority=numbers.probability(account["superiority"]),
        )
    ]


def _repeated(again: Sequence[Mapping[str, Any]]) -> list[str]:
    if not again:
        return []
    if all(entry["identical"] for entry in again):
        return [say("Trained again with the same seeds, each network gave the same answer to every test image.")]
    return [
        say(
            "Trained again with the same seeds, a network gave other answers: the machine does not repeat itself "
            "bit for bit, and what it adds is part of every other source's spread."
        )
    ]
