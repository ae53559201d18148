"""COCO's average precision against pycocotools and faster-coco-eval, and under weights against repeated images."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from deepenough.stats.detections import SIZES, Found, Truth, match

CLASSES = 3


def drawn(seed, images=20, crowds=True):
    """Objects of all sizes, and boxes near them, beside them and twice on them."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        count = int(rng.integers(0, 7))
        corners, sides = (
            rng.uniform(0, 300, (count, 2)),
            rng.choice([10, 40, 120], (count, 1)) * rng.uniform(0.7, 1.4, (count, 2)),
        )
        boxes = np.concatenate([corners, corners + sides], axis=1).round(2)
        labels = rng.integers(0, CLASSES, count)
        crowd = (rng.random(count) < 0.15) & crowds
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * rng.uniform(0.6, 1.0, count)
        truth.append(Truth(boxes, labels, areas, crowd, np.zeros(count, bool)))
        near = np.repeat(boxes, 2, axis=0) + rng.normal(0, 3, (2 * count, 4)) * rng.choice([0.2, 1, 3], (2 * count, 1))
        alone = rng.uniform(0, 200, (4, 4))
        alone[:, 2:] += alone[:, :2]
        all_boxes = np.concatenate([near, alone])
        kept = (all_boxes[:, 2:] > all_boxes[:, :2]).all(axis=1)
        said = np.concatenate([np.repeat(labels, 2), rng.integers(0, CLASSES, 4)])
        scores = rng.random(len(said)).round(2)  # ties too
        found.append(Found(all_boxes[kept], scores[kept], said[kept]))
    return found, truth


def as_coco(found, truth):
    marked, results = [], []
    for image, objects in enumerate(truth):
        for box, label, area, crowd in zip(objects.boxes, objects.labels, objects.areas, objects.crowd, strict=True):
            marked.append(
                {
                    "id": len(marked) + 1,
                    "image_id": image + 1,
                    "category_id": int(label) + 1,
                    "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
        for box, score, label in zip(found[image].boxes, found[image].scores, found[image].labels, strict=True):
            results.append(
                {
                    "image_id": image + 1,
                    "category_id": int(label) + 1,
                    "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
                    "score": float(score),
                }
            )
    images = [{"id": image + 1, "width": 640, "height": 640} for image in range(len(truth))]
    kinds = [{"id": label + 1, "name": str(label)} for label in range(CLASSES)]
    return {"info": {}, "images": images, "annotations": marked, "categories": kinds}, results


def precision_of(package, found, truth):
    """The array of precisions (overlaps, recalls, classes, sizes, most boxes) of a reference implementation."""
    if package == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    else:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    content, results = as_coco(found, truth)
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = content
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"])


@pytest.mark.parametrize("package", ["pycocotools", "faster_coco_eval"])
@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_coco_tools_for_every_class_size_and_overlap(package, seed):
    pytest.importorskip(package)
    found, truth = drawn(seed)
    wanted = precision_of(package, found, truth)
    for label in range(CLASSES):
        for place, size in enumerate(SIZES):
            got = match(found, truth, label, size).precision(np.ones((1, len(truth))))[0]
            expected = wanted[:, :, label, place, -1].mean(axis=1)
            expected = np.where(wanted[:, 0, label, place, -1] < 0, np.nan, expected)
            np.testing.assert_allclose(got, expected, atol=1e-9, rtol=0)


def test_weights_of_nothing_and_of_two_are_images_left_out_and_all_doubled():
    found, truth = drawn(6)
    weights = np.ones((3, len(truth)))
    weights[1], weights[2, 0] = 2.0, 0.0
    for label in range(CLASSES):
        once, doubled, left = match(found, truth, label).precision(weights)
        without = match(found[1:], truth[1:], label).precision(np.ones((1, len(truth) - 1)))[0]
        np.testing.assert_allclose(doubled, once, atol=1e-12)
        np.testing.assert_allclose(left, without, atol=1e-12)


def test_an_ignored_object_counts_neither_found_nor_missed():
    box = np.array([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 80.0, 80.0]])
    labels, areas = np.zeros(2, int), np.array([100.0, 900.0])
    no, second = np.zeros(2, bool), np.array([False, True])
    both = Found(box, np.array([0.6, 0.9]), labels)
    first = Found(box[:1], np.array([0.6]), labels[:1])
    counted, ignored = Truth(box, labels, areas, no, no), Truth(box, labels, areas, no, second)
    one = np.ones((1, 1))
    assert match([first], [counted], 0).precision(one)[0, 0] == pytest.approx(51 / 101)
    assert match([first], [ignored], 0).precision(one)[0, 0] == pytest.approx(1.0)
    assert match([both], [ignored], 0).precision(one)[0, 0] == pytest.approx(1.0)


def test_a_class_that_no_image_shows_has_no_precision():
    found, truth = drawn(7)
    matches = match(found, truth, CLASSES)
    assert np.isnan(matches.precision(np.ones((2, len(truth))))).all()
    assert not matches.judged
