"""The tables' columns and their types: a contract, add and never rename."""

from __future__ import annotations

from typing import Any

import polars as pl

SAMPLES: dict[str, Any] = {
    "sample_id": pl.String,  # sha256 of the file's bytes, the first 32 hexadecimal digits
    "path": pl.String,  # relative to the source's root where it has one
    "target": pl.String,  # the class name
    "split": pl.String,  # train, val or test
    "group": pl.String,  # cluster the sample belongs to (patient, object, ...), null where none was given
    "width": pl.Int32,  # pixels, after EXIF orientation
    "height": pl.Int32,
}
ANNOTATIONS = "annotations"  # a further column of SAMPLES with what a class name cannot say (boxes), as JSON
OTHER_GROUP = "group_other"  # a further column of SAMPLES: the second cluster of a sample that has two, as a pair has
QUARANTINE: dict[str, Any] = {
    "path": pl.String,
    "reason": pl.String,  # a short stable word: truncated, not_an_image, duplicate_across_splits, ...
    "detail": pl.String,  # one line for people
    "target": pl.String,  # null where unknown
    "split": pl.String,  # null where unknown
}
SCORES: dict[str, Any] = {
    "contender": pl.String,
    "seed": pl.Int64,
    "scale": pl.Int32,  # image side at test, pixels
    "sample_id": pl.String,
    "target": pl.String,
    "prediction": pl.String,
    "score": pl.Float64,  # higher is better; 0/1 for classification
    "confidence": pl.Float64,  # probability of the prediction, in [0, 1]
}
OUTCOMES: dict[str, Any] = {  # and the task's own columns: what is kept of every picture beside its score
    "contender": pl.String,
    "seed": pl.Int64,
    "scale": pl.Int32,
    "sample_id": pl.String,  # of the picture
}
BASELINES: dict[str, Any] = {  # what methods without a trained network reach on the test samples
    "baseline": pl.String,
    "metric": pl.String,
    "scale": pl.Int32,
    "sample_id": pl.String,
    "score": pl.Float64,
}
NOISE: dict[str, Any] = {
    **SCORES,  # `seed` is that of the sources that stood still
    "source": pl.String,  # a NoiseSource
    "run": pl.Int64,  # from 1
}
CAMS: dict[str, Any] = {
    "sample_id": pl.String,
    "contender": pl.String,
    "image": pl.Binary,  # a JPEG file: the square that the network saw, and where it found its answer
    "side": pl.Int32,  # of that file, pixels
    "scale": pl.Int32,  # image side that the network saw, pixels
    "method": pl.String,  # of the map: gradcam, gradcampp, hirescam or layercam
}
_BOX = {side: pl.Float64 for side in ("left", "top", "right", "bottom")}  # pixels of the image
EXHIBITS: dict[str, Any] = {  # what people are shown of a few test samples, a row a thing, in order
    "sample_id": pl.String,
    "place": pl.Int32,  # among the things of its sample
    "what": pl.String,  # harmed, mended, clean, found, one of the pair, similarity
    "contender": pl.String,  # null where it is no network's
    "seed": pl.Int64,  # of the networks
    "image": pl.Binary,  # PNG where `exact`, else JPEG; null where there is a figure alone
    "width": pl.Int32,
    "height": pl.Int32,
    "exact": pl.Boolean,  # every pixel is the network's own
    "value": pl.Float64,
    "unit": pl.String,
    "threshold": pl.Float64,
    "boxes": pl.List(pl.Struct({**_BOX, "label": pl.String, "score": pl.Float64})),  # score null: a true box
}
COSTS: dict[str, Any] = {
    "contender": pl.String,
    "scale": pl.Int32,
    "batch": pl.Int32,
    "device": pl.String,
    "precision": pl.String,  # fp32 or bf16
    "parameters": pl.Int64,
    "macs": pl.Int64,  # multiply-accumulates for one image
    "latency_s": pl.Struct({"p50": pl.Float64, "p95": pl.Float64}),  # seconds a batch
    "images_per_s": pl.Float64,
    "peak_bytes": pl.Int64,  # of the process on CPU, of the device's allocator on a GPU
}
SLICES: dict[str, Any] = {  # big minus small in the verdict's unit; interval and p-value are for each slice alone
    "column": pl.String,  # class, size (short side), aspect (width over height), or a column of the manifest
    "level": pl.String,
    "scale": pl.Int32,
    "samples": pl.Int64,
    **dict.fromkeys(("difference", "low", "high", "p_value"), pl.Float64),
    "q_value": pl.Float64,  # false discovery rate over all rows (Benjamini-Yekutieli); null with two seeds
    **dict.fromkeys(("only_big", "only_small"), pl.Int64),  # samples that one gets right in more of its runs
    **dict.fromkeys(("small", "big"), pl.String),  # contenders
    **dict.fromkeys(("small_mean", "big_mean"), pl.Float64),
}
HISTORY: dict[str, Any] = {
    "step": pl.Int64,  # optimiser steps done
    "epoch": pl.Float64,
    "learning_rate": pl.Float64,
    "loss": pl.Float64,  # mean training loss since the previous row
    "train_accuracy": pl.Float64,  # on the augmented batches since the previous row; null under mixup or cutmix
    "val_accuracy": pl.Float64,  # at the training scale; null where not measured
    "images_per_s": pl.Float64,  # of this contender alone
    "elapsed_s": pl.Float64,  # training time of this contender so far, interruptions left out
}
