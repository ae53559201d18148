"""What Hugging Face's `datasets` wrote: the pictures, classes and splits of a folder, and refusals in words."""

from __future__ import annotations

import base64
import json
import pickle
import re
import sys
import zlib

import numpy as np
import pytest

from deepenough.data import open_source, prepare, rows
from deepenough.data.augment import Augmentation
from deepenough.data.kept import build_train_pixels
from deepenough.data.streams import TrainingStream
from deepenough.errors import SourceError

datasets = pytest.importorskip("datasets", reason="pip install datasets, which writes what is read here")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
CLASSES = ("cat", "dog", "owl")
#: Two bytes changed by a fuzzer: pyarrow 26.0.1 throws where nothing can catch it, and the process aborts.
ABORTS = zlib.decompress(base64.b64decode(
    "eNqVVU1v41QUfXZcY9qCOiOeZaMsoqhjBSnTJu0kLaNunM+6TZk2pU0TBiHHcRyD7YQ4IU2HkVggFixYsGCFWPMD+CGI5SxY8AtYILFBGt67tp"
    "Om6Waekvd17z3n3vNum1O1nsUcTuDNGuYxeojQxkEMIdT3TDIjhny7GGERv5/GAt4gPnw8z6ZixC6hBw+IeS1F/WPfIza2iQhUHCdqZKFQ7z5Z"
    "ISZ9a+BZFKhNgN7D0i0gLsW0pRVwAKzVTcD6DjExlmBkcDrKSkLoHeaAotDxOhx3ASUh8pCEyEdkU/fchnQspVsLMwcRuFCEMAJFoYSK2NN49R"
    "6qyFfkUvfcAtXGAVAJUN+/YX0k94hwdZMGXtNpSqgeYnFBb2YqMdcA9HYiyBkQ5J9zSOJ9o2e6OhZQjpVWbFe3TMwhvP6InNrTkekHe26gj3qP"
    "UC1Oi+Go0dHbpoPyxDTSLR+zmK/RsnOcxDm2P8Js4PeW6Ziu6Y1CSGvYHw9CHFGQ4/JzBcXxupxD/IacCvgDXsyKgvgDI/7EKIeKsNA2cprWTR"
    "kQKZJFBwSJl/Ms4gnqMh7kfgvuFaP8wtxtn2XMdcBkuRCTCzDDwgHuT4Z8lP9Y5Tf2zZpniewDXlZYfpFpH4QFMSMRCeuq+IoR/2KUPzjlR+7N"
    "+miZVRFYucIu6RY+E9T4tfgto/zKK/+s3O6kZbV4OSpB/J0XBUUQ/+aJm7TWG1uW7Vld3TAl50XS9rr95NPEi2TX1EfjoenDAd4Jdp+NpgO6S2"
    "pw9TKdSILgYPR0FwI+SepJYmgnPyXzLKLo6L5fA+eXZCBpXa3XnzWeBh0ufcNv03FjFVVVPVODcayqT9SCpVZU1VKLFtwVCgv2CV3LM/uxFZ4j"
    "FLBrdC3ASu2FfQCiU5XaC3ua64xb7r79zKb7ltO8qmcN9/JG+7xvmdOjQbtR8VrnWl479O2r3XrOqF4QX9U+b2R7rZ0Lu3s+sTT3utd0L/0wZt"
    "xs7DjGlMRUfLt5rvla8cjWnAxdu51DZwJ4xaNSu1q5MTJhrJf9sHuVgfSLNLVqL9va6QzabsdtNj5ygqJKJ9T+BZ1K6qzevdO97W0ac3YBlVfn"
    "IgTC0W21M23vXoIou9T/+mMiOpWjfFIBp8mifhAUnDvVimeAWdXoU52dbod82v18cOlkWo2gnkzkrwKTatyJ1+7NN9AF9FDVE/p+JEVt5nQBlj"
    "7Nh4aU6vD+1owfXIMiKrOAQvCe9Pa4REObUXyhDk7NefxcX6NayehwLEH9ZQCzaH8ehn12Ng8ql8t39Zzz2+ZV3THmIWBHUmKgD78cm6PHxmDw"
    "WB8O+5PEV+bQt/teYie/ldnKys/Jf+bbH5Qif9On5Hf+f4WnsRY="
))  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


@pytest.fixture
def parts(pictures):
    """Data sets of a train, a validation and a test split, with classes as numbers."""
    classes = datasets.ClassLabel(names=list(CLASSES[::-1]))
    features = datasets.Features({"image": datasets.Image(), "label": classes, "note": datasets.Value("string")})
    places = {"train": slice(0, 40), "validation": slice(40, 50), "test": slice(50, 60)}

    def of(some):
        held = [{"bytes": content, "path": f"{number}.png"} for number, _, content in some]
        labels = [classes.str2int(name) for _, name, _ in some]
        return datasets.Dataset.from_dict({"image": held, "label": labels, "note": ["x"] * len(some)}, features)

    return datasets.DatasetDict({name: of(pictures[place]) for name, place in places.items()})


def as_arrow(parts, root):
    parts.save_to_disk(root, num_shards={"train": 3, "validation": 1, "test": 1})


def as_parquet(parts, root):
    for name, part in parts.items():
        (root / "data").mkdir(parents=True, exist_ok=True)
        part.to_parquet(root / "data" / f"{name}-00000-of-00001.parquet", batch_size=7)
    (root / "README.md").write_text("a card")
    (root / ".cache").mkdir()


def as_bare_parquet(parts, root):
    """As another program writes it: names of classes, binary pictures, nothing of `datasets`."""
    for name, part in parts.items():
        (root / name).mkdir(parents=True)
        table = part.with_format("arrow")[:]
        pictures = table["image"].combine_chunks().field("bytes")
        names = [part.features["label"].int2str(label) for label in table["label"].to_pylist()]
        pq.write_table(pa.table({"img": pictures, "class": names}), root / name / "0.parquet", row_group_size=9)


@pytest.fixture(params=[as_arrow, as_parquet, as_bare_parquet])
def written(request, parts, tmp_path):
    request.param(parts, tmp_path / "rows")
    return tmp_path / "rows"


def test_rows_hold_the_samples_of_a_folder(written, folder):
    ours, theirs = prepare(open_source(str(written))), prepare(open_source(str(folder)))
    columns = ["sample_id", "target", "split", "width", "height"]
    assert ours.samples.select(columns).equals(theirs.samples.select(columns))
    assert ours.classes == CLASSES
    assert ours.audit.used == 60


def test_training_batches_are_those_of_a_folder(written, folder, tmp_path):
    streams = []
    for number, source in enumerate((written, folder)):
        prepared = prepare(open_source(str(source)))
        pixels = build_train_pixels(prepared, tmp_path / str(number), short_side=64)
        how = {"side": 32, "batch": 8, "epochs": 1, "seed": 0, "workers": 0, "classes": 3}
        streams.append(list(TrainingStream(pixels, np.arange(len(pixels)) % 3, Augmentation(), **how).batches()))
    assert all((one.images == other.images).all() for one, other in zip(*streams, strict=True))


def test_a_row_survives_the_way_to_another_process(written, pictures):
    entries = [pickle.loads(pickle.dumps(entry)) for entry in open_source(str(written)).entries]
    assert sorted(entry.read() for entry in entries) == sorted(content for _, _, content in pictures)


def test_one_data_set_without_splits_is_dealt(parts, tmp_path):
    parts["train"].save_to_disk(tmp_path / "one", num_shards=2)
    prepared = prepare(open_source(str(tmp_path / "one")))
    assert "No splits were declared" in prepared.audit.notes[0]
    assert prepared.audit.used == 40


def test_shuffled_and_chosen_rows_are_the_ones_that_were_saved(parts, tmp_path):
    chosen = parts["train"].shuffle(seed=3).select(range(5, 12))
    chosen.save_to_disk(tmp_path / "some")
    wanted = list(chosen.cast_column("image", datasets.Image(decode=False)))
    source = open_source(str(tmp_path / "some"))
    assert [entry.read() for entry in source.entries] == [row["image"]["bytes"] for row in wanted]
    names = parts["train"].features["label"].names
    assert [entry.target for entry in source.entries] == [names[row["label"]] for row in wanted]


def test_a_split_of_another_name_is_left_aside_and_said(parts, tmp_path):
    parts["unsupervised"] = parts["test"]
    parts.save_to_disk(tmp_path / "rows")
    source = open_source(str(tmp_path / "rows"))
    assert source.notes == ["Left aside are the splits unsupervised."]
    assert len(source.entries) == 60


def saved(form, table, folder):
    if form == "arrow":
        table.save_to_disk(folder)
    else:
        folder.mkdir()
        table.to_parquet(folder / "all.parquet")
    return str(folder)


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_several_classes_and_groups_are_read(form, pictures, tmp_path):
    tags = datasets.Sequence(datasets.ClassLabel(names=["red", "round", "soft"]))
    features = datasets.Features({"image": datasets.Image(), "labels": tags, "group": datasets.Value("int64")})
    held = [{"bytes": content, "path": None} for _, _, content in pictures[:4]]
    rest = {"labels": [[0, 2], [1], [], [2]], "group": [7, 7, None, 8]}
    table = datasets.Dataset.from_dict({"image": held, **rest}, features)
    entries = open_source(saved(form, table, tmp_path / "rows"), reads="labels").entries
    assert [entry.target for entry in entries] == ["red|soft", "round", "", "soft"]
    assert [entry.group for entry in entries] == ["7", "7", None, "8"]


@pytest.mark.parametrize("form", ["arrow", "parquet"])
def test_rows_without_a_class_or_a_picture_are_left_out_by_name(form, pictures, tmp_path):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    held = [{"bytes": content, "path": "x.png"} for _, _, content in pictures]
    held.append(None)
    table = datasets.Dataset.from_dict({"image": held, "label": [-1, None, *[0, 1] * 29, 0]}, features)
    prepared = prepare(open_source(saved(form, table, tmp_path / "rows")))
    assert prepared.audit.reasons == {"no_target": 2, "missing": 1}
    assert prepared.audit.used == 58


def test_a_file_that_was_cut_short_meanwhile_is_refused(written, tmp_path):
    prepared = prepare(open_source(str(written)))
    for path in [*written.rglob("*.arrow"), *written.rglob("*.parquet")]:
        path.write_bytes(path.read_bytes()[:5000])
    rows._of_group.cache_clear()  # as in another process
    with pytest.raises(SourceError, match="the file as it was when the data was checked"):
        build_train_pixels(prepared, tmp_path / "cache", short_side=64)


@pytest.mark.parametrize("share", [0, 0.01, 0.4, 0.99])
def test_a_torn_file_is_refused_in_words(written, share):
    path = next(iter([*written.rglob("train/data-00000*.arrow"), *written.rglob("*.parquet")]))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    said = rf"{path.name}: expected an Arrow or Parquet file, whole; got torn or foreign"
    with pytest.raises(SourceError, match=said):
        open_source(str(written))


def test_a_missing_file_is_named(parts, tmp_path):
    as_arrow(parts, tmp_path / "rows")
    (tmp_path / "rows" / "train" / "data-00001-of-00003.arrow").unlink()
    said = r"data-00001-of-00003\.arrow: expected a file that can be read; got No such"
    with pytest.raises(SourceError, match=said):
        open_source(str(tmp_path / "rows"))


@pytest.mark.parametrize("name", ["../data.arrow", "/etc/passwd", "a/b.arrow", "..", "", 3, None])
def test_a_list_that_leads_elsewhere_is_refused(parts, tmp_path, name):
    parts["test"].save_to_disk(tmp_path / "rows")
    (tmp_path / "rows" / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    with pytest.raises(SourceError, match=r"state\.json: expected names inside the folder"):
        open_source(str(tmp_path / "rows"))
    parts.save_to_disk(tmp_path / "all")
    (tmp_path / "all" / "dataset_dict.json").write_text(json.dumps({"splits": [name]}))
    with pytest.raises(SourceError, match=r"dataset_dict\.json: expected names inside the folder"):
        open_source(str(tmp_path / "all"))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"_data_files": 3}', '{"_data_files": []}', "[" * 9999])
def test_a_list_that_is_none_is_refused(parts, tmp_path, content):
    parts["test"].save_to_disk(tmp_path / "rows")
    (tmp_path / "rows" / "state.json").write_text(content)
    with pytest.raises(SourceError, match=r"state\.json: expected"):
        open_source(str(tmp_path / "rows"))


def test_columns_that_could_mean_several_things_are_refused_by_name(pictures, tmp_path):
    def refused(columns, said):
        path = tmp_path / "rows" / "all.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
        with pytest.raises(SourceError, match=re.escape(said)):
            open_source(str(path.parent))

    held = [content for _, _, content in pictures[:3]]
    said = "expected a column of pictures, called image where there are several; got columns label"
    refused({"label": [0, 1, 0]}, said)
    refused({"left": held, "label": [0, 1, 0]}, "got columns left, label")
    refused({"image": held, "kind": ["a", "b", "a"]}, "expected a column of classes, called target, class or label")
    two = {name: [{"bytes": each} for each in held] for name in ("one", "other")}
    refused({**two, "label": [0, 1, 0]}, "got columns one, other, label")
    twice = pa.table([held, held, [0, 1, 0]], names=["image", "image", "label"])
    refused(twice, "expected columns of different names; got columns image, image, label")


def test_a_forged_place_of_a_picture_is_refused(parts, tmp_path):
    """Offsets of an Arrow column that run backwards would otherwise read what is no picture."""
    parts["test"].save_to_disk(tmp_path / "rows")
    path = tmp_path / "rows" / "data-00000-of-00001.arrow"
    batch = next(iter(pa.ipc.open_stream(path.read_bytes())))
    offsets = batch.column("image").field("bytes").buffers()[1].to_pybytes()[:44]
    forged = offsets[:8] + (1 << 30).to_bytes(4, "little") + offsets[12:]
    assert path.read_bytes().count(offsets) == 1
    path.write_bytes(path.read_bytes().replace(offsets, forged))
    with pytest.raises(SourceError, match="whole; got torn or foreign"):
        open_source(str(tmp_path / "rows"))


@pytest.mark.parametrize("number", [-2, 3])
def test_a_number_that_is_no_class_is_refused_with_its_row(parts, tmp_path, number):
    table = parts["test"].with_format("arrow")[:]
    place = table.schema.get_field_index("label")
    wrong = table.set_column(place, table.schema.field("label"), pa.array([0, 1, number, *[0] * 7]))
    (tmp_path / "rows").mkdir()
    pq.write_table(wrong, tmp_path / "rows" / "test.parquet")
    with pytest.raises(SourceError, match=rf"test\.parquet: row 3: expected a class from 0 to 2; got {number}"):
        open_source(str(tmp_path / "rows"))


def test_a_file_that_would_end_the_process_is_refused(tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train-00000.parquet").write_bytes(ABORTS)
    with pytest.raises(SourceError, match=r"train-00000\.parquet: expected .*Parquet file, whole; got (a )?torn or fo"):
        open_source(str(tmp_path / "rows"))


def test_row_groups_that_would_fill_the_memory_are_refused(parts, tmp_path, monkeypatch):
    as_parquet(parts, tmp_path / "rows")
    monkeypatch.setattr(rows, "MOST_GROUP", 5000)
    with pytest.raises(SourceError, match=r"row groups of at most 0 MiB of pictures.*smaller row_group_size"):
        open_source(str(tmp_path / "rows"))


def test_several_data_sets_in_a_folder_are_named(parts, tmp_path):
    for name in ("fine", "coarse"):
        (tmp_path / "rows" / name).mkdir(parents=True)
        parts["train"].to_parquet(tmp_path / "rows" / name / "train-00000-of-00001.parquet")
    with pytest.raises(SourceError, match="expected one data set of Parquet files; got several: coarse, fine"):
        open_source(str(tmp_path / "rows"))
    assert len(open_source(str(tmp_path / "rows" / "fine")).entries) == 40


def test_a_folder_of_class_folders_with_rows_beside_them_stays_one(folder, parts):
    parts["test"].to_parquet(folder / "metadata.parquet")
    (folder / "state.json").write_text("{}")
    assert "folder of class folders" in open_source(str(folder)).description


def test_without_pyarrow_it_says_what_to_install(parts, tmp_path, monkeypatch):
    as_arrow(parts, tmp_path / "rows")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SourceError, match=re.escape("pip install 'deepenough[arrow]'")):
        open_source(str(tmp_path / "rows"))
