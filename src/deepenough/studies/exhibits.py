"""What people are shown of the test samples that divide the deciding pair the most: `exhibits.parquet`.

The task says what that is (`Task.exhibits`): pictures mended by both networks, boxes on a picture, both pictures of a
pair. Of the first seed with which both came to a sound end, as they were tested.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from PIL import Image
from torch import Tensor, nn

from deepenough.comparison import disagreements
from deepenough.evaluation.onepass import as_tested
from deepenough.evaluation.outcomes import kept_fields, rows_of
from deepenough.records import EXHIBITS, OUTCOMES, Verdict, read_table, write_table
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.tasks.contract import Exhibit, Run, Seen
from deepenough.tasks.tested import tested_network
from deepenough.training import cell_name

MOST = 8  # samples
MOST_BYTES = 500_000  # of their pictures
LONGEST_SIDE = 320  # pixels, of a picture that may be shrunk


def write_exhibits(bench: Bench, scores: pl.DataFrame, verdict: Verdict) -> None:
    """Write what the task shows of the samples on which the two networks differ most; no file where that is nothing."""
    bench.store.exhibits.unlink(missing_ok=True)
    pair = (verdict.small, verdict.big)
    seeds = sorted(set(verdict.seeds[verdict.small]) & set(verdict.seeds[verdict.big]))
    if not seeds or verdict.scale not in bench.test.scales or not _kept(bench, pair, seeds[0]):
        return
    seen, shown = _seen(bench, verdict, seeds[0]), bench.shown(bench.test)
    places = {sample: place for place, sample in enumerate(shown.samples)}
    rows, spent = [], 0
    for sample in disagreements(scores, small=pair[0], big=pair[1], scale=verdict.scale, limit=MOST)["sample_id"]:
        found = [_row(each) for each in bench.setting.task.exhibits(seen, places[sample])]
        spent += sum(len(row["image"] or b"") for row in found)
        if spent > MOST_BYTES:
            break
        known = {"sample_id": sample, "seed": seeds[0]}
        rows += [{**known, "place": place, **row} for place, row in enumerate(found)]
    if rows:
        write_table(bench.store.exhibits, pl.DataFrame(rows, schema=EXHIBITS), EXHIBITS)


def _kept(bench: Bench, pair: tuple[str, str], seed: int) -> bool:
    """Whether what both said is there, where the task keeps it at all."""
    files = [bench.store.cell(cell_name(n, seed)).outcomes(split) for n in pair for split in ("test", "validation")]
    return not kept_fields(bench.setting.task.row) or all(file.is_file() for file in files)


def _seen(bench: Bench, verdict: Verdict, seed: int) -> Seen:
    """The test pictures with what both networks said of them, each read or asked when it is first wanted."""
    task, squares, ids = bench.setting.task, bench.test.at(verdict.scale), bench.test.sample_ids

    @cache
    def run(split: str, name: str) -> Run:
        kept = read_table(bench.store.cell(cell_name(name, seed)).outcomes(split), OUTCOMES)
        return bench.shown(bench.tested[split]).run(rows_of(kept.filter(scale=verdict.scale), task.row))

    @cache
    def networks() -> dict[str, nn.Module]:
        found = {}
        for name in (verdict.small, verdict.big):
            file = bench.store.cell(cell_name(name, seed)).weights
            if not file.is_file():  # deleted to save room
                return {}
            network = tested_network(task, contender(name).network, file)
            found[name] = bench.setting.machine.place(network).eval()
        return found

    def outputs(place: int) -> Mapping[str, Tensor]:
        if not networks():
            return {}
        one = slice(place, place + 1)
        harmed = task.inputs(np.asarray(squares[one]), ids[one])
        tested, batches = as_tested(networks(), bench.batches, exact=bench.study.exact)
        ((_, said),) = batches.outputs(tested, harmed)
        return {name: task.completed(gave, harmed) for name, gave in said.items()}

    return Seen(
        contenders=(verdict.small, verdict.big),
        squares=squares,
        sample_ids=ids,
        targets=bench.targets(ids),
        run=lambda name: run("test", name),
        reference=lambda name: run("validation", name),
        outputs=outputs,
    )


def _row(exhibit: Exhibit) -> dict[str, Any]:
    """A row of `records.EXHIBITS` without what is known of its sample."""
    image, width, height, factor = None, None, None, 1.0
    if exhibit.pixels is not None:
        picture, target = Image.fromarray(np.ascontiguousarray(exhibit.pixels)), io.BytesIO()
        if exhibit.exact:
            picture.save(target, "PNG", optimize=True)
        else:
            before = picture.width
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            factor = picture.width / before
            picture.save(target, "JPEG", quality=85)
        image, width, height = target.getvalue(), picture.width, picture.height
    sides = ("left", "top", "right", "bottom")
    boxes = exhibit.boxes and [
        {
            **{name: factor * at for name, at in zip(sides, each.box, strict=True)},
            "label": each.label,
            "score": each.score,
        }
        for each in exhibit.boxes
    ]
    return {
        "what": exhibit.what,
        "contender": exhibit.contender,
        "image": image,
        "width": width,
        "height": height,
        "exact": exhibit.exact,
        "value": exhibit.value,
        "unit": exhibit.unit,
        "threshold": exhibit.threshold,
        "boxes": None if boxes is None else list(boxes),
    }
