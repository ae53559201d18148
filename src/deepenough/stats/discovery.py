"""Many slices at once: how large a share of the claims may be false.

With hundreds of slices, holding the chance of *any* false claim down (`holm`) leaves nothing to find. The false
discovery rate is the expected share of false ones among the claims made: claim where the adjusted p-value, the
q-value, is at most the rate that is tolerated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from deepenough.errors import InputError


def benjamini_hochberg(p_values: npt.ArrayLike) -> list[float]:
    """Adjusted p-values: claiming those at most q keeps the false discovery rate at q or below.

    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate: a practical and powerful approach to multiple
    testing", Journal of the Royal Statistical Society B 57 (1995): proven for independent tests. Slices overlap and
    share images and seeds, so `comparison.slices` takes `benjamini_yekutieli` instead.

    Args:
        p_values: in [0, 1], any shape; read as one family in their order.

    >>> [round(q, 4) for q in benjamini_hochberg([0.01, 0.04, 0.03, 0.5])]
    [0.04, 0.0533, 0.0533, 0.5]
    """
    return _step_up(p_values, lambda count: 1.0)


def benjamini_yekutieli(p_values: npt.ArrayLike) -> list[float]:
    """As `benjamini_hochberg`, proven under any dependence: each value is 1 + 1/2 + ... + 1/m times as large.

    Y. Benjamini and D. Yekutieli, "The control of the false discovery rate in multiple testing under dependency",
    Annals of Statistics 29 (2001), theorem 1.3. The factor is 3.6 for 20 slices and 7.5 for 1,000.

    >>> [round(q, 4) for q in benjamini_yekutieli([0.01, 0.04, 0.03, 0.5])]
    [0.0833, 0.1111, 0.1111, 1.0]
    """
    return _step_up(p_values, lambda count: float((1.0 / np.arange(1, count + 1)).sum()))


def _step_up(p_values: npt.ArrayLike, factor_of: Callable[[int], float]) -> list[float]:
    p = np.asarray(p_values, dtype=np.float64).ravel()
    if not ((p >= 0) & (p <= 1)).all():
        bad = p[~((p >= 0) & (p <= 1))][0]
        raise InputError("p_values", "numbers from 0 to 1", str(bad), "leave out slices without a test")
    if not len(p):
        return []
    order = np.argsort(p, kind="stable")[::-1]
    stepped = p[order] * (len(p) * factor_of(len(p)) / np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(stepped), 1.0)
    return adjusted.tolist()
