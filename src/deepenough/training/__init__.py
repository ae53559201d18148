"""Training: all contenders of a seed in lockstep, on the very same augmented batches.

Owns the recipe, the optimiser, the step, the resume state of a cell and the record of how training went. Refuses to
know where batches come from, how networks are tested and what the scores mean: it is handed a stream, a task and a
validation function.
"""

from deepenough.training.cell import Cell, cell_name
from deepenough.training.engine import Watcher, step_seconds, take_step, train_lockstep
from deepenough.training.recipe import Recipe, learning_rate
from deepenough.training.seeds import Seeds, derive_seed
from deepenough.training.setting import Setting

__all__ = [
    "Cell",
    "Recipe",
    "Seeds",
    "Setting",
    "Watcher",
    "cell_name",
    "derive_seed",
    "learning_rate",
    "step_seconds",
    "take_step",
    "train_lockstep",
]
