"""Test sets from elsewhere that lack what a metric takes: the study ends in a verdict and says what is not."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deepenough import report
from deepenough.records import SCORES, measures_from_json, read_json, read_table
from deepenough.studies import run_study

pytestmark = pytest.mark.slow
TINY = {"scales": [32], "epochs": 1, "seeds": 2}
NO = "No {} can be had on the split test_shifted, which decides nothing: "


class Stopped(Exception):
    """Raised at the first step."""


def labelled(root, shifted):
    """A manifest of pictures with labels; `shifted` says which of the two the last four have."""
    rows = []
    for number in range(36):
        split = "train" if number < 12 else "val" if number < 22 else "test" if number < 32 else "test_shifted"
        has = shifted if split == "test_shifted" else [("edge", "edge|blob", "blob", "")[number % 4]]
        noise = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        root.mkdir(exist_ok=True)
        Image.fromarray(noise).resize((32, 32)).save(root / f"{number}.png")
        rows.append({"path": f"{number}.png", "target": has[number % len(has)], "split": split})
    pl.DataFrame(rows).write_csv(root / "labels.csv")
    return root / "labels.csv"


def boxed(root, sides):
    """COCO's files of one bright square a picture, of so many pixels a side, in the folder of each split."""
    number = 0
    for split, side in sides.items():
        (root / split).mkdir(parents=True)
        images, marked = [], []
        for _ in range(8):
            pixels = np.random.default_rng(number).integers(0, 99, (120, 120, 3), dtype=np.uint8)
            pixels[10 : 10 + side, 5 : 5 + side] = 255
            Image.fromarray(pixels).save(root / split / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "width": 120, "height": 120})
            box = {"bbox": [5, 10, side, side], "area": side * side, "iscrowd": 0}
            marked.append({"id": number, "image_id": number, "category_id": 1, **box})
            number += 1
        content = {"images": images, "annotations": marked, "categories": [{"id": 1, "name": "square"}]}
        (root / split / "_annotations.coco.json").write_text(json.dumps(content))
    return root


def test_labels_that_cannot_be_ranked_there_lose_no_study_and_are_said_before_training(request_of, told, tmp_path):
    source = labelled(tmp_path / "pictures", ["edge"])
    request, folder = request_of(source=str(source), task="multilabel", **TINY), tmp_path / "s"
    said = NO.format("AUROC") + "images: expected a label that 2 of them have and 2 have not, for AUROC; got none."
    stopped = told(stop_at=1, error=Stopped())
    with pytest.raises(Stopped):
        run_study(request, folder, listener=stopped)
    assert said in stopped.notes
    verdict = run_study(request, folder)
    assert said in verdict.caveats
    assert not (folder / "verdict_shifted.json").exists()
    assert not (folder / "shifted.parquet").exists()
    assert {one.split for one in measures_from_json(read_json(folder / "measures.json")).measures} == {"test"}
    assert said in report.write(folder)[1].read_text(encoding="utf-8")


def test_objects_of_a_size_that_is_not_there_leave_that_measure_out_and_no_other(request_of, tmp_path):
    source = boxed(tmp_path / "pictures", {"train": 100, "val": 100, "test": 100, "test_shifted": 20})
    options = {"channels": 16}
    run_study(request_of(source=str(source), task="detection", task_options=options, **TINY), tmp_path / "s")
    found = measures_from_json(read_json(tmp_path / "s" / "measures.json")).measures
    named = {split: {one.metric for one in found if one.split == split} for split in ("test", "test_shifted")}
    assert named["test"] - named["test_shifted"] == {"mAP of large objects"}
    assert {"mAP", "AP50", "AP75", "AP50 of square"} <= named["test_shifted"]
    assert (tmp_path / "s" / "verdict_shifted.json").is_file()


def test_a_single_image_from_elsewhere_is_scored_and_has_no_verdict(folder_of, request_of, tmp_path):
    counts = {f"{split}/{name}": 6 for split in ("train", "val", "test") for name in ("cat", "dog")}
    source = folder_of({**counts, "test_shifted/cat": 1})
    verdict = run_study(request_of(source=str(source), **TINY), tmp_path / "s")
    assert any(caveat.startswith(NO.format("accuracy")) for caveat in verdict.caveats)
    assert read_table(tmp_path / "s" / "shifted.parquet", SCORES).height == 4  # two networks, two seeds
    assert not (tmp_path / "s" / "verdict_shifted.json").exists()
    report.write(tmp_path / "s")


def test_a_class_too_rare_for_a_further_measure_leaves_that_out(folder_of, request_of, tmp_path):
    counts = {f"{split}/{name}": 6 for split in ("train", "val", "test") for name in ("sick", "well", "odd")}
    source = folder_of({**counts, "test/odd": 1})
    options = {"metric": "auroc", "positive": "sick"}
    run_study(request_of(source=str(source), task_options=options, **TINY), tmp_path / "s")
    named = {one.metric for one in measures_from_json(read_json(tmp_path / "s" / "measures.json")).measures}
    assert "average precision" in named
    assert "balanced accuracy" not in named
