from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from deepenough.data import open_source, prepare
from deepenough.errors import InputError

NAMES = [f"p{number:02d}" for number in range(24)]


@pytest.fixture
def people(tmp_path):
    """24 people of two pictures each, one folder a person."""
    return pictures(tmp_path / "faces")


def pictures(root, called="{number}.png"):
    rng = np.random.default_rng(0)
    for name in NAMES:
        (root / name).mkdir(parents=True)
        for number in (1, 2):
            noise = Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8)).resize((40, 40))
            noise.save(root / name / called.format(name=name, number=number))
    return root


def splits(source):
    prepared = prepare(open_source(str(source), reads="identities"))
    found = defaultdict(set)
    for name, split in prepared.samples.select("target", "split").iter_rows():
        found[name].add(split)
    return found, prepared


def write_pairs(path, lines):
    path.write_text("\n".join(["file_a,file_b,same", *lines]) + "\n")


def test_people_are_dealt_out_whole(people):
    found, prepared = splits(people)
    assert all(len(where) == 1 for where in found.values())
    assert set().union(*found.values()) == {"train", "val", "test"}
    assert prepared.samples["group"].to_list() == prepared.samples["target"].to_list()
    assert "dealt by identity" in " ".join(prepared.audit.notes)
    assert not [each for each in prepared.audit.findings if each.kind.startswith("class_missing")]


def test_person_in_two_declared_splits_is_refused(tmp_path):
    people = pictures(tmp_path / "faces")
    lines = ["path,target,split"]
    for place, name in enumerate(NAMES):
        split = ("train", "val", "test")[place % 3]
        lines += [f"{name}/1.png,{name},{split}", f"{name}/2.png,{name},{'test' if place == 0 else split}"]
    (people / "list.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="'p00' in test and train"):
        splits(people / "list.csv")


def test_people_of_a_protocol_beside_their_folder_are_tested_on_its_pairs(tmp_path):
    pictures(tmp_path / "people")
    write_pairs(
        tmp_path / "pairs_test.csv", ["people/p03/1.png,people/p03/2.png,1", "people/p03/1.png,people/p05/1.png,0"]
    )
    write_pairs(tmp_path / "pairs_dev.csv", ["people/p00/1.png,people/p00/2.png,1"])
    found, prepared = splits(tmp_path)
    assert {name for name, where in found.items() if where == {"test"}} == {"p03", "p05"}
    noted = dict(prepared.samples.select("path", "annotations").iter_rows())
    assert json.loads(noted["people/p03/1.png"]) == {"pairs": ["people/p03/2.png", "people/p05/1.png"]}
    assert [path for path, said in noted.items() if said] == ["people/p03/1.png"]


def test_people_of_a_shifted_protocol_are_the_shifted_test_set_on_its_pairs(people):
    write_pairs(people / "pairs_test.csv", ["p03/1.png,p03/2.png,1", "p03/1.png,p05/1.png,0"])
    write_pairs(people / "pairs_test_shifted.csv", ["p07/1.png,p07/2.png,1", "p07/1.png,p09/1.png,0"])
    found, prepared = splits(people)
    of = {split: {name for name, where in found.items() if where == {split}} for split in ("test", "test_shifted")}
    assert of == {"test": {"p03", "p05"}, "test_shifted": {"p07", "p09"}}
    noted = dict(prepared.samples.select("path", "annotations").iter_rows())
    assert json.loads(noted["p07/1.png"]) == {"pairs": ["p07/2.png", "p09/1.png"]}


def test_people_in_a_folder_of_the_shifted_test_set_stay_there_whatever_the_test_protocol_asks(tmp_path):
    people = pictures(tmp_path / "faces")
    for place, name in enumerate(NAMES):
        split = ("train", "test", "test_shifted")[place % 3]
        (people / split).mkdir(exist_ok=True)
        (people / name).rename(people / split / name)
    write_pairs(people / "pairs_test.csv", [f"test/{name}/1.png,test/{name}/2.png,1" for name in NAMES[1::3]])
    source = open_source(str(people), reads="identities")
    assert {entry.target for entry in source.entries if entry.split == "test_shifted"} == set(NAMES[2::3])


def test_protocol_in_the_form_of_lfw_is_read(tmp_path):
    people = pictures(tmp_path / "lfw", "{name}_{number:04d}.png")
    (people / "pairs.txt").write_text("1\t1\np03\t1\t2\np03\t1\tp05\t2\n")
    found, prepared = splits(people)
    assert {name for name, where in found.items() if where == {"test"}} == {"p03", "p05"}
    noted = dict(prepared.samples.select("path", "annotations").iter_rows())
    assert json.loads(noted["p03/p03_0001.png"]) == {"pairs": ["p03/p03_0002.png", "p05/p05_0002.png"]}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["p03/1.png,p99/1.png,0"], "pairs_test.csv, line 2: expected pictures of the source; got no p99/1.png"),
        (["p03/1.png,p03/2.png,0"], "expected what the people's folders say; got 'different'"),
        (["p03/1.png,p03/1.png,1"], "expected two pictures"),
        (["p03/1.png,p03/2.png,perhaps"], "expected 1 or 0 in the column same"),
    ],
)
def test_protocol_that_does_not_fit_is_refused_with_its_line(people, lines, said):
    write_pairs(people / "pairs_test.csv", lines)
    with pytest.raises(InputError, match=said):
        open_source(str(people), reads="identities")


def test_protocols_that_want_one_person_in_two_splits_are_refused(people):
    write_pairs(people / "pairs_test.csv", ["p03/1.png,p03/2.png,1"])
    write_pairs(people / "pairs_dev.csv", ["p03/1.png,p04/2.png,0"])
    with pytest.raises(InputError, match="p03 also in"):
        open_source(str(people), reads="identities")


def test_pairs_of_which_a_split_is_declared_otherwise_are_refused(tmp_path):
    people = pictures(tmp_path / "faces")
    lines = [
        f"{name}/{number}.png,{name},{'test' if name == 'p00' else 'train'}" for name in NAMES for number in (1, 2)
    ]
    (people / "list.csv").write_text("\n".join(["path,target,split", *lines]))
    write_pairs(people / "pairs_test.csv", ["p00/1.png,p00/2.png,1", "p03/1.png,p03/2.png,1"])
    with pytest.raises(InputError, match="p03 in train by the source and in test by the pairs"):
        open_source(str(people / "list.csv"), reads="identities")
