"""How the training of one contender differs from the study's: longer, faster, on fewer pictures, by other means.

Each is a word after an at sign in the contender's name, as `resnet50@time=2@optimizer=sgd`, so that what a change of
the training buys is compared like a network. The batches of contenders that share pictures, augmentation and length
are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from deepenough.errors import InputError
from deepenough.networks.catalogue import entry

Optimizer = Literal["adamw", "sgd", "lamb"]
Strength = Literal["light", "standard", "strong"]
_CHOICES: dict[str, tuple[str, ...]] = {"optimizer": get_args(Optimizer), "augmentation": get_args(Strength)}
_FACTORS = {"time": (0.05, 20.0), "rate": (1e-3, 1e3), "share": (0.01, 1.0), "decay": (1e-3, 1e3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """What differs from the study's training; nothing does by default.

    Args:
        time: factor of the training's length, in steps.
        rate: factor of the peak learning rate.
        share: of the training pictures, drawn by the seed; the number of steps stays, so that less diverse samples are
            seen more often.
        optimizer: in place of the study's, with its own default learning rate and weight decay.
        augmentation: strength in place of the study's.
        decay: factor of the weight decay.
        teacher: the network whose outputs its loss follows too, as the study trained it with the same seed.
    """

    time: float = 1.0
    rate: float = 1.0
    share: float = 1.0
    optimizer: Optimizer | None = None
    augmentation: Strength | None = None
    decay: float = 1.0
    teacher: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """As they stand in a contender's name, in a fixed order.

        >>> Regime(time=2.0, optimizer="sgd").words
        ('time=2', 'optimizer=sgd')
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        shown = {name: f"{value:g}" if name in _FACTORS else value for name, value in given.items()}
        return tuple(f"{name}={shown[name]}" for name, value in given.items() if value not in (1.0, None))


PLAIN = Regime()
WORDS = tuple(field.name for field in fields(Regime))


def regime_value(name: str, word: str, text: str) -> float | str:
    """The value of a word in a contender's name.

    Raises:
        InputError: none, or outside of what the word takes.

    >>> regime_value("resnet50@time=2", "time", "2")
    2.0
    """
    if word == "teacher":
        entry(text)
        return text
    if word in _CHOICES:
        if text not in _CHOICES[word]:
            raise InputError(f"contender {name}", f"@{word}= one of {', '.join(_CHOICES[word])}", repr(text))
        return text
    low, high = _FACTORS[word]
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InputError(f"contender {name}", f"@{word}= a number from {low:g} to {high:g}", repr(text))
    return value
