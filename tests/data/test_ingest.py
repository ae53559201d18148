from __future__ import annotations

import hashlib
import shutil
from collections import Counter

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deepenough.data import open_source, prepare
from deepenough.data.entries import Entry, Source
from deepenough.errors import SourceError
from deepenough.records import QUARANTINE, SAMPLES, audit_from_json, to_json


def prepared(root, **options):
    result = prepare(open_source(str(root)), **options)
    audit = result.audit
    assert audit.found == audit.used + audit.quarantined + audit.ignored
    assert audit.used == result.samples.height == len(result.entries)
    assert audit.quarantined + audit.ignored == result.quarantine.height == sum(audit.reasons.values())
    assert sum(audit.splits.values()) == audit.used
    assert sum(sum(counts.values()) for counts in audit.classes.values()) == audit.used
    return result


def reasons(result) -> dict[str, str]:
    return dict(result.quarantine.select("path", "reason").iter_rows())


def kinds(result) -> set[str]:
    return {finding.kind for finding in result.audit.findings}


def splits_by_id(result) -> dict[str, str]:
    return dict(result.samples.select("sample_id", "split").iter_rows())


def test_samples_are_identified_by_the_hash_of_their_bytes_and_ordered_by_it(folder_of):
    root = folder_of({"cat": 6, "dog": 6})
    result = prepared(root)
    assert dict(result.samples.schema) == SAMPLES
    assert dict(result.quarantine.schema) == QUARANTINE
    assert result.samples["sample_id"].is_sorted()
    for sample_id, path in result.samples.select("sample_id", "path").iter_rows():
        assert sample_id == hashlib.sha256((root / path).read_bytes()).hexdigest()[:32]
    assert result.classes == ("cat", "dog")
    assert set(result.samples["width"]) == {32}
    assert set(result.samples["height"]) == {24}


def test_undeclared_splits_are_stratified_and_said(folder_of):
    result = prepared(folder_of({"cat": 40, "dog": 20}))
    assert result.audit.classes == {
        "cat": {"train": 28, "val": 6, "test": 6},
        "dog": {"train": 14, "val": 3, "test": 3},
    }
    assert "No splits were declared: 70% train, 15% val, 15% test" in result.audit.notes[0]


def test_splits_do_not_change_when_files_and_folder_are_renamed(folder_of, tmp_path):
    root = folder_of({"cat": 20, "dog": 20})
    before = splits_by_id(prepared(root))
    moved = tmp_path / "elsewhere"
    for path in sorted(root.rglob("*.png")):
        target = moved / path.parent.name / f"{hashlib.md5(path.name.encode()).hexdigest()}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    assert splits_by_id(prepared(moved)) == before
    assert splits_by_id(prepared(moved, split_seed=1)) != before


@pytest.mark.parametrize("workers", [1, 3])
def test_the_result_does_not_depend_on_the_number_of_workers(workers, folder_of):
    root = folder_of({"cat": 30, "dog": 30})
    (root / "cat" / "bad.png").write_bytes(b"nothing")
    alone, together = prepared(root), prepared(root, workers=workers)
    assert alone.samples.equals(together.samples)
    assert alone.quarantine.equals(together.quarantine)
    assert alone.audit == together.audit


def test_progress_counts_every_picture(folder_of):
    seen = []
    prepared(folder_of({"cat": 3, "dog": 4}), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 7) for n in range(1, 8)]


def test_a_missing_validation_split_is_cut_from_train_and_test_is_left_alone(folder_of):
    result = prepared(folder_of({"train/a": 20, "train/b": 20, "test/a": 4, "test/b": 5}))
    assert result.audit.splits == {"train": 34, "val": 6, "test": 9}
    tested = result.samples.filter(pl.col("split") == "test")["path"]
    assert all(path.startswith("test/") for path in tested)
    assert "15% of train was cut off for it" in result.audit.notes[0]


def test_val_serves_as_test_when_there_is_no_test_split(folder_of):
    result = prepared(folder_of({"train/a": 20, "train/b": 20, "val/a": 4, "val/b": 5}))
    assert result.audit.splits == {"train": 34, "val": 6, "test": 9}
    assert all(path.startswith("val/") for path in result.samples.filter(pl.col("split") == "test")["path"])
    assert "val is used as test" in result.audit.notes[0]


def test_train_alone_is_dealt_out(folder_of):
    result = prepared(folder_of({"train/a": 20, "train/b": 20}))
    assert result.audit.splits == {"train": 28, "val": 6, "test": 6}


def test_groups_never_straddle_splits(folder_of):
    root = folder_of({"p": 60})
    paths = [f"p/{n:03d}.png" for n in range(60)]
    rows = {"path": paths, "target": [str(n % 2) for n in range(60)], "group": [f"g{n // 4}" for n in range(60)]}
    pl.DataFrame(rows).write_csv(root / "m.csv")
    result = prepared(root / "m.csv")
    assert all(len(set(where)) == 1 for where in result.samples.group_by("group").agg("split")["split"].to_list())
    assert set(result.samples["split"]) == {"train", "val", "test"}
    assert "by class and group" in result.audit.notes[0]


def test_further_columns_stay_with_their_pictures_whatever_becomes_of_the_others(folder_of):
    root = folder_of({"p": 60})
    (root / "p" / "000.png").write_bytes(b"nothing")
    paths = [f"p/{n:03d}.png" for n in range(60)]
    rows = {"path": paths, "target": [str(n % 2) for n in range(60)], "camera": [f"of {path}" for path in paths]}
    pl.DataFrame(rows).write_csv(root / "m.csv")
    result = prepared(root / "m.csv")
    assert result.samples.columns == [*SAMPLES, "camera"]
    assert result.samples.height == 59
    assert (result.samples["camera"] == "of " + result.samples["path"]).all()


def test_groups_that_a_source_itself_divides_are_warned_of(folder_of):
    root = folder_of({"p": 12})
    rows = {
        "path": [f"p/{n:03d}.png" for n in range(12)],
        "target": ["x", "y"] * 6,
        "split": ["train"] * 4 + ["val"] * 4 + ["test"] * 4,
        "group": ["g"] * 12,
    }
    pl.DataFrame(rows).write_csv(root / "m.csv")
    assert "group_across_splits" in kinds(prepared(root / "m.csv"))


# --- doubles


def test_a_copy_within_a_split_is_quarantined_and_the_first_by_path_kept(folder_of):
    root = folder_of({"cat": 5, "dog": 5})
    shutil.copy(root / "cat/003.png", root / "cat/000a.png")
    result = prepared(root)
    assert reasons(result) == {"cat/003.png": "duplicate"}
    assert "cat/000a.png" in set(result.samples["path"])


def test_a_copy_across_splits_never_counts_in_test(folder_of):
    root = folder_of({f"{split}/{name}": 4 for split in ("train", "val", "test") for name in ("a", "b")})
    shutil.copy(root / "train/a/000.png", root / "test/a/copy.png")
    shutil.copy(root / "train/b/001.png", root / "val/b/copy.png")
    shutil.copy(root / "val/a/002.png", root / "test/a/other.png")
    shutil.copy(root / "train/a/000.png", root / "val/a/third.png")
    shutil.copy(root / "test/b/000.png", root / "test/b/again.png")
    result = prepared(root)
    assert reasons(result) == {
        "test/a/copy.png": "duplicate_across_splits",
        "test/a/other.png": "duplicate_across_splits",
        "val/a/third.png": "duplicate_across_splits",
        "val/b/copy.png": "duplicate_across_splits",
        "test/b/again.png": "duplicate",
    }
    finding = next(f for f in result.audit.findings if f.kind == "duplicate_across_splits")
    assert (finding.count, finding.severity) == (4, "warning")
    assert finding.paths == ["test/a/copy.png", "test/a/other.png", "val/a/third.png", "val/b/copy.png"]


def test_the_same_bytes_under_two_classes_are_all_left_out(folder_of):
    root = folder_of({"cat": 5, "dog": 5})
    shutil.copy(root / "cat/000.png", root / "dog/x.png")
    shutil.copy(root / "cat/000.png", root / "cat/y.png")
    result = prepared(root)
    assert set(reasons(result)) == {"cat/000.png", "cat/y.png", "dog/x.png"}
    assert set(reasons(result).values()) == {"conflicting_labels"}


# --- what is refused


def refused(root) -> str:
    with pytest.raises(SourceError) as caught:
        prepare(open_source(str(root)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_with_too_few_pictures_for_the_splits_is_named(count, folder_of):
    assert f"one each for train, val and test; got {count} in 'rare'" in refused(folder_of({"cat": 9, "rare": count}))


def test_a_class_with_one_picture_copied_is_still_too_small(folder_of):
    root = folder_of({"cat": 9, "rare": 1})
    for name in "abcd":
        shutil.copy(root / "rare/000.png", root / f"rare/{name}.png")
    assert "got 1 in 'rare'" in refused(root)


def test_a_source_without_a_decodable_picture_is_refused(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"text")
    assert "got none (2 not_an_image)" in refused(tmp_path)


def test_a_class_without_a_decodable_picture_is_named(folder_of):
    root = folder_of({"cat": 4, "dog": 4})
    (root / "notes").mkdir()
    (root / "notes/readme.txt").write_text("hello")
    assert "got none in 'notes' (1 not_an_image)" in refused(root)


def test_a_class_that_is_only_in_test_is_refused(folder_of):
    root = folder_of({"train/a": 9, "train/b": 9, "test/a": 2, "test/c": 2})
    assert "got none in train for 'c'" in refused(root)


def test_a_class_missing_from_test_is_a_warning(folder_of):
    result = prepared(folder_of({"train/a": 9, "train/b": 9, "val/a": 3, "val/b": 3, "test/a": 3}))
    assert "class_missing_from_test" in kinds(result)


def test_imbalance_and_a_small_test_split_are_warned_of(folder_of):
    result = prepared(folder_of({"many": 60, "few": 5}))
    assert {"imbalance", "few_test"} <= kinds(result)
    finding = next(f for f in result.audit.findings if f.kind == "imbalance")
    assert finding.message == (
        "The largest class in train, 'many', has 14 times the pictures of the smallest, 'few' (42 to 3)."
    )


def test_the_traits_of_pictures_are_counted(folder_of, photo, encode):
    root = folder_of({"cat": 5, "dog": 5})
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "cat/turned.jpg").write_bytes(encode(photo(100), "JPEG", exif=exif))
    (root / "cat/false.jpg").write_bytes(encode(photo(101), "PNG"))
    (root / "cat/clear.png").write_bytes(encode(Image.fromarray(photo(102)).convert("RGBA")))
    (root / "dog/long.png").write_bytes(encode(photo(103, 10, 90)))
    (root / "dog/dot.png").write_bytes(encode(np.full((1, 1, 3), 5, np.uint8)))
    found = {f.kind: f.paths for f in prepared(root).audit.findings}
    assert found["rotated"] == ["cat/turned.jpg"]
    assert found["wrong_ending"] == ["cat/false.jpg"]
    assert found["alpha"] == ["cat/clear.png"]
    assert found["extreme_aspect"] == ["dog/long.png"]
    assert found["tiny"] == ["dog/dot.png"]


def test_width_and_height_are_those_of_the_upright_picture(folder_of, photo, encode):
    root = folder_of({"cat": 5, "dog": 5})
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "cat/turned.jpg").write_bytes(encode(photo(100), "JPEG", exif=exif))
    samples = prepared(root).samples
    assert samples.filter(pl.col("path") == "cat/turned.jpg").select("width", "height").row(0) == (24, 32)


def test_files_that_vanish_or_cannot_be_read_are_quarantined(folder_of):
    root = folder_of({"cat": 5, "dog": 5})
    source = open_source(str(root))
    (root / "cat/000.png").unlink()
    (root / "cat/001.png").unlink()
    (root / "cat/001.png").mkdir()
    result = prepare(source)
    assert reasons(result) == {"cat/000.png": "missing", "cat/001.png": "not_a_file"}


def test_a_file_of_more_than_a_gigabyte_is_not_read(folder_of):
    root = folder_of({"cat": 5, "dog": 5})
    with (root / "cat/film.png").open("wb") as stream:
        stream.truncate(3 << 30)  # a hole on the disk
    assert reasons(prepared(root)) == {"cat/film.png": "too_large"}


def test_an_audit_survives_its_json(folder_of):
    import json

    audit = prepared(folder_of({"cat": 5, "dog": 5})).audit
    assert audit_from_json(json.loads(to_json(audit))) == audit


def test_pictures_in_memory_need_no_files(photo, encode):
    entries = [Entry(f"m/{n}", "ab"[n % 2], None, None, None, encode(photo(n))) for n in range(12)]
    assert prepare(Source("memory", "in memory", entries)).audit.used == 12


# --- the shared sets


@pytest.mark.shared_data
def test_clothing10_is_used_whole(shared_data):
    result = prepared(shared_data / "clothing10", workers=2)
    assert result.audit.splits == {"train": 3068, "val": 341, "test": 372}
    assert len(result.classes) == 10
    assert result.audit.reasons == {"outside_class_folder": 1}


@pytest.mark.shared_data
def test_brain_mri_shows_the_copies_across_its_splits(shared_data):
    result = prepared(shared_data / "brain_mri", workers=2)
    digests = Counter()
    for split in ("train", "val", "test", "test_shifted"):
        digests.update(
            {hashlib.sha256(p.read_bytes()).hexdigest() for p in (shared_data / "brain_mri" / split).rglob("*.jpg")}
        )
    astride = sum(count - 1 for count in digests.values())
    assert astride > 0
    assert result.audit.reasons["duplicate_across_splits"] == astride
    left_out = result.quarantine.filter(pl.col("split") == "test_shifted")
    assert set(left_out["reason"]) == {"duplicate_across_splits"}
    assert result.audit.splits["test_shifted"] + len(left_out) == 250
