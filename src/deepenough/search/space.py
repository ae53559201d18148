"""The space of a structure search: what is drawn, how it is fitted to the budget, and which contender it is.

Everything is drawn but the width: that is the largest with which the network takes no more than a drawn share of the
budget. So nearly every draw is within the budget, whatever its depth, kernels and stem, and none above it is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deepenough.errors import StudyError
from deepenough.search.budget import OPTIONS, Budget, Pricing

STEMS = ("imagenet", "deep", "small")
KERNELS = (3, 5, 7)
GROUPS = (1, 2, 4, 8)
SPLITS = (1, 2, 4)
INNER = (0.5, 1.0, 1.5)  # channels of the spatial convolution, in those of the stage
FUSIONS = ("none", "concatenate", "top_down")
STRENGTHS = ("light", "standard")
MOST_BLOCKS = (4, 6, 23, 4)
FILL = (0.5, 1.0)
RATE = (0.1, 4.0)
DECAY = (0.1, 10.0)
_STEP = 64  # widths are whole multiples of 1 / _STEP: at 512 channels, a step of 8
_NARROWEST, _WIDEST = _STEP // 8, 4 * _STEP
_PLAIN: dict[str, Any] = {
    "stem": "imagenet",
    "kernel1": 3,
    "kernel2": 3,
    "kernel3": 3,
    "kernel4": 3,
    "groups": 1,
    "splits": 1,
    "inner": 1.0,
    "fusion": "none",
    "drop_path": 0.0,
    "rate": 1.0,
    "decay": 1.0,
    "augmentation": "light",
    "fill": 1.0,
}


class Draws(Protocol):
    """What a sampler's trial offers; Optuna's does."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ANN401
        """One of some values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A draw as a contender that can be trained.

    Args:
        contender: its name.
        side: image side in pixels, in training and at test.
        price: `macs`, `parameters`, and `latency_ms` where it is predicted.
        share: of the budget that it takes; above 1 where even the narrowest is too dear.
    """

    contender: str
    side: int
    price: Mapping[str, float]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What may be drawn under a budget; the rest is the same under all.

    Args:
        sides: of the images in training and at test, pixels.
        stems: of `STEMS`.
        fusions: of `FUSIONS`.
    """

    sides: tuple[int, ...]
    stems: tuple[str, ...] = STEMS
    fusions: tuple[str, ...] = FUSIONS

    def draw(self, trial: Draws) -> dict[str, Any]:
        """One point of the space, by name, from a sampler."""
        form: dict[str, Any] = {
            f"blocks{stage}": trial.suggest_int(f"blocks{stage}", 1, most, log=most > 10)
            for stage, most in enumerate(MOST_BLOCKS, start=1)
        }
        form |= {f"kernel{stage}": trial.suggest_categorical(f"kernel{stage}", KERNELS) for stage in range(1, 5)}
        for name, choices in self._choices.items():
            form[name] = trial.suggest_categorical(name, choices) if len(choices) > 1 else next(iter(choices))
        form["fill"] = trial.suggest_float("fill", *FILL)
        form["rate"] = trial.suggest_float("rate", *RATE, log=True)
        form["decay"] = trial.suggest_float("decay", *DECAY, log=True)
        form["drop_path"] = trial.suggest_float("drop_path", 0.0, 0.2, step=0.05)
        return form

    def beginnings(self) -> list[dict[str, Any]]:
        """Points to try first: a short network, and the forms of ResNet-50 and ResNet-101, all made to fit."""
        single = {name for name, choices in self._choices.items() if len(choices) == 1}
        plain = {name: value for name, value in {**_PLAIN, "side": max(self.sides)}.items() if name not in single}
        rows = ((2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3))
        return [{**plain, **{f"blocks{stage}": count for stage, count in enumerate(row, start=1)}} for row in rows]

    @property
    def _choices(self) -> dict[str, Sequence[Any]]:
        """What is drawn without an order; what has one value alone is not drawn."""
        return {
            "stem": self.stems,
            "groups": GROUPS,
            "splits": SPLITS,
            "inner": INNER,
            "fusion": self.fusions,
            "augmentation": STRENGTHS,
            "side": self.sides,
        }


def space_within(sides: Sequence[int], budget: Budget, pricing: Pricing) -> Space:
    """The space without what no network of a budget can have: sides, stems and heads that are too dear by themselves.

    Raises:
        StudyError: not even the cheapest network is within the budget.
    """
    smallest = min(sides)

    def fits(**changes: Any) -> bool:  # noqa: ANN401
        return budget.share(_cheapest(pricing, **{"side": smallest, **changes})) <= 1.0

    if not fits():
        price = _cheapest(pricing, side=smallest)
        name, most = max(budget.bounds.items(), key=lambda bound: price[bound[0]] / bound[1])
        digits = 2 if name == "latency_ms" else 0
        expected = f"at least {price[name]:,.{digits}f}, which the cheapest network takes at {smallest} px"
        raise StudyError(OPTIONS[name], expected, f"{most:,.{digits}f}", "allow more, or name a smaller --sides")
    return Space(
        sides=tuple(side for side in sides if fits(side=side)),
        stems=tuple(stem for stem in STEMS if fits(stem=stem)),
        fusions=tuple(fusion for fusion in FUSIONS if fits(fusion=fusion)),
    )


def fit(form: Mapping[str, Any], budget: Budget, pricing: Pricing, *, strength: str) -> Fitted:
    """The widest network of a form that takes no more than its share of the budget, else the narrowest.

    Costs never fall with the width, so the width is found by halving.

    Args:
        form: as `Space.draw` gives it.
        budget: not to be passed.
        pricing: says what networks cost.
        strength: of the study's augmentation, which then needs no word in the name.
    """
    side = int(form["side"])

    def share(width: int) -> float:
        return budget.share(pricing.of(_network(form, width / _STEP), side))

    low, high = _NARROWEST, _WIDEST
    while low < high:
        middle = (low + high + 1) // 2
        if share(middle) <= form["fill"]:
            low = middle
        else:
            high = middle - 1
    network = _network(form, low / _STEP)
    words = _words(form, strength)
    return Fitted(contender="@".join([network, *words]), side=side, price=pricing.of(network, side), share=share(low))


def _cheapest(pricing: Pricing, **changes: Any) -> Mapping[str, float]:  # noqa: ANN401
    """What the narrowest and shortest network costs at a `side`, with something else changed."""
    short = {f"blocks{stage}": 1 for stage in range(1, 5)}
    form = {**_PLAIN, **short, "inner": INNER[0], **changes}
    return pricing.of(_network(form, _NARROWEST / _STEP), form["side"])


def _network(form: Mapping[str, Any], width: float) -> str:
    """The catalogue's name of a form at a width, without the levers that stand as they always do.

    Groups and splits share the channels of the spatial convolution, so that neither changes how many there are.
    """
    parts = form["groups"] * form["splits"]
    inner = max(1, round(64 * form["inner"] / parts))
    kernels = tuple(form[f"kernel{stage}"] for stage in range(1, 5))
    levers = {
        "blocks": "-".join(str(form[f"blocks{stage}"]) for stage in range(1, 5)),
        "width": f"{width:.9g}",
        "stem": form["stem"],
        "kernels": "-".join(map(str, kernels)),
        "bottleneck_width": str(inner),
        "groups": str(form["groups"]),
        "splits": str(form["splits"]),
        "drop_path": f"{form['drop_path']:.2f}",
        "fusion": form["fusion"],
    }
    usual = {
        "blocks": "3-4-6-3",
        "width": "1",
        "stem": "imagenet",
        "kernels": "3-3-3-3",
        "bottleneck_width": "64",
        "groups": "1",
        "splits": "1",
        "drop_path": "0.00",
        "fusion": "none",
    }
    return "+".join(["resnet50", *(f"{name}={value}" for name, value in levers.items() if value != usual[name])])


def _words(form: Mapping[str, Any], strength: str) -> list[str]:
    """What differs in its training, as `studies.regimes` names it; rates to three digits, as they are then trained."""
    rate, decay = (f"{float(f'{form[name]:.3g}'):g}" for name in ("rate", "decay"))
    words = {"rate": rate, "augmentation": form["augmentation"], "decay": decay}
    usual = {"rate": "1", "augmentation": strength, "decay": "1"}
    return [f"{name}={value}" for name, value in words.items() if value != usual[name]]
