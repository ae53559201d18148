"""A cascade of two networks timed end to end, image by image, beside both networks alone."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from deepenough.cost.timing import BUDGET_S, Precision, device_name
from deepenough.records import CascadeTiming

_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 101


def measure_cascade(  # noqa: PLR0913  all that a time depends on
    first: nn.Module,
    second: nn.Module,
    images: Sequence[Tensor],
    *,
    threshold: float,
    share: float,
    seed: int,
    precision: Precision = "fp32",
    channels_last: bool = False,
    budget_s: float = 20 * BUDGET_S,
) -> CascadeTiming:
    """Time the first network, the second and the cascade on the same images by turns, at batch 1.

    In a round each image meets all three, in the opposite order in the next round; an image's time is the median over
    rounds, so that a machine which is disturbed now and then disturbs none of them. The images may hold more of those
    that are passed on than the test set does: the cascade's two kinds of calls are weighed by `share`. Its time
    includes the softmax and the decision.

    Args:
        first: takes (1, 3, side, side), gives logits (1, classes); on its device. Copied, as by `timing.measure`.
        second: the same.
        images: at least one, normalised.
        threshold: of the first network's confidence, below which the second is asked.
        share: of images that are passed on, where the cascade is to run.
        seed: for the record.
        precision: bf16 runs under autocast.
        channels_last: memory layout.
        budget_s: seconds of timing in all; overrun where three rounds take longer.
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    small, big = (nn.Module.to(copy.deepcopy(each).eval(), memory_format=layout) for each in (first, second))
    device = next(small.parameters()).device
    placed = [image.to(device).contiguous(memory_format=layout) for image in images]
    passed = np.zeros(len(placed), bool)

    def cascade(place: int) -> None:
        logits = small(placed[place])
        passed[place] = unsure = float(logits.float().softmax(dim=1).max()) < threshold
        if unsure:
            big(placed[place]).argmax(dim=1).item()

    calls: list[Callable[[int], object]] = [
        lambda place: small(placed[place]).argmax(dim=1).item(),
        lambda place: big(placed[place]).argmax(dim=1).item(),
        cascade,
    ]
    autocast = torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
    with torch.inference_mode(), autocast:
        rounds = _rounds(calls, len(placed), budget_s)
    medians = np.median(rounds, axis=0)  # (images, calls)
    small_s, big_s = (float(medians[:, call].mean()) for call in (0, 1))
    kept_s, passed_s = (_mean(medians[where, 2]) for where in (~passed, passed))
    return CascadeTiming(
        seed=seed,
        device=device_name(device),
        precision=precision,
        images=len(placed),
        rounds=len(rounds),
        share=share,
        small_s=small_s,
        big_s=big_s,
        kept_s=kept_s,
        passed_s=passed_s,
        predicted_s=small_s + share * big_s,
        measured_s=_weighed(kept_s, passed_s, share),
    )


def _rounds(calls: Sequence[Callable[[int], object]], images: int, budget_s: float) -> np.ndarray:
    """Seconds of every call, (rounds, images, calls), after one of each that is not counted."""
    for call in calls:
        call(0)
    taken: list[np.ndarray] = []
    end = time.perf_counter() + budget_s
    while len(taken) < _FEWEST_ROUNDS or (time.perf_counter() < end and len(taken) < _MOST_ROUNDS):
        seconds = np.empty((images, len(calls)))
        order = range(len(calls)) if len(taken) % 2 == 0 else range(len(calls) - 1, -1, -1)
        for place in range(images):
            for call in order:
                begin = time.perf_counter()
                calls[call](place)
                seconds[place, call] = time.perf_counter() - begin
        taken.append(seconds)
    return np.stack(taken)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _weighed(kept_s: float | None, passed_s: float | None, share: float) -> float:
    """The mean time where `share` is passed on; a kind that no image was of has no weight."""
    if kept_s is None or passed_s is None:
        return passed_s if kept_s is None and passed_s is not None else kept_s or 0.0
    return (1.0 - share) * kept_s + share * passed_s
