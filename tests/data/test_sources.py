from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from deepenough.data import open_source
from deepenough.errors import SourceError


def message(spec, **options) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(str(spec), **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def reasons(source) -> dict[str, str]:
    return {item.path: item.reason for item in source.skipped}


# --- folders


def test_flat_class_folders_give_entries_without_a_split(folder_of):
    source = open_source(str(folder_of({"cat": 2, "dog": 1})))
    assert [(e.path, e.target, e.split) for e in source.entries] == [
        ("cat/000.png", "cat", None),
        ("cat/001.png", "cat", None),
        ("dog/000.png", "dog", None),
    ]
    assert source.entries[0].read().startswith(b"\x89PNG")
    assert "no splits declared" in source.description


def test_split_folders_go_by_their_usual_names_and_say_so(folder_of):
    root = folder_of({"Training/cat": 1, "Training/dog": 1, "valid/cat": 1, "testing/dog": 1})
    source = open_source(str(root))
    assert {(e.target, e.split) for e in source.entries} == {
        ("cat", "train"),
        ("dog", "train"),
        ("cat", "val"),
        ("dog", "test"),
    }
    assert "The folder 'valid' is taken as the val split." in source.notes


def test_a_folder_that_is_no_split_is_left_out_and_every_file_in_it_listed(folder_of):
    source = open_source(str(folder_of({"train/a": 1, "train/b": 1, "test/a": 1, "test_other/a": 3})))
    assert [item.reason for item in source.skipped] == ["unused_folder"] * 3
    assert source.notes == ["The folder 'test_other' is no split and was left out (3 files)."]


def test_a_class_may_be_called_train_when_it_holds_no_class_folders(folder_of):
    source = open_source(str(folder_of({"bus": 1, "train": 1})))
    assert {entry.target for entry in source.entries} == {"bus", "train"}


def test_pictures_in_deeper_folders_belong_to_the_class_above(folder_of):
    source = open_source(str(folder_of({"cat/2023/may": 1, "cat": 1, "dog": 1})))
    assert [e.path for e in source.entries if e.target == "cat"] == ["cat/000.png", "cat/2023/may/000.png"]


def test_hidden_system_and_stray_files_are_left_aside_with_their_reason(folder_of):
    root = folder_of({"cat": 1, "dog": 1})
    for name in (".DS_Store", "cat/._000.png", "cat/Thumbs.db", "readme.txt", "dog/desktop.ini"):
        (root / name).write_bytes(b"x")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"x")
    (root / "dog" / "__MACOSX" / "deep").mkdir(parents=True)
    (root / "dog" / "__MACOSX" / "deep" / "x.png").write_bytes(b"x")
    source = open_source(str(root))
    assert reasons(source) == {
        ".DS_Store": "hidden",
        ".git/config": "hidden",
        "cat/._000.png": "hidden",
        "cat/Thumbs.db": "hidden",
        "dog/desktop.ini": "hidden",
        "dog/__MACOSX/deep/x.png": "hidden",
        "readme.txt": "outside_class_folder",
    }
    assert len(source.entries) == 2


def test_links_are_followed_and_loops_are_not(folder_of):
    root = folder_of({"train/cat": 2, "train/dog": 1, "test/cat": 1})
    (root / "train/cat/link.png").symlink_to(root / "train/dog/000.png")
    (root / "train/cat/self").symlink_to("self")
    (root / "train/cat/up").symlink_to("..")
    (root / "train/cat/top").symlink_to(root)
    (root / "train/cat/gone.png").symlink_to("nowhere.png")
    (root / "train/bird").symlink_to(root / "test/cat")
    source = open_source(str(root))
    assert reasons(source) == {
        "train/cat/self": "link_loop",
        "train/cat/up": "link_loop",
        "train/cat/top": "link_loop",
        "train/cat/gone.png": "dangling_link",
    }
    assert {e.path for e in source.entries if e.target == "bird"} == {"train/bird/000.png"}
    assert "train/cat/link.png" in {e.path for e in source.entries}


def test_links_between_folders_do_not_multiply_their_files(folder_of):
    root = folder_of({"cat": 1, "dog": 1})
    for level in range(12):
        (root / f"cat/{level}").mkdir()
        for name in ("a", "b"):
            (root / f"cat/{level}/{name}").symlink_to(root / f"cat/{level + 1}")
    assert len(open_source(str(root)).entries) == 2


def test_folders_nested_beyond_pythons_recursion_limit_are_listed(folder_of):
    root = folder_of({"cat": 1, "dog": 1, "cat/" + "d/" * 300: 1})
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack()) + 150)
        assert len(open_source(str(root)).entries) == 3
    finally:
        sys.setrecursionlimit(limit)


def test_a_pipe_is_left_aside_and_not_opened(folder_of):
    root = folder_of({"cat": 1, "dog": 1})
    os.mkfifo(root / "cat" / "pipe.png")
    assert reasons(open_source(str(root))) == {"cat/pipe.png": "not_a_file"}


@pytest.mark.parametrize("raw", [b"new\nline", "emoji \U0001f600".encode(), b"latin \xe9", b"[bold]", b" blank "])
def test_strange_names_of_files_and_classes_survive(raw, folder_of):
    root = folder_of({"cat": 1, "dog": 1})
    folder = root / os.fsdecode(raw)
    folder.mkdir()
    (folder / os.fsdecode(raw + b".png")).write_bytes(b"x")
    source = open_source(str(root))
    (entry,) = [entry for entry in source.entries if entry.target not in ("cat", "dog")]
    assert entry.read() == b"x"
    entry.path.encode()  # can be written to any file
    assert entry.path.startswith(entry.target)


def test_a_folder_without_pictures_among_others_is_noted(folder_of):
    root = folder_of({"cat": 1, "dog": 1})
    (root / "empty").mkdir()
    assert open_source(str(root)).notes == ["The folder 'empty' holds no file that could be a picture."]


# --- what is refused


def test_a_missing_path_is_one_clear_line(tmp_path):
    assert message(tmp_path / "gone").endswith("got no such file or folder; check the path")
    assert "no such file" in message("x" * 5000)
    assert "no such file" in message("~nobody_of_this_name/pictures")


def test_an_empty_folder_is_one_clear_line(tmp_path):
    assert "expected a folder of class folders; got an empty folder" in message(tmp_path)


def test_a_folder_of_loose_files_is_told_what_to_do(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    assert "got 1 files and no folder; put the pictures of each class into a folder of its own" in message(tmp_path)


def test_one_class_is_refused(folder_of):
    assert "expected at least two classes; got one class, 'cat'" in message(folder_of({"cat": 3}))


def test_empty_class_folders_are_refused(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    assert "expected labelled pictures; got no files" in message(tmp_path)


@pytest.mark.parametrize("pair", [("Cat", "cat"), ("STRASSE", "straße"), ("caf\u00e9", "cafe\u0301")])
def test_classes_that_differ_only_in_letter_case_or_accents_form_are_refused(pair, folder_of):
    text = message(folder_of(dict.fromkeys(pair, 1)))
    assert "differ in more than letter case" in text
    assert all(name in text for name in pair)


def test_splits_without_train_are_refused(folder_of):
    assert "expected a 'train' folder" in message(folder_of({"val/cat": 1, "test/cat": 1}))


def test_two_folders_for_one_split_are_refused(folder_of):
    assert "got 'train' and 'training'" in message(folder_of({"train/a": 1, "training/b": 1, "test/a": 1}))


def test_splits_without_class_folders_are_refused(folder_of):
    assert "class folders inside train, val and test" in message(folder_of({"train": 2, "test": 2}))


def test_a_file_that_is_no_manifest_is_refused(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    assert "got a file ending in '.jpg'" in message(tmp_path / "photo.jpg")


# --- manifests


def manifest(folder, rows, name="m.csv"):
    frame = pl.DataFrame(rows)
    path = folder / name
    if name.endswith("csv"):
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_a_manifest_gives_paths_targets_splits_and_groups(name, folder_of):
    root = folder_of({"p": 3})
    rows = {
        "path": ["p/000.png", "p/001.png", "p/002.png"],
        "target": [1, 2, 1],
        "split": ["Train", "train", "validation"],
        "group": ["a", None, "b"],
    }
    source = open_source(str(manifest(root, rows, name)))
    found = [(e.path, e.target, e.split, e.group) for e in source.entries]
    assert found == [
        ("p/000.png", "1", "train", "a"),
        ("p/001.png", "2", "train", None),
        ("p/002.png", "1", "val", "b"),
    ]
    assert source.entries[2].read().startswith(b"\x89PNG")


def test_a_manifest_with_unknown_columns_is_refused_with_what_is_missing(tmp_path):
    path = manifest(tmp_path, {"file": ["a"], "label": ["x"]})
    text = message(path)
    assert "expected the columns path, target" in text
    assert "got the columns file, label; rename the columns; missing: path, target" in text


def test_a_manifests_columns_can_be_named(tmp_path):
    path = manifest(tmp_path, {"file": ["a", "b"], "label": ["x", "y"], "path": ["q", "q"]})
    source = open_source(str(path), path_column="file", target_column="label")
    assert [(e.path, e.target) for e in source.entries] == [("a", "x"), ("b", "y")]
    assert source.columns == {"manifest_path": pl.String}
    assert [entry.further for entry in source.entries] == [("q",), ("q",)]
    assert source.notes == ["Results can be sliced by the manifest's further columns: manifest_path."]


def test_a_manifests_further_columns_keep_numbers_and_text_and_avoid_names_that_are_taken(tmp_path):
    rows = {
        "path": ["a", "b"],
        "target": ["x", "y"],
        "age": [31, 42],
        "camera": [" phone ", ""],
        "Width": [1.5, None],
        "score": [0.1, 0.2],
        "inside": [True, False],
        "boxes": [[1], [2]],
    }
    source = open_source(str(manifest(tmp_path, rows, "m.parquet")))
    assert source.columns == {
        "age": pl.Int64,
        "camera": pl.String,
        "manifest_Width": pl.Float64,
        "manifest_score": pl.Float64,
        "inside": pl.String,
    }
    assert [e.further for e in source.entries] == [(31, "phone", 1.5, 0.1, "true"), (42, None, None, 0.2, "false")]
    assert source.notes[0] == "Columns without plain values were not read: boxes."


def test_a_manifest_with_two_columns_for_one_name_is_refused(tmp_path):
    rows = {"path": ["a", "b"], "target": ["x", "y"], "width": [1, 2], "manifest_width": [3, 4]}
    assert "got both width and manifest_width; rename one of them" in message(manifest(tmp_path, rows))


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a/../../b", "..", ".", "a/.."])
def test_a_manifest_cannot_name_files_outside_its_folder_unless_that_is_allowed(path, tmp_path):
    (tmp_path / "in").mkdir()
    written = manifest(tmp_path / "in", {"path": ["a.png", path], "target": ["x", "y"]}, "m.parquet")
    assert "row 3: expected a path inside the manifest's folder" in message(written)
    assert "--allow-outside, or allow_outside: true in a study file" in message(written)
    source = open_source(str(written), allow_outside=True)
    assert source.entries[1].location == Path(os.path.normpath(tmp_path / "in" / path))
    assert source.notes == ["Paths that leave the manifest's folder, as was allowed: 1."]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_path_with_a_zero_byte_is_refused(allowed, tmp_path):
    written = manifest(tmp_path, {"path": ["a.png", "a\0b"], "target": ["x", "y"]}, "m.parquet")
    assert "row 3: expected a path; got 'a\\x00b', which holds a zero byte" in message(written, allow_outside=allowed)


def test_a_manifest_may_name_an_absolute_path_inside_its_folder(folder_of):
    root = folder_of({"cat": 1, "dog": 1})
    rows = {"path": [str(root / "cat/000.png"), "./dog//000.png"], "target": ["cat", "dog"]}
    assert [len(e.read()) > 0 for e in open_source(str(manifest(root, rows))).entries] == [True, True]


def test_rows_that_cannot_be_used_are_listed(tmp_path):
    rows = {
        "path": ["a", None, "c", "d", "e"],
        "target": ["x", "x", "", "y", "y"],
        "split": ["train", "train", "train", "train", "extra"],
    }
    source = open_source(str(manifest(tmp_path, rows)))
    assert reasons(source) == {"row 3": "no_path", "c": "no_target", "e": "unused_split"}
    assert source.notes == ["Rows of the split 'extra' were left out; train, val and test are used."]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "got an empty file"),
        (b"path,target\n", "got a header and no rows"),
        (b"path,target\na,b,c,d\ne,f\n", "a CSV (UTF-8) or Parquet manifest"),
        (b"path,target\n\xff\xfe\xfa,x\nb,y\n", "a CSV (UTF-8) or Parquet manifest"),
    ],
    ids=["empty", "header", "ragged", "not_utf8"],
)
def test_a_torn_csv_is_one_clear_line(content, said, tmp_path):
    (tmp_path / "m.csv").write_bytes(content)
    assert said in message(tmp_path / "m.csv")


def test_a_csv_with_a_byte_order_mark_reads_the_same(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbfpath,target\na,x\nb,y\n")
    assert [e.target for e in open_source(str(tmp_path / "m.csv")).entries] == ["x", "y"]


def test_a_torn_parquet_is_one_clear_line(tmp_path):
    path = manifest(tmp_path, {"path": ["a", "b"], "target": ["x", "y"]}, "m.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    assert "a CSV (UTF-8) or Parquet manifest" in message(path)


def test_a_parquet_whose_paths_are_no_text_is_one_clear_line(tmp_path):
    path = manifest(tmp_path, {"path": [b"\xff\xfe", b"\xfa"], "target": ["x", "y"]}, "m.parquet")
    assert "a CSV (UTF-8) or Parquet manifest" in message(path)


# --- named sources


def test_digits_are_1797_pictures_of_ten_classes_and_say_what_they_are_worth():
    source = open_source("digits")
    assert len(source.entries) == 1797
    assert {e.target for e in source.entries} == set("0123456789")
    assert "little about depth" in source.notes[0]


def test_digits_hold_scikit_learns_ink():
    import numpy as np
    from sklearn.datasets import load_digits

    from deepenough.data import decode_rgb

    ink = load_digits().images[17]
    np.testing.assert_array_equal(decode_rgb(open_source("digits").entries[17].read())[..., 0], np.rint(ink * 255 / 16))


def test_an_unknown_torchvision_set_is_refused_with_the_known_ones():
    assert "NAME one of CIFAR10, CIFAR100" in message("torchvision:Nothing")


@pytest.mark.parametrize("name", ["CIFAR10", "SVHN", "Flowers102"])
def test_an_absent_torchvision_set_is_refused_without_importing_torch(name, tmp_path):
    code = (
        "import sys\nfrom deepenough.data import open_source\nfrom deepenough.errors import SourceError\n"
        f"try:\n    open_source('torchvision:{name}:{tmp_path}')\n"
        "except SourceError as error:\n    print(error)\nassert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "nothing is downloaded" in done.stdout


def test_a_torchvision_set_whose_files_are_torn_is_one_clear_line(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert "nothing is downloaded" in message(f"torchvision:CIFAR10:{tmp_path}")


def test_a_torchvision_set_of_arrays_opens_with_its_own_splits_and_names(tmp_path):
    import numpy as np

    from deepenough.data import decode_rgb

    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    for stem, count in (("train", 20), ("t10k", 10)):
        header = b"\0\0\x08\x03" + np.array([count, 28, 28], ">i4").tobytes()
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(header + pixels[:count].tobytes())
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + np.array([count], ">i4").tobytes() + labels.tobytes()
        )
    source = open_source(f"torchvision:FashionMNIST:{tmp_path}")
    assert [sum(e.split == s for e in source.entries) for s in ("train", "test")] == [20, 10]
    assert source.entries[1].target == "Trouser"
    np.testing.assert_array_equal(decode_rgb(source.entries[3].read())[..., 1], pixels[3])


def test_a_manifest_whose_every_split_is_unknown_names_the_known_ones(folder_of, tmp_path):
    root = folder_of({"cat": 3, "dog": 3})
    rows = [f"{path.relative_to(root)},{path.parent.name},trian" for path in sorted(root.rglob("*.png"))]
    (root / "m.csv").write_text("\n".join(["path,target,split", *rows]))
    with pytest.raises(
        SourceError, match=r"m\.csv, column split: expected train, val or test \(or test_shifted\); got 'trian'; rename"
    ):
        open_source(str(root / "m.csv"))
