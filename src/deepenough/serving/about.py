"""What an exported file says about itself: enough to prepare its pictures, to name its answers, and to trace it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sized
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from deepenough.data.preprocess import Preprocessing
from deepenough.errors import InputError, WeightsError
from deepenough.tasks.registry import answers_of

if TYPE_CHECKING:
    from deepenough.tasks.answering import Answers

KEY = "deepenough"  # of the metadata of every form: one JSON object
FORMAT = 2  # the newest that is read; 1 knows classification alone, and is written for it
CLASSIFICATION = "classification"
MOST_SIDES = 32  # that a picture is cut to
NumberForm = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What travels inside an exported file.

    Args:
        contender: its name in the study.
        network: the catalogue's name, levers included.
        seed: of the training.
        scale: image side in pixels that the study tested it at.
        sides: of the squares that the model takes, pixels; several where it averages over scales.
        classes: names in the order of the outputs; empty where the task has none.
        task: its `name`, and what `Task.kept` says of it.
        preprocessing: `mean`, `std`, `interpolation`, `crop`, `fit`, as in `data.Preprocessing`.
        numbers: `fp32`, or `int8` where weights and activations were quantised.
        verdict: `headline`, `answer`, `scope`, `small`, `big`, `difference`, `interval`, `margin`, `unit`, `samples`.
        chosen: why this contender, this seed and this scale, sentences.
        weights_sha256: of the cell's weights file.
        versions: of the packages that exported it.
        format: of this record.
    """

    contender: str
    network: str
    seed: int
    scale: int
    sides: tuple[int, ...]
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any]
    weights_sha256: str
    task: Mapping[str, Any] = field(default_factory=lambda: {"name": CLASSIFICATION})
    numbers: NumberForm = "fp32"
    verdict: Mapping[str, Any] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    format: int = 1

    def prepared(self) -> Preprocessing:
        """How pictures are cut into squares for it."""
        plain = dict(self.preprocessing)
        return Preprocessing(**{**plain, "mean": tuple(plain["mean"]), "std": tuple(plain["std"])})

    def answers(self) -> Answers:
        """How what the model says is read."""
        return answers_of(self.task["name"], self.classes, {k: v for k, v in self.task.items() if k != "name"})

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def about_from_json(text: str | None, where: str) -> About:
    """The inverse of `About.to_json`; keys that a later version may add are ignored.

    Raises:
        WeightsError: nothing is said, or something else.
    """
    expected, remedy = "a model that `deepenough export` wrote", "export it again from its study"
    if not text:
        raise WeightsError(where, expected, "one that says nothing about itself", remedy)
    try:
        plain, known = json.loads(text), {entry.name for entry in fields(About)}
        values: dict[str, Any] = {key: _frozen(value) for key, value in plain.items()}
        about = About(**{key: value for key, value in values.items() if key in known})
        about.prepared()
        _require_sound(about)
    except (ValueError, TypeError, KeyError, AttributeError, InputError) as error:
        raise WeightsError(where, expected, f"another form ({error})", remedy) from error
    if about.format > FORMAT:
        got = f"one of format {about.format}"
        raise WeightsError(where, f"a model of format {FORMAT} or older", got, "install a newer deepenough")
    return about


def require_form(where: str, about: About, inputs: Sized, outputs: Sized) -> None:
    """Refuse a file that takes or gives another number of arrays than it says.

    Raises:
        WeightsError: it does.
    """
    wanted = len(about.sides), len(about.answers().outputs)
    if (len(inputs), len(outputs)) != wanted:
        said = "{} inputs and {} outputs"
        got = said.format(len(inputs), len(outputs))
        raise WeightsError(where, said.format(*wanted), got, "export it again from its study")


def _frozen(value: Any) -> Any:  # noqa: ANN401  what JSON holds
    return tuple(value) if isinstance(value, list) else value


def _require_sound(about: About) -> None:
    if not isinstance(about.task, dict):
        raise ValueError("task must be a mapping")
    about.answers()
    if not 0 < len(about.sides) <= MOST_SIDES or not all(
        type(side) is int and 0 < side <= 4096 for side in about.sides
    ):
        raise ValueError(f"sides must be at most {MOST_SIDES} image sides in pixels")
    for name in ("contender", "network", "numbers"):
        if not isinstance(getattr(about, name), str):
            raise ValueError(f"{name} must be text")
    if not all(isinstance(getattr(about, name), dict) for name in ("verdict", "versions")):
        raise ValueError("verdict and versions must be mappings")
    if not isinstance(about.format, int):
        raise ValueError("format must be a whole number")
