from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from deepenough.data import open_source, prepare
from deepenough.data.alignment import agreement
from deepenough.data.likeness import SIDE, alike, small_copy
from deepenough.data.nearest import _FREQUENCIES, Hashes
from deepenough.data.outlines import outlines, overlap, turned
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
    assert agreement(same[:1], same[1:], np.ones(1), np.zeros((1, 2)))[0] == pytest.approx(1, abs=1e-3)
    assert agreement(other[:1], other[1:], np.ones(1), np.zeros((1, 2)))[0] < 0.8


def test_blank_pictures_are_like_nothing():
    blank = np.full((6, SIDE, SIDE), 200, np.uint8)
    assert alike(blank, ["train", "test"] * 3) == []
    assert alike(blank[:0], []) == []


def test_a_picture_of_nearly_one_tone_is_not_compared_and_is_named(folder_of):
    root = folder_of({"cat": 20, "dog": 20})
    rng = np.random.default_rng(3)
    for number in range(4):
        dark = Image.fromarray(rng.integers(0, 10, (60, 60, 3), dtype=np.uint8))
        (root / "cat" / f"dark{number}.png").write_bytes(encoded(dark, "PNG"))
    audit = prepare(open_source(str(root))).audit
    (named,) = (finding for finding in audit.findings if finding.kind == "blank")
    assert (named.count, named.severity) == (4, "warning")
    assert not any("dark" in pair.path + pair.other_path for pair in audit.near_duplicates)


def test_candidates_are_those_of_the_full_table_of_likeness():
    """The nearest of each picture in and out of its split, from all cosines at once."""
    rng = np.random.default_rng(5)
    pictures = copies([scene(seed) for seed in range(12)]).astype(float)
    mixed = np.einsum("ij,jkl->ikl", rng.dirichlet(np.full(12, 0.2), 700), pictures)
    small = np.concatenate([mixed, mixed[:40, :, ::-1]]).astype(np.uint8)
    split = rng.integers(0, 3, len(small))
    hashes = Hashes(small)
    whole, middle = hashes._views
    sign = np.where(np.array([across for _, across in _FREQUENCIES]) % 2, -1, 1)
    views = ((whole, whole), (middle, whole), (whole, middle))
    table = np.max([a @ (b * turn).T for a, b in views for turn in (1, sign)], axis=0)
    np.fill_diagonal(table, -1)
    expected = set()
    for allowed in (table, np.where(split[:, None] != split, table, -1)):
        for row, values in enumerate(allowed):
            expected |= {tuple(sorted((row, int(c)))) for c in np.argsort(-values)[:3] if values[c] >= 0.85}
    found = hashes.candidates(np.arange(len(small)), len(small), split)
    assert len(expected) > 1000
    assert len(expected ^ set(map(tuple, found.tolist()))) <= 0.02 * len(expected)  # ties in the last digit


def test_a_thousand_frames_of_a_film_are_no_more_candidates_than_strangers():
    rng = np.random.default_rng(6)
    film = (copies([scene(1)])[0] + rng.normal(0, 3, (1000, SIDE, SIDE))).clip(0, 255).astype(np.uint8)
    found = Hashes(film).candidates(np.arange(1000), 1000, np.arange(1000) % 3)
    assert len(found) <= 6 * 1000
    assert set(found.ravel().tolist()) == set(range(1000))


@pytest.mark.parametrize("shift", [(0, 0), (1.5, -2), (-3, 0.5)])
def test_outlines_find_the_shift_of_a_picture_against_itself(shift):
    down, right = shift
    image = scene(2).resize((96, 96))
    moved = image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, -4 * right, 0, 1, -4 * down), fillcolor=(99, 99, 99)
    )
    reached, scale, found = overlap(*(outlines(copies([picture])) for picture in (image, moved)), SIDE)
    assert (scale[0], tuple(found[0])) == (1, shift)
    assert reached[0] > 0.75


def test_a_mirrored_outline_is_the_outline_of_the_mirrored_picture():
    small = copies([scene(3), scene(4)])
    assert np.allclose(turned(outlines(small), SIDE), outlines(small[:, :, ::-1]), atol=1e-4)


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


def halved(image: Image.Image) -> bytes:
    return encoded(image.resize((image.width // 2, image.height // 2)), quality=80)


@pytest.mark.parametrize("declared", ["", "train"])
def test_near_duplicates_stay_in_one_split_when_splits_are_dealt(declared, tmp_path):
    for number in range(40):
        folder = tmp_path / declared / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(encoded(scene(number), "PNG"))
        if number < 8:
            (folder / f"{number}-small.jpg").write_bytes(halved(scene(number)))
    audit = prepare(open_source(str(tmp_path))).audit
    assert len(audit.near_duplicates) == 8
    assert all(pair.split == pair.other_split for pair in audit.near_duplicates)
    assert "Nearly identical pictures were kept together in a split: 16 pictures in 8 sets." in audit.notes
    assert "near_duplicate_across_splits" not in {finding.kind for finding in audit.findings}


def test_a_class_of_copies_alone_is_dealt_one_by_one_and_that_is_warned_of(tmp_path):
    for number in range(30):
        for name, image in (("cat", scene(number)), ("film", scene(99))):
            (tmp_path / name).mkdir(exist_ok=True)
            noise = np.random.default_rng(number).normal(0, 2, (180, 240, 3))
            pixels = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
            (tmp_path / name / f"{number}.png").write_bytes(encoded(Image.fromarray(pixels), "PNG"))
    audit = prepare(open_source(str(tmp_path))).audit
    assert min(audit.classes["film"].values()) >= 4
    assert any(note.startswith("Nearly identical pictures were dealt out one by one in film:") for note in audit.notes)
    (warned,) = (finding for finding in audit.findings if finding.kind == "near_duplicate_across_splits")
    assert warned.severity == "warning"


def test_declared_groups_decide_what_stays_together(tmp_path):
    rows = ["path,target,group"]
    for number in range(24):
        picture = scene(number % 12)
        content = encoded(picture, "PNG") if number < 12 else halved(picture)
        (tmp_path / f"{number}").write_bytes(content)
        rows.append(f"{number},{('cat', 'dog')[number % 2]},patient{number}")
    (tmp_path / "m.csv").write_text("\n".join(rows))
    audit = prepare(open_source(str(tmp_path / "m.csv"))).audit
    assert len(audit.near_duplicates) == 12
    assert "near_duplicate_across_splits" in {finding.kind for finding in audit.findings}
    assert not any(note.startswith("Nearly identical") for note in audit.notes)


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
