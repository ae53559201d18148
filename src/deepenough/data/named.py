"""Sources that have a name instead of a path: torchvision's data sets and scikit-learn's digits.

Nothing is downloaded. Pictures that a data set holds as arrays are written as PNM, which has no compressor whose
version could change the bytes, so that a sample's id is the same everywhere. torchvision checks the MD5 of the CIFAR
archives before it unpickles them; sets that are unpickled without such a check are not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepenough.data.entries import Entry, Source
from deepenough.errors import SourceError

DEFAULT_ROOT = "data"  # torchvision's own habit


@dataclass(frozen=True, slots=True)
class _Form:
    """How one torchvision data set is opened.

    Args:
        marker: a file or folder of it under the root; looked for before torchvision, which is slow to import.
        splits: our split -> the arguments that open it.
        files: the attribute that lists its picture files; empty where it holds arrays.
        labels: the attribute that lists class numbers; empty where `files` lists (file, class number).
    """

    marker: str
    splits: dict[str, dict[str, Any]]
    files: str = ""
    labels: str = ""


_FLAG = {"train": {"train": True}, "test": {"train": False}}
_TWO = {"train": {"split": "train"}, "test": {"split": "test"}}
_THREE = {"train": {"split": "train"}, "val": {"split": "val"}, "test": {"split": "test"}}

FORMS = {
    "CIFAR10": _Form("cifar-10-batches-py", _FLAG, labels="targets"),
    "CIFAR100": _Form("cifar-100-python", _FLAG, labels="targets"),
    "MNIST": _Form("MNIST", _FLAG, labels="targets"),
    "FashionMNIST": _Form("FashionMNIST", _FLAG, labels="targets"),
    "KMNIST": _Form("KMNIST", _FLAG, labels="targets"),
    "SVHN": _Form("train_32x32.mat", _TWO, labels="labels"),
    "Flowers102": _Form("flowers-102", _THREE, "_image_files", "_labels"),
    "OxfordIIITPet": _Form(
        "oxford-iiit-pet", {"train": {"split": "trainval"}, "test": {"split": "test"}}, "_images", "_labels"
    ),
    "Food101": _Form("food-101", _TWO, "_image_files", "_labels"),
    "DTD": _Form("dtd", _THREE, "_image_files", "_labels"),
    "FGVCAircraft": _Form("fgvc-aircraft-2013b", _THREE, "_image_files", "_labels"),
    "GTSRB": _Form("gtsrb", _TWO, "_samples"),
}


def open_torchvision(spec: str) -> Source:
    """Open `torchvision:NAME[:ROOT]` from files that are already on this machine.

    Raises:
        SourceError: the name is not offered, or the files are not there.
    """
    _, name, root = [*spec.split(":", 2), ""][:3]
    form = FORMS.get(name)
    if form is None:
        raise SourceError(
            spec, f"torchvision:NAME with NAME one of {', '.join(FORMS)}", f"'{name}'", "mind the letter case"
        )
    base = Path(root or DEFAULT_ROOT).expanduser()
    absent = SourceError(
        spec,
        f"the files of {name}, at least {base / form.marker}",
        "none there, and nothing is downloaded",
        f"fetch them with torchvision.datasets.{name}('{base}', ..., download=True), or name another folder: "
        f"torchvision:{name}:FOLDER",
    )
    if not (base / form.marker).exists():
        raise absent
    from torchvision import datasets  # seconds to import, and needed by this source only

    entries: list[Entry] = []
    for split, arguments in form.splits.items():
        try:
            dataset = getattr(datasets, name)(root=str(base), download=False, **arguments)
        except (RuntimeError, FileNotFoundError) as error:
            raise absent from error
        entries.extend(_entries(dataset, form, split, base))
    return Source(spec, f"torchvision's {name} in {base}", entries)


def _entries(dataset: Any, form: _Form, split: str, base: Path) -> list[Entry]:  # noqa: ANN401
    if not form.files:
        labels = [int(label) for label in getattr(dataset, form.labels)]
        names = _class_names(dataset, labels)
        return [
            Entry(f"{split}/{index:06d}", names[label], split, None, None, as_pnm(np.asarray(dataset[index][0])))
            for index, label in enumerate(labels)
        ]
    files = list(getattr(dataset, form.files))
    if form.labels:
        files = list(zip(files, getattr(dataset, form.labels), strict=True))
    names = _class_names(dataset, [int(label) for _, label in files])
    return [
        Entry(Path(file).relative_to(base).as_posix(), names[int(label)], split, None, Path(file))
        for file, label in files
    ]


def _class_names(dataset: Any, labels: list[int]) -> list[str]:  # noqa: ANN401
    """The data set's own names where it has one for every label, else numbers of equal width."""
    classes = getattr(dataset, "classes", None) or []
    highest = max(labels, default=0)
    if len(classes) > highest:
        return [str(name) for name in classes]
    width = len(str(highest))
    return [f"{label:0{width}d}" for label in range(highest + 1)]


def open_digits() -> Source:
    """scikit-learn's embedded digits: 1797 real scans of 8 by 8 pixels in ten classes."""
    from sklearn.datasets import load_digits  # a second to import, and needed by this source only

    ink, targets = (np.asarray(part) for part in load_digits(return_X_y=True))  # ink counts from 0 to 16
    grey = np.rint(ink * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    entries = [
        Entry(f"digits/{index:04d}", str(target), None, None, None, as_pnm(picture))
        for index, (picture, target) in enumerate(zip(grey, targets, strict=True))
    ]
    note = "The digits are 8 by 8 pixels: they prove that the pipeline works and say little about depth."
    return Source("digits", "scikit-learn's embedded digits", entries, [], [note])


def as_pnm(pixels: np.ndarray) -> bytes:
    r"""Encode uint8 pixels (height, width) or (height, width, 3) as binary PGM or PPM.

    >>> as_pnm(np.array([[7]], dtype=np.uint8))
    b'P5 1 1 255\n\x07'
    """
    height, width = pixels.shape[:2]
    magic = "P5" if pixels.ndim == 2 else "P6"
    return f"{magic} {width} {height} 255\n".encode() + np.ascontiguousarray(pixels, dtype=np.uint8).tobytes()
