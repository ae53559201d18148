"""The map of the test pictures in the report: with and without pictures, in both languages, and within its size."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from deepenough import records, report
from deepenough.records.embedding import PictureMap
from deepenough.report import proof


def write_map(folder, count, *, seed=0, classes=("dress", "hat"), tile=16):
    """A made-up map of so many pictures in a study's folder, its small copies as large as they may be."""
    rng = np.random.default_rng(seed)
    pair, columns = ("resnet50", "resnet101"), int(np.ceil(np.sqrt(count)))
    codes = lambda: rng.integers(0, len(classes), count).tolist()  # noqa: E731
    found = PictureMap(
        small=pair[0],
        big=pair[1],
        scale=records.read_json(folder / "verdict.json")["scale"],
        seed=0,
        method="umap",
        pictures=count + 7,
        classes=list(classes),
        labels=codes(),
        answers={name: codes() for name in pair},
        places={name: rng.integers(0, 1001, 2 * count).tolist() for name in pair},
        trust={"resnet50": 0.9512, "resnet101": 0.9623},
        plain={"resnet50": 0.8, "resnet101": 0.81},
        tile=tile,
        columns=columns,
    )
    (folder / "embed").mkdir(exist_ok=True)
    records.write_json(folder / "embed" / "map.json", found)
    (folder / "embed" / "map.jpg").write_bytes(b"\xff\xd8\xff" + rng.bytes(900_000 if count > 1000 else 2_000))


@pytest.fixture
def mapped(made_up, tmp_path):
    folder = tmp_path / "photos"
    made_up.write_study(folder)
    write_map(folder, 300)
    return folder


def shown(page):
    """The section on the map, as markup."""
    text = page.read_text("utf-8")
    return text[text.index('<section id="map"') : text.index("</section>", text.index('<section id="map"'))]


def test_page_shows_both_maps_with_their_trustworthiness_and_verifies(mapped):
    page, text = report.write(mapped)
    section = shown(page)
    assert section.count('<canvas tabindex="0"') == 2
    assert "0.951" in section
    assert "0.962" in section
    assert section.count("data:image/jpeg;base64,") == 1
    assert section.count("<button") == 2
    assert "They are the first of 307 test images." in section
    assert "The page shows the map itself." in text.read_text("utf-8")
    assert [look.wrong for look in proof.looks(page) if look.wrong] == []


def test_point_that_somebody_moved_is_noticed(mapped):
    page, _ = report.write(mapped)
    text = page.read_text("utf-8")
    block = re.search(r'id="data-map" data-sha256="\w+">([^<]*)<', text)
    plain = json.loads(block[1])
    plain["trust"]["resnet50"] = 0.99
    page.write_text(text.replace(block[1], json.dumps(plain, separators=(",", ":"))), "utf-8")
    assert any("block map" in fault for look in proof.looks(page) for fault in look.wrong)


def test_page_without_images_has_the_points_and_no_picture(mapped):
    page, _ = report.write(mapped, images=False)
    assert "data:image" not in shown(page)
    assert shown(page).count('<canvas tabindex="0"') == 2
    assert [look.wrong for look in proof.looks(page) if look.wrong] == []


def test_page_in_chinese_has_no_english_sentence_about_the_map(mapped):
    page, _ = report.write(mapped, language="zh")
    said = re.sub(r"<[^>]+>|deepenough embed", " ", re.sub(r"<button.*?</button>", "", shown(page), flags=re.DOTALL))
    assert re.findall(r"[a-z]+ [a-z]+ [a-z]+", said) == []
    assert "可信度" in said


def test_classes_beyond_thirty_are_grey_and_said_to_be(mapped):
    write_map(mapped, 400, classes=tuple(f"class{place:02d}" for place in range(40)))
    section = shown(report.write(mapped)[0])
    assert section.count("<button") == 30
    assert "10 more are grey" in section


def test_map_of_another_scale_is_said_to_be_one(mapped):
    plain = json.loads((mapped / "embed" / "map.json").read_text("utf-8"))
    plain.pop("sha256", None)
    records.write_json(mapped / "embed" / "map.json", {**plain, "scale": 33})
    section = shown(report.write(mapped)[0])
    assert "<canvas" not in section
    assert "deepenough embed" in section


def test_page_with_a_map_of_ten_thousand_images_stays_below_5_mb(made_up, tmp_path):
    folder = tmp_path / "photos"
    made_up.write_study(folder, images=10_000)
    without = report.write(folder)[0].stat().st_size
    write_map(folder, 10_000)
    size = report.write(folder)[0].stat().st_size
    assert size > without + 1_300_000
    assert size < 5_000_000
