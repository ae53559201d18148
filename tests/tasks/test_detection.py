"""Detection: boxes that move with the pixels, detectors on every kind of backbone, mAP as COCO's tools count it."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from deepenough.cost import count
from deepenough.data.augment import Augmentation
from deepenough.data.objects import Object, as_text
from deepenough.data.preprocess import Preprocessing, in_picture, padded_scale, squared
from deepenough.errors import InputError
from deepenough.studies.assembling import assemble
from deepenough.studies.study import load_study
from deepenough.tasks import Given, Run, make_task
from deepenough.tasks.detection import MEASURES, MOST, Detection
from deepenough.tasks.detectors import levels, packed
from deepenough.tasks.placing import Objects, PlacedView, placed

CLASSES = ("cat", "dog", "owl")
NUMBERS = {name: number for number, name in enumerate(CLASSES)}


def objects(boxes, labels=None, size=(64, 48)):
    labels = labels or ["cat"] * len(boxes)
    found = [
        Object(label, tuple(box), (box[2] - box[0]) * (box[3] - box[1]))
        for label, box in zip(labels, boxes, strict=True)
    ]
    return Objects.of(found, size, NUMBERS)


def painted(target):
    """A black picture, each box of the target white."""
    width, height = target.size
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    for left, top, right, bottom in target.boxes.astype(int):
        picture[:, top:bottom, left:right] = 255
    return picture


def bright(square):
    """The box around what is white in a square."""
    rows, columns = np.nonzero(square[0].numpy() > 127)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


# --- boxes and pixels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_a_view_moves_the_box_with_what_is_in_it(seed):
    target = objects([[16, 10, 40, 34]])
    torch.manual_seed(seed)
    square, moved = PlacedView(Augmentation(min_area=0.5), 80)(painted(target), target)
    assert (square.shape, square.dtype, moved.size) == ((3, 80, 80), torch.uint8, (80, 80))
    np.testing.assert_allclose(bright(square), moved.boxes[0], atol=1.5)


def test_views_mirror_resize_and_shift():
    target = objects([[16, 10, 40, 34]])
    boxes = []
    for seed in range(60):
        torch.manual_seed(seed)
        boxes.append(PlacedView(Augmentation(), 80)(painted(target), target)[1].boxes[0])
    sides = np.array([box[2] - box[0] for box in boxes])
    assert sides.min() < 24 < 36 < sides.max()  # 30 as at test
    assert len({round(box[0]) for box in boxes}) > 15


def test_a_view_with_centre_crop_is_the_square_of_the_test():
    target, rng = objects([[16, 10, 40, 34]]), np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    square, moved = PlacedView(Augmentation(crop="centre", flip=0), 32)(
        torch.from_numpy(pixels).permute(2, 0, 1), target
    )
    wanted = squared(pixels, 32, Preprocessing(fit="pad", interpolation="bilinear"))
    assert np.abs(square.permute(1, 2, 0).numpy().astype(int) - wanted).max() <= 2
    np.testing.assert_allclose(moved.boxes, target.boxes * padded_scale(48, 64, 32))
    np.testing.assert_allclose(in_picture(moved.boxes, target.size, 32), target.boxes)


def test_a_mirrored_box_is_torchvisions():
    target = objects([[16, 10, 40, 34]], size=(64, 64))
    _, moved = PlacedView(Augmentation(crop="centre", flip=1.0), 64)(painted(target), target)
    boxes = tv_tensors.BoundingBoxes(torch.from_numpy(target.boxes), format="XYXY", canvas_size=(64, 64))
    np.testing.assert_allclose(moved.boxes, v2.functional.horizontal_flip(boxes).numpy())


def test_objects_that_a_crop_cuts_to_a_sliver_are_no_examples():
    target = objects([[0, 0, 40, 48], [60, 0, 64, 4]], ["cat", "dog"])
    _, moved = placed(painted(target), target, 64, 2.0, (0.0, 0.0))  # the left half, twice as large
    assert moved.labels.tolist() == [0]
    assert moved.boxes.tolist() == [[0, 0, 64, 64]]
    _, moved = placed(painted(target), target, 64, 2.0, (1.0, 0.0))
    assert moved.labels.tolist() == [1]
    assert moved.boxes.tolist() == [[56, 0, 64, 8]]


def test_a_reduced_picture_has_its_boxes_where_they_were():
    target = objects([[16, 10, 40, 34]])
    half = painted(target)[:, ::2, ::2]
    square, moved = placed(half, target, 64, 2.0, (0.0, 0.0))
    np.testing.assert_allclose(moved.boxes[0], target.boxes[0])
    np.testing.assert_allclose(bright(square), target.boxes[0], atol=1.5)


def test_crowds_are_not_taught_and_difficult_objects_are():
    found = [Object("cat", (0, 0, 9, 9), 81.0, crowd=True), Object("dog", (5, 5, 9, 9), 16.0, ignored=True)]
    assert Objects.of(found, (64, 48), NUMBERS).as_target()["labels"].tolist() == [1]


# --- networks ---------------------------------------------------------------------------------------------------------

KINDS = ("blresnet50", "res2net50", "resnet50+fusion=top_down", "resnet50+stem=small")


def task_of(**options):
    return Detection(CLASSES, **{"channels": 16, **options})


@pytest.mark.parametrize("detector", ["retinanet", "fasterrcnn"])
@pytest.mark.parametrize("kind", KINDS)
def test_detectors_stand_on_every_kind_of_backbone(kind, detector, tiny_networks):
    task = task_of(detector=detector)
    network = assemble(task, kind, seed=0)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = task.example(images)
    task.loss(task.forward(network, images, targets), targets).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    with torch.inference_mode():
        found = network.eval()(images)
    assert found.shape == (2, MOST, 6)
    there = found[..., 5] >= 0
    assert set(found[..., 5][there].unique().tolist()) <= {0.0, 1.0, 2.0}
    assert (found[..., 4].diff(dim=1) <= 0).all()
    assert found[..., :4].min() >= 0
    assert found[..., :4].max() <= 64


def test_a_pyramid_reads_the_deepest_map_of_each_stride(tiny_networks):
    network = assemble(task_of(detector="fasterrcnn"), "blresnet50", seed=0)
    strides = [tap.stride for tap in network.backbone.taps]
    assert len(set(strides)) < len(strides)
    assert list(network.strides) == sorted(set(strides))
    assert levels(network.backbone.taps) == [
        max(i for i, s in enumerate(strides) if s == own) for own in network.strides
    ]


@pytest.mark.parametrize("detector", ["retinanet", "fasterrcnn"])
def test_macs_of_no_image_are_those_of_one(detector, tiny_networks):
    """Counted on a batch of none; by hand on an image, where torchvision runs every layer."""
    network = assemble(task_of(detector=detector), "resnet50", seed=0).eval()
    made = []

    def counted(module, _given, result):
        per = 1 if isinstance(module, torch.nn.Linear) else result.shape[2] * result.shape[3]
        rows = len(result) if isinstance(module, torch.nn.Linear) else 1
        made.append(rows * per * module.weight.numel())

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(counted)
    proposed = []
    if detector == "fasterrcnn":
        network.head_proposals.register_forward_hook(lambda _m, _g, result: proposed.append(len(result[0][0])))
    with torch.inference_mode():
        network(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    once = sum(made)  # counting runs the layers again
    macs = count(network, 64).macs
    if detector == "retinanet":
        assert macs == once
    else:  # the bound on proposals, of which overlapping ones were dropped
        assert once <= macs <= once * 300 / proposed[0]


def test_a_detector_of_torchvision_gives_the_same_loss(tiny_networks):
    """The same parts in torchvision's own RetinaNet, whose transform is told to leave the pixels as they are."""
    from torchvision.models.detection import RetinaNet

    task = task_of()
    network = assemble(task, "resnet50", seed=0)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    targets = [
        {"boxes": torch.tensor([[8.0, 8.0, 40.0, 30.0]]), "labels": torch.tensor([2])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
    ]

    class Maps(torch.nn.Module):
        out_channels = 16

        def forward(self, given):
            return {str(place): level for place, level in enumerate(network.levels_of(given))}

    plain = {"min_size": 64, "max_size": 64, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    parts = {"anchor_generator": network.head.anchor_generator, "head": network.head.head}
    reference = RetinaNet(Maps(), 3, **plain, **parts).train()
    expected = reference(list(images), targets)
    got = task.forward(network, images, targets)
    for name, value in expected.items():
        assert got[name].item() == pytest.approx(value.item(), rel=1e-5)


def test_packed_rows_without_a_box_say_so():
    one = {"boxes": torch.tensor([[1.0, 2, 3, 4]]), "scores": torch.tensor([0.5]), "labels": torch.tensor([2])}
    none = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}
    rows = packed([one, none], torch.device("cpu"))
    assert rows[0, 0].tolist() == [1, 2, 3, 4, 0.5, 2]
    assert (rows[0, 1:, 5] == -1).all()
    assert (rows[1, :, 5] == -1).all()


# --- judging ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def judged():
    """Objects of 16 pictures and what a fair network says of them, as its outputs at 64 px."""
    rng, side = np.random.default_rng(3), 64
    truth, outputs = [], torch.zeros(16, MOST, 6)
    outputs[:, :, 5] = -1
    for place in range(16):
        corners = rng.uniform(0, 300, (5, 2))
        boxes = np.concatenate(
            [corners, corners + rng.choice([20, 60, 150], (5, 1)) * rng.uniform(0.8, 1.2, (5, 2))], axis=1
        )
        boxes = np.minimum(boxes, [640, 480, 640, 480]).round(1)
        truth.append(objects(boxes.tolist(), [CLASSES[label] for label in rng.integers(0, 3, 5)], size=(640, 480)))
        said = boxes + rng.normal(0, 4, boxes.shape)
        outputs[place, :5, :4] = torch.from_numpy(said * padded_scale(480, 640, side))
        outputs[place, :5, 4] = torch.from_numpy(rng.random(5))
        outputs[place, :5, 5] = torch.from_numpy(np.where(rng.random(5) < 0.8, truth[-1].labels, 0))
    return truth, outputs, np.zeros((16, side, side, 3), np.uint8)


@pytest.mark.parametrize("measure", ["map", "ap50", "ap75", "small", "medium", "large"])
def test_scores_average_to_what_pycocotools_says_of_the_same_boxes(judged, measure):
    """Boxes pass through the square and back; then both judge the rows that are stored."""
    coco, tools = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    truth, outputs, squares = judged
    task = Detection(CLASSES, measure=measure)
    rows = task.outcomes(outputs, truth, squares)
    marked, results = [], []
    for image, (known, row) in enumerate(zip(truth, rows, strict=True)):
        for box, label, area in zip(known.boxes, known.labels, known.areas, strict=True):
            sides = [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]
            kind = {"category_id": int(label) + 1, "area": float(area), "iscrowd": 0}
            marked.append({"id": len(marked) + 1, "image_id": image, "bbox": sides, **kind})
        for box, score, label in zip(row["boxes"].astype(float), row["scores"], row["labels"], strict=True):
            sides = [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]
            if label >= 0:
                results.append({"image_id": image, "bbox": sides, "score": float(score), "category_id": int(label) + 1})
    with contextlib.redirect_stdout(io.StringIO()):
        reference = coco.COCO()
        kinds = [{"id": number + 1, "name": name} for name, number in NUMBERS.items()]
        reference.dataset = {
            "info": {},
            "images": [{"id": image} for image in range(16)],
            "annotations": marked,
            "categories": kinds,
        }
        reference.createIndex()
        evaluation = tools.COCOeval(reference, reference.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    expected = evaluation.stats[["map", "ap50", "ap75", "small", "medium", "large"].index(measure)]
    scores = task.judged(Run(rows, truth))["score"]
    assert 0.05 < expected < 0.95
    assert scores.mean() == pytest.approx(expected, abs=1e-6)


def test_scores_spread_as_the_metric_does_over_new_pictures(judged):
    """The jackknife's standard error of mAP against a bootstrap of the pictures, each judged anew."""
    truth, outputs, squares = judged
    task = Detection(CLASSES)
    rows = task.outcomes(outputs, truth, squares)
    scores = task.judged(Run(rows, truth))["score"].to_numpy()
    rng, drawn = np.random.default_rng(0), []
    for _ in range(80):
        chosen = rng.integers(16, size=16)
        run = Run(rows[chosen], [truth[i] for i in chosen])
        drawn.append(np.mean([one.precision(np.ones((1, 16))) for one in task._matches_of(run)]))
    assert scores.std(ddof=1) / 4 == pytest.approx(np.std(drawn), rel=0.4)


def test_boxes_that_are_not_finite_are_no_boxes(judged):
    truth, outputs, squares = judged
    outputs[0, 0, 0], outputs[1, 0, 4], outputs[2, 0, 5] = float("nan"), float("inf"), float("nan")
    rows = Detection(CLASSES).outcomes(outputs, truth, squares)
    assert rows["labels"][:3, 0].tolist() == [-1, -1, -1]
    assert np.isfinite(rows["boxes"]).all()
    assert (rows["labels"][:3, 1] >= 0).all()


def test_prediction_and_confidence_are_those_of_sure_boxes(judged):
    truth, outputs, squares = judged
    outputs[0, :, 4] = 0.0
    outputs[0, 0, 4], outputs[0, 0, 5] = 0.9, 2
    found = Detection(CLASSES).judged(Run(Detection(CLASSES).outcomes(outputs, truth, squares), truth))
    assert (found["prediction"][0], found["confidence"][0]) == ("owl", pytest.approx(0.9))
    assert found["target"][0] == "|".join(sorted({CLASSES[label] for label in truth[0].labels}))


def test_pictures_without_what_a_measure_counts_are_refused_and_not_judged_as_nothing(judged):
    truth, outputs, squares = judged
    rows = Detection(CLASSES).outcomes(outputs, truth, squares)
    bare = [replace(one, boxes=one.boxes[:0], labels=one.labels[:0], areas=one.areas[:0]) for one in truth]
    bare = [replace(one, crowd=one.crowd[:0], ignored=one.ignored[:0]) for one in bare]
    with pytest.raises(InputError, match="a class that counts in two of them, for mAP of small objects; got none"):
        Detection(CLASSES, measure="small").judged(Run(rows, bare))
    alone = [truth[0], *bare[1:]]  # one picture with objects has no error
    with pytest.raises(InputError, match="for mAP; got none"):
        Detection(CLASSES).judged(Run(rows, alone))


# --- the task of a source ---------------------------------------------------------------------------------------------


def samples(boxes):
    """Nine pictures, three a split, with these objects in each."""
    rows = [
        {
            "sample_id": str(n),
            "split": ("train", "val", "test")[n % 3],
            "annotations": as_text(boxes),
            "width": 64,
            "height": 48,
        }
        for n in range(9)
    ]
    return pl.DataFrame(rows)


def test_further_measures_are_those_that_have_something_to_count():
    small = [Object("cat", (0, 0, 10, 10), 100.0), Object("dog", (0, 0, 40, 40), 1600.0)]
    task = make_task("detection", Given(classes=("cat", "dog"), samples=samples(small)))
    names = [other.metric.name for other in task.also()]
    assert names == ["AP50", "AP75", "mAP of small objects", "mAP of medium objects", "AP50 of cat", "AP50 of dog"]
    assert task.metric.name == "mAP"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"detector": "yolo"}, "one of retinanet, fasterrcnn"),
        ({"metric": "large"}, "counts in two pictures of val, for mAP of large objects"),
        ({"channels": 4}, "above 7"),
        ({"channels": 64.5}, "a whole number"),
        ({"anchor": 0}, "above 0"),
        ({"anchors": 3}, "anchor\\?"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, expected):
    given = Given(classes=("cat",), samples=samples([Object("cat", (0, 0, 10, 10), 100.0)]), options=options)
    with pytest.raises(InputError, match=expected):
        make_task("detection", given)


def test_a_source_without_boxes_is_refused():
    with pytest.raises(InputError, match="pictures with boxes"):
        make_task("detection", Given(classes=("cat",), samples=samples([]).drop("annotations")))
    with pytest.raises(InputError, match="counts in two pictures of val"):
        make_task("detection", Given(classes=("cat",), samples=samples([])))


def test_the_template_is_a_study_of_the_task(repository):
    study = load_study(repository / "studies" / "objects.yaml")
    assert study.task == "detection"
    given = Given(classes=("cat",), samples=samples([Object("cat", (0, 0, 10, 10), 100.0)]), options=study.task_options)
    assert make_task(study.task, given).metric.name == "mAP"


def test_every_measure_has_a_name_of_its_own():
    assert len({replace(Detection(CLASSES), measure=measure).metric.name for measure in MEASURES}) == len(MEASURES)
