"""`deepenough gate`: is a new model no worse than the old one; the exit code is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deepenough.cli import _options, _output

if TYPE_CHECKING:
    from deepenough.comparison.noninferior import NoWorse

NOT_SHOWN = 1


def gate(  # noqa: PLR0913  one option, one argument
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="A study's folder, FOLDER:CONTENDER, or a file of predictions.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same of the new model.")],
    margin: Annotated[
        float, typer.Option("--margin", help="The loss too small to matter, in points of accuracy.")
    ] = _options.DEFAULT_MARGIN,
    scale: Annotated[
        int | None,
        typer.Option("--scale", metavar="PX", help="Of studies; by default each verdict's.", show_default=False),
    ] = None,
    targets: _options.TargetsOption = None,
    classes: _options.ClassesOption = None,
    form: _options.FormOption = None,
    group_column: Annotated[
        str | None,
        typer.Option("--group-column", metavar="NAME", help="Samples alike in this column depend on each other."),
    ] = None,
    common: Annotated[bool, typer.Option("--common", help="Decide on the samples that both have.")] = False,
    as_json: _options.JsonOption = False,
) -> None:
    """Say whether NEW is shown to be no worse than OLD by the margin, for a release.

    Exit code 0 where it is shown, 1 where it is not, 2 for input that cannot be used. Not shown is not the same as
    worse: few images may simply not show it, and then this says how few.

    Both must have answered the same samples. A study's folder alone stands for the network that its verdict is for.
    With several runs of each the claim is about the networks, with one it is about these two files of weights.

    \b
    Examples:
      deepenough gate old.csv new.csv --targets runs/demo/samples.parquet
      deepenough gate runs/demo:resnet101 runs/demo:resnet50 --margin 1
      deepenough gate runs/demo new.csv --json
    """
    from dataclasses import asdict

    from deepenough.cli import _gating

    wish = _gating.Asked(
        margin=margin,
        scale=scale,
        targets=targets,
        classes=classes,
        form=form,
        group_column=group_column,
        common=common,
    )
    found, read_as = _gating.hold(old, new, wish)
    if as_json:
        _output.say_json({**asdict(found), "read_as": read_as})
    else:
        for sentence in sentences(found, "old", "new"):
            _output.say(sentence)
        if found.caveats:
            _output.say()
            _output.say("Bear in mind:")
        for caveat in found.caveats:
            _output.say(caveat, indent="- ", hanging="  ")
        _output.say()
        for line in read_as:
            _output.say(line)
    if not found.shown:
        raise typer.Exit(NOT_SHOWN)


def sentences(found: NoWorse, old: str, new: str) -> list[str]:
    """What was found, in words."""
    from deepenough.report.tables import numbers

    decimals = numbers.decimals_for(abs(found.interval[1] - found.interval[0]) / 4, found.interval, (-found.margin,))
    margin = f"{found.margin:g} {found.unit}"
    if found.shown:
        said = f"Shown: {new} is no worse than {old} by {margin}."
    elif found.interval[1] < -found.margin:
        said = f"Shown to be worse: {new} is worse than {old} by more than {margin}."
    elif found.interval[1] < 0:
        said = f"Not shown: that {new} is no worse than {old} by {margin}. It is worse; whether by so much is open."
    else:
        said = f"Not shown: that {new} is no worse than {old} by {margin}."
    reached = f"{old} {numbers.fixed(found.old_mean, decimals)}, {new} {numbers.fixed(found.new_mean, decimals)}"
    said = [
        said,
        f"Difference {numbers.fixed(found.difference, decimals)} {found.unit} (95 % interval "
        f"{numbers.interval(found.interval, decimals)}) on {numbers.count(found.samples)} samples: {reached}.",
    ]
    if found.only_old is not None:
        said.append(f"Right in {old} alone: {found.only_old}; in {new} alone: {found.only_new}.")
    if not found.shown and found.within_reach is False:
        said.append(
            "So few samples could not show it even if both agreed on each of them: take more, or a margin that they "
            "allow."
        )
    return said
