"""What all cells of a training share."""

from __future__ import annotations

from dataclasses import dataclass

from deepenough.data import Preprocessing
from deepenough.machine import Machine
from deepenough.tasks.contract import Task
from deepenough.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all cells of a training share."""

    recipe: Recipe
    machine: Machine
    preprocessing: Preprocessing
    task: Task
