"""More about what would settle a question, in words: seeds that vary more than they seemed to, labels, the cheapest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deepenough.records import Needed
from deepenough.report.language import say
from deepenough.report.tables import numbers
from deepenough.stats import seed_sd_factor

Describe = Callable[[Sequence[dict[str, float]]], str]  # designs as a phrase


def more_about(needed: Needed, *, runs: int, describe: Describe) -> list[str]:
    """Sentences beside those that name the designs.

    Args:
        needed: what would settle it.
        runs: the fewest of a contender.
        describe: puts designs in words.
    """
    return [*_if_seeds_vary_more(needed, runs, describe), *_labels(needed), *_cheapest(needed, describe)]


def _if_seeds_vary_more(needed: Needed, runs: int, describe: Describe) -> list[str]:
    sure = needed.guaranteed_at_upper_sd
    if sure is None or sure == needed.guaranteed or runs < 2 or not needed.guaranteed:
        return []
    factor = numbers.fixed(seed_sd_factor(runs), 1)
    known = say(
        "{runs} seeds know how far seeds vary only roughly. At the 80 % upper bound for each network, {factor} "
        "times the standard deviation seen,",
        runs=numbers.count(runs),
        factor=factor,
    )
    return [
        say("{known} sure are: {designs}.", known=known, designs=describe(sure))
        if sure
        else say("{known} no design on offer is sure.", known=known)
    ]


def _labels(needed: Needed) -> list[str]:
    share = needed.labels_share
    if share is None or not any(design["more_samples"] > 0 for design in (*needed.guaranteed, *needed.likely)):
        return []
    if share == 0:
        return []
    return [
        say(
            "Only {share} of the new images would need a label: those on which runs disagree, as often as here "
            "(more seeds disagree somewhat more). The others change neither the difference nor its interval.",
            share=numbers.share(share, 0),
        )
    ]


def _cheapest(needed: Needed, describe: Describe) -> list[str]:
    if needed.cheapest is not None:
        return [say("The cheapest that is sure, at the prices given: {designs}.", designs=describe([needed.cheapest]))]
    if needed.cheapest_likely is not None:
        return [
            say(
                "The cheapest that is likely to, at the prices given: {designs}.",
                designs=describe([needed.cheapest_likely]),
            )
        ]
    return []
