"""How sure a difference is: estimators, the decision rule, and what would settle an open question.

Owns arrays of scores, shape (seeds, samples), and what follows from them. Every function is pure, takes its
randomness as an argument and gives its source; measured error rates are in docs/statistics.md.
Refuses files, data frames, contenders' names and torch: numpy and scipy.special only.
A name's module is loaded when the name is first used, so that a verdict need not wait for what it does not use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from deepenough.stats.claims import Audit, audit
    from deepenough.stats.clusters import cluster_scores
    from deepenough.stats.decision import Decision, check_margin, decide, settled
    from deepenough.stats.discovery import benjamini_hochberg, benjamini_yekutieli
    from deepenough.stats.divergence import Divergence, diverged_rate
    from deepenough.stats.estimate import WARNINGS, Components, Estimate, as_scores
    from deepenough.stats.jackknife import jackknife_scores
    from deepenough.stats.joint import Joint, difference_contrasts, joint_means
    from deepenough.stats.linearise import (
        auroc_covariance,
        auroc_scores,
        average_precision_scores,
        balanced_accuracy_scores,
        macro_f1_scores,
    )
    from deepenough.stats.mrmc import from_mean_squares, nested, paired, single
    from deepenough.stats.multiplicity import bonferroni_level, holm, max_t, simultaneous_intervals
    from deepenough.stats.noise import NoiseBudget, NoisePart, RunSpread, noise_budget, run_spread, sd_interval
    from deepenough.stats.power import Price, needed
    from deepenough.stats.prediction import (
        interval_half_width,
        predicted_power,
        seed_sd_factor,
        smallest_margin,
        with_upper_seed_sds,
    )
    from deepenough.stats.resampling import resample_difference, resample_two_way
    from deepenough.stats.reweighting import bootstrap_covariance, from_covariance, reweighted
    from deepenough.stats.sequential import Look, Watch, log_evidence, schedule, spending, watch
    from deepenough.stats.unbalanced import nested_unbalanced
    from deepenough.stats.weighted import (
        Detections,
        average_precision,
        mean_average_precision,
        pair_weights,
        tar_at_far,
        weighted_mean,
    )

__all__ = [
    "WARNINGS",
    "Audit",
    "Components",
    "Decision",
    "Detections",
    "Divergence",
    "Estimate",
    "Joint",
    "Look",
    "NoiseBudget",
    "NoisePart",
    "Price",
    "RunSpread",
    "Watch",
    "agresti_min_interval",
    "as_scores",
    "audit",
    "auroc_covariance",
    "auroc_scores",
    "average_precision",
    "average_precision_scores",
    "balanced_accuracy_scores",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "bonferroni_level",
    "bootstrap_covariance",
    "check_margin",
    "cluster_scores",
    "compare_checkpoints",
    "decide",
    "difference_contrasts",
    "diverged_rate",
    "from_covariance",
    "from_mean_squares",
    "holm",
    "interval_half_width",
    "is_binary",
    "jackknife_scores",
    "joint_means",
    "log_evidence",
    "macro_f1_scores",
    "max_t",
    "mcnemar_exact_p",
    "mcnemar_mid_p",
    "mean_average_precision",
    "needed",
    "nested",
    "nested_unbalanced",
    "noise_budget",
    "pair_weights",
    "paired",
    "predicted_power",
    "resample_difference",
    "resample_two_way",
    "reweighted",
    "run_spread",
    "schedule",
    "sd_interval",
    "seed_sd_factor",
    "settled",
    "simultaneous_intervals",
    "single",
    "smallest_margin",
    "spending",
    "tango_interval",
    "tar_at_far",
    "tipping_seed_sd",
    "watch",
    "weighted_mean",
    "wilson_interval",
    "with_upper_seed_sds",
]

_NAMES = {
    "checkpoints": (
        "agresti_min_interval compare_checkpoints is_binary mcnemar_exact_p mcnemar_mid_p tango_interval "
        "tipping_seed_sd wilson_interval"
    ),
    "claims": "Audit audit",
    "clusters": "cluster_scores",
    "decision": "Decision check_margin decide settled",
    "discovery": "benjamini_hochberg benjamini_yekutieli",
    "divergence": "Divergence diverged_rate",
    "estimate": "WARNINGS Components Estimate as_scores",
    "jackknife": "jackknife_scores",
    "joint": "Joint difference_contrasts joint_means",
    "linearise": ("auroc_covariance auroc_scores average_precision_scores balanced_accuracy_scores macro_f1_scores"),
    "mrmc": "from_mean_squares nested paired single",
    "multiplicity": "bonferroni_level holm max_t simultaneous_intervals",
    "noise": "NoiseBudget NoisePart RunSpread noise_budget run_spread sd_interval",
    "power": "Price needed",
    "prediction": "interval_half_width predicted_power seed_sd_factor smallest_margin with_upper_seed_sds",
    "resampling": "resample_difference resample_two_way",
    "reweighting": "bootstrap_covariance from_covariance reweighted",
    "sequential": "Look Watch log_evidence schedule spending watch",
    "unbalanced": "nested_unbalanced",
    "weighted": "Detections average_precision mean_average_precision pair_weights tar_at_far weighted_mean",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
