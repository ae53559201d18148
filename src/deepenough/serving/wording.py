"""What a model card says of each kind of answer."""

from __future__ import annotations

from dataclasses import dataclass

from deepenough.tasks.answering import Answers, Boxes, LabelsOf, MendedPicture, OneOfClasses
from deepenough.tasks.vectors import Embedding


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Of one kind of answer.

    Args:
        pipeline: Hugging Face's word for it.
        title: the network, with the number of its classes for `{}`.
        meant: what it is for, with the classes for `{}`.
        gives: what comes out of the file.
        limits: sentences.
    """

    pipeline: str
    title: str
    meant: str
    gives: str
    limits: tuple[str, ...]


_CHANCE = "A probability is what the network computes and was not calibrated."
_WORDS: dict[type[Answers], Words] = {
    OneOfClasses: Words(
        pipeline="image-classification",
        title="An image classifier of {} classes",
        meant="Meant for single pictures like those of the study, each showing one of the classes: {}.",
        gives="`probability`, float32 (batch, classes), and `label`, int64 (batch,)",
        limits=("It names one of its classes for any picture, also one that shows none of them.", _CHANCE),
    ),
    LabelsOf: Words(
        pipeline="image-classification",
        title="A network that says which of {} labels an image shows",
        meant="Meant for single pictures like those of the study, with any number of the labels: {}.",
        gives="`probability`, float32 (batch, labels), and `label`, int64 (batch, labels): 1 where the probability is "
        "above one half",
        limits=("Labels are said above a probability of one half, whatever missing one would cost.", _CHANCE),
    ),
    Embedding: Words(
        pipeline="image-feature-extraction",
        title="A network that embeds images, to tell whether two show the same identity",
        meant="Meant for pictures like those of the study. Two are of one identity where the cosine of what it says of "
        "them is above `threshold` in the file's metadata, the best one on validation.",
        gives="`embedding`, float32 (batch, dimensions)",
        limits=("It says how alike two pictures are, not who is in them.",),
    ),
    Boxes: Words(
        pipeline="object-detection",
        title="A detector of objects of {} classes",
        meant="Meant for pictures like those of the study, with any number of objects: {}.",
        gives="`boxes`, float32 (batch, 100, 6): left, top, right, bottom in pixels of the square, score, and class, "
        "-1 where there is no box",
        limits=("It finds objects of its classes only, and boxes with a score above one half are said.", _CHANCE),
    ),
    MendedPicture: Words(
        pipeline="image-to-image",
        title="A network that mends images",
        meant="Meant for pictures of any size that were harmed as those of the study were.",
        gives="`added`, float32 (batch, 3, height, width), to be added to the picture in [0, 1]",
        limits=("What was harmed in another way it may make worse; it invents what it cannot know.",),
    ),
}


def words_of(answers: Answers) -> Words:
    """The words of a kind of answer."""
    return _WORDS[type(answers)]


def preparing(fit: str, resized: str, interpolation: str) -> str:
    """How a picture becomes what the model takes, by the preprocessing's `fit`."""
    how = f"({interpolation}, antialiased, as Pillow does)"
    return {
        "crop": f"Resizing is not in it: the short side to {resized} px {how}, then the centre square; `deepenough "
        "predict` does so, and another way of resizing changes answers.",
        "pad": f"Resizing is not in it: the long side to {resized} px {how}, in the upper left of a black square: "
        "`deepenough predict` does so, and another way of resizing changes answers.",
        "cut": "Pictures are not resized; `deepenough predict` shows large ones in overlapping tiles, so that memory "
        "does not grow with the picture and no seam is seen.",
    }[fit]
