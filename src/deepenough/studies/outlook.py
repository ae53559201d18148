"""What studies of several sizes would take on this machine, from the probe that `compare` makes before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepenough.data import Prepared
from deepenough.machine import choose_machine
from deepenough.studies.contenders import require_contenders
from deepenough.studies.design import design_of
from deepenough.studies.plan import Forecast, forecast
from deepenough.studies.planning import cache_bytes, resolve_on, sizes_of
from deepenough.studies.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How long and how much memory, by the number of seeds of each network; all else is as `compare` would choose."""

    contenders: tuple[str, ...]
    train_scale: int
    epochs: int
    precision: str
    seed_s: float  # one training of all networks
    test_image_s: float  # one test image in all networks of one seed, at all scales
    forecasts: dict[int, Forecast]
    cache_bytes: int  # of decoded pictures on disk, the same for every number of seeds
    gave_up: list[str]


def foresee(request: Study, prepared: Prepared, seeds: Sequence[int]) -> Outlook:
    """Probe this machine for some seconds and forecast a study with each of these numbers of seeds.

    Args:
        request: the study as a person would ask for it.
        prepared: its pictures.
        seeds: numbers of seeds of each network, at least one.

    Raises:
        InputError: a network is unknown.
    """
    request = request.model_copy(update={"contenders": require_contenders(request.contenders)})
    machine = choose_machine(request.precision, request.threads)
    resolved = resolve_on(machine, request, prepared)
    design, sizes = design_of(resolved.study), sizes_of(resolved.study, prepared)
    forecasts = {
        k: forecast(
            resolved.probe,
            sizes,
            seeds=k,
            epochs=design.epochs,
            train_scale=design.train_scale,
            scales=design.scales,
        )
        for k in seeds
    }
    fewest = min(seeds)
    return Outlook(
        contenders=design.contenders,
        train_scale=design.train_scale,
        epochs=design.epochs,
        precision=machine.precision,
        seed_s=forecasts[fewest].training_s / fewest,
        test_image_s=sum(resolved.probe.test_image_s(scale) for scale in design.scales),
        forecasts=forecasts,
        cache_bytes=cache_bytes(resolved.study, prepared),
        gave_up=resolved.gave_up,
    )
