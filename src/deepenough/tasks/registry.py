"""The tasks by name. Nothing here imports torch: a study file is checked against the names before anything is."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from deepenough.errors import InputError

if TYPE_CHECKING:
    from deepenough.tasks.answering import Answers
    from deepenough.tasks.contract import Given, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A task in the table.

    Args:
        reads: what a source must say of each picture: the name of a reading in `data.readings`.
        home: module of this package and class in it.
        answers: what it says in use: module and class of it, an `answering.Answers`; imports no torch.
        summary: one line for people.
    """

    reads: str
    home: str
    answers: str
    summary: str


TASKS: dict[str, Entry] = {
    "classification": Entry(
        reads="classes",
        home="classification:Classification",
        answers="answering:OneOfClasses",
        summary="one image, one class of several",
    ),
    "deblur": Entry(
        reads="pictures",
        home="enhancement:Deblur",
        answers="answering:MendedPicture",
        summary="one picture, made sharp again that was out of focus",
    ),
    "denoise": Entry(
        reads="pictures",
        home="enhancement:Denoise",
        answers="answering:MendedPicture",
        summary="one picture, without the noise that was put on it",
    ),
    "detection": Entry(
        reads="boxes",
        home="detection:Detection",
        answers="answering:Boxes",
        summary="where in a picture which objects are, each in a box",
    ),
    "lowlight": Entry(
        reads="pictures",
        home="enhancement:LowLight",
        answers="answering:MendedPicture",
        summary="one picture, made bright again that was dark and noisy",
    ),
    "multilabel": Entry(
        reads="labels",
        home="multilabel:MultiLabel",
        answers="answering:LabelsOf",
        summary="one image, any number of labels, joined by |",
    ),
    "superresolution": Entry(
        reads="pictures",
        home="enhancement:SuperResolution",
        answers="answering:MendedPicture",
        summary="one picture, with what shrinking took from it",
    ),
    "verification": Entry(
        reads="identities",
        home="verification:Verification",
        answers="vectors:Embedding",
        summary="two images: of the same person, of people never seen in training?",
    ),
}


def entry(name: str) -> Entry:
    """The table's entry of that name.

    Raises:
        InputError: no such task.

    >>> entry("classification").reads
    'classes'
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        raise InputError("task", f"one of {', '.join(TASKS)}", repr(name), f"did you mean {near[0]}?" if near else "")
    return TASKS[name]


def kind_of(name: str) -> type[Task]:
    """The class of that task; imports torch.

    Raises:
        InputError: no such task.
    """
    return _class_at(entry(name).home)


def answers_of(name: str, classes: tuple[str, ...], kept: Mapping[str, Any]) -> Answers:
    """How what a network of that task says in use is read; imports no torch.

    Raises:
        InputError: no such task.
        ValueError: classes or what was kept do not fit it.
    """
    return answers_kind(name)(classes, kept)


def answers_kind(name: str) -> type[Answers]:
    """The class of what that task says in use; imports no torch.

    Raises:
        InputError: no such task.
    """
    return _class_at(entry(name).answers)


def make_task(name: str, given: Given) -> Task:
    """The task of that name on the data.

    Raises:
        InputError: no such task, or the data or an option does not fit it.
    """
    return kind_of(name).of(given)


def _class_at(place: str) -> Any:  # noqa: ANN401  a class of some kind
    module, _, kind = place.partition(":")
    return getattr(import_module(f"deepenough.tasks.{module}"), kind)
