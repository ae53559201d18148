"""A study's folder as `serving` takes it: which network, what it says about itself, and its pictures."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepenough.errors import RecordError, SourceError, StudyError

if TYPE_CHECKING:
    import polars as pl

    from deepenough.serving import About, Choice, Material
    from deepenough.serving.parity import Sample
    from deepenough.studies.study import Study

_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "openvino", "numpy", "pillow")


def about_of(folder: Path, choice: Choice) -> About:
    """What is said about a trained network of a study."""
    from deepenough.report import headline
    from deepenough.serving import About
    from deepenough.studies.contenders import contender
    from deepenough.studies.starting import preprocessing_of
    from deepenough.studies.store import StudyFolder
    from deepenough.studies.whole import sha256_of

    store, known, verdict = StudyFolder(folder), contender(choice.contender), choice.verdict
    preparation = preprocessing_of(_study(folder))
    kept = (
        "answer",
        "scope",
        "small",
        "big",
        "difference",
        "interval",
        "margin",
        "unit",
        "samples",
        "scale",
        "caveats",
    )
    return About(
        contender=known.name,
        network=known.network,
        seed=choice.seed,
        scale=choice.scale,
        sides=(choice.scale,) if known.average is None else (known.average or choice.scales),
        classes=_classes(folder),
        preprocessing={name: getattr(preparation, name) for name in ("mean", "std", "interpolation", "crop")},
        weights_sha256=sha256_of(weights_of(store.root, choice)),
        verdict={
            "headline": headline(verdict),
            **{name: getattr(verdict, name) for name in (*kept, "scale", "caveats")},
        },
        chosen=choice.why,
        versions=_versions(),
    )


def weights_of(folder: Path, choice: Choice) -> Path:
    """The file of a cell's weights.

    Raises:
        RecordError: it is not there, or not the one that was tested.
    """
    from deepenough.records import read_json
    from deepenough.studies.store import StudyFolder
    from deepenough.studies.whole import sha256_of

    cell = StudyFolder(folder).cell(f"{choice.contender}-seed{choice.seed}")
    remedy = "run the command that began the study again"
    if not cell.weights.is_file():
        raise RecordError(str(cell.weights), "the weights that were tested", "no such file", remedy)
    if read_json(cell.note)["weights_sha256"] != sha256_of(cell.weights):
        raise RecordError(str(cell.weights), "the weights that were tested", "others: the checksum differs", remedy)
    return cell.weights


def material_of(folder: Path, choice: Choice, source: str | None) -> Material:
    """All that an export is made from; `source` says where the pictures lie now, if not where they did.

    Raises:
        InputError: (of its kinds) the study is not whole, or its pictures are not there.
    """
    import polars as pl

    from deepenough.records import SCORES, read_json, read_table
    from deepenough.serving import Material

    study = _study(folder)
    samples = _samples(folder)
    pictures = _pictures(study, samples.filter(pl.col("split").is_in(["train", "test"])), source)
    scores = read_table(folder / "scores.parquet", SCORES).filter(
        pl.col("contender") == choice.contender, pl.col("seed") == choice.seed, pl.col("scale") == choice.scale
    )
    return Material(
        about=about_of(folder, choice),
        weights=weights_of(folder, choice),
        test=pictures["test"],
        training=pictures["train"],
        recorded=dict(scores.select("sample_id", "prediction").iter_rows()),
        precision=read_json(folder / "environment.json")["precision"],
        source=study.source,
        splits={name: int((samples["split"] == name).sum()) for name in ("train", "val", "test")},
    )


def _pictures(study: Study, rows: pl.DataFrame, source: str | None) -> dict[str, list[Sample]]:
    """The samples of each split, with the files that hold them."""
    from deepenough.data import open_source
    from deepenough.serving.parity import Sample
    from deepenough.serving.pictures import Found

    named = source or study.source
    try:
        entries = {entry.path: entry for entry in open_source(named, allow_outside=study.allow_outside).entries}
    except SourceError as error:
        remedy = "name the place where they are now: --source"
        raise SourceError(error.where, f"the study's pictures ({error.expected})", error.got, remedy) from None
    found: dict[str, list[Sample]] = {"train": [], "test": []}
    for row in rows.iter_rows(named=True):
        entry = entries.get(row["path"])
        if entry is None:
            remedy = "name the place where the pictures are now: --source"
            raise SourceError(named, f"the study's picture {row['path']}", "no such file", remedy)
        sample = Sample(Found(row["path"], entry), row["sample_id"], row["target"], row["group"])
        found[row["split"]].append(sample)
    return found


def _study(folder: Path) -> Study:
    from deepenough.studies.store import StudyFolder
    from deepenough.studies.whole import stored_study

    study = stored_study(StudyFolder(folder))
    if study.task != "classification":
        expected = "a study of classification, whose networks alone are served"
        raise StudyError(str(folder), expected, f"one of {study.task}", "use the weights in cells/ from Python")
    return study


def _samples(folder: Path) -> pl.DataFrame:
    from deepenough.records import SAMPLES, read_table

    return read_table(folder / "samples.parquet", SAMPLES)


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(_samples(folder)["target"].unique()))


def _versions() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError

    import deepenough

    found = {"deepenough": deepenough.__version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
