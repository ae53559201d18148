"""What a search is asked for, and the folder that keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepenough.errors import StudyError
from deepenough.records import read_json, write_json
from deepenough.search.budget import Budget
from deepenough.search.proposals import SAMPLERS
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study

BESIDE = ("resnet50", "resnet101")  # that the winner is held against
DEFAULT_TRIALS = 30
_OWN = ("workers", "threads", "precision", "images", "at_once")  # that processes of one search need not share


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as a person asked for it.

    Args:
        study: what all trials share, and the study of the winner; its contenders play no part.
        budget: that no trained network passes.
        trials: networks to train, those that rungs end among them.
        sides: of images to try, pixels; None for the study's training scale, or what the pictures allow.
        hours: for all; fits the epochs where they are not given.
        sampler: of `search.proposals.SAMPLERS`.
        seed: of the proposals.
        storage: URL of the store; None for a journal in the folder.
        early: whether rungs may end trials.
    """

    study: Study
    budget: Budget
    trials: int = DEFAULT_TRIALS
    sides: tuple[int, ...] | None = None
    hours: float | None = None
    sampler: str = "tpe"
    seed: int = 0
    storage: str | None = None
    early: bool = True

    def __post_init__(self) -> None:
        recipe = self.study.recipe
        sides = self.sides or ()
        wrong = {
            "--weights": (self.study.weights, self.study.weights in ("auto", "none", {}), "none, since none fit"),
            "recipe.train": (recipe.train, recipe.train == "all", "all"),
            "--learning-rate": (recipe.learning_rate, recipe.learning_rate != "auto", "a number, to be multiplied"),
            "looks": (
                self.study.looks,
                self.study.looks is None,
                "nothing; seeds of the winner are fixed",
            ),
            "--trials": (self.trials, self.trials >= 1, "at least 1"),
            "--sides": (sides, all(32 <= side <= 2048 for side in sides), "image sides from 32 to 2048 px"),
            "--sampler": (self.sampler, self.sampler in SAMPLERS, " or ".join(SAMPLERS)),
        }
        for place, (given, fits, expected) in wrong.items():
            if not fits:
                shown = ", ".join(map(str, given)) if isinstance(given, tuple) else repr(given)
                raise StudyError(place, expected, shown)

    @property
    def record(self) -> dict[str, Any]:
        """What processes of one search must share."""
        shared = {key: value for key, value in self.study.model_dump(mode="json").items() if key not in _OWN}
        shared |= {"source": Path(self.study.source).name, "contenders": list(BESIDE), "weights": "none"}
        own = {"budget": self.budget.bounds, "sides": self.sides, "sampler": self.sampler, "seed": self.seed}
        return json.loads(json.dumps({"study": shared, **own, "early": self.early}))


def claim(asked: Asked, folder: Path) -> None:
    """Make the folder and keep in it what was asked for, or refuse a folder that holds something else.

    Raises:
        StudyError: it does, or cannot be made.
    """
    store = StudyFolder(folder)
    store.create()
    if store.request.is_file():
        stored = read_json(store.request)
        refuse_other(asked.record, stored, f"--out {store.root}", "choose another --out")
    else:
        write_json(store.request, asked.record)


def refuse_other(wanted: dict[str, Any], stored: Any, place: str, remedy: str) -> None:  # noqa: ANN401  from a file
    """Refuse what holds another search, with what differs.

    Raises:
        StudyError: it does.
    """
    if not isinstance(stored, dict) or "budget" not in stored:
        raise StudyError(place, "a search", "something else", remedy)
    known = {**stored, "study": {**Study().model_dump(mode="json"), **stored["study"]}}  # entries that came later
    flat, before = ({**each["study"], **each} for each in (wanted, known))
    differing = [key for key in flat if key != "study" and flat[key] != before.get(key)]
    if differing:
        got = ", ".join(f"{key} {flat[key]!r} (was {before.get(key)!r})" for key in differing[:3])
        raise StudyError(place, "the search that it holds", got, remedy)
