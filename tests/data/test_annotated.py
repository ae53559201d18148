"""Pictures with boxes: COCO's and VOC's annotations as they are found in the wild, and what is wrong with them."""

from __future__ import annotations

import json
import shutil

import pytest

from deepenough.data import open_source, prepare
from deepenough.data.objects import objects_in
from deepenough.errors import SourceError

KINDS = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]


@pytest.fixture
def coco(tmp_path, photo, encode):
    """A folder of 32 x 24 px pictures, and a writer of COCO files about them."""
    root = tmp_path / "set"

    def write(name="annotations.json", boxes=None, pictures=range(9), folder="images", **parts):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        for number in pictures:
            (root / folder / f"{number}.png").write_bytes(encode(photo(number)))
        images = [{"id": n, "file_name": f"{n}.png", "width": 32, "height": 24} for n in pictures]
        boxes = boxes if boxes is not None else [(n, (3, 7)[n % 2], [2, 3, 10, 12]) for n in pictures]
        marked = [
            {"id": place, "image_id": image, "category_id": kind, "bbox": box, "area": 100, **(more[0] if more else {})}
            for place, (image, kind, box, *more) in enumerate(boxes)
        ]
        content = {"images": images, "annotations": marked, "categories": KINDS} | parts
        (root / name).write_text(json.dumps(content))
        return root

    return write


def opened(root):
    return open_source(str(root), reads="boxes")


def reasons(source):
    return {skipped.path: skipped.reason for skipped in source.skipped}


def test_coco_file_gives_each_picture_its_boxes_and_its_labels(coco):
    root = coco(boxes=[(0, 3, [1, 2, 3, 4]), (0, 7, [5, 5, 5.5, 6]), (1, 7, [0, 0, 32, 24], {"iscrowd": 1})])
    source = opened(root)
    first, second, third = source.entries[:3]
    assert (first.path, first.target, first.split, first.size) == ("images/0.png", "cat|dog", None, (32, 24))
    assert [found.box for found in objects_in(first.further[0])] == [(1, 2, 4, 6), (5, 5, 10.5, 11)]
    assert objects_in(second.further[0])[0].crowd
    assert (third.target, objects_in(third.further[0])) == ("", [])


@pytest.mark.parametrize(
    "names",
    [
        {"annotations/train.json": "images", "annotations/val.json": "images", "annotations/test.json": "images"},
        {"annotations/instances_train2017.json": "train2017", "annotations/instances_val2017.json": "val2017"},
        {"train/_annotations.coco.json": "train", "valid/_annotations.coco.json": "valid"},
        {"instances_train.json": "images/train", "instances_test.json": "images/test"},
    ],
    ids=["by name", "as COCO", "beside the pictures", "in folders of splits"],
)
def test_splits_are_those_of_the_files_wherever_pictures_lie(coco, names):
    for place, (name, folder) in enumerate(names.items()):
        root = coco(name, pictures=range(10 * place, 10 * place + 8), folder=folder)
    prepared = prepare(opened(root))
    assert prepared.audit.quarantined == 0
    assert set(prepared.samples["split"]) == {"train", "val", "test"}
    assert prepared.samples.height == 8 * len(names)


@pytest.mark.parametrize("form", ["{}.json", "annotations/instances_{}2017.json", "{}/_annotations.coco.json"])
def test_a_coco_file_of_the_shifted_test_set_is_a_split_of_its_own(coco, form):
    for place, split in enumerate(("train", "val", "test", "test_shifted")):
        root = coco(form.format(split), pictures=range(10 * place, 10 * place + 8), folder=f"images/{split}")
    source = opened(root)
    assert source.description == "COCO annotations (train/val/test/test_shifted)"
    assert prepare(source).audit.splits == {"train": 8, "val": 8, "test": 8, "test_shifted": 8}


def test_one_coco_file_is_a_source_and_splits_are_dealt(coco):
    root = coco(pictures=range(24))
    prepared = prepare(opened(root / "annotations.json"))
    assert prepared.classes == ("cat", "dog")
    assert all(prepared.audit.splits.values())


@pytest.mark.parametrize(
    ("box", "kind", "reason", "said"),
    [
        ([2, 3, 0, 5], 3, "bad_box", "has no area"),
        ([2, 3, -4, 5], 3, "bad_box", "has no area"),
        ([30, 3, 9, 5], 3, "bad_box", "leaves the picture"),
        ([-3, 3, 9, 5], 3, "bad_box", "leaves the picture"),
        ([2, 3, None, 5], 3, "bad_box", "no four numbers"),
        ([2, 3, 5], 3, "bad_box", "no four numbers"),
        ([2, 3, 5, 5], 5, "unknown_class", "category_id 5"),
    ],
)
def test_a_picture_with_a_bad_box_is_left_out_in_words(coco, box, kind, reason, said):
    source = opened(coco(boxes=[(0, 3, [1, 1, 5, 5]), (1, 7, [1, 1, 5, 5]), (2, kind, box)]))
    assert reasons(source) == {"images/2.png": reason}
    assert said in source.skipped[0].detail


def test_a_box_that_was_rounded_over_the_edge_is_cut_off(coco):
    source = opened(coco(boxes=[(0, 3, [-0.5, 1, 33, 23.5])]))
    assert objects_in(source.entries[0].further[0])[0].box == (0.0, 1, 32.0, 24.0)


def test_the_same_box_said_twice_leaves_its_picture_out(coco):
    source = opened(coco(boxes=[(0, 3, [1, 1, 5, 5]), (1, 3, [1, 1, 5, 5]), (1, 3, [1, 1, 5, 5])]))
    assert reasons(source) == {"images/1.png": "double_box"}


def test_a_missing_picture_and_one_of_another_size_are_quarantined(coco, photo, encode):
    root = coco(pictures=range(24))
    (root / "images" / "4.png").unlink()
    (root / "images" / "5.png").write_bytes(encode(photo(5, height=32, width=24)))
    prepared = prepare(opened(root))
    found = dict(prepared.quarantine.select("path", "reason").iter_rows())
    assert found == {"images/4.png": "missing", "images/5.png": "other_size"}
    detail = dict(prepared.quarantine.select("path", "detail").iter_rows())["images/5.png"]
    assert detail == "its annotations are for 32 x 24 pixels, it has 24 x 32"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"images": [{"id": 1, "file_name": "1.png"}] * 2}, "each image id once"),
        ({"categories": [*KINDS, KINDS[0]]}, "each category id once"),
        ({"annotations": [{"id": 1, "image_id": 0, "category_id": 3, "bbox": [1, 1, 2, 2]}] * 2}, "each annotation id"),
        ({"annotations": [{"id": 1, "image_id": 99, "category_id": 3, "bbox": [1, 1, 2, 2]}]}, "of the images in it"),
        ({"annotations": [{"id": 1, "image_id": 0}]}, "objects of image_id, category_id, bbox"),
        ({"annotations": {}}, "expected a list"),
        ({"images": [{"id": 1, "file_name": "../1.png"}]}, "file names inside the folder"),
        ({"categories": [{"id": 3, "name": "cat|dog"}, {"id": 7, "name": "x"}]}, "class names without"),
    ],
)
def test_a_file_whose_ids_do_not_hold_is_refused_in_words(coco, parts, expected):
    with pytest.raises(SourceError, match=expected):
        opened(coco(**parts))


def test_a_torn_file_and_one_of_another_kind_are_refused(coco):
    root = coco()
    text = (root / "annotations.json").read_text()
    (root / "annotations.json").write_text(text[: len(text) // 2])
    with pytest.raises(SourceError, match="cannot be read as one"):
        opened(root)
    (root / "annotations.json").write_text("[]")
    with pytest.raises(SourceError, match="an object of annotations, categories, images"):
        opened(root)


def test_two_files_of_one_split_are_refused(coco):
    coco("annotations/instances_train.json")
    with pytest.raises(SourceError, match="one file for the train split"):
        opened(coco("annotations/captions_train.json"))


# --- VOC --------------------------------------------------------------------------------------------------------------

VOC = """<annotation><filename>{name}</filename><size><width>32</width><height>24</height><depth>3</depth></size>
<object><name>cat</name><difficult>{difficult}</difficult>
<bndbox><xmin>{left}</xmin><ymin>1</ymin><xmax>12</xmax><ymax>24</ymax></bndbox></object></annotation>"""


@pytest.fixture
def voc(tmp_path, photo, encode):
    root = tmp_path / "VOC2012"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for number in range(9):
        (root / "JPEGImages" / f"{number}.png").write_bytes(encode(photo(number)))
        text = VOC.format(name=f"{number}.png", difficult=int(number == 1), left=1 + number)
        (root / "Annotations" / f"{number}.xml").write_text(text)
    for split, numbers in (("train", range(4)), ("val", range(4, 6)), ("test", range(6, 8))):
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{number}\n" for number in numbers))
    return root


def test_voc_counts_pixels_from_one_and_its_lists_are_the_splits(voc):
    source = opened(voc)
    first, second = source.entries[:2]
    assert (first.path, first.target, first.split) == ("JPEGImages/0.png", "cat", "train")
    assert objects_in(first.further[0])[0].box == (0.0, 0.0, 12.0, 24.0)
    assert objects_in(second.further[0])[0].ignored
    assert reasons(source) == {"Annotations/8.xml": "unused_split"}
    assert prepare(source).audit.splits == {"train": 4, "val": 2, "test": 2}


def test_a_voc_list_of_the_shifted_test_set_is_a_split_of_its_own(voc):
    (voc / "ImageSets" / "Main" / "test_shifted.txt").write_text("8\n")
    source = opened(voc)
    assert source.description == "VOC annotations (train/val/test/test_shifted)"
    assert {entry.path: entry.split for entry in source.entries}["JPEGImages/8.png"] == "test_shifted"
    assert prepare(source).audit.splits == {"train": 4, "val": 2, "test": 2, "test_shifted": 1}


def test_voc_files_beside_the_pictures_in_folders_of_splits(voc, tmp_path):
    root = tmp_path / "export"
    for split, number in (("train", 0), ("train", 1), ("valid", 4), ("test", 6)):
        (root / split).mkdir(parents=True, exist_ok=True)
        for folder, ending in (("Annotations", "xml"), ("JPEGImages", "png")):
            shutil.copy(voc / folder / f"{number}.{ending}", root / split)
    assert [(entry.path, entry.split) for entry in opened(root).entries] == [
        ("test/6.png", "test"),
        ("train/0.png", "train"),
        ("train/1.png", "train"),
        ("valid/4.png", "val"),
    ]


def test_voc_files_that_are_none_or_hold_entities_are_left_aside(voc):
    (voc / "Annotations" / "0.xml").write_text("<annotation><object>")
    (voc / "Annotations" / "1.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')
    (voc / "Annotations" / "2.xml").write_text(VOC.format(name="2.png", difficult=0, left=12.5).replace("32<", "<"))
    found = reasons(opened(voc))
    assert found["Annotations/0.xml"] == found["Annotations/1.xml"] == "not_annotations"
    assert found["JPEGImages/2.png"] == "no_size"


def test_a_folder_without_annotations_is_refused_with_the_forms(tmp_path):
    with pytest.raises(SourceError, match="VOC's XML"):
        opened(tmp_path)
    with pytest.raises(SourceError, match="COCO annotations"):
        opened(tmp_path / "absent")


@pytest.mark.shared_data
def test_bccd_is_read_whole_with_its_declared_counts(shared_data):
    declared = json.loads((shared_data / "bccd" / "dataset.json").read_text())
    source = opened(shared_data / "bccd")
    objects = [found for entry in source.entries for found in objects_in(entry.further[0])]
    counts = {label: sum(found.label == label for found in objects) for label in declared["classes"]}
    assert (len(source.entries), len(objects)) == (declared["images"], declared["boxes"])
    assert counts == declared["boxes_per_class"]
