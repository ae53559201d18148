"""Tar shards: the pictures, classes and splits of a folder, and refusals in words."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest

from deepenough.data import open_source, prepare
from deepenough.data.augment import Augmentation
from deepenough.data.kept import build_train_pixels
from deepenough.data.shards import expanded
from deepenough.data.streams import TrainingStream
from deepenough.errors import SourceError

CLASSES = ("cat", "dog", "owl")


def shard(path, files, **more):
    """A shard of names and contents; further members as tarfile has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, kind in more.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    return path


def as_cls(number, name, content):
    return [(f"{number:06d}.png", content), (f"{number:06d}.cls", name.encode())]


def as_json(number, name, content):
    return [(f"{number:06d}.json", json.dumps({"label": name, "size": 3}).encode()), (f"{number:06d}.png", content)]


def as_folder(number, name, content):
    return [(f"{name}/{number:06d}.png", content), (f"{name}/{number:06d}.txt", b"a caption")]


@pytest.fixture
def shards(pictures, tmp_path):
    def make(form, root="shards"):
        splits = {"train-000": pictures[:20], "train-001": pictures[20:40], "val-000": pictures[40:50]}
        for stem, some in {**splits, "test-000": pictures[50:]}.items():
            shard(tmp_path / root / f"set-{stem}.tar", [file for each in some for file in form(*each)])
        return tmp_path / root

    return make


@pytest.mark.parametrize("form", [as_cls, as_json, as_folder])
def test_shards_hold_the_samples_of_a_folder(form, shards, folder):
    ours, theirs = prepare(open_source(str(shards(form)))), prepare(open_source(str(folder)))
    columns = ["sample_id", "target", "split", "width", "height"]
    assert ours.samples.select(columns).equals(theirs.samples.select(columns))
    assert ours.classes == CLASSES
    assert ours.audit.used == 60


def test_training_batches_and_test_squares_are_those_of_a_folder(shards, folder, tmp_path):
    streams = []
    for number, source in enumerate((str(shards(as_cls)), str(folder))):
        prepared = prepare(open_source(source))
        pixels = build_train_pixels(prepared, tmp_path / str(number), short_side=64)
        labels = np.arange(len(pixels)) % 3
        how = {"side": 32, "batch": 8, "epochs": 1, "seed": 0, "workers": 0, "classes": 3}
        streams.append(list(TrainingStream(pixels, labels, Augmentation(), **how).batches()))
    assert all((one.images == other.images).all() for one, other in zip(*streams, strict=True))


def test_braces_name_shards_and_one_that_is_missing_is_said(shards):
    root = shards(as_cls)
    source = open_source(str(root / "set-{val,test}-{000..000}.tar"))
    assert source.description == "2 tar shards (test/val)"
    assert {entry.split for entry in source.entries} == {"val", "test"}
    assert len(open_source(str(root / "set-train-{000..001}.tar")).entries) == 40
    with pytest.raises(SourceError, match=r"set-train-002\.tar: expected a shard that can be read; got No such file"):
        open_source(str(root / "set-train-{000..002}.tar"))


def test_splits_may_be_folders_or_undeclared(pictures, tmp_path):
    def of(some):
        return [file for each in some for file in as_cls(*each)]

    for name, some in (("train", pictures[:40]), ("val", pictures[40:50]), ("test", pictures[50:])):
        shard(tmp_path / "split" / name / "000.tar", of(some))
    counts = prepare(open_source(str(tmp_path / "split"))).audit.splits
    assert counts == {"train": 40, "val": 10, "test": 10}
    plain = shard(tmp_path / "plain.tar", of(pictures))
    dealt = prepare(open_source(str(plain)))
    assert dealt.audit.splits["train"] == 42
    assert "No splits were declared" in dealt.audit.notes[0]
    shard(tmp_path / "mixed" / "a.tar", of(pictures[:10]))
    shard(tmp_path / "mixed" / "train-0.tar", of(pictures[10:]))
    with pytest.raises(SourceError, match=r"all name their split .*a\.tar, which names none"):
        open_source(str(tmp_path / "mixed"))


@pytest.mark.parametrize("form", ["set-{}-000.tar", "{}/000.tar"])
def test_a_shard_of_the_shifted_test_set_is_no_shard_of_test(form, pictures, tmp_path):
    for place, split in enumerate(("train", "val", "test", "test_shifted")):
        own = [file for each in pictures[15 * place : 15 * place + 15] for file in as_cls(*each)]
        shard(tmp_path / "set" / form.format(split), own)
    counts = prepare(open_source(str(tmp_path / "set"))).audit.splits
    assert counts == {"train": 15, "val": 15, "test": 15, "test_shifted": 15}


def test_a_folder_of_class_folders_with_a_tar_beside_them_stays_one(folder):
    (folder / "backup.tar").write_bytes(b"")
    assert "folder of class folders" in open_source(str(folder)).description


def test_groups_of_json_are_clusters_and_a_sample_without_a_class_is_left_aside(pictures, tmp_path):
    files = [(f"{n}.json", json.dumps({"class": name, "group": f"g{n // 2}"}).encode()) for n, name, _ in pictures]
    pairs = [
        pair for said, (n, _, content) in zip(files, pictures, strict=True) for pair in (said, (f"{n}.png", content))
    ]
    odd = [("x.png", pictures[0][2]), ("y.cls", b"cat")]
    source = open_source(str(shard(tmp_path / "a.tar", [*pairs, *odd])))
    assert {entry.group for entry in source.entries} == {f"g{n}" for n in range(30)}
    assert [(left.reason, left.path) for left in source.skipped] == [
        ("no_target", "a.tar/x.png"),
        ("not_an_image", "a.tar/y"),
    ]


def test_a_picture_of_a_shard_that_has_changed_is_refused(shards, tmp_path):
    prepared = prepare(open_source(str(shards(as_cls))))
    path = tmp_path / "shards" / "set-train-000.tar"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match="the file as it was when the data was checked"):
        build_train_pixels(prepared, tmp_path / "cache", short_side=64)


HOSTILE = {
    "a link": ({"link": tarfile.SYMTYPE}, "link: expected regular files; got a link"),
    "a hard link": ({"hard": tarfile.LNKTYPE}, "hard: expected regular files; got a link"),
    "a device": ({"dev": tarfile.CHRTYPE}, "got a device"),
    "a pipe": ({"pipe": tarfile.FIFOTYPE}, "got a device, a pipe"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_members_are_refused_in_words(kind, pictures, tmp_path):
    more, said = HOSTILE[kind]
    path = shard(tmp_path / "a.tar", [file for each in pictures for file in as_cls(*each)], **more)
    with pytest.raises(SourceError, match=said):
        open_source(str(path))


@pytest.mark.parametrize("name", ["/etc/cat.png", "../cat.png", "a/../../cat.png"])
def test_names_that_lead_out_of_the_shard_are_refused(name, tmp_path):
    with pytest.raises(SourceError, match="a name inside the shard"):
        open_source(str(shard(tmp_path / "a.tar", [(name, b"x")])))


def test_a_huge_header_is_refused_before_it_is_read(tmp_path):
    member = tarfile.TarInfo("a.png")
    member.pax_headers = {"comment": "x" * (2 << 20)}
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    with pytest.raises(SourceError, match="headers of at most 1048576 bytes"):
        open_source(str(tmp_path / "a.tar"))


def test_a_member_of_more_than_a_picture_can_have_is_left_out_unread(pictures, tmp_path):
    path = tmp_path / "a.tar"
    shard(path, [file for each in pictures for file in as_cls(*each)])
    member = tarfile.TarInfo("big.png")
    member.size = 2 << 30
    with path.open("r+b") as stream:  # sparse on disk: the file says two gigabytes and holds none
        stream.seek(-tarfile.RECORDSIZE if path.stat().st_size % tarfile.RECORDSIZE == 0 else 0, 2)
        end = next(
            at for at in range(0, path.stat().st_size, 512) if not path.read_bytes()[at : at + 1024].strip(b"\0")
        )
        stream.seek(end)
        stream.write(member.tobuf())
        cls = tarfile.TarInfo("big.cls")
        cls.size = 3
        stream.seek(end + 512 + (2 << 30))
        stream.write(cls.tobuf() + b"cat".ljust(512, b"\0") + b"\0" * 1024)
        stream.truncate()
    prepared = prepare(open_source(str(path)))
    assert prepared.audit.reasons == {"too_large": 1}
    assert prepared.audit.used == 60


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda content: content[: len(content) // 2 + 100], "a tar file, whole and not compressed; got a torn"),
        (lambda content: b"not a tar" * 200, "a tar file, whole and not compressed; got a torn"),
        (lambda content: b"\x1f\x8b" + content, "got a compressed file; make it anew, as plain .tar"),
    ],
    ids=["torn", "foreign", "compressed"],
)
def test_what_is_no_plain_tar_is_refused(make, said, pictures, tmp_path):
    path = shard(tmp_path / "a.tar", [file for each in pictures for file in as_cls(*each)])
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(SourceError, match=said):
        open_source(str(path))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("a.png", b"x"), ("a.jpg", b"x")], r"expected one picture of each name; got \.png and \.jpg"),
        ([("a.png", b"x"), ("a.json", b"{")], r"a\.json: expected JSON"),
        ([("a.png", b"x"), ("a.cls", b"x" * 70_000)], "at most 65536 bytes; got 70000"),
    ],
)
def test_a_sample_that_cannot_be_read_is_named(files, said, tmp_path):
    with pytest.raises(SourceError, match=said):
        open_source(str(shard(tmp_path / "a.tar", files)))


@pytest.mark.parametrize("pattern", ["a-{5..3}.tar", "a-{x}.tar", "a-{0..9999999}.tar", "{0..999}-{0..999}.tar"])
def test_braces_that_say_nothing_are_refused(pattern):
    with pytest.raises(SourceError):
        expanded(pattern)
