"""`deepenough plan`: how many images and seeds it takes, before anything is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepenough.cli import _options, _output, _prospect, _scaling
from deepenough.errors import InputError

if TYPE_CHECKING:
    from deepenough.comparison.pilot import Pilot
    from deepenough.comparison.planning import Prospect
    from deepenough.data import Prepared
    from deepenough.stats import Price
    from deepenough.studies.outlook import Outlook


def plan(  # noqa: PLR0913  one option a parameter
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="A folder of class folders, a manifest (.csv, .parquet), torchvision:NAME, or digits; its test split "
            "is what there is.",
            show_default=False,
        ),
    ] = None,
    allow_outside: _options.AllowOutsideOption = False,
    margin: Annotated[
        float | None,
        typer.Option(help="The gain too small to pay for, in points; in a pilot's own unit.  [default: 0.5 points]"),
    ] = None,
    images: Annotated[
        int | None, typer.Option(metavar="N", help="So many test images, in place of a SOURCE.", show_default=False)
    ] = None,
    pilot: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER|PREDICTIONS",
            help="A finished study, or predictions in any form that verdict reads (once a file): plan from what they "
            "measured.",
            show_default=False,
        ),
    ] = None,
    run: _options.RunOption = None,
    targets: _options.TargetsOption = None,
    classes: _options.ClassesOption = None,
    form: _options.FormOption = None,
    values: _options.ValuesOption = "labels",
    accuracy: Annotated[float | None, typer.Option(help="Assumed of both networks, in %.  [default: 90]")] = None,
    disagreement: Annotated[
        float | None,
        typer.Option(help="Images on which the networks differ in being right, in %.  [default: by accuracy]"),
    ] = None,
    seed_sd: Annotated[
        float | None,
        typer.Option(help="SD of accuracy over trainings, in points.  [default: a ladder from 0 to 1]"),
    ] = None,
    image_cost: Annotated[
        float | None,
        typer.Option(help="Price of one more test image with its label: find the cheapest mix.", show_default=False),
    ] = None,
    seed_cost: Annotated[
        float | None,
        typer.Option(
            help="Price of one more training of both networks, in the same unit.  [default: its seconds here]",
        ),
    ] = None,
    contenders: Annotated[
        str | None, typer.Option(metavar="A,B", help="Networks to time.  [default: resnet50,resnet101]")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="As in compare: sets scale and epochs.  [default: 1h]")
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Time a few training steps here; needs a SOURCE.")
    ] = True,
    gpus: Annotated[
        str | None,
        typer.Option(
            metavar="N,N",
            help="Instead: hours, storage and traffic of a study on so many GPUs, on paper; needs --train-images.",
            show_default=False,
        ),
    ] = None,
    train_images: _scaling.TrainImagesOption = None,
    seeds: _scaling.SeedsOption = None,
    epochs: _scaling.EpochsOption = None,
    batch: _scaling.BatchOption = None,
    train_scale: _scaling.TrainScaleOption = None,
    images_per_s: _scaling.RateOption = None,
    assume: _scaling.AssumeOption = None,
    out: Annotated[Path | None, typer.Option(help="The picture, an SVG.  [default: runs/NAME-plan.svg]")] = None,
    as_json: _options.JsonOption = False,
) -> None:
    """Say how many test images and seeds a verdict takes, before training.

    From stated assumptions, or from a pilot's measurements: which margin the images at hand can decide with how many
    seeds, how many images a margin takes, and how long that is on this machine.

    \b
    Examples:
      deepenough plan my_photos/ --margin 1
      deepenough plan --images 5000 --margin 0.5 --accuracy 85 --seed-sd 0.3
      deepenough plan --pilot runs/demo --margin 2 --image-cost 10
      deepenough plan --gpus 8,64 --train-images 1281167 --images-per-s 1218
    """
    asked = _scaling.Asked(train_images, images, contenders, seeds, epochs, batch, train_scale, images_per_s, assume)
    if gpus is not None:
        if source is not None or pilot:
            raise InputError(
                "--gpus", "numbers of images alone", "a SOURCE or a pilot", "give --train-images, --images"
            )
        _scaling.say(gpus, asked, as_json=as_json)
        return
    asked.require_none()
    from deepenough.cli import _foreign, _pilot
    from deepenough.comparison.measure import ACCURACY

    given = _Given(accuracy=accuracy, disagreement=disagreement, seed_sd=seed_sd)
    files = _foreign.Files(
        paths=tuple(pilot or ()), runs=tuple(run or ()), form=form, values=values, targets=targets, classes=classes
    )
    measured = _pilot.measured(files, asdict(given))
    _require_images(source, images, measured)
    _require_svg(out)
    _require_probe({"--contenders": contenders, "--budget": budget}, probing=probe and source is not None)
    measure = measured.measure if measured else ACCURACY
    margin = measure.margin(margin, _options.DEFAULT_MARGIN)  # before pictures are opened for minutes
    prepared = None if source is None else _prepare(source, allow_outside=allow_outside)
    outlook = None
    if prepared is not None and source is not None and probe:
        outlook = _foresee(source, prepared, {"contenders": contenders, "budget": budget})
    at_hand = _images_at_hand(images, prepared, measured)
    price = _price(image_cost, seed_cost, outlook, measured, at_hand)
    prospect = _foreseen(given, measured, at_hand, margin, price)
    picture = out or Path("runs") / f"{_name(source, files.reading()[0], at_hand)}-plan.svg"
    _prospect.draw(prospect, picture)
    if as_json:
        _output.say_json(_prospect.plain(prospect, outlook, prepared, picture))
        return
    _prospect.say(prospect, outlook, prepared)
    _output.say()
    _output.say(f"Picture: {picture}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """Assumptions that the caller made; None for the defaults."""

    accuracy: float | None
    disagreement: float | None
    seed_sd: float | None


def _require_images(source: str | None, images: int | None, measured: Pilot | None) -> None:
    if source is not None and images is not None:
        raise InputError("--images", "a SOURCE or --images", "both", "leave either out")
    if source is None and images is None and measured is None:
        raise InputError("plan", "a SOURCE, --images N or --pilot FOLDER", "none of them", "try --images 1000")


def _require_svg(out: Path | None) -> None:
    if out is not None and out.suffix.lower() != ".svg":
        raise InputError(f"--out {out}", "a file that ends in .svg", out.suffix or "no ending")
    if out is not None and out.is_dir():
        raise InputError(f"--out {out}", "a file", "a folder", "name a file in it")


def _require_probe(options: dict[str, str | None], *, probing: bool) -> None:
    for option, value in options.items():
        if value is not None and not probing:
            raise InputError(option, "a SOURCE whose training is timed", "none", "add a SOURCE, or leave it out")


def _prepare(source: str, *, allow_outside: bool) -> Prepared:
    from deepenough.cli._machine import usable_cores
    from deepenough.cli.check import opening
    from deepenough.data import open_source, prepare

    opened = open_source(source, allow_outside=allow_outside)
    with opening(len(opened.entries)) as progress:
        return prepare(opened, workers=usable_cores(), progress=progress)


def _foresee(source: str, prepared: Prepared, options: dict[str, str | None]) -> Outlook:
    from deepenough.comparison.planning import SEEDS
    from deepenough.studies.outlook import foresee
    from deepenough.studies.study import make_study

    values: dict[str, Any] = {"source": source, "budget": options["budget"]}
    if options["contenders"] is not None:
        values["contenders"] = [name.strip() for name in options["contenders"].split(",") if name.strip()]
    return foresee(make_study(values, where="option"), prepared, SEEDS)


def _images_at_hand(images: int | None, prepared: Prepared | None, measured: Pilot | None) -> int:
    if images is not None:
        return images
    if prepared is not None:
        return prepared.audit.splits["test"]
    return 0 if measured is None else measured.images


def _price(
    image_cost: float | None, seed_cost: float | None, outlook: Outlook | None, measured: Pilot | None, at_hand: int
) -> Price | None:
    """Prices, where one of an image was given; a seed's is its seconds here, or the pilot's, where none was given."""
    from deepenough.stats import Price

    if image_cost is None:
        if seed_cost is not None:
            raise InputError("--seed-cost", "--image-cost beside it", "none", "add --image-cost")
        return None
    for option, cost in (("--image-cost", image_cost), ("--seed-cost", seed_cost)):
        if cost is not None and not 0 < cost < float("inf"):
            raise InputError(option, "a number above 0", f"{cost:g}")
    test = 0.0
    if seed_cost is None and outlook is not None:
        seed_cost, test = outlook.seed_s, outlook.test_image_s
    if seed_cost is None and measured is not None:
        seed_cost = measured.seed_s
    if seed_cost is None:
        raise InputError("--image-cost", "the price of a seed too", "none", "add --seed-cost, or a SOURCE to time here")
    return Price(seed=seed_cost, image=image_cost, test=test, at_hand=at_hand)


def _foreseen(given: _Given, measured: Pilot | None, at_hand: int, margin: float, price: Price | None) -> Prospect:
    from deepenough.comparison import planning

    if measured is not None:
        return planning.prospect_of_pilot(measured, images=at_hand, margin=margin, price=price)
    assumed = planning.assume(given.accuracy, given.disagreement)
    return planning.prospect_of_assumptions(assumed, given.seed_sd, images=at_hand, margin=margin, price=price)


def _name(source: str | None, pilot: list[Path], at_hand: int) -> str:
    if source is not None:
        return Path(source.replace("torchvision:", "").rstrip("/")).resolve().stem or "source"
    return pilot[0].resolve().stem if pilot else f"{at_hand}-images"
