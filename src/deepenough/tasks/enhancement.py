"""Enhancement: harm clean pictures in a known way, and learn to mend them. Scored by likeness to what they were."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from deepenough.errors import InputError
from deepenough.tasks.classical import methods
from deepenough.tasks.contract import Given, Metric, Run, Targets, Task, View
from deepenough.tasks.cut_outs import cut_outs, in_eight_bits
from deepenough.tasks.degrading import (
    Blur,
    Compression,
    Degradation,
    GaussianNoise,
    LittleLight,
    PoissonGaussianNoise,
    Shrinking,
)
from deepenough.tasks.harming import HarmedView
from deepenough.tasks.likeness import psnr, ssim
from deepenough.tasks.options import number, one_of, refuse_unknown, whole_number
from deepenough.tasks.perceptual import closeness, weights_of
from deepenough.tasks.values import Exhibit, Seen

if TYPE_CHECKING:
    from deepenough.data.augment import Augmentation

ENOUGH_VIEWS = 1024  # of an epoch: a small set is cut from more often, so that its epochs teach as those of a large one
_EPSILON = 1e-3  # of the loss, in [0, 1]
_SHARED = ("metric", "views", "lpips")
_METRICS = {
    "psnr": Metric(name="PSNR", unit="dB", multiplier=1.0, lowest=0.0, highest=100.0),
    "ssim": Metric(name="SSIM", unit="points", multiplier=100.0, lowest=-1.0, highest=1.0),
    "lpips": Metric(name="1 - LPIPS", unit="points", multiplier=100.0, lowest=0.0, highest=1.0),
}


class Size(NamedTuple):
    """Of a picture, pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Enhancement(Task):
    """The task of mending pictures that were harmed by `degradation`.

    Args:
        degradation: what harms them.
        measure: `psnr`, `ssim` or `lpips`.
        views: of a training picture in an epoch, each another crop and another draw of the noise.
        bm3d: that is tried beside the networks.
        lpips: file with the weights by which LPIPS is measured too; None where it is not.
    """

    degradation: Degradation
    measure: str = "psnr"
    views: int = 1
    bm3d: bool = False
    lpips: str | None = None

    fit = "cut"
    own_options: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abstractmethod
    def harmed_by(cls, options: Mapping[str, Any]) -> Degradation:
        """The degradation that the options ask for."""

    @classmethod
    def of(cls, given: Given) -> Self:
        """The task; any pictures do, whatever they show."""
        options = given.options
        refuse_unknown(cls.name, options, (*_SHARED, *cls.own_options))
        trained = given.samples.filter(pl.col("split") == "train").height
        bm3d = options.get("bm3d", False)
        if not isinstance(bm3d, bool):
            raise InputError("task_options: bm3d", "true or false", repr(bm3d))
        measure = one_of(options, "metric", "psnr", tuple(_METRICS))
        lpips = weights_of(options)
        if measure == "lpips" and lpips is None:
            raise InputError("task_options: metric", "lpips: FILE beside it, AlexNet's weights", "none")
        views = whole_number(options, "views", -(-ENOUGH_VIEWS // max(1, trained)), least=1, most=10_000)
        task = cls(cls.harmed_by(options), measure, views, bm3d, lpips)
        methods(task.degradation, bm3d=bm3d)  # refuses what cannot be tried
        return task

    @classmethod
    def again(cls, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Self:
        """By the usual harm: none is done in use."""
        del classes, kept
        return cls(cls.harmed_by({}))

    @property
    def metric(self) -> Metric:
        """PSNR, unless another was asked for."""
        return _METRICS[self.measure]

    @property
    def measures(self) -> tuple[str, ...]:
        """What is measured of every picture; LPIPS where its weights are there."""
        return tuple(name for name in _METRICS if name != "lpips" or self.lpips is not None)

    @property
    def row(self) -> np.dtype:
        """The likenesses of the mended picture to the clean one."""
        return np.dtype([(name, "<f8") for name in self.measures])

    @property
    def outputs(self) -> int:
        """Of a head that is not used."""
        return 1

    @property
    def views_an_epoch(self) -> int:
        """So many crops of each picture."""
        return self.views

    def targets(self, samples: pl.DataFrame) -> list[Size]:
        """How large each picture is: what a test square shows beyond it is not scored."""
        return [Size(*row) for row in samples.select("width", "height").iter_rows()]

    # --- training -----------------------------------------------------------------------------------------------------

    def assemble(self, backbone: nn.Module) -> nn.Module:
        """An encoder-decoder around the backbone."""
        from deepenough.tasks.restorer import Restorer

        return Restorer(backbone)  # pyright: ignore[reportArgumentType]

    def view(self, augmentation: Augmentation, side: int) -> View:
        """See `HarmedView`."""
        return HarmedView(self.degradation, augmentation, side)

    def collate(self, targets: Sequence[Tensor]) -> Tensor:
        """Stacked, int16 (batch, 3, side, side)."""
        return torch.stack(list(targets)) if len(targets) else torch.zeros((0, 3, 1, 1), dtype=torch.int16)

    def example(self, images: Tensor) -> Tensor:
        """What it takes to make each picture as bright as the middle."""
        return 128 - images.to(torch.int16)

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Charbonnier's: nearly the absolute error (Lai et al. 2017, arXiv 1704.03915, section 3.3)."""
        del smoothing
        error = outputs.float() - targets.float() / 255.0
        return torch.sqrt(error * error + _EPSILON**2).mean()

    # --- test ---------------------------------------------------------------------------------------------------------

    def inputs(self, squares: np.ndarray, sample_ids: Sequence[str]) -> np.ndarray:
        """The squares harmed, each by draws of its own: the same in every study, at every batch."""
        harmed = [self.degradation(square, _rng(name)) for square, name in zip(squares, sample_ids, strict=True)]
        return np.stack(harmed) if harmed else np.array(squares)

    def completed(self, outputs: Tensor, shown: np.ndarray) -> Tensor:
        """The mended squares in [0, 1], (batch, 3, side, side)."""
        return outputs + torch.from_numpy(np.array(shown)).permute(0, 3, 1, 2).float() / 255.0

    def outcomes(self, outputs: Tensor, targets: Targets, squares: np.ndarray) -> np.ndarray:
        """Of pictures in 8 bits, as they could be saved; what is not finite is as unlike as can be."""
        mended = outputs.float().permute(0, 2, 3, 1).numpy()
        sound = np.isfinite(mended).all(axis=(1, 2, 3))
        rows = self._rows(in_eight_bits(outputs), targets, squares)
        for name in self.measures:
            rows[name][~sound] = _METRICS[name].lowest
        return rows

    def baselines(self, squares: np.ndarray, targets: Targets, sample_ids: Sequence[str]) -> Mapping[str, np.ndarray]:
        """The harmed picture as it is, and what is known against the harm."""
        harmed = self.inputs(squares, sample_ids)
        known = methods(self.degradation, bm3d=self.bm3d)
        return {
            title: self._rows(
                [mend(one, _rng(name)) for one, name in zip(harmed, sample_ids, strict=True)], targets, squares
            )
            for title, mend in known.items()
        }

    def exhibits(self, seen: Seen, place: int) -> tuple[Exhibit, ...]:
        """A cut-out from where the networks' mended pictures differ most: harmed, mended by each, and clean."""
        one, size = slice(place, place + 1), seen.targets[place]
        mended = {name: in_eight_bits(said)[0] for name, said in seen.outputs(place).items()}
        if not mended:
            return ()
        clean, harmed = seen.squares[place], self.inputs(seen.squares[one], seen.sample_ids[one])[0]
        return cut_outs(np.asarray(clean), harmed, mended, size)

    def judged(self, run: Run, reference: Run | None = None) -> pl.DataFrame:
        """The likeness of each picture; there is nothing to be sure of."""
        del reference
        return pl.DataFrame(
            {
                "target": pl.Series([None] * len(run.rows), dtype=pl.String),
                "prediction": pl.Series([None] * len(run.rows), dtype=pl.String),
                "score": run.rows[self.measure].astype(np.float64),
                "confidence": pl.Series([None] * len(run.rows), dtype=pl.Float64),
            }
        )

    def also(self) -> tuple[Self, ...]:
        """By the other likenesses."""
        return tuple(replace(self, measure=name) for name in self.measures if name != self.measure)

    def _rows(self, mended: Sequence[np.ndarray], targets: Targets, squares: np.ndarray) -> np.ndarray:
        """Likenesses within the picture itself: a square that is larger is black beyond it."""
        rows = np.zeros(len(mended), self.row)
        for row, one, size, clean in zip(rows, mended, targets, squares, strict=True):
            there = slice(size.height), slice(size.width)
            mine, its = one[there], np.asarray(clean)[there]
            row["psnr"], row["ssim"] = psnr(mine, its), ssim(mine, its)
            if self.lpips is not None:
                row["lpips"] = closeness(mine, its, self.lpips)
        return rows


@dataclass(frozen=True)
class Denoise(Enhancement):
    """Take noise, or what JPEG leaves, out of pictures."""

    name = "denoise"
    own_options = ("noise", "sigma", "peak", "quality", "bm3d")

    @classmethod
    def harmed_by(cls, options: Mapping[str, Any]) -> Degradation:
        """By `noise`: `gaussian`, `poisson` (and Gaussian) or `jpeg`."""
        kind = one_of(options, "noise", "gaussian", ("gaussian", "poisson", "jpeg"))
        belongs = {"gaussian": ("sigma", "bm3d"), "poisson": ("sigma", "peak", "bm3d"), "jpeg": ("quality", "bm3d")}
        refuse_unknown(f"denoise with noise: {kind}", options, (*_SHARED, "noise", *belongs[kind]))
        if kind == "jpeg":
            return Compression(whole_number(options, "quality", 10, least=1, most=95))
        sigma = number(options, "sigma", 25 if kind == "gaussian" else 5, above=0, below=256)
        if kind == "gaussian":
            return GaussianNoise(sigma)
        return PoissonGaussianNoise(number(options, "peak", 30, above=0, below=1e6), sigma)


@dataclass(frozen=True)
class SuperResolution(Enhancement):
    """Give back what a picture lost when it was shrunk."""

    name = "superresolution"
    own_options = ("factor",)

    @classmethod
    def harmed_by(cls, options: Mapping[str, Any]) -> Degradation:
        """By `factor`, 2 or 4."""
        factor = whole_number(options, "factor", 2, least=2, most=4)
        if factor == 3:
            raise InputError("task_options: factor", "2 or 4", "3")
        return Shrinking(factor)


@dataclass(frozen=True)
class Deblur(Enhancement):
    """Sharpen pictures that are out of focus or moved."""

    name = "deblur"
    own_options = ("blur", "spread", "sigma")

    @classmethod
    def harmed_by(cls, options: Mapping[str, Any]) -> Degradation:
        """By `blur`, `gaussian` or `motion`, with `spread` in pixels and noise of `sigma`."""
        kind = one_of(options, "blur", "gaussian", ("gaussian", "motion"))
        spread = number(options, "spread", 1.6 if kind == "gaussian" else 9, above=0, below=33)
        return Blur(kind, spread, number(options, "sigma", 2, above=0, below=256))


@dataclass(frozen=True)
class LowLight(Enhancement):
    """Brighten dark, noisy pictures."""

    name = "lowlight"
    own_options = ("gamma", "gain", "sigma")

    @classmethod
    def harmed_by(cls, options: Mapping[str, Any]) -> Degradation:
        """By a power `gamma`, a factor `gain` and noise of `sigma`."""
        return LittleLight(
            number(options, "gamma", 2, above=0.1, below=10),
            number(options, "gain", 0.4, above=0, below=1.0001),
            number(options, "sigma", 5, above=0, below=256),
        )


def _rng(sample_id: str) -> np.random.Generator:
    """A generator of a sample's own, whatever study, batch or network it is for."""
    return np.random.default_rng(np.random.SeedSequence(list(sample_id.encode())))
