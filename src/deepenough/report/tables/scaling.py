"""Tables and sentences of a study on many GPUs, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepenough.report import words as names_of
from deepenough.report.tables import numbers
from deepenough.report.tables.model import Table, table

if TYPE_CHECKING:
    from deepenough.studies.scaling import Assumptions, Network, Scaling, Work

_BOUNDS = {"gpus": "GPUs", "training": "longest training", "storage": "storage"}


def networks(given: Sequence[Network], *, measured: bool) -> Table:
    """The rates that everything rests on."""
    caption = "Images a second that one device trains" + (", measured here" if measured else ", as given")
    rows = [
        (names_of.display_name(each.name), numbers.rate(each.images_per_s), numbers.millions(each.parameters))
        for each in given
    ]
    return table("rates", caption, ["network", "images/s", "parameters, M"], rows)


def layouts(found: Scaling) -> Table:
    """Each number of GPUs, with one a training and the fastest way."""
    heads = ["GPUs", "a training", "at once", "hours", "busy", "read, GB/s", "gradients, TB", "bound by"]
    rows = [
        (
            numbers.count(each.gpus),
            numbers.count(each.each),
            numbers.count(each.at_once),
            numbers.rate(each.hours),
            numbers.share(each.busy, 0),
            numbers.rate(each.read_gb_s),
            numbers.rate(each.exchanged_tb),
            _BOUNDS[each.bound],
        )
        for each in found.layouts
    ]
    return table("layouts", f"{numbers.count(found.trainings)} trainings on so many GPUs", heads, rows)


def words(found: Scaling, work: Work, assumed: Assumptions) -> list[str]:
    """What holds for every number of GPUs, and what was assumed."""
    idle = [each for each in found.layouts if each.each == 1 and each.gpus > found.trainings]
    said = [
        f"{numbers.count(work.epochs)} epochs of {numbers.count(work.train)} images at {work.train_scale} px, batch "
        f"{numbers.count(work.batch)}: {numbers.rate(found.gpu_hours)} GPU-hours with one GPU a training. Checking and "
        f"decoding the images once takes {numbers.duration(3600 * found.prepare_h)} on {assumed.cores} cores, before "
        "any GPU is busy.",
        f"Storage: {numbers.rate(found.pictures_tb)} TB of decoded images, {numbers.rate(found.weights_gb)} GB of "
        f"weights, at most {numbers.rate(found.state_gb)} GB of saved states, written anew every "
        f"{numbers.rate(assumed.save_s)} s. Training reads {numbers.rate(found.read_tb)} TB in all where no machine "
        "keeps the images in memory.",
    ]
    if idle:
        said.append(
            f"With one GPU a training at most {numbers.count(found.trainings)} are busy, and the longest training "
            "bounds the study: more GPUs help only inside a training (--devices, torchrun)."
        )
    said += [
        f"From {numbers.count(found.enough)} GPUs on, twice as many save less than a tenth of the hours.",
        f"Assumed: machines of {assumed.node} GPUs; several of them on one training keep "
        f"{numbers.share(assumed.efficiency, 0)} of their speed; gradients travel at "
        f"{numbers.rate(assumed.node_gb_s)} GB/s within a machine and {numbers.rate(assumed.link_gb_s)} GB/s between "
        "them, hidden behind the backward pass as far as it lasts; storage "
        f"gives {numbers.rate(assumed.storage_gb_s)} GB/s; a GPU gets at least {assumed.smallest_part} images of a "
        f"batch. Change any with --assume.",
    ]
    return said
