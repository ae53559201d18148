"""The test of trained cells: every network at every scale in one pass over a split, and the scores to the folders."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.data import TestPixels
from deepenough.evaluation import Outcomes, Shown, count_flips, examine
from deepenough.records import SCORES, write_table_in_parts
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.training import Cell, Seeds


def accuracy_of(bench: Bench, cell: Cell) -> float:
    """Mean score on validation at the training scale."""
    ids, scale = bench.val.sample_ids, bench.design.train_scale
    shown = Shown(sample_ids=ids, labels=bench.labels(ids), classes=bench.prepared.classes)
    with io.BytesIO() as stream:
        outcomes = Outcomes(stream, shown, [cell.contender], [scale])
        examine(
            {cell.contender: cell.tested_network},
            bench.val,
            outcomes,
            task=bench.setting.task,
            batches=bench.batches,
            exact=bench.study.exact,
        )
        return outcomes.mean(cell.contender, scale)


def test_on(
    bench: Bench, pixels: TestPixels, split: str, cells: Mapping[str, Cell], seeds: Seeds, scales: Sequence[int]
) -> None:
    """Test the networks on a split in one pass, and write the scores of each."""
    averaged = {name: contender(name).average for name in cells}
    networks = {cell.contender: cell.tested_network for cell in cells.values()}
    averages = {n: (cells[n].contender, sides or scales) for n, sides in averaged.items() if sides is not None}
    shown = Shown(sample_ids=pixels.sample_ids, labels=bench.labels(pixels.sample_ids), classes=bench.prepared.classes)
    with tempfile.TemporaryFile(dir=bench.store.root) as stream:
        outcomes = Outcomes(stream, shown, [*networks, *averages], scales)
        examine(
            networks,
            pixels,
            outcomes,
            task=bench.setting.task,
            batches=bench.batches,
            averages=averages,
            exact=bench.study.exact,
        )
        for name, cell in cells.items():
            rows = outcomes.tables(name if name in averages else cell.contender, seed=seeds.study, called=name)
            folder = bench.store.cell(seeds.cell(name))
            write_table_in_parts(getattr(folder, split), rows, SCORES)


def rounds(bench: Bench) -> bool:
    """Whether the arithmetic of the test can turn predictions; in fp32 only folding could, in the seventh digit."""
    return not bench.study.exact and bench.setting.machine.precision != "fp32"


def rounding(bench: Bench, cells: Mapping[str, Cell], scales: Sequence[int]) -> dict[str, dict[str, Any]]:
    """What the arithmetic of the test changed, for each cell's note."""
    networks = {cell.contender: cell.tested_network for cell in cells.values()}
    counted = count_flips(networks, bench.test, scales, task=bench.setting.task, batches=bench.batches)
    return {
        name: {"precision": bench.setting.machine.precision, "compared": found.compared, "flips": dict(found.flips)}
        for name, found in counted.items()
    }
