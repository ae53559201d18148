"""The test of trained cells: every network at every scale in one pass over a split, and the scores to the folders."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from deepenough.data import TestPixels
from deepenough.evaluation import Outcomes, count_flips, examine
from deepenough.records import OUTCOMES, SCORES, write_table, write_table_in_parts
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.training import Cell, Seeds


def accuracy_of(bench: Bench, cell: Cell) -> float:
    """Mean score on validation at the training scale."""
    scale, task = bench.design.train_scale, bench.setting.task
    with io.BytesIO() as stream:
        outcomes = Outcomes(stream, bench.shown(bench.val), [cell.contender], [scale], task)
        networks = {cell.contender: cell.tested_network}
        ranks = bench.setting.ranks
        examine(networks, bench.val, outcomes, batches=bench.batches, exact=bench.study.exact, ranks=ranks)
        return ranks.told(outcomes.mean(cell.contender, scale) if ranks.first else None)


def test_on(
    bench: Bench,
    splits: Mapping[str, TestPixels],
    cells: Mapping[str, Cell],
    seeds: Seeds,
    scales: Sequence[int],
    said: str,
) -> None:
    """Test the networks on each split in one pass, and write the scores of each.

    Args:
        bench: of the study.
        splits: by the name of a cell's table; the first is validation, where a task chooses what it must choose.
        cells: by the name under which each is tested.
        seeds: of the cells.
        scales: image sides in pixels.
        said: the stage that the listener is told, with the split's name for `{}`.
    """
    averaged = {name: contender(name).average for name in cells}
    networks = {cell.contender: cell.tested_network for cell in cells.values()}
    averages = {n: (cells[n].contender, sides or scales) for n, sides in averaged.items() if sides is not None}
    ranks, reference = bench.setting.ranks, None
    with contextlib.ExitStack() as held:
        for split, pixels in splits.items():
            stream = tempfile.TemporaryFile(dir=bench.store.root) if ranks.first else io.BytesIO()  # noqa: SIM115
            held.enter_context(stream)
            bench.listener.stage(said.format(split))
            outcomes = Outcomes(stream, bench.shown(pixels), [*networks, *averages], scales, bench.setting.task)
            how = {"averages": averages, "exact": bench.study.exact, "ranks": ranks}
            examine(networks, pixels, outcomes, batches=bench.batches, **how)
            for name, cell in cells.items() if ranks.first else ():
                own = name if name in averages else cell.contender
                _write(bench, split, outcomes, own, name, seeds, reference)
            reference = reference or outcomes


def _write(
    bench: Bench,
    split: str,
    outcomes: Outcomes,
    tested: str,
    name: str,
    seeds: Seeds,
    reference: Outcomes | None,
) -> None:
    """The scores of a contender on a split, and what the task keeps beside them, to its cell's folder."""
    folder = bench.store.cell(seeds.cell(name))
    kept = outcomes.kept(tested, seed=seeds.study, called=name)
    if kept is not None:
        write_table(folder.outcomes(split), kept, OUTCOMES)
    if split == "shifted" and bench.unjudged is not None:
        return
    before = None if reference is None else reference.run
    rows = outcomes.tables(tested, seed=seeds.study, called=name, reference=before)
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
