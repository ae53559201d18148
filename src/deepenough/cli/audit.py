"""`deepenough audit`: what two published figures can and cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepenough.cli import _output
from deepenough.cli._options import JsonOption

if TYPE_CHECKING:
    from deepenough.stats.claims import Audit


def audit(
    figure_a: Annotated[str, typer.Argument(metavar="FIGURE_A", help="An accuracy in percent, as printed.")],
    figure_b: Annotated[str, typer.Argument(metavar="FIGURE_B", help="The other one.")],
    images: Annotated[
        int | None, typer.Option("--images", metavar="N", help="Test images, where known.", show_default=False)
    ] = None,
    runs: Annotated[
        int, typer.Option("--runs", metavar="K", help="Training runs of each, whose mean each figure is.")
    ] = 1,
    names: Annotated[
        str, typer.Option("--names", metavar="A,B", help="What the two are called.")
    ] = "network A,network B",
    errors: Annotated[bool, typer.Option("--errors", help="The figures are error rates.")] = False,
    share: Annotated[bool, typer.Option("--share", help="The figures are shares of 1, such as 0.9867.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what two published accuracies can and cannot show.

    Give the figures as they were printed: their decimals tell which numbers of test images are possible. Nothing is
    read and no network is needed.

    \b
    Examples:
      deepenough audit 98.67 96.86 --images 10000 --names resnet50,resnet101
      deepenough audit 0.31 0.27 --errors --share --runs 5 --json
    """
    from deepenough.stats.claims import audit as audit_figures

    called = _names(names)
    known = audit_figures(figure_a, figure_b, images, runs, unit="share" if share else "percent", of_errors=errors)
    if as_json:
        _output.say_json(_record(known, called))
    else:
        _say(known, called)


def _names(given: str) -> tuple[str, str]:
    from deepenough.errors import InputError

    parts = [part.strip() for part in given.split(",")]
    if len(parts) != 2 or not all(parts) or parts[0] == parts[1]:
        raise InputError("--names", "two different names with a comma between", repr(given), "try --names R50,R101")
    return parts[0], parts[1]


def _say(known: Audit, names: tuple[str, str]) -> None:
    from deepenough.report import claims as words

    _output.say(words.headline(known, names))
    for heading, sentences in words.findings(known, names):
        _output.say()
        _output.say(heading)
        for sentence in sentences:
            _output.say(sentence, indent="  ")
    for heading, items in (
        ("What can be concluded", words.can_conclude(known, names)),
        ("What cannot", words.cannot_conclude(known, names)),
        ("What to ask", words.caveats(known)),
    ):
        _output.say()
        _output.say(f"{heading}:")
        for item in items:
            _output.say(item, indent="- ", hanging="  ")


def _record(known: Audit, names: tuple[str, str]) -> dict[str, Any]:
    from deepenough.report import claims as words

    return {
        "names": list(names),
        "printed": [figure.text for figure in known.figures],
        "accuracy_percent": [figure.accuracy * 100.0 for figure in known.figures],
        "difference": known.difference,
        "images": known.images,
        "runs": known.runs,
        "grim": {
            "fits_as_given": known.fits_as_given,
            "checked": [
                {"images": fit.images, "right_a": fit.a, "right_b": fit.b, "fits_both": fit.both} for fit in known.fits
            ],
            "smallest_images": list(known.smallest_fitting),
        },
        "discordance": known.discordance,
        "p_range": known.p_range,
        "ci_range": known.ci_range,
        "n_min_for_any_pairing": known.n_min_for_any_pairing,
        "n_first_for_any_pairing": known.n_first_for_any_pairing,
        "n_min_for_best_pairing": known.n_min_for_best_pairing,
        "tipping_seed_sd": known.tipping_seed_sd,
        "tipping_seed_sd_limit": known.tipping_seed_sd_limit,
        "sd_needed_by_runs": known.sd_needed_by_runs,
        "caveats": words.caveats(known),
        "conclusions": {
            "can": words.can_conclude(known, names),
            "cannot": words.cannot_conclude(known, names),
        },
    }
