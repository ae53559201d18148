"""Embeddings of a study's or a source's pictures by both networks: kept, measured and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from torch import nn

from deepenough.comparison import groups_of
from deepenough.comparison.embedding import Embedded, decide_embedding
from deepenough.comparison.embedding.mapping import method_here
from deepenough.comparison.pairing import cluster_labels
from deepenough.data import Prepared, TestPixels, build_test_pixels, open_source, prepare
from deepenough.data.readings import READINGS, Reading
from deepenough.errors import InputError, StudyError
from deepenough.evaluation import Batches
from deepenough.evaluation.embedding import HEAD, embed_stages
from deepenough.machine import available_cores, choose_machine
from deepenough.records import make_folder, write_atomically, write_json, write_table
from deepenough.records.embedding import EmbeddingReport
from deepenough.studies.assembling import assemble, assemble_from
from deepenough.studies.contenders import contender
from deepenough.studies.finished import Finished, require_single_scale
from deepenough.studies.mapping import write_map
from deepenough.studies.planning import setting_of
from deepenough.studies.starting import describe_start, file_of, start_of, starting_weights
from deepenough.studies.study import Study
from deepenough.tasks.registry import entry
from deepenough.training import Recipe, Setting
from deepenough.training.seeds import derive_seed

SPLITS = ("train", "val", "test")
Tell = Callable[[str], None]
Run = tuple[str, int]  # contender, seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is embedded: the pictures of every split, and both networks of every seed.

    `scores` are what a finished study's networks answered on test; `images` whether it keeps small copies of pictures.
    """

    source: str
    weights: str
    pair: tuple[str, str]
    scale: int
    margin: float
    prepared: Prepared
    setting: Setting
    pixels: Mapping[str, TestPixels]
    runs: Mapping[Run, Callable[[], nn.Module]]
    scores: pl.DataFrame | None = None
    images: bool = True


def material_of_study(finished: Finished) -> Material:
    """The pair of a finished study's verdict, all its seeds, at its scale.

    Raises:
        InputError: images have no name or several, or a contender sees an image at several scales.
    """
    verdict = finished.verdict
    pair = verdict.small, verdict.big
    if not _names_one(_reading_of(finished.setting)):
        expected = "a study whose images each have one name, a class or an identity"
        raise InputError("embed", expected, f"one of {finished.study.task}")
    require_single_scale(pair, "embed")
    return Material(
        source=finished.study.source,
        weights="as the study trained them",
        pair=pair,
        scale=verdict.scale,
        margin=verdict.margin if verdict.unit == "points" else 1.0,
        prepared=finished.prepared,
        setting=finished.setting,
        pixels={split: finished.pixels(split) for split in SPLITS},
        runs={(name, seed): partial(finished.network, name, seed) for name in pair for seed in verdict.seeds[name]},
        scores=finished.scores("test"),
        images=finished.study.images,
    )


def material_of_source(request: Study, scale: int, folder: Path, *, tell: Tell = lambda _text: None) -> Material:
    """Two networks as they start, on a source: with public weights or a file, one seed; else as many random ones.

    Args:
        request: its source, its first two contenders, weights, seeds, precision and threads.
        scale: image side, pixels.
        folder: where decoded pictures are kept.
        tell: told what is being done.

    Raises:
        InputError: (of its kinds) the source or the weights cannot be used.
    """
    study = request.model_copy(update={"weights": starting_weights(request, tell)})
    pair = study.contenders[0], study.contenders[1]
    require_single_scale(pair, "embed")
    tell("checking and decoding the pictures")
    prepared = prepare(
        open_source(request.source, allow_outside=request.allow_outside),
        split_seed=request.split_seed,
        workers=available_cores(),
    )
    machine = choose_machine(request.precision, request.threads)
    setting = setting_of(study, prepared, machine, Recipe())
    seeds = range(1 if study.starts else request.seeds or 3)

    def network_of(name: str, seed: int) -> nn.Module:
        origin, task = start_of(study, name), setting.task
        drawn = derive_seed(seed, "initialisation", name)
        if origin is None:
            return machine.place(assemble(task, contender(name).network, seed=drawn))
        network, _ = assemble_from(
            task, contender(name).network, file_of(name, origin, tell), seed=drawn, head_seed=derive_seed(seed, "head")
        )
        return machine.place(network)

    return Material(
        source=request.source,
        weights=describe_start(study) if study.starts else "random, untrained",
        pair=pair,
        scale=scale,
        margin=request.margin,
        prepared=prepared,
        setting=setting,
        pixels={
            split: build_test_pixels(
                prepared, split, folder, scales=(scale,), preprocessing=setting.preprocessing, workers=machine.threads
            )
            for split in SPLITS
        },
        runs={(name, seed): partial(network_of, name, seed) for name in pair for seed in seeds},
    )


def embed(
    material: Material, folder: Path, *, form: str = "parquet", umap: bool = False, tell: Tell = lambda _text: None
) -> EmbeddingReport:
    """Embed every picture by every network, keep the vectors (`Task.vectors`), and compare the two networks.

    Args:
        material: what is embedded.
        folder: `CONTENDER-seedS.parquet` (`sample_id`, `split`, `target`, `vector`) or `.npy` with `samples.parquet`
            beside it, and `embed.json`, are written there.
        form: `parquet` or `numpy`.
        umap: judge UMAP's places as well, which takes minutes.
        tell: told what is being done.

    Raises:
        InputError: UMAP is asked for and not installed.
        StudyError: a split is too small to measure anything on, or the folder cannot be made or written.
    """
    if umap and method_here() != "umap":
        raise InputError("--umap", "the package umap-learn", "none installed", "pip install 'deepenough[embed]'")
    labels, order = _labels(material)
    make_folder(folder)
    heads: dict[Run, dict[str, np.ndarray]] = {run: {} for run in material.runs}
    stages: dict[Run, dict[str, np.ndarray]] = {}
    batches = Batches(material.setting.machine, material.setting.preprocessing)
    for run, load in material.runs.items():
        tell(f"embedding with {run[0]}, seed {run[1]}")
        network = load()
        for split in SPLITS:
            pixels = material.pixels[split]
            found = embed_stages({"": network}, material.setting.task, pixels, material.scale, batches=batches)[""]
            heads[run][split] = found.pop(HEAD)
            if split == "test":
                stages[run] = found
        if not np.isfinite(np.concatenate(list(heads[run].values()))).all():
            raise StudyError(f"{run[0]}, seed {run[1]}", "finite embeddings", "NaN or infinity", "leave this seed out")
    _keep(heads, order, folder, form)
    test = order.filter(pl.col("split") == "test")
    clusters = cluster_labels(test["sample_id"], groups_of(material.prepared.samples))
    answer = decide_embedding(
        [
            Embedded(contender=run[0], seed=run[1], heads=_wide(heads[run]), stages=_wide(stages[run]))
            for run in material.runs
        ],
        labels,
        {split: material.pixels[split].at(material.scale) for split in ("train", "test")},
        pair=material.pair,
        scale=material.scale,
        margin=material.margin,
        source=material.source,
        weights=material.weights,
        clusters=clusters,
        new_classes=_reading_of(material.setting).disjoint,
        umap=umap,
        tell=tell,
    )
    write_json(folder / "embed.json", answer)
    if material.scores is not None and answer.similarity:
        tell("laying out the map of the test images")
        seed = int(next(iter(answer.similarity)))
        write_map(
            {name: heads[name, seed]["test"].astype(np.float64) for name in material.pair},
            test,
            material.pixels["test"].at(material.scale) if material.images else None,
            folder,
            seed=seed,
            scale=material.scale,
            scores=material.scores,
        )
    return answer


def _wide(parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: part.astype(np.float64) for name, part in parts.items()}


def _reading_of(setting: Setting) -> Reading:
    """What the source says of each picture for the task."""
    return READINGS[entry(setting.task.name).reads]


def _names_one(reading: Reading) -> bool:
    """Whether every picture has one name that others may share: what retrieval takes for right."""
    return reading.named and not reading.several


def _labels(material: Material) -> tuple[dict[str, np.ndarray], pl.DataFrame]:
    """Class index of each sample by split, in the pixels' order; and the samples, split by split."""
    known = material.prepared.samples.select("sample_id", "split", "target").unique("sample_id")
    frames = [
        pl.DataFrame({"sample_id": material.pixels[split].sample_ids}, schema={"sample_id": pl.String}).join(
            known, on="sample_id", how="left", maintain_order="left"
        )
        for split in SPLITS
    ]
    numbers = {name: place for place, name in enumerate(sorted(known["target"].unique()))}
    labels = {
        split: frame["target"].replace_strict(numbers, return_dtype=pl.Int64).to_numpy()
        for split, frame in zip(SPLITS, frames, strict=True)
    }
    for split, part in labels.items():
        if len(part) < 4:
            raise StudyError("embed", f"at least 4 images in {split}", str(len(part)), "embed a larger source")
    return labels, pl.concat(frames)


def _keep(heads: Mapping[Run, Mapping[str, np.ndarray]], order: pl.DataFrame, folder: Path, form: str) -> None:
    """Write the vectors, one file a run, in the order of `order`."""
    columns = {"sample_id": pl.String, "split": pl.String, "target": pl.String}
    if form == "numpy":
        write_table(folder / "samples.parquet", order, columns)
    for (name, seed), parts in heads.items():
        vectors = np.concatenate([parts[split] for split in SPLITS])
        path = folder / f"{name}-seed{seed}"
        if form == "numpy":
            write_atomically(path.with_name(path.name + ".npy"), partial(_as_npy, vectors=vectors))
            continue
        kind = pl.Array(pl.Float32, vectors.shape[1])
        frame = order.with_columns(pl.Series("vector", vectors, dtype=kind))
        write_table(path.with_name(path.name + ".parquet"), frame, {**columns, "vector": kind})


def _as_npy(stream: IO[bytes], vectors: np.ndarray) -> None:
    np.lib.format.write_array(stream, vectors, allow_pickle=False)
