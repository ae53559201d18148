"""Which of a finished study's two networks explains itself better, at one scale or several, and how far each looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import torch

from deepenough.comparison import decide_study, groups_of
from deepenough.data.indexed import fingerprint_of
from deepenough.errors import InputError, RecordError, StudyError
from deepenough.evaluation.erasing import STEPS, erased
from deepenough.evaluation.explanation import METHODS, Method, grad_cam
from deepenough.evaluation.receptive import HELD, STAGES, field_side, slopes_of
from deepenough.networks import ResNet
from deepenough.records import CAMS, SCORES, Measure, read_json, read_table, write_json, write_table
from deepenough.records.explanations import ERASED, ExplainedAt, Explanations, ReceptiveField
from deepenough.stats import bonferroni_level
from deepenough.studies.cams import FEWEST_CELLS, cams
from deepenough.studies.contenders import LARGEST_SIDE
from deepenough.studies.finished import Finished, require_classes, require_single_scale
from deepenough.studies.measures import measure_of
from deepenough.training import cell_name

PICTURES = 200
LOOKED_AT = 32  # pictures over which a receptive field is averaged
FORM = 1  # of the areas: raised when the same network and picture would give others
_AT_ONCE = 16  # pictures
_SMALLEST_SIDE = 32  # pixels

Tell = Callable[[str], None]
Run = tuple[str, int]  # contender, seed


def explain(
    finished: Finished,
    method: Method = "gradcam",
    *,
    scales: Sequence[int] = (),
    pictures: int = PICTURES,
    steps: int = STEPS,
    tell: Tell = lambda _text: None,
) -> Explanations:
    """Erase test pictures in the order of each network's own maps, and hold the two networks against each other.

    The verdict's two networks, every seed of them, at its scale and at others that are asked for. A map explains the
    answer that this network gives to this picture at that scale. What is done is kept in the study's folder,
    `explanations/`, so a call that was stopped goes on; the answer is `explanations.json`. Of a study that keeps
    images, maps of the method at up to three scales are drawn for its page, `explanations/cams.parquet`.

    Args:
        finished: the study.
        method: of the maps.
        scales: further image sides, pixels; the verdict's is always there.
        pictures: how many of the test set, those of the lowest ids, which are hashes of their bytes.
        steps: of each curve.
        tell: told what is being done.

    Raises:
        InputError: (of its kinds) the study is of another task, a network is no plain ResNet, or weights or pictures
            are not there.
    """
    verdict = finished.verdict
    require_classes(finished, "explain")
    require_single_scale((verdict.small, verdict.big), "explain")
    if method not in METHODS:
        raise StudyError("--method", f"one of {', '.join(METHODS)}", method)
    wrong = sorted(scale for scale in scales if not _SMALLEST_SIDE <= scale <= LARGEST_SIDE)
    if wrong:
        raise StudyError("--scales", f"image sides from {_SMALLEST_SIDE} to {LARGEST_SIDE} px", f"{wrong[0]}")
    chosen = sorted(finished.samples.filter(pl.col("split") == "test")["sample_id"])[:pictures]
    pixels = finished.pixels("test", scales=scales)
    places = {sample: place for place, sample in enumerate(pixels.sample_ids)}
    found: dict[int, tuple[_Asked, pl.DataFrame]] = {}
    receptive = []
    for scale in sorted({verdict.scale, *scales}):
        squares = pixels.at(scale)[[places[sample] for sample in chosen]]
        asked, frames = _Asked(finished, method, scale, steps, chosen, np.asarray(squares)), []
        for name in (verdict.small, verdict.big):
            sides = []
            for seed in verdict.seeds[name]:
                tell(f"{cell_name(name, seed)}, {scale} px: {len(chosen)} pictures erased in {steps} steps")
                frame, own = asked.of((name, seed))
                frames.append(frame)
                sides.append(own)
            if scale == verdict.scale:
                receptive += [
                    ReceptiveField(contender=name, stage=number, sides=[own[number] for own in sides])
                    for number in STAGES
                ]
        found[scale] = asked, pl.concat(frames)
    answer = _answer(finished, found, receptive)
    _draw(finished, method, [*found] if scales else finished.design.scales)
    write_json(finished.store.root / "explanations.json", answer)
    return answer


def _draw(finished: Finished, method: Method, scales: Sequence[int]) -> None:
    """The maps of this method, for the page; none of a study that was asked to keep no images."""
    path, verdict = finished.store.root / "explanations" / "cams.parquet", finished.verdict
    path.unlink(missing_ok=True)
    if not finished.study.images:
        return

    def network_of(name: str) -> ResNet | None:
        network = finished.network(name, min(verdict.seeds[name]))
        return network if isinstance(network, ResNet) else None

    classes, pixels = finished.prepared.classes, finished.pixels("test", scales=scales)
    asked = [scale for scale in pixels.scales if scale in {verdict.scale, *scales}]
    drawn = cams(finished.setting, classes, (pixels, asked), network_of, finished.scores("test"), verdict, method)
    if drawn is not None:
        write_table(path, drawn, CAMS)


class _Asked:
    """What is asked of each run at a scale, and what is on record of it."""

    def __init__(
        self, finished: Finished, method: Method, scale: int, steps: int, ids: Sequence[str], squares: np.ndarray
    ) -> None:
        self.finished, self.scale, self.steps = finished, scale, steps
        self.stage = next(stage for stage in reversed(STAGES) if scale >> stage >= FEWEST_CELLS)
        self.method: Method = method
        self.ids, self.squares = ids, squares
        self.folder = finished.store.root / "explanations"
        self.folder.mkdir(exist_ok=True)

    def of(self, run: Run) -> tuple[pl.DataFrame, dict[int, int]]:
        """Rows of `ERASED`, and the side of each stage's receptive field."""
        further = self.scale != self.finished.verdict.scale
        called = f"{cell_name(*run)}-{self.scale}px" if further else cell_name(*run)
        path, note = (self.folder / f"{called}.{kind}" for kind in ("parquet", "json"))
        weights = read_json(self.finished.store.cell(cell_name(*run)).note)["weights_sha256"]
        now = fingerprint_of(
            FORM, weights, self.method, self.scale, self.stage, self.steps, list(self.ids), STAGES, HELD
        )
        try:
            known = read_json(note)
            if known["fingerprint"] == now:
                return read_table(path, ERASED), {int(stage): side for stage, side in known["sides"].items()}
        except (RecordError, KeyError, TypeError, ValueError, AttributeError):
            pass
        network = self.finished.network(*run)
        if not isinstance(network, ResNet):
            raise InputError("explain", "networks whose last layers are a ResNet's", type(network).__name__)
        frame, sides = self._erased(run, network), {} if further else self._sides(network)
        write_table(path, frame, ERASED)
        write_json(note, {"fingerprint": now, "sides": sides})
        return frame, sides

    def _images(self, first: int, last: int) -> torch.Tensor:
        prepared = self.finished.setting.preprocessing
        pixels = torch.from_numpy(self.squares[first:last].copy()).permute(0, 3, 1, 2)
        return self.finished.setting.machine.images(pixels, prepared.mean, prepared.std)

    def _erased(self, run: Run, network: ResNet) -> pl.DataFrame:
        machine, classes = self.finished.setting.machine, self.finished.prepared.classes

        def answers(images: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode(), machine.autocast():
                return network(images).float().softmax(dim=1)

        rows = []
        for first in range(0, len(self.ids), _AT_ONCE):
            ids = self.ids[first : first + _AT_ONCE]
            images = self._images(first, first + len(ids))
            said, maps = grad_cam(
                network, images, images.new_full((len(ids),), -1, dtype=torch.int64), self.stage, self.method
            )
            labels = said.argmax(dim=1)
            chance = torch.from_numpy(np.stack([_noise(sample, images.shape[-2:]) for sample in ids])).to(images.device)
            areas = [
                each.tolist() for order in (maps, chance) for each in erased(answers, images, order, labels, self.steps)
            ]
            named = [classes[label] for label in labels.tolist()]
            rows += zip(ids, named, *areas, strict=True)
        schema = {name: ERASED[name] for name in list(ERASED)[3:]}
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        contender, seed = run
        where = {"contender": contender, "seed": seed, "scale": self.scale}
        return frame.select(*(pl.lit(value).cast(ERASED[name]).alias(name) for name, value in where.items()), pl.all())

    def _sides(self, network: ResNet) -> dict[int, int]:
        found = {}
        for stage in STAGES:
            total = torch.zeros(self.squares.shape[1:3], dtype=torch.float64)
            for first in range(0, min(LOOKED_AT, len(self.ids)), _AT_ONCE):
                total += slopes_of(network, self._images(first, min(first + _AT_ONCE, LOOKED_AT)), stage)
            found[stage] = field_side(total)
        return found


def _noise(sample: str, side: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(int(sample[:16], 16)).random(tuple(side), np.float32)


def _answer(
    finished: Finished, found: dict[int, tuple[_Asked, pl.DataFrame]], receptive: list[ReceptiveField]
) -> Explanations:
    """Both measures beyond chance, each at a level that makes all hold at once, and both as they are beside them."""
    verdict = finished.verdict
    wide = bonferroni_level(2 * len(found), verdict.level)
    asked, frame = found[verdict.scale]
    return Explanations(
        small=verdict.small,
        big=verdict.big,
        scale=verdict.scale,
        method=asked.method,
        stage=asked.stage,
        steps=asked.steps,
        samples=len(asked.ids),
        seeds={name: verdict.seeds[name] for name in (verdict.small, verdict.big)},
        level=verdict.level,
        measures=_measures(finished, frame, verdict.scale, wide),
        held=HELD,
        receptive=receptive,
        further=[
            ExplainedAt(scale=scale, stage=other.stage, measures=_measures(finished, rows, scale, wide))
            for scale, (other, rows) in found.items()
            if scale != verdict.scale
        ],
    )


def _measures(finished: Finished, frame: pl.DataFrame, scale: int, wide: float) -> list[Measure]:
    scores = {
        "deletion beyond chance": pl.col("deletion_by_chance") - pl.col("deletion"),
        "insertion beyond chance": pl.col("insertion") - pl.col("insertion_by_chance"),
        "1 - deletion": 1.0 - pl.col("deletion"),
        "insertion": pl.col("insertion"),
    }
    levels = (wide, wide, finished.verdict.level, finished.verdict.level)
    return [
        _measured(finished, name, frame.with_columns(score=score), scale, level)
        for (name, score), level in zip(scores.items(), levels, strict=True)
    ]


def _measured(finished: Finished, name: str, frame: pl.DataFrame, scale: int, level: float) -> Measure:
    verdict = finished.verdict
    rows = frame.with_columns(target=pl.lit(""), confidence=pl.lit(0.0))
    decided = decide_study(
        rows.select(pl.col(column).cast(kind) for column, kind in SCORES.items()),
        margin=verdict.margin,
        small=verdict.small,
        big=verdict.big,
        scale=scale,
        metric=name,
        unit="points",
        multiplier=100.0,
        groups=groups_of(finished.samples),
        level=level,
    )
    return measure_of(decided, "test")
