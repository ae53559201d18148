"""From what a person asks, in a study file, on a command line or in Python, to a study and its folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepenough.studies.study import Study, load_study, make_study

_PARTS = ("recipe", "augmentation")
_ENDINGS = (".yaml", ".yml")


def request_of(source: str | os.PathLike[str], settings: Mapping[str, Any], *, where: str) -> Study:
    """The study of a file, overridden by the settings that were given, or of the settings alone.

    Args:
        source: a source of images, or a study file.
        settings: entries of the study file by name; None for what was not given. Of `recipe` and `augmentation`, the
            entries that are given override those of the file one by one.
        where: named in errors, where there is no file.

    Raises:
        StudyError: an entry that is unknown or does not fit, or a study file that cannot be read.
    """
    given = {key: value for key, value in settings.items() if value is not None and key not in _PARTS}
    base: dict[str, Any] = {"source": os.fspath(source)}
    if is_study_file(source):
        base = load_study(Path(source)).model_dump()
        for option, other in (("seeds", "looks"), ("looks", "seeds")):
            if option in given and other not in given:
                base.pop(other)  # a study has one of the two, and the setting wins over the file
        where = os.fspath(source)
    for name in _PARTS:
        part = settings.get(name)
        if part is not None and not isinstance(part, Mapping):
            given[name] = part  # refused below, by its name
        elif chosen := {key: value for key, value in (part or {}).items() if value is not None}:
            given[name] = {**base.get(name, {}), **chosen}
    return make_study({**base, **given}, where=where)


def is_study_file(source: str | os.PathLike[str]) -> bool:
    """Whether a source is a study file, by its name."""
    return os.fspath(source).endswith(_ENDINGS)


def folder_of(source: str | os.PathLike[str]) -> Path:
    """Where a study of this source goes unless a person says otherwise: `runs/` and the source's name.

    >>> folder_of("photos/").as_posix()
    'runs/photos'
    >>> folder_of("photos/train-{000..012}.tar").as_posix()
    'runs/train'
    """
    name = re.sub(r"[-_.]*\{[^{}]*\}", "", os.fspath(source)).replace("torchvision:", "").rstrip("/")
    return Path("runs") / (Path(name).resolve().stem or "study")
