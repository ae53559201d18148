"""A study's folder in which something is torn, lost or changed: made again or refused, never a wrong number."""

from __future__ import annotations

import errno
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file

from deepenough import cli, report
from deepenough.errors import InputError, Interrupted, StudyError
from deepenough.records import SCORES, read_json, read_table, writing
from deepenough.studies import local, run_study
from deepenough.training import engine

SMALL = {"seeds": 1, "epochs": 1, "scales": [32], "train_scale": 32, "margin": 5.0}
CELLS = ("resnet50-seed0", "resnet101-seed0")

DAMAGES = {
    "flipped": lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :],
    "cut": lambda raw: raw[: len(raw) * 2 // 3],
    "empty": lambda raw: b"",
    "garbage": lambda raw: bytes(range(256)) * (len(raw) // 256 + 1),
    "lost": None,
}
REFUSED = {"study.yaml"}  # what a study cannot make again; all else it does
FILES = [
    "study.yaml",
    "request.json",
    "environment.json",
    "samples.parquet",
    "quarantine.parquet",
    "audit.json",
    "plan.json",
    "costs.parquet",
    "costs.json",
    "scores.parquet",
    "validation.parquet",
    "verdict.json",
    "slices.parquet",
    "thumbnails.parquet",
    "noise.parquet",
    *(
        f"cells/resnet50-seed0/{name}"
        for name in ("cell.json", "history.parquet", "test.parquet", "validation.parquet")
    ),
    "cells/resnet50-seed0/weights.safetensors",
    "cells/resnet50-order1/test.parquet",
    "cache/train-*.pixels",
    "cache/test-*.json",
]


def damage(folder, pattern, kind):
    """Damage the file; where it is. The old one is unlinked, as others may have it mapped."""
    (path,) = folder.glob(pattern)
    content = path.read_bytes()
    path.unlink()
    if DAMAGES[kind] is not None:
        path.write_bytes(DAMAGES[kind](content))
    return path


@pytest.fixture
def photos(photos_put_back):
    """Always in one place, so that one study of them serves all tests."""
    return photos_put_back


@pytest.fixture
def small(request_of):
    return lambda **values: request_of(**{**SMALL, "noise": ["order"], "noise_runs": 1, **values})


VERDICTS = {}  # by place


@pytest.fixture
def whole(small, place, tmp_path):
    """A finished study, the test's own copy, and its verdict."""
    if place not in VERDICTS:
        VERDICTS[place] = run_study(small(), place / "study")
        report.write(place / "study")
    shutil.copytree(place / "study", tmp_path / "s")
    return tmp_path / "s", VERDICTS[place]


def kept(folder):
    """The scores of a study, and the weights that it still has."""
    files = {name: folder / "cells" / name / "weights.safetensors" for name in CELLS}
    weights = {name: load_file(path) for name, path in files.items() if path.is_file()}
    return read_table(folder / "scores.parquet", SCORES), weights


def same(ours, theirs):
    weights = [(own, theirs[1][name]) for name, own in ours[1].items()]
    return ours[0].equals(theirs[0]) and all(torch.equal(a[name], b[name]) for a, b in weights for name in a)


def test_every_file_of_a_study_is_among_those_that_are_damaged_here(whole):
    folder, _ = whole
    left = {path for path in folder.rglob("*") if path.is_file()}
    for pattern in [*FILES, "cells/*/*", "cache/*", "report.*", ".lock"]:
        left -= set(folder.glob(pattern))
    assert left == set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_made_again_or_refused_and_no_number_changes(kind, whole, small, told, tmp_path):
    folder, verdict = whole
    before = kept(folder)
    for number, pattern in enumerate(FILES):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(folder, copy)
        path = damage(copy, pattern, kind)
        stranger = kind == "lost" and path.name == "request.json"  # by it a folder is known as a study's
        if path.name in REFUSED or stranger:
            with pytest.raises(InputError, match="nothing there was touched" if stranger else path.name):
                run_study(small(), copy, listener=told())
            continue
        again = run_study(small(), copy, listener=told())
        assert (again.difference, again.interval, again.answer) == (
            verdict.difference,
            verdict.interval,
            verdict.answer,
        )
        now, deleted = kept(copy), kind == "lost" and path.name == "weights.safetensors"
        assert same(now, before), pattern
        assert len(now[1]) == len(CELLS) - deleted  # weights that were deleted are no fault: no score needs them
        shutil.rmtree(copy)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flipped", "cut", "garbage"])
def test_what_reads_a_study_refuses_a_damaged_file_in_a_line_or_says_the_same(
    kind, whole, tmp_path, capsys, monkeypatch
):
    folder, verdict = whole
    monkeypatch.chdir(tmp_path)
    for pattern in [name for name in FILES if not name.startswith("cache")]:
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        damage(copy, pattern, kind)
        for command in ("verdict", "report", "slices"):
            with pytest.raises(SystemExit) as left:
                cli.main([command, str(copy), "--json"])
            said = capsys.readouterr()
            assert "Traceback" not in said.err
            assert left.value.code in (0, 2), (pattern, command)
            if command == "verdict" and left.value.code == 0:
                assert read_json(copy / "verdict.json")["difference"] == verdict.difference
        shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["cell.json", "test.parquet", "weights.safetensors"])
def test_a_cell_with_a_flipped_bit_is_named_and_trained_again(name, whole, small, told):
    folder, _ = whole
    before = kept(folder)
    damage(folder, f"cells/resnet50-seed0/{name}", "flipped")
    listener = told()
    run_study(small(), folder, listener=listener)
    assert any(name in note and "resnet50-seed0 is trained again" in note for note in listener.notes)
    assert {cell for cell, _ in listener.steps} == {"resnet50-seed0"}
    assert same(kept(folder), before)


def test_a_state_with_a_flipped_bit_is_not_gone_on_from(whole, small, told, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "SAVE_EVERY_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run_study(small(), tmp_path / "k", listener=told(9))
    damage(tmp_path / "k", "cells/resnet50-seed0/resume.safetensors", "flipped")
    listener = told()
    run_study(small(), tmp_path / "k", listener=listener)
    assert any("resnet50-seed0 trains from its start" in note for note in listener.notes)
    assert same(kept(tmp_path / "k"), kept(whole[0]))


def test_a_study_file_edited_in_the_folder_is_refused(whole, small):
    path = whole[0] / "study.yaml"
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 2"))
    with pytest.raises(
        StudyError, match=r"study\.yaml: expected the study as it was resolved when it began; got one that"
    ):
        run_study(small(), whole[0])


def test_trainings_without_their_study_are_refused(whole, small):
    (whole[0] / "study.yaml").unlink()
    with pytest.raises(StudyError, match="expected the study that cells/ was trained for; got no such file"):
        run_study(small(), whole[0])


def test_a_lost_request_is_held_against_the_resolved_study(whole, small):
    (whole[0] / "request.json").write_text("{")
    with pytest.raises(StudyError, match=r"epochs 3 \(was 1\)"):
        run_study(small(epochs=3), whole[0])
    assert run_study(small(), whole[0]) == whole[1]
    assert read_json(whole[0] / "request.json")["epochs"] == 1


# --- the pictures changed ---------------------------------------------------------------------------------------------


def edit(photos):
    path = photos / "cat" / "000.png"
    path.write_bytes(path.read_bytes() + b"\n")


CHANGES = {
    r"1 edited \(cat/000\.png\)": edit,
    r"1 new \(cat/new\.png\)": lambda photos: (photos / "cat" / "new.png").write_bytes(
        (photos / "cat" / "000.png").read_bytes() + b"\n"
    ),
    r"1 gone \(cat/000\.png\)": lambda photos: (photos / "cat" / "000.png").unlink(),
    r"1 of another class \(owl/moved\.png\)": lambda photos: shutil.move(
        photos / "cat" / "000.png", photos / "owl" / "moved.png"
    ),
}


@pytest.mark.parametrize("said", CHANGES)
@pytest.mark.parametrize("samples", ["whole", "lost"])
def test_changed_pictures_are_named_and_refused(said, samples, whole, small, photos):
    CHANGES[said](photos)
    if samples == "lost":
        (whole[0] / "samples.parquet").unlink()
        said = "got no such file, so that cannot be seen"
    before = {path: path.read_bytes() for path in whole[0].rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(StudyError, match=said):
        run_study(small(), whole[0])
    assert before == {
        path: path.read_bytes() for path in whole[0].rglob("*") if path.is_file() and path.name != ".lock"
    }


def test_a_renamed_picture_is_the_same_picture(whole, small, photos):
    shutil.move(photos / "cat" / "000.png", photos / "cat" / "renamed.png")
    assert run_study(small(), whole[0]) == whole[1]


# --- what the machine denies ------------------------------------------------------------------------------------------


class Disk:
    """A disk that takes so many writes, then none."""

    def __init__(self, monkeypatch, room, code=errno.ENOSPC):
        self.room, self.code, self.rename = room, code, writing._rename
        monkeypatch.setattr(writing, "_rename", self)

    def __call__(self, temporary, path):
        self.room -= 1
        if self.room < 0:
            raise OSError(self.code, os.strerror(self.code))
        self.rename(temporary, path)


def test_whichever_write_the_disk_denies_the_study_goes_on_to_the_same(whole, small, tmp_path, monkeypatch):
    """Stopped after 0, 3, 6 and so on writes, until a run comes to its end."""
    before, written, stops = kept(whole[0]), tmp_path / "full", []
    for room in range(0, 200, 3):
        with monkeypatch.context() as patch:
            Disk(patch, room)
            try:
                verdict = run_study(small(), written, command="deepenough compare photos")
            except Interrupted as stop:
                stops.append(str(stop))
            else:
                break
    assert len(stops) > 5
    for stop in stops:
        assert f"no space left for {written}" in stop
        assert (
            "MB free are too few; make room first); what was saved is kept; go on with: deepenough compare photos"
            in stop
        )
    assert same(kept(written), before)
    assert verdict.difference == whole[1].difference


def test_an_optimiser_without_memory_stops_the_study_and_its_torn_step_is_never_kept(
    whole, small, tmp_path, monkeypatch
):
    calls, original = [], engine._update

    def update(cell, setting):
        original(cell, setting)  # the weights are changed, the step is not counted
        calls.append(cell.name)
        if calls.count("resnet101-seed0") == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_update", update)
        patch.setattr(local, "SAVE_EVERY_S", 0.0)
        with pytest.raises(Interrupted, match=r"out of memory: resnet101-seed0: the optimiser's moments do not fit"):
            run_study(small(), tmp_path / "t")
    run_study(small(), tmp_path / "t")
    assert same(kept(tmp_path / "t"), kept(whole[0]))


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_turns_read_only_is_a_line_and_nothing_is_lost(code, whole, small, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Disk(patch, 12, code)
        with pytest.raises(InputError, match="expected a folder that can be written; got"):
            run_study(small(), tmp_path / "s2")
    run_study(small(), tmp_path / "s2")
    assert same(kept(tmp_path / "s2"), kept(whole[0]))


def test_a_source_that_vanishes_while_it_is_read_is_a_line(small, photos, tmp_path, monkeypatch):
    from deepenough.data import ingest

    original = ingest._open_one
    monkeypatch.setattr(
        ingest, "_open_one", lambda entry: (shutil.rmtree(photos, ignore_errors=True), original(entry))[1]
    )
    with pytest.raises(InputError, match="expected a source that stays; got one that vanished while it was read"):
        run_study(small(), tmp_path / "v")


def test_a_source_that_vanishes_in_training_costs_nothing_and_later_is_named(whole, small, photos, told, tmp_path):
    class Thief(told):
        def trained(self, cell, **how):
            super().trained(cell, **how)
            if photos.exists():
                photos.rename(tmp_path / "elsewhere")

    verdict = run_study(small(), tmp_path / "v", listener=Thief())
    assert verdict == whole[1]
    with pytest.raises(InputError, match=f"{photos}: expected"):
        run_study(small(), tmp_path / "v")
    (tmp_path / "elsewhere").rename(photos)
    assert run_study(small(), tmp_path / "v") == verdict


def test_a_folder_deleted_while_its_study_runs_is_a_line(small, told, tmp_path):
    class Thief(told):
        def trained(self, cell, **how):
            super().trained(cell, **how)
            shutil.rmtree(tmp_path / "v" / "cache", ignore_errors=True)

    with pytest.raises(StudyError, match="expected a file of the study that runs; got one that vanished meanwhile"):
        run_study(small(), tmp_path / "v", listener=Thief())


def test_no_memory_is_a_line_that_says_how_to_go_on(small, told, tmp_path):
    error = RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory")
    with pytest.raises(Interrupted, match=r"out of memory: .*; go on with: deepenough compare"):
        run_study(small(), tmp_path / "m", listener=told(3, error), command="deepenough compare")
