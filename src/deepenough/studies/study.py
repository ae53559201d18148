"""The study file: one experiment on one page, checked when it is read.

What a person leaves out is None here and is filled by `resolve`; the filled study is stored with the result, so that
one file shows the whole run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from deepenough.comparison.pairing import FEWEST_PAIRS
from deepenough.data.kept import Keeping
from deepenough.data.preprocess import LEAST_CROP
from deepenough.errors import StudyError
from deepenough.records import NoiseSource, seal_text, write_atomically
from deepenough.stats.sequential import FEWEST_SEEDS
from deepenough.studies.choices import AugmentationChoice, Part, Published, RecipeChoice
from deepenough.studies.strict_yaml import StrictLoader
from deepenough.tasks.registry import TASKS

LONGEST_BYTES = 1 << 16  # of a study file
LARGEST_SIDE = 2048  # px
Side = Annotated[int, Field(ge=32, le=LARGEST_SIDE)]
SCALE_FACTORS = (0.75, 1.5, 2.0)  # of the training scale, tested beside it unless told otherwise


class Study(Part):
    """A whole study.

    Args:
        source: folder of class folders, manifest (.csv, .parquet), tar shards, a folder that `datasets` saved,
            `torchvision:NAME`, or `digits`.
        task: what is asked of the pictures, a name of `tasks.registry`.
        task_options: of the task, by name; see docs/tasks.md.
        allow_outside: whether a manifest may name files outside its folder.
        contenders: names, at least two; see `studies.contenders`. The verdict is about the first two, of which the
            cheaper one is the reference that every other is held against.
        seeds: how many trainings of each contender; three or more allow a verdict on architectures.
        looks: numbers of seeds after which the study decides and stops if that settles it; the last is `seeds`.
        margin: the gain too small to pay for, in points, declared before looking.
        train_scale: image side in training, pixels.
        scales: image sides at test, pixels.
        scale_factors: where `scales` is left out, the test scales as factors of the training scale, tested beside it.
        epochs: passes over the training pictures.
        batch: pictures a step; `auto` takes the usual number, in as many parts as memory and speed here ask for.
        parts: in which every batch is taken, their gradients added up; None for one, more where memory asks for it.
        budget: time for the whole study, such as `30m` or `2h`; fits scale, epochs and seeds that are not given.
        weights: what the networks start from: `auto`, public weights of one recipe for all where they can be had, else
            from scratch; `none`; an origin for all; or origins by contender or network, those without one from scratch.
            An origin is `torchvision:RECIPE`, `timm:MODEL.RECIPE`, `timm:RECIPE` or a file. See `studies.starting`.
        crop: at test the short side is resized to scale / crop, then the centre square is cut out; by default as the
            starting weights want it, else 1.
        split_seed: deals samples into splits where the source declares none.
        workers: processes that augment.
        precision: of the arithmetic; `auto` measures.
        threads: torch's threads on the CPU.
        pixels: how training pictures are kept once they are decoded; see `data.kept`.
        images: whether small copies of pictures on which the contenders disagree are kept for the report.
        noise: sources of randomness that extra trainings vary one at a time; see `studies.noise`.
        noise_runs: extra trainings of each contender for each of them.
        exact: networks are tested as they are and in fp32, whatever they were trained in; see `evaluation`.
        at_once: how many networks are in memory at a time; None for all. No score depends on it.
        batch_norm: where several processes train one network, `synced` takes its statistics from the whole batch, as
            one process does; `own` from each process's part.
        published: figures that somebody printed for two of the contenders; shown beside these, never deciding.
        paired_seeds: networks of one seed are held against each other; see `stats.paired` for when that is allowed.
    """

    source: str = "digits"
    task: str = "classification"
    task_options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    allow_outside: bool = False
    contenders: tuple[str, ...] = ("resnet50", "resnet101")
    seeds: Annotated[int, Field(ge=1, le=100)] | None = None
    looks: tuple[Annotated[int, Field(ge=FEWEST_SEEDS, le=100)], ...] | None = None
    margin: Annotated[float, Field(gt=0, le=100)] = 0.5
    train_scale: Side | None = None
    scales: tuple[Side, ...] | None = None
    scale_factors: tuple[Annotated[float, Field(ge=0.125, le=8)], ...] = SCALE_FACTORS
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    batch: Annotated[int, Field(ge=2, le=65_536)] | Literal["auto"] | None = None
    parts: Annotated[int, Field(ge=1, le=65_536)] | None = None
    budget: str | None = None
    recipe: RecipeChoice = RecipeChoice()
    augmentation: AugmentationChoice = AugmentationChoice()
    weights: str | dict[str, str] = "auto"
    crop: Annotated[float, Field(ge=LEAST_CROP, le=1)] | None = None
    split_seed: Annotated[int, Field(ge=0)] = 0
    workers: Annotated[int, Field(ge=0, le=256)] = 1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None
    pixels: Keeping = "reduced"
    images: bool = True
    noise: tuple[NoiseSource, ...] = ()
    noise_runs: Annotated[int, Field(ge=1, le=100)] = 2
    exact: bool = False
    paired_seeds: bool = False
    at_once: Annotated[int, Field(ge=1)] | None = None
    batch_norm: Literal["synced", "own"] = "synced"
    published: Published | None = None

    @property
    def starts(self) -> dict[str, str]:
        """The origin of each start in a resolved study, by contender or network; empty where all are fresh."""
        return {} if isinstance(self.weights, str) else self.weights

    @property
    def settled_batch(self) -> int:
        """The pictures a step, where a number of them was given or found; else 1."""
        return self.batch if isinstance(self.batch, int) else 1

    @property
    def has_pupils(self) -> bool:
        """Whether any contender learns from another."""
        return any("@teacher=" in name for name in self.contenders)

    @property
    def noise_trainings(self) -> int:
        """Extra trainings of each contender."""
        return len(self.noise) * self.noise_runs

    @field_validator("contenders", "scales", "scale_factors", "looks", "noise", mode="before")
    @classmethod
    def _tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("batch", mode="before")
    @classmethod
    def _batch(cls, value: object) -> object:
        number = isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= 65_536
        if value not in (None, "auto") and not number:
            raise ValueError("a whole number from 2 to 65536, or auto")
        return value

    @field_validator("task")
    @classmethod
    def _task(cls, value: str) -> str:
        if value not in TASKS:
            raise ValueError(f"one of {', '.join(TASKS)}")
        return value

    @field_validator("budget")
    @classmethod
    def _budget(cls, value: str | None) -> str | None:
        if value is not None:
            seconds(value)
        return value

    @field_validator("contenders")
    @classmethod
    def _contenders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) < 2 or len(set(value)) < len(value):
            raise ValueError("at least two contenders, each once")
        return value

    @field_validator("noise")
    @classmethod
    def _noise(cls, value: tuple[NoiseSource, ...]) -> tuple[NoiseSource, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("looks")
    @classmethod
    def _looks(cls, value: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        if value is None:
            return None
        if len(value) < 2 or any(later <= sooner for sooner, later in pairwise(value)):
            raise ValueError("two or more numbers of seeds, each larger than the one before")
        seeds = info.data.get("seeds")
        if seeds is not None and seeds != value[-1]:
            raise ValueError(f"the last look after all {seeds} seeds, or seeds left out")
        return value

    @field_validator("paired_seeds")
    @classmethod
    def _paired_seeds(cls, value: bool, info: ValidationInfo) -> bool:
        seeds, recipe = info.data.get("seeds"), info.data.get("recipe")
        if value and info.data.get("looks") is not None:
            raise ValueError("false beside looks, whose error was measured for independent seeds only")
        if value and recipe is not None and recipe.train == "head":
            raise ValueError("false with a linear probe, which has one seed")
        if value and seeds is not None and seeds < FEWEST_PAIRS:
            raise ValueError(f"false with fewer than {FEWEST_PAIRS} seeds")
        return value

    @field_validator("scales")
    @classmethod
    def _scales(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and not value:
            raise ValueError("at least one image side in pixels")
        return None if value is None else tuple(sorted(set(value)))


def seconds(text: str) -> float:
    """Seconds of a duration such as `90s`, `30m`, `1h30m` or `2h`.

    >>> seconds("1h30m")
    5400.0
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip().lower())
    total = (
        0.0
        if match is None
        else sum(float(p or 0) * unit for p, unit in zip(match.groups(), (3600, 60, 1), strict=True))
    )
    if total <= 0:
        raise ValueError(f"a duration such as 90s, 30m or 2h, but got {text!r}")
    return total


def make_study(values: Mapping[str, Any], where: str = "study") -> Study:
    """A study from plain values; what does not fit is a `StudyError` that names the place and what would fit."""
    try:
        return Study.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        place = _place(first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            known = _known_keys(first["loc"][:-1])
            raise StudyError(f"{where}: {place}", f"one of {', '.join(known)}", "an unknown key") from None
        expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        expected = expected.replace("a valid tuple", "a list").replace("a valid integer", "a whole number")
        raise StudyError(f"{where}: {place}", expected[:1].lower() + expected[1:], _shown(first["input"])) from None


def _place(parts: tuple[int | str, ...]) -> str:
    """Where in a study file a value stands.

    >>> _place(("recipe", "momentum")), _place(("looks", 0))
    ('recipe.momentum', 'looks, entry 1')
    """
    names = ".".join(part for part in parts if isinstance(part, str))
    return ", ".join([names, *(f"entry {part + 1}" for part in parts if isinstance(part, int))])


def _shown(value: object) -> str:
    """A value as a study file would hold it: a list in brackets, whatever Python calls it."""
    return repr(list(value) if isinstance(value, tuple) else value)


def load_study(path: Path) -> Study:
    """Read a study file (YAML)."""
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise StudyError(str(path), "a study file", "no regular file")
    try:
        if path.stat().st_size > LONGEST_BYTES:
            got = f"{path.stat().st_size} bytes"
            raise StudyError(str(path), f"a study file of at most {LONGEST_BYTES} bytes", got, "leave out what repeats")
        values = yaml.load(path.read_text(encoding="utf-8"), StrictLoader)
    except FileNotFoundError:
        raise StudyError(str(path), "a study file", "no such file") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise StudyError(str(path), "a study file in YAML", f"a file that cannot be read ({error})") from None
    if not isinstance(values, dict):
        raise StudyError(str(path), "keys and values, such as `source: my_photos`", f"{type(values).__name__}")
    return make_study(values, where=str(path))


def save_study(study: Study, path: Path) -> None:
    """Write a study as a study file that `load_study` reads back to the same study."""
    values = study.model_dump(mode="json")
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_atomically(path, lambda stream: stream.write(seal_text(text).encode()))


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    part: type[BaseModel] = Study
    for name in place:
        annotation = part.model_fields[str(name)].annotation
        for inner in (annotation, *get_args(annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                part = inner
    return list(part.model_fields)
