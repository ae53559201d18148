"""A study's folder as `serving` takes it: which network, what it says about itself, and its pictures."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepenough.serving import About, Choice, Material
    from deepenough.studies.finished import Finished
    from deepenough.tasks.answering import Answers

_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "openvino", "numpy", "pillow")
_OF_VERDICT = ("answer", "scope", "small", "big", "difference", "interval", "margin", "unit", "samples", "scale")


def about_of(finished: Finished, choice: Choice) -> About:
    """What is said about a trained network of a study."""
    from deepenough.report import headline
    from deepenough.serving import About
    from deepenough.serving.about import CLASSIFICATION, FORMAT
    from deepenough.studies.contenders import contender
    from deepenough.studies.whole import sha256_of

    known, verdict, task = contender(choice.contender), choice.verdict, finished.setting.task
    preparation, answers = finished.setting.preprocessing, answers_at(finished, choice)
    return About(
        contender=known.name,
        network=known.network,
        seed=choice.seed,
        scale=choice.scale,
        sides=(choice.scale,) if known.average is None else (known.average or choice.scales),
        classes=answers.classes,
        task={"name": task.name, **answers.kept},
        preprocessing={name: getattr(preparation, name) for name in ("mean", "std", "interpolation", "crop", "fit")},
        weights_sha256=sha256_of(finished.weights(choice.contender, choice.seed)),
        verdict={
            "headline": headline(verdict),
            **{name: getattr(verdict, name) for name in (*_OF_VERDICT, "caveats")},
        },
        chosen=choice.why,
        versions=_versions(),
        format=1 if task.name == CLASSIFICATION else FORMAT,
    )


def answers_at(finished: Finished, choice: Choice) -> Answers:
    """How what a network says at a scale is read."""
    from deepenough.tasks.registry import answers_kind

    task = finished.setting.task
    kind = answers_kind(task.name)
    classes = finished.prepared.classes if kind.least_classes else ()
    return kind(classes, task.kept(finished.validated(choice.contender, choice.seed, choice.scale)))


def material_of(finished: Finished, choice: Choice) -> Material:
    """All that an export is made from.

    Raises:
        InputError: (of its kinds) the study is not whole, or its pictures are not there.
    """
    import polars as pl

    from deepenough.serving import Material
    from deepenough.serving.parity import Known, Sample
    from deepenough.serving.pictures import Found

    samples, entries = finished.samples, finished.prepared.entries
    pictures = {
        split: [
            Sample(Found(path, entries[sample_id]), sample_id, group)
            for path, sample_id, group in samples.filter(split=split).select("path", "sample_id", "group").iter_rows()
        ]
        for split in ("train", "test")
    }
    scores = finished.scores("test").filter(
        pl.col("contender") == choice.contender, pl.col("seed") == choice.seed, pl.col("scale") == choice.scale
    )
    known = Known(
        task=finished.setting.task,
        rows=samples.filter(split="test"),
        recorded=dict(scores.select("sample_id", "prediction").iter_rows()),
        score=float(scores["score"].to_numpy().mean()),
        reference=finished.validated(choice.contender, choice.seed, choice.scale),
    )
    return Material(
        about=about_of(finished, choice),
        weights=finished.weights(choice.contender, choice.seed),
        test=pictures["test"],
        training=pictures["train"],
        known=known,
        precision=finished.setting.machine.precision,
        source=finished.study.source,
        splits={name: int((samples["split"] == name).sum()) for name in ("train", "val", "test")},
    )


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
