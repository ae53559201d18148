"""How sure a difference is: estimators, the decision rule, and what would settle an open question.

Owns arrays of scores, shape (seeds, samples), and what follows from them. Every function is pure, takes its
randomness as an argument and gives its source; measured error rates are in docs/statistics.md.
Refuses files, data frames, contenders' names and torch: numpy and scipy.special only.
"""

from deepenough.stats.checkpoints import (
    agresti_min_interval,
    compare_checkpoints,
    is_binary,
    mcnemar_exact_p,
    mcnemar_mid_p,
    tango_interval,
    tipping_seed_sd,
    wilson_interval,
)
from deepenough.stats.clusters import cluster_scores
from deepenough.stats.decision import Decision, check_margin, decide
from deepenough.stats.discovery import benjamini_hochberg, benjamini_yekutieli
from deepenough.stats.estimate import WARNINGS, Components, Estimate, as_scores
from deepenough.stats.mrmc import from_mean_squares, nested, paired, single
from deepenough.stats.multiplicity import holm
from deepenough.stats.power import interval_half_width, needed, predicted_power

__all__ = [
    "WARNINGS",
    "Components",
    "Decision",
    "Estimate",
    "agresti_min_interval",
    "as_scores",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "check_margin",
    "cluster_scores",
    "compare_checkpoints",
    "decide",
    "from_mean_squares",
    "holm",
    "interval_half_width",
    "is_binary",
    "mcnemar_exact_p",
    "mcnemar_mid_p",
    "needed",
    "nested",
    "paired",
    "predicted_power",
    "single",
    "tango_interval",
    "tipping_seed_sd",
    "wilson_interval",
]
