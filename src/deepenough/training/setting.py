"""What all cells of a training share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deepenough.data import Preprocessing
from deepenough.machine import Machine
from deepenough.ranks import ALONE, Ranks
from deepenough.tasks.contract import Task
from deepenough.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all cells of a training share.

    Args:
        recipe: of all contenders but those in `recipes`.
        machine: on which they compute.
        preprocessing: of the images.
        task: what is asked of them.
        recipes: by contender, where one has its own.
        ranks: the processes that train together.
    """

    recipe: Recipe
    machine: Machine
    preprocessing: Preprocessing
    task: Task
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    ranks: Ranks = ALONE

    def recipe_of(self, contender: str) -> Recipe:
        """How a contender is trained."""
        return self.recipes.get(contender, self.recipe)
