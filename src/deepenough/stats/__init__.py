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
from deepenough.stats.decision import Decision, check_margin, decide, settled
from deepenough.stats.estimate import WARNINGS, Components, Estimate, as_scores
from deepenough.stats.mrmc import from_mean_squares, nested, paired, single
from deepenough.stats.multiplicity import holm
from deepenough.stats.power import interval_half_width, needed, predicted_power
from deepenough.stats.sequential import Look, Watch, log_evidence, schedule, spending, watch

__all__ = [
    "WARNINGS",
    "Components",
    "Decision",
    "Estimate",
    "Look",
    "Watch",
    "agresti_min_interval",
    "as_scores",
    "check_margin",
    "cluster_scores",
    "compare_checkpoints",
    "decide",
    "from_mean_squares",
    "holm",
    "interval_half_width",
    "is_binary",
    "log_evidence",
    "mcnemar_exact_p",
    "mcnemar_mid_p",
    "needed",
    "nested",
    "paired",
    "predicted_power",
    "schedule",
    "settled",
    "single",
    "spending",
    "tango_interval",
    "tipping_seed_sd",
    "watch",
    "wilson_interval",
]
