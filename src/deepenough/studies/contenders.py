"""Contenders by name: a network, and what is done with it at which image sides.

`resnet50@mixed` is the catalogue's `resnet50` trained at mixed scales. Each treatment is a word after an at sign, with
its image sides where the default will not do: `resnet50@progressive=32-48-64@average=48-64-96`. So a treatment takes
part like any other contender, and its gain has an interval like theirs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deepenough.data.schedules import SMALLEST_SIDE, Kind, Schedule
from deepenough.errors import InputError
from deepenough.networks.catalogue import entry
from deepenough.studies.regimes import PLAIN, WORDS, Regime, regime_value

LARGEST_SIDE = 2048  # pixels
_SCHEDULES: dict[str, Kind] = {"mixed": "mixed", "progressive": "progressive"}
_TREATMENTS = (*_SCHEDULES, "fixres", "average", *WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What a contender's name says.

    Args:
        name: with its treatments in the order schedule, regime, tuning, average and their sides ascending, however
            written.
        network: the catalogue's name, levers included.
        schedule: of the image sides in training.
        fixres: image side at which head and norms are tuned after training, 0 for the largest test scale; None where
            they are not.
        average: test scales whose probabilities are averaged, empty for all the study's; None where each scale stands
            alone.
        regime: how its training differs from the study's.
    """

    name: str
    network: str
    schedule: Schedule
    fixres: int | None = None
    average: tuple[int, ...] | None = None
    regime: Regime = PLAIN

    @property
    def trained(self) -> str:
        """The contender whose training this one shares: itself, without what is done after training."""
        return _name(self.network, self.schedule, self.regime)

    @property
    def root(self) -> str:
        """The training that must be done first: the teacher's of a pupil, else its own."""
        return self.regime.teacher or self.trained

    @property
    def tested(self) -> str:
        """The contender whose weights this one is tested with: itself, without what is done at test."""
        return _name(self.network, self.schedule, self.regime, self.fixres)


def contender(name: str) -> Contender:
    """The contender of that name.

    Raises:
        InputError: no such network or treatment, a treatment twice, or sides that it cannot have.

    >>> found = contender("resnet50+width=0.5@mixed=48-64@average")
    >>> found.network, found.schedule.sides, found.average, found.trained
    ('resnet50+width=0.5', (48, 64), (), 'resnet50+width=0.5@mixed=48-64')
    """
    network, *treatments = name.split("@")
    entry(network)
    given: dict[str, tuple[int, ...]] = {}
    differing: dict[str, Any] = {}
    for treatment in treatments:
        word, equals, text = treatment.partition("=")
        if word not in _TREATMENTS:
            near = difflib.get_close_matches(word, _TREATMENTS, n=1)
            expected = f"a network and after @ one of {', '.join(_TREATMENTS)}"
            raise InputError("contender", expected, repr(treatment), f"did you mean {near[0]}?" if near else "")
        if word in given or word in differing:
            raise InputError(f"contender {name}", f"@{word} once", "it twice")
        if word in WORDS:
            differing[word] = regime_value(name, word, text)
        else:
            given[word] = _sides(name, word, text) if equals else ()
    scheduled = [word for word in given if word in _SCHEDULES]
    if len(scheduled) > 1:
        raise InputError(f"contender {name}", "one schedule of training scales", " and ".join(scheduled))
    schedule = Schedule(_SCHEDULES[scheduled[0]], given[scheduled[0]] or None) if scheduled else Schedule()
    if len(given.get("fixres", ())) > 1:
        raise InputError(f"contender {name}", "one side to tune at, such as @fixres=96", "several")
    fixres = None if "fixres" not in given else (*given["fixres"], 0)[0]
    average = given.get("average")
    regime = Regime(**differing)
    return Contender(
        name=_name(network, schedule, regime, fixres, average),
        network=network,
        schedule=schedule,
        fixres=fixres,
        average=average,
        regime=regime,
    )


def require_contenders(names: Iterable[str]) -> tuple[str, ...]:
    """The contenders' canonical names, in the order given.

    Raises:
        InputError: a name that says nothing, two that say the same, or a teacher that does not take part.

    >>> require_contenders(["resnet50", "resnet50@average=96-64@mixed"])
    ('resnet50', 'resnet50@mixed@average=64-96')
    """
    written: dict[tuple[object, ...], str] = {}
    canonical: list[str] = []
    for name in names:
        each = contender(name)
        key = (entry(each.network).config, each.schedule, each.regime, each.fixres, each.average)
        if key in written:
            raise InputError("contenders", "each once", f"{written[key]} and {name}, which are the same")
        written[key] = name
        canonical.append(each.name)
    _require_teachers(canonical)
    return tuple(canonical)


def _require_teachers(names: Iterable[str]) -> None:
    """A pupil learns from a network that the same study trains, so that it can be held against it too."""
    found = [contender(name) for name in names]
    for each in found:
        teacher = each.regime.teacher
        if teacher is not None and teacher not in {other.trained for other in found}:
            expected, remedy = "a teacher that takes part too", f"add {teacher} to the contenders"
            raise InputError(f"contender {each.name}", expected, f"no contender {teacher}", remedy)


def sharing(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Contenders that rest on the same trainings, by what is trained; only where more than one does.

    >>> sharing(["resnet50", "resnet101", "resnet50@average", "resnet50@fixres=96"])
    {'resnet50': ('resnet50', 'resnet50@average', 'resnet50@fixres=96')}
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(contender(name).trained, []).append(name)
    return {trained: tuple(group) for trained, group in groups.items() if len(group) > 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The cells of a seed by what makes them, each name once; contenders or what contenders are made from.

    Args:
        trained: from the start; those that learn from others after these.
        tuned: a trained one's weights, head and norms tuned after training.
        shared: weights of one of these, tested in another way.
    """

    trained: tuple[str, ...]
    tuned: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """In the order in which they are made."""
        return (*self.trained, *self.tuned, *self.shared)

    @property
    def last_first(self) -> tuple[str, ...]:
        """What others are made from, or learn from, comes last."""
        pupils = [name for name in self.trained if contender(name).root != name]
        others = [name for name in self.trained if name not in pupils]
        return (*self.shared, *self.tuned, *pupils, *others)

    @property
    def families(self) -> tuple[tuple[str, ...], ...]:
        """The trainings by what must be trained first: a teacher with all its pupils, any other by itself."""
        roots = dict.fromkeys(contender(name).root for name in self.trained)
        return tuple(tuple(name for name in self.trained if contender(name).root == root) for root in roots)


def lineage(names: Iterable[str]) -> Lineage:
    """Every cell that a seed of these contenders needs."""
    found = [contender(name) for name in names]
    pupils_last = sorted(found, key=lambda each: each.regime.teacher is not None)
    trained = tuple(dict.fromkeys(each.trained for each in pupils_last))
    tuned = tuple(dict.fromkeys(each.tested for each in found if each.tested not in trained))
    shared = tuple(each.name for each in found if each.name not in (*trained, *tuned))
    return Lineage(trained=trained, tuned=tuned, shared=shared)


def sides_in_training(names: Iterable[str], scale: int, scales: Iterable[int]) -> tuple[int, ...]:
    """Every image side at which any of `names` sees training pictures.

    Args:
        names: of the contenders.
        scale: in training, pixels.
        scales: at test, pixels.
    """
    found = [contender(name) for name in names]
    sides = {side for each in found for side in each.schedule.sides_at(scale)}
    tuned = {each.fixres or max(scales) for each in found if each.fixres is not None}
    return tuple(sorted(sides | tuned))


def sides_at_test(names: Iterable[str], scales: Iterable[int]) -> tuple[int, ...]:
    """Every image side at which any of `names` is tested, `scales` among them."""
    averaged = {side for name in names for side in contender(name).average or ()}
    return tuple(sorted({*scales, *averaged}))


def _sides(name: str, word: str, text: str) -> tuple[int, ...]:
    expected = f"@{word}=SIDES, image sides from {SMALLEST_SIDE} to {LARGEST_SIDE} px joined by -"
    parts = text.split("-")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(f"contender {name}", expected, repr(text))
    sides = tuple(int(part) for part in parts)
    if any(not SMALLEST_SIDE <= side <= LARGEST_SIDE for side in sides):
        raise InputError(f"contender {name}", expected, repr(text))
    return tuple(sorted(set(sides)))


def _name(
    network: str,
    schedule: Schedule,
    regime: Regime,
    fixres: int | None = None,
    average: tuple[int, ...] | None = None,
) -> str:
    parts = [network]
    if schedule.kind != "fixed":
        parts.append(schedule.kind + _joined(schedule.sides or ()))
    parts += regime.words
    if fixres is not None:
        parts.append("fixres" + _joined((fixres,) if fixres else ()))
    if average is not None:
        parts.append("average" + _joined(average))
    return "@".join(parts)


def _joined(sides: tuple[int, ...]) -> str:
    return "=" + "-".join(map(str, sides)) if sides else ""
