"""Where both networks found their answers, on pictures that divide them, for the report: `cams.parquet`.

Grad-CAM (evaluation/explanation.py) of the first seed's networks as they were tested, for the answer that the report
shows: the one that a network gives most often over its seeds. Drawn over the very square that the network saw.
"""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import torch
from PIL import Image

from deepenough.comparison import disagreements
from deepenough.evaluation import grad_cam
from deepenough.networks import ResNet
from deepenough.records import CAMS, Verdict, read_json, write_table
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.tasks.tested import tested_network
from deepenough.training import cell_name

MOST = 24  # pictures
SIDE = 96  # pixels of a drawn square
FEWEST_CELLS = 4  # a side of the map: fewer show no place
_COLOUR = np.array([230.0, 97.0, 1.0])  # an orange that the colour-blind tell from grey


def write_cams(bench: Bench, scores: pl.DataFrame, verdict: Verdict) -> None:
    """Write the squares that both networks saw, with where they found their answers, of the most divisive pictures.

    Nothing is written for a task without classes, for a network whose features are not a ResNet's own, or where the
    image side is too small for a map of four by four cells.
    """
    path, pair = bench.store.root / "cams.parquet", {"small": verdict.small, "big": verdict.big}
    chosen = disagreements(scores, **pair, scale=verdict.scale, limit=MOST)
    numbers = {name: place for place, name in enumerate(bench.prepared.classes)}
    places = {sample: place for place, sample in enumerate(bench.test.sample_ids)}
    chosen = chosen.filter(
        pl.col("sample_id").is_in(list(places)),
        *(pl.col(f"{side}_prediction").is_in(list(numbers)) for side in pair),
    )
    stage = _stage(verdict.scale)
    if chosen.is_empty() or stage is None or verdict.scale not in bench.test.scales:
        return
    squares = np.stack([bench.test.at(verdict.scale)[places[sample]] for sample in chosen["sample_id"]])
    rows = []
    for side, name in pair.items():
        network = _network(bench, name)
        if network is None:
            return
        asked = torch.tensor([numbers[answer] for answer in chosen[f"{side}_prediction"]])
        maps = _maps(bench, network, squares, asked, stage)
        for sample, square, found in zip(chosen["sample_id"], squares, maps, strict=True):
            rows.append({"sample_id": sample, "contender": name, "image": drawn(square, found), "side": SIDE})
    write_table(path, pl.DataFrame(rows, schema=CAMS), CAMS)


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


def _maps(bench: Bench, network: ResNet, squares: np.ndarray, asked: torch.Tensor, stage: int) -> np.ndarray:
    """Maps of the squares, float32 (squares, height, width), one at a time so that memory is that of one."""
    machine, prepared = bench.setting.machine, bench.setting.preprocessing
    found = []
    for square, one in zip(squares, asked, strict=True):
        pixels = torch.from_numpy(square.copy()).permute(2, 0, 1)[None]
        images = machine.images(pixels, prepared.mean, prepared.std)
        found.append(grad_cam(network, images, one[None].to(images.device), stage)[1][0].cpu().numpy())
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
