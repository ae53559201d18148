"""Where both networks found their answers, on pictures that divide them, for the report: `cams.parquet`.

Grad-CAM or a relative (evaluation/explanation.py) of the first seed's networks as they were tested, for the answer that
the report shows: the one that a network gives most often over its seeds at the deciding scale. Drawn over the very
square that the network saw, at that scale and at others: does it look at the same place in a smaller picture?
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import torch
from PIL import Image

from deepenough.comparison import disagreements
from deepenough.data import TestPixels
from deepenough.evaluation import grad_cam
from deepenough.evaluation.explanation import Method
from deepenough.networks import ResNet
from deepenough.records import CAMS, Verdict, read_json, write_table
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.tasks.tested import tested_network
from deepenough.training import Setting, cell_name

MOST = 24  # pictures
MOST_SCALES = 3  # at which each is drawn: some 0.4 MB in all
SIDE = 96  # pixels of a drawn square
FEWEST_CELLS = 4  # a side of the map: fewer show no place
_COLOUR = np.array([230.0, 97.0, 1.0])  # an orange that the colour-blind tell from grey


def write_cams(bench: Bench, scores: pl.DataFrame, verdict: Verdict) -> None:
    """Write `cams.parquet` of a study that comes to its end: see `cams`."""
    shown = bench.test, [scale for scale in bench.design.scales if scale in bench.test.scales]
    classes = bench.prepared.classes
    found = cams(bench.setting, classes, shown, lambda name: _network(bench, name), scores, verdict)
    if found is not None:
        write_table(bench.store.root / "cams.parquet", found, CAMS)


def cams(
    setting: Setting,
    classes: Sequence[str],
    shown: tuple[TestPixels, Sequence[int]],
    network_of: Callable[[str], ResNet | None],
    scores: pl.DataFrame,
    verdict: Verdict,
    method: Method = "gradcam",
) -> pl.DataFrame | None:
    """The squares that both networks saw, with where they found their answers, of the most divisive pictures.

    Args:
        setting: of the study.
        classes: in the order of the networks' outputs.
        shown: the test split, and of which of its scales `drawn_scales` may choose.
        network_of: by contender; None where it is no plain ResNet.
        scores: `records.SCORES` of the test split.
        verdict: names the two and the deciding scale.
        method: of the maps.

    Returns:
        Rows of `records.CAMS`. None for a task without classes, for a network whose features are not a ResNet's own,
        or where the deciding scale is too small for a map of four by four cells.
    """
    (pixels, scales), pair = shown, {"small": verdict.small, "big": verdict.big}
    chosen = disagreements(scores, **pair, scale=verdict.scale, limit=MOST)
    numbers = {name: place for place, name in enumerate(classes)}
    places = {sample: place for place, sample in enumerate(pixels.sample_ids)}
    chosen = chosen.filter(
        pl.col("sample_id").is_in(list(places)),
        *(pl.col(f"{side}_prediction").is_in(list(numbers)) for side in pair),
    )
    stages = drawn_scales(scales, verdict.scale)
    if chosen.is_empty() or not stages:
        return None
    at = [places[sample] for sample in chosen["sample_id"]]
    squares = {scale: np.stack([pixels.at(scale)[place] for place in at]) for scale in stages}
    rows = []
    for side, name in pair.items():
        network = network_of(name)
        if network is None:
            return None
        asked = torch.tensor([numbers[answer] for answer in chosen[f"{side}_prediction"]])
        for scale, stage in stages.items():
            maps = _maps(setting, network, squares[scale], asked, stage, method)
            for sample, square, found in zip(chosen["sample_id"], squares[scale], maps, strict=True):
                rows.append((sample, name, drawn(square, found), SIDE, scale, method))
    return pl.DataFrame(rows, schema=CAMS, orient="row")


def drawn_scales(scales: Sequence[int], deciding: int) -> dict[int, int]:
    """The scales that have a map, ascending, each with its stage; of more than three the deciding and the outermost.

    >>> drawn_scales([32, 64, 96, 128, 256], 128), drawn_scales([64, 96, 256, 512], 64), drawn_scales([32, 64], 32)
    ({64: 4, 128: 5, 256: 5}, {64: 4, 96: 4, 512: 5}, {})
    """
    stages = {scale: stage for scale in sorted({*scales}) if (stage := _stage(scale)) is not None}
    if deciding not in stages:
        return {}
    others = [scale for scale in stages if scale != deciding]
    kept = {deciding, *(others if len(others) < MOST_SCALES else (others[0], others[-1]))}
    return {scale: stage for scale, stage in stages.items() if scale in kept}


def _stage(scale: int) -> int | None:
    """The last stage whose map has so many cells a side, 4 or 5; None where neither has. A stage halves the sides."""
    return next((stage for stage in (5, 4) if scale >> stage >= FEWEST_CELLS), None)


def _network(bench: Bench, name: str) -> ResNet | None:
    """The network of the first seed that came to a sound end, as it was tested; None where it is no plain ResNet."""
    for seed in range(bench.design.seeds):
        cell = bench.store.cell(cell_name(name, seed))
        if cell.done and cell.weights.is_file() and read_json(cell.note)["status"] == "trained":
            network = tested_network(bench.setting.task, contender(name).network, cell.weights)
            return bench.setting.machine.place(network).eval() if isinstance(network, ResNet) else None
    return None


def _maps(
    setting: Setting, network: ResNet, squares: np.ndarray, asked: torch.Tensor, stage: int, method: Method
) -> np.ndarray:
    """Maps of the squares, float32 (squares, height, width), one at a time so that memory is that of one."""
    machine, prepared = setting.machine, setting.preprocessing
    found = []
    for square, one in zip(squares, asked, strict=True):
        pixels = torch.from_numpy(square.copy()).permute(2, 0, 1)[None]
        images = machine.images(pixels, prepared.mean, prepared.std)
        found.append(grad_cam(network, images, one[None].to(images.device), stage, method)[1][0].cpu().numpy())
    return np.stack(found)


def drawn(square: np.ndarray, found: np.ndarray) -> bytes:
    """A JPEG file of the square in grey, the more orange the more there speaks for the answer.

    Args:
        square: uint8 (side, side, 3).
        found: float (height, width) in [0, 1].
    """
    grey = np.asarray(Image.fromarray(square).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR), float)
    cover = Image.fromarray((found * 255).round().astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    share = 0.7 * np.asarray(cover, float)[..., None] / 255
    mixed = (1 - share) * grey[..., None] + share * _COLOUR
    target = io.BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)).save(target, "JPEG", quality=80)
    return target.getvalue()
