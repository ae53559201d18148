from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from deepenough.data import open_source, prepare
from deepenough.data.alignment import agreement
from deepenough.data.likeness import SIDE, alike, small_copy
from deepenough.records import audit_from_json


def scene(seed: int) -> Image.Image:
    """A picture with structure of all sizes, 240 by 180."""
    rng = np.random.default_rng(seed)
    total = np.zeros((180, 240, 3))
    for cells in (3, 6, 12, 24, 48):
        noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(noise.resize((240, 180), Image.Resampling.BICUBIC)) / 5.0
    return Image.fromarray(total.astype(np.uint8))


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop((round(left * width), round(top * height), round(width * right), round(height * bottom)))


def encoded(image: Image.Image, file_format: str = "JPEG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


CHANGES = {
    "re-encoded": lambda image: Image.open(io.BytesIO(encoded(image, quality=50))),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2)),
    "enlarged": lambda image: image.resize((image.width * 2, image.height * 2)),
    "cropped around": lambda image: cropped(image, 0.025, 0.025, 0.975, 0.975),
    "cropped at a corner": lambda image: cropped(image, 0.05, 0.05, 1, 1),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "paler": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "grey": lambda image: image.convert("L").convert("RGB"),
}


def copies(images) -> np.ndarray:
    return np.stack([small_copy(image) for image in images])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change):
    originals = [scene(seed) for seed in range(30)]
    changed = [CHANGES[change](image) for image in originals[:10]]
    found = alike(copies([*originals, *changed]), ["train"] * 30 + ["test"] * 10)
    assert {(pair.first, pair.second) for pair in found} == {(n, 30 + n) for n in range(10)}
    assert {pair.mirrored for pair in found} == {change == "mirrored"}


def test_a_picture_agrees_with_itself_wholly_and_with_another_hardly():
    same = copies([scene(1), scene(1)])
    other = copies([scene(1), scene(2)])
    assert agreement(same[:1], same[1:], np.ones(1))[0] == pytest.approx(1, abs=1e-3)
    assert agreement(other[:1], other[1:], np.ones(1))[0] < 0.8


def test_blank_pictures_are_like_nothing():
    blank = np.full((6, SIDE, SIDE), 200, np.uint8)
    assert alike(blank, ["train", "test"] * 3) == []
    assert alike(blank[:0], []) == []


def test_pictures_too_small_to_tell_apart_have_no_copy_to_compare():
    assert small_copy(scene(1).resize((15, 200))) is None
    assert small_copy(scene(1).resize((16, 200))).shape == (SIDE, SIDE)


def test_too_many_pictures_are_not_compared_and_that_is_said(monkeypatch, folder_of):
    from deepenough.data import likeness

    monkeypatch.setattr(likeness, "MOST_COMPARED", 20)
    audit = prepare(open_source(str(folder_of({"cat": 20, "dog": 20})))).audit
    assert audit.near_duplicates == []
    assert "near_duplicates_unknown" in {finding.kind for finding in audit.findings}


def test_above_the_limit_of_pairs_different_splits_are_still_compared(monkeypatch):
    from deepenough.data import likeness

    images = [scene(seed) for seed in range(20)]
    both = copies([*images, images[3], images[4]])
    monkeypatch.setattr(likeness, "MOST_COMPARED", 100)
    found = alike(both, ["train"] * 20 + ["test", "train"])
    assert [(pair.first, pair.second) for pair in found] == [(3, 20)]


def test_near_duplicates_are_named_with_their_splits_and_classes_and_survive_json(tmp_path):
    import json

    from deepenough.records import to_json

    for number in range(36):
        folder = tmp_path / ("train", "val", "test")[number % 3] / ("cat", "dog")[number // 3 % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(encoded(scene(number), "PNG"))
    (tmp_path / "test/cat/leak.jpg").write_bytes(encoded(scene(0), quality=80))
    (tmp_path / "train/dog/doubt.jpg").write_bytes(encoded(scene(6), quality=80))
    result = prepare(open_source(str(tmp_path)))
    assert [(p.path, p.other_path) for p in result.audit.near_duplicates] == [
        ("test/cat/leak.jpg", "train/cat/0.png"),
        ("train/cat/6.png", "train/dog/doubt.jpg"),
    ]
    named = {finding.kind: finding.paths for finding in result.audit.findings}
    assert named["near_duplicate_across_splits"] == ["test/cat/leak.jpg is like train/cat/0.png"]
    assert named["near_duplicate_labels"] == ["train/cat/6.png is like train/dog/doubt.jpg"]
    assert "test/cat/leak.jpg" in set(result.samples["path"])
    assert audit_from_json(json.loads(to_json(result.audit))) == result.audit


@pytest.mark.shared_data
@pytest.mark.slow
def test_ten_planted_copies_are_named_and_the_untouched_set_raises_hardly_an_alarm(shared_data, tmp_path):
    root = tmp_path / "clothing10"
    for path in (shared_data / "clothing10").rglob("*.jpg"):
        target = root / path.relative_to(shared_data / "clothing10")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    untouched = prepare(open_source(str(root)))
    alarmed = {path for pair in untouched.audit.near_duplicates for path in (pair.path, pair.other_path)}
    assert len(alarmed) <= 0.01 * untouched.audit.used

    chosen = sorted((root / "train").rglob("*.jpg"), key=lambda path: hashlib.md5(path.name.encode()).hexdigest())[:10]
    changes = [CHANGES[name] for name in ("re-encoded", "halved", "cropped around", "brightened", "mirrored")]
    exact, near = set(), set()
    for number, path in enumerate(chosen):
        target = root / "test" / path.parent.name / f"planted{number}.jpg"
        if number < 5:
            target.write_bytes(path.read_bytes())
            exact.add(str(target.relative_to(root)))
        else:
            with Image.open(path) as image:
                target.write_bytes(encoded(changes[number - 5](image.convert("RGB")), quality=80))
            near.add((str(target.relative_to(root)), str(path.relative_to(root))))
    result = prepare(open_source(str(root)))
    reasons = dict(result.quarantine.select("path", "reason").iter_rows())
    assert exact <= {path for path, reason in reasons.items() if reason == "duplicate_across_splits"}
    assert near <= {(pair.path, pair.other_path) for pair in result.audit.near_duplicates}


@pytest.mark.shared_data
@pytest.mark.slow
def test_slices_of_one_scan_in_different_splits_are_named(shared_data):
    """The set's own notes warn of it: no patient ids, so slices of one patient may lie in both train and test."""
    audit = prepare(open_source(str(shared_data / "brain_mri"))).audit
    across = [pair for pair in audit.near_duplicates if pair.split != pair.other_split]
    assert len(across) > 100
    assert sum(pair.target == pair.other_target for pair in across) > 0.95 * len(across)
