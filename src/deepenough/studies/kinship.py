"""Contenders that hang together: several on the same trainings, or one that learns from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deepenough.studies.contenders import contender, sharing
from deepenough.training import Cell


def give_teachers(pupils: Iterable[Cell], cells: Mapping[str, Cell]) -> None:
    """Give each cell that has a teacher the network that the teacher is tested with; none can follow one that diverged.

    Args:
        pupils: about to be trained, those without a teacher among them.
        cells: of the same seed, by contender, the teachers' trainings at their end.
    """
    for cell in pupils:
        name = contender(cell.contender).regime.teacher
        if name is None:
            continue
        cell.teacher = cells[name].tested_network.eval()
        if cells[name].status == "diverged" and cell.status == "training":
            cell.status = "diverged"


def caveats_of_kinship(contenders: Sequence[str]) -> list[str]:
    """Which contenders are no trainings of their own or learn from others, and what that does to their intervals."""
    said = [
        f"{', '.join(group[:-1])} and {group[-1]} rest on the same trainings, so their seeds go up and down together. "
        "Their intervals take the seeds as independent, which makes those against each other too wide."
        for group in sharing(contenders).values()
    ]
    teachers = {name: contender(name).regime.teacher for name in contenders}
    return said + [
        f"{name} learned from {teacher}'s run of the same seed, so their seeds may go up and down together: where they "
        "share three seeds or more they are held against each other run by run, unless the verdict is about these two."
        for name, teacher in teachers.items()
        if teacher is not None
    ]
