"""Made-up study folders: known numbers, known traps, nothing that was measured."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from deepenough import records
from deepenough.comparison.verdict import decide_study
from deepenough.records import Audit, ContenderResult, Finding, Needed, PairResult, Verdict
from deepenough.report.evidence import THUMBNAILS

CLASSES = ("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt")
SCALES = (48, 64, 96, 128)
CONTENDERS = ("resnet50", "resnet101")
HOSTILE = "<img src=x onerror=alert(1)>"


def verdict(**changes) -> Verdict:
    """The first example of the specification: enough, with 40,000 images and 3 seeds; `changes` replace fields."""
    plain = Verdict(
        answer="small_is_enough",
        scope="architecture",
        small="resnet50",
        big="resnet101",
        metric="accuracy",
        unit="points",
        scale=96,
        difference=0.08,
        interval=(-0.12, 0.28),
        margin=0.5,
        p_value=0.41,
        degrees_of_freedom=15.0,
        standard_error=0.094,
        samples=40000,
        seeds={"resnet50": [0, 1, 2], "resnet101": [0, 1, 2]},
        method="nested",
        beyond_margin=None,
        enough_for_any_margin_above=0.28,
        needed=None,
        caveats=[],
        scale_chosen_on="validation",
        contenders=[_result("resnet50", 90.02), _result("resnet101", 90.10)],
        pairs=[_pair(64), _pair(96)],
    )
    changed = replace(plain, **changes)
    return replace(changed, enough_for_any_margin_above=changed.interval[1])


def _result(contender: str, mean: float) -> ContenderResult:
    seeds = {0: mean - 0.1, 1: mean, 2: mean + 0.1}
    bounds = (mean - 0.5, mean + 0.5)
    return ContenderResult(
        contender=contender, scale=96, mean=mean, interval=bounds, per_seed=seeds, validation_mean=mean, samples=40000
    )


def _pair(scale: int) -> PairResult:
    return PairResult(
        small="resnet50",
        big="resnet101",
        scale=scale,
        answer="small_is_enough",
        difference=0.08,
        interval=(-0.12, 0.28),
        p_value=0.41,
        degrees_of_freedom=15.0,
        standard_error=0.094,
        p_adjusted=None if scale == 96 else 0.41,
    )


def needed(**changes) -> Needed:
    """The designs of the specification's undecided example."""
    plain = Needed(
        guaranteed=[{"seeds": 8, "samples": 73842}, {"seeds": 10, "samples": 29950}],
        likely=[{"seeds": 5, "samples": 17900}, {"seeds": 8, "samples": 8700}],
        seed_floor=0.45,
        sample_floor=0.2,
    )
    return replace(plain, **changes)


def write_study(
    folder: Path,
    *,
    images: int = 372,
    seeds: int = 3,
    classes: tuple[str, ...] = CLASSES,
    contenders: tuple[str, ...] = CONTENDERS,
    scales: tuple[int, ...] = SCALES,
    margin: float = 2.0,
) -> Verdict:
    """Write a whole study folder of scores drawn from a known model; the same arguments give the same bytes."""
    rng = np.random.default_rng(7)
    samples = _samples(images, classes)
    test = samples.filter(pl.col("split") == "test")
    scores = _scores(test, contenders, seeds, scales, classes, rng)
    records.write_table(folder / "scores.parquet", scores, records.SCORES)
    records.write_table(folder / "validation.parquet", scores, records.SCORES)
    records.write_table(folder / "samples.parquet", samples, records.SAMPLES)
    costs = _costs(contenders, scales)
    records.write_table(folder / "costs.parquet", costs, records.COSTS)
    said = decide_study(scores, margin=margin, validation=scores, small=contenders[0], big=contenders[1], costs=costs)
    records.write_json(folder / "verdict.json", said)
    _write_data(folder, samples, classes)
    _write_cells(folder, contenders, seeds, rng)
    _write_work(folder)
    _write_thumbnails(folder, test)
    _write_cams(folder, test, contenders)
    return said


def _samples(images: int, classes: tuple[str, ...]) -> pl.DataFrame:
    rows = []
    for split, amount in (("train", 2 * images), ("val", images), ("test", images)):
        for index in range(amount):
            target = classes[index * index % 97 % len(classes)]
            name = f"{split}/{target}/{index:05d}.jpg"
            rows.append((hashlib.sha256(name.encode()).hexdigest()[:32], name, target, split, None, 232, 180))
    return pl.DataFrame(rows, schema=records.SAMPLES, orient="row")


def _scores(test, contenders, seeds, scales, classes, rng) -> pl.DataFrame:
    size = test.height
    codes = np.array([classes.index(target) for target in test["target"]])
    ease = rng.normal(1.1, 1.0, size) - 0.5 * np.isin(codes, [5, 9])
    frames = []
    for place, contender in enumerate(contenders):
        own = rng.normal(0, 0.35, size)
        for seed in range(seeds):
            noise, shift = rng.normal(0, 0.45, size), rng.normal(0, 0.03)
            confidence = rng.uniform(0.35, 1, size)
            for scale in scales:
                bonus = 0.2 * place - 1.6 * abs(np.log2(scale / (88 + 8 * place))) ** 1.6
                right = ease + own + noise + shift + bonus + rng.normal(0, 0.2, size) > 0
                wrong = (codes + 1 + (rng.uniform(size=size) > 0.6) * 3) % len(classes)
                answers = np.where(right, codes, wrong)
                frames.append(
                    pl.DataFrame(
                        {
                            "contender": contender,
                            "seed": seed,
                            "scale": scale,
                            "sample_id": test["sample_id"],
                            "target": test["target"],
                            "prediction": [classes[code] for code in answers],
                            "score": right.astype(float),
                            "confidence": confidence,
                        }
                    )
                )
    return pl.concat(frames)


def _costs(contenders, scales) -> pl.DataFrame:
    rows = []
    for place, contender in enumerate(contenders):
        for scale in scales:
            for batch in (1, 32):
                seconds = (0.004 + 0.009 * (scale / 96) ** 2) * (1 + 0.72 * place) * (1 + 0.6 * (batch - 1))
                rows.append(
                    {
                        "contender": contender,
                        "scale": scale,
                        "batch": batch,
                        "device": "cpu, 2 threads",
                        "precision": "fp32",
                        "parameters": 25_557_032 + 18_992_128 * place,
                        "macs": int((4.089e9 + 3.712e9 * place) * (scale / 224) ** 2),
                        "latency_s": {"p50": seconds, "p95": 1.2 * seconds},
                        "images_per_s": batch / seconds,
                        "peak_bytes": 410_000_000 + 90_000_000 * place + 3_000_000 * batch,
                    }
                )
    return pl.DataFrame(rows, schema_overrides=records.COSTS)


def _write_data(folder: Path, samples: pl.DataFrame, classes) -> None:
    left_out = [
        ("train/hat/torn.jpg", "truncated", "image file is truncated (12 bytes not processed)", "hat", "train"),
        (
            "test/shoes/00017 copy.jpg",
            "duplicate_across_splits",
            "same bytes as train/shoes/00017.jpg",
            "shoes",
            "test",
        ),
        ("notes.txt", "not_an_image", "cannot identify the image", None, None),
    ]
    quarantine = pl.DataFrame(left_out, schema=records.QUARANTINE, orient="row")
    records.write_table(folder / "quarantine.parquet", quarantine, records.QUARANTINE)
    counts = samples.group_by("target", "split").len()
    by_class: dict[str, dict[str, int]] = {name: {} for name in sorted(classes)}
    for target, split, amount in counts.iter_rows():
        by_class[target][split] = amount
    audit = Audit(
        source="photos",
        found=samples.height + len(left_out),
        used=samples.height,
        quarantined=len(left_out),
        classes=by_class,
        splits=dict(samples.group_by("split").len().iter_rows()),
        reasons={"truncated": 1, "duplicate_across_splits": 1, "not_an_image": 1},
        findings=[
            Finding(kind="grey", severity="info", message="12 pictures are grey and were read as RGB", count=12),
            Finding(kind="uneven", severity="warning", message="the largest class has 4 times the smallest", count=2),
        ],
    )
    records.write_json(folder / "audit.json", audit)


def _write_cells(folder: Path, contenders, seeds: int, rng) -> None:
    for place, contender in enumerate(contenders):
        for seed in range(seeds):
            cell = folder / "cells" / f"{contender}-seed{seed}"
            records.write_json(
                cell / "cell.json", {"contender": contender, "seed": seed, "status": "trained", "steps": 1440}
            )
            epochs = np.arange(1, 16)
            learned = 1 - np.exp(-epochs / (5 + place))
            history = pl.DataFrame(
                {
                    "step": epochs * 96,
                    "epoch": epochs.astype(float),
                    "learning_rate": 0.05 * (1 + np.cos(np.pi * epochs / 15)),
                    "loss": 2.3 - 1.5 * learned + rng.normal(0, 0.02, 15),
                    "train_accuracy": 0.1 + 0.72 * learned + rng.normal(0, 0.01, 15),
                    "val_accuracy": 0.1 + 0.77 * learned + rng.normal(0, 0.015, 15),
                    "images_per_s": np.full(15, 210.0 - 80 * place),
                    "elapsed_s": epochs * (14.0 + 9 * place),
                }
            )
            records.write_table(cell / "history.parquet", history, records.HISTORY)


def _write_work(folder: Path) -> None:
    records.write_json(
        folder / "plan.json",
        {
            "command": "deepenough compare photos --seeds 3 --train-scale 64 --scales 48,64,96,128 --margin 2",
            "cells": [],
            "steps_per_cell": 1440,
            "forecast": {"total_s": 2900.0, "training_s": 2550.0, "peak_bytes": 1_900_000_000},
            "took": {"total_s": 3112.4, "peak_bytes": 1_770_000_000},
            "gave_up": ["scale 160: its test would have taken 6 minutes more"],
        },
    )
    records.write_json(
        folder / "environment.json",
        {
            "versions": {"deepenough": "0.1.0", "python": "3.11.7", "torch": "2.8.0", "torchvision": "0.23.0"},
            "hardware": {"cpu": "a processor with AVX-512, 2 cores", "memory_bytes": 8_250_000_000, "devices": ["cpu"]},
            "source_hash": "9f2c61a47be01d3c",
        },
    )
    (folder / "study.yaml").write_text(
        "source: photos\ncontenders: [resnet50, resnet101]\nseeds: 3\ntrain_scale: 64\nscales: [48, 64, 96, 128]\n"
        "epochs: 15\nbatch: 32\noptimiser: {name: sgd, learning_rate: 0.05, momentum: 0.9, weight_decay: 0.0005}\n"
        "margin: 2.0\n",
        encoding="utf-8",
    )


def _write_thumbnails(folder: Path, test: pl.DataFrame) -> None:
    """One picture for every tenth test image; the others are listed by their path alone."""
    rows = []
    for index, sample_id in enumerate(test["sample_id"]):
        if index % 3:
            continue
        ramp = np.linspace(40, 220, 64)
        red, green = np.meshgrid(ramp, np.roll(ramp, 7 * index))
        pixels = np.stack([red, green, np.full((64, 64), 40 + 31 * index % 200)], axis=2).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        rows.append((sample_id, buffer.getvalue(), 64, 64))
    frame = pl.DataFrame(rows[:60], schema=THUMBNAILS, orient="row")
    records.write_table(folder / "thumbnails.parquet", frame, THUMBNAILS)


def _write_cams(folder: Path, test: pl.DataFrame, contenders) -> None:
    """A square of each contender for half of the pictures of which there is a small copy."""
    rows = []
    for index, sample_id in enumerate(test["sample_id"]):
        if index % 6 == 0:
            for place, name in enumerate(contenders):
                square = np.full((96, 96, 3), (200, 40 * place, index % 200), np.uint8)
                buffer = io.BytesIO()
                Image.fromarray(square).save(buffer, "JPEG")
                rows += [(sample_id, name, buffer.getvalue(), 96, scale, "gradcam") for scale in (64, 96, 128)]
    frame = pl.DataFrame(rows[:240], schema=records.CAMS, orient="row")
    records.write_table(folder / "cams.parquet", frame, records.CAMS)
