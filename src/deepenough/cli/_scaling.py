"""`deepenough plan --gpus`: a whole study on many GPUs, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _output
from deepenough.errors import InputError

if TYPE_CHECKING:
    from deepenough.studies.scaling import Network, Work

TrainImagesOption = Annotated[
    int | None, typer.Option(metavar="N", help="Of --gpus: training images.", min=1, show_default=False)
]
SeedsOption = Annotated[int | None, typer.Option(help="Of --gpus: trainings of each network.  [default: 3]", min=1)]
EpochsOption = Annotated[
    int | None, typer.Option(help="Of --gpus: passes over the training images.  [default: 90]", min=1)
]
BatchOption = Annotated[int | None, typer.Option(help="Of --gpus: images a step.  [default: 1024]", min=2)]
TrainScaleOption = Annotated[
    int | None, typer.Option(metavar="PX", help="Of --gpus: image side.  [default: 224]", min=32, max=2048)
]
RateOption = Annotated[
    str | None,
    typer.Option(
        metavar="N|NAME=N,...",
        help="Of --gpus: images a second that one GPU trains, of the first network (others by their arithmetic) or of "
        "each.  [default: measured on this machine]",
    ),
]
AssumeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=N", help="Of --gpus: another assumption, such as link_gb_s=50; may be repeated."),
]
_GIVEN_WITHOUT = {"images": "--images", "contenders": "--contenders"}  # mean something without --gpus too


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about a study on paper; None for what is left open."""

    train_images: int | None
    images: int | None
    contenders: str | None
    seeds: int | None
    epochs: int | None
    batch: int | None
    train_scale: int | None
    images_per_s: str | None
    assume: list[str] | None

    def require_none(self) -> None:
        """Refuse options that say nothing without `--gpus`."""
        for each in fields(self):
            if each.name not in _GIVEN_WITHOUT and getattr(self, each.name):
                raise InputError(
                    f"--{each.name.replace('_', '-')}", "--gpus beside it", "none", "add --gpus, such as 8,64"
                )


def say(gpus: str, asked: Asked, *, as_json: bool) -> None:
    """Print what a study would take on so many GPUs.

    Raises:
        InputError: an option does not fit.
    """
    from deepenough.cli import _values
    from deepenough.cli._prospect import say_table
    from deepenough.report.tables import scaling as tables
    from deepenough.studies.scaling import Assumptions, scaling

    counts = _values.numbers(gpus, "--gpus", "of GPUs, such as 8,64,512")
    if min(counts) < 1 or max(counts) > 65536:
        raise InputError("--gpus", "numbers from 1 to 65536", gpus)
    if asked.train_images is None:
        raise InputError("--gpus", "--train-images beside it", "none", "try --train-images 1281167 --images 50000")
    assumed = Assumptions.given(_assumed(asked.assume), "--assume")
    work = _work(asked, asked.train_images)
    networks = _networks(asked, work.train_scale)
    found = scaling(networks, work, counts, assumed)
    if as_json:
        _output.say_json(
            {**asdict(found), "networks": list(map(asdict, networks)), "work": asdict(work), "assumed": asdict(assumed)}
        )
        return
    for made in (tables.networks(networks, measured=asked.images_per_s is None), tables.layouts(found)):
        say_table(made)
    _output.say()
    for sentence in tables.words(found, work, assumed):
        _output.say(sentence)


def _assumed(given: Sequence[str] | None) -> dict[str, float]:
    found = {}
    for text in given or ():
        name, _, value = text.partition("=")
        try:
            found[name.strip().replace("-", "_")] = float(value)
        except ValueError:
            raise InputError("--assume", "NAME=N, such as link_gb_s=50", repr(text)) from None
    return found


def _work(asked: Asked, train: int) -> Work:
    from deepenough.studies.scaling import Work

    side, batch, tested = asked.train_scale or 224, asked.batch or min(1024, train), asked.images or max(1, train // 25)
    if batch > train:
        raise InputError("--batch", f"at most the {train} training images", f"{batch}")
    return Work(
        train=train,
        val=tested,
        test=tested,
        epochs=asked.epochs or 90,
        seeds=asked.seeds or 3,
        batch=batch,
        train_scale=side,
        scales=(side,),
    )


def _networks(asked: Asked, side: int) -> list[Network]:
    """Each with its rate: as given, by its arithmetic, or measured here."""
    from deepenough.cli import _values
    from deepenough.cost import count
    from deepenough.networks.catalogue import skeleton
    from deepenough.studies.contenders import contender, lineage, require_contenders
    from deepenough.studies.scaling import Network

    names = lineage(require_contenders(_values.parts(asked.contenders or "resnet50,resnet101"))).trained
    counts = {name: count(skeleton(contender(name).network), side) for name in names}
    rates = _rates(asked.images_per_s, names)
    if rates is None:
        rates = _measured(names, side)
    elif len(rates) < len(names):
        first = names[0]
        rates = {name: rates[first] * counts[first].macs / counts[name].macs for name in names}
    return [Network(name=n, images_per_s=rates[n], parameters=counts[n].parameters) for n in names]


def _rates(text: str | None, names: Sequence[str]) -> dict[str, float] | None:
    """Of all names, of the first alone where one number is given, or None where nothing is."""
    if text is None:
        return None
    pairs = [part.rpartition("=") for part in text.split(",")]
    form = InputError("--images-per-s", "a number above 0, or NAME=N for each network", repr(text))
    try:
        rates = {(name or names[0]): float(value) for name, _, value in pairs}
    except ValueError:
        raise form from None
    if not all(0 < rate < float("inf") for rate in rates.values()):
        raise form
    if len(pairs) > 1 or pairs[0][0]:
        missing, unknown = [n for n in names if n not in rates], [n for n in rates if n not in names]
        if missing or unknown:
            got = f"none for {missing[0]}" if missing else f"one for {unknown[0]}, which takes no part"
            raise InputError("--images-per-s", f"a rate for each of {', '.join(names)}", got)
    return rates


def _measured(names: Sequence[str], side: int) -> dict[str, float]:
    """By two steps of each network on this machine's device."""
    from deepenough.data import Preprocessing
    from deepenough.machine import choose_machine
    from deepenough.studies.probe import probe
    from deepenough.tasks.classification import Classification
    from deepenough.training import Recipe, Setting

    machine = choose_machine()
    classes = tuple(f"{number:04d}" for number in range(1000))
    setting = Setting(recipe=Recipe(), machine=machine, preprocessing=Preprocessing(), task=Classification(classes))
    batch = 64 if machine.device == "cuda" else 8
    found = probe(names, setting, side=side, batch=batch, at_once=1)
    return {name: 1 / found.train_s[name] for name in names}
