from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from deepenough import records

MakeScores = Callable[..., pl.DataFrame]


@pytest.fixture
def make_scores() -> MakeScores:
    """Scores of runs whose accuracy is given by contender and scale; easy samples are easy for all."""

    def make(accuracy, *, seeds=3, samples=400, seed=0, prefix="t") -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        easy, ids = rng.normal(size=samples), [f"{prefix}{i:05d}" for i in range(samples)]
        targets = [f"class{i % 3}" for i in range(samples)]
        parts = []
        for (contender, scale), share in accuracy.items():
            count = seeds[contender] if isinstance(seeds, dict) else seeds
            for run in range(count):
                hardness = easy + 0.5 * rng.normal(size=samples)
                right = hardness >= np.quantile(hardness, 1 - share) if share < 1 else np.ones(samples, bool)
                wrong = [f"class{(i + 1) % 3}" for i in range(samples)]
                parts.append(
                    pl.DataFrame(
                        {
                            "contender": contender,
                            "seed": run,
                            "scale": scale,
                            "sample_id": ids,
                            "target": targets,
                            "prediction": np.where(right, targets, wrong),
                            "score": right.astype(float),
                            "confidence": 0.8,
                        },
                        schema=records.SCORES,
                    )
                )
        return pl.concat(parts)

    return make
